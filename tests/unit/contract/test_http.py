"""HTTP to partners over real sockets: what was sent, what came back, what an outage is called, and that an expired permit sends nothing."""

from __future__ import annotations

import socket
import ssl
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from siphub.contract import Accepted, Delivered, Origins, Outcome, Permit, Rejected, Retry, Uncertain, permitted, wire
from siphub.contract.http import Http, HttpAnswer, HttpFailure
from siphub.contract.outcomes_http import outcome_of
from siphub.errors import PermitExpired, SettingsError
from siphub.testing.partner import cuts, hangs, partner, says
from siphub.testing.ports import closed_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
BODY = b'{"plan": "content"}'


@pytest.fixture
def http() -> Iterator[Http]:
    """A client with a short patience."""
    client = Http(timeout=timedelta(seconds=5))
    yield client
    client.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 signed by itself, with its key, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "partner")])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "partner.pem"
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(private + built.public_bytes(serialization.Encoding.PEM))
    return file


def serving(certificate: Path, *, asks_for_ours: bool = False) -> ssl.SSLContext:
    """Make the partner's side of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    if asks_for_ours:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(certificate)
    return context


JSON = {"application/json"}


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (says("200 OK"), Delivered()),
        (says("201 Created", b""), Delivered()),
        (says("202 Accepted"), Accepted()),
        (says("204 No Content", b""), Delivered()),
        (says("400 Bad Request"), Rejected("partner.http_400", "the partner answered 400")),
        (says("401 Unauthorized"), Retry("partner.unauthorised")),
        (says("403 Forbidden"), Retry("partner.unauthorised")),
        (says("404 Not Found"), Retry("partner.not_found")),
        (says("408 Request Timeout"), Retry("partner.http_408")),
        (says("409 Conflict"), Rejected("partner.http_409", "the partner answered 409")),
        (says("413 Content Too Large"), Rejected("partner.http_413", "the partner answered 413")),
        (says("415 Unsupported Media Type"), Rejected("partner.http_415", "the partner answered 415")),
        (says("422 Unprocessable"), Rejected("partner.http_422", "the partner answered 422")),
        (says("429 Too Many", Retry_After="120"), Retry("partner.http_429", timedelta(seconds=120))),
        (says("500 Oops"), Retry("partner.http_500")),
        (says("502 Bad Gateway"), Uncertain("partner.gateway")),
        (says("503 Busy", Retry_After="Sun, 22 Nov 2026 12:01:00 GMT"), Retry("partner.http_503", timedelta(seconds=60))),
        (says("504 Gateway Timeout", Retry_After="120"), Uncertain("partner.gateway", timedelta(seconds=120))),
        (says("301 Moved", Location="https://example.org/"), Retry("partner.redirected")),
        (says("303 See Other", Location="/elsewhere"), Uncertain("partner.redirected")),
        (says("206 Partial"), Uncertain("partner.unexpected_status")),
        (says("200 OK", b"<html>log in</html>", "text/html"), Uncertain("partner.unexpected_body")),
        (says("200 OK", b"\n<!DOCTYPE html><p>", "application/json"), Uncertain("partner.unexpected_body")),
        (says("202 Accepted", b"<html>log in</html>", "text/html"), Uncertain("partner.unexpected_body")),
        (says("200 OK", b"ok", "text/plain"), Uncertain("partner.unexpected_body")),
        (cuts, Uncertain("partner.connection_cut")),
        (lambda line: line.sendall(b"SSH-2.0-OpenSSH\r\n\r\n"), Uncertain("partner.bad_answer")),
        (lambda line: (line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"), line.close()), Uncertain("partner.connection_cut")),
    ],
)
def test_every_answer_of_a_partner_has_its_outcome(http: Http, answer: Callable[[socket.socket], None], outcome: Outcome) -> None:
    """Given a partner that answers so, when one message is sent, then it is sent once and the outcome is the table's."""
    with partner(answer) as one:
        result = http.post(one.url, BODY, {"Content-Type": "application/json"})
        assert outcome_of(result, now=NOW, expects=JSON, receipts_later=True) == outcome
        assert (one.requests, len(one.connections)) == (1, 1)
        assert bytes(one.connections[0]).endswith(b"\r\n\r\n" + BODY)


def test_a_partner_that_knows_the_key_has_the_message_already(http: Http) -> None:
    """409 means delivered where the partner recognises the key; 202 means delivered where no receipt will come."""
    with partner(says("409 Conflict")) as one:
        assert outcome_of(http.post(one.url, BODY), now=NOW, idempotent=True) == Delivered()
    with partner(says("202 Accepted")) as one:
        assert outcome_of(http.post(one.url, BODY), now=NOW) == Delivered()


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("0", timedelta()),
        ("99999999999999999999", timedelta(days=1)),
        ("Sun, 22 Nov 2026 11:00:00 GMT", timedelta()),
        ("Mon, 22 Nov 2027 11:00:00 GMT", timedelta(days=1)),
        ("-1", None),
        ("soon", None),
        ("", None),
        ("1.5", None),
    ],
)
def test_retry_after_is_read_where_it_makes_sense(text: str, after: timedelta | None) -> None:
    """Seconds or a date, never negative, at most a day; anything else is as if it were not there."""
    assert outcome_of(HttpAnswer(503, {"retry-after": text}), now=NOW) == Retry("partner.http_503", after)


def test_a_silent_partner_is_uncertain_at_the_time_limit(http: Http) -> None:
    """Given a partner that reads and says nothing, then the attempt ends at its time limit and nobody knows."""
    with partner(hangs) as one:
        started = time.monotonic()
        result = http.post(one.url, BODY, timeout=timedelta(milliseconds=300))
        assert result == HttpFailure("partner.timeout", sent=True)
        assert time.monotonic() - started < 2
        assert outcome_of(result, now=NOW) == Uncertain("partner.timeout")


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"])
def test_a_partner_that_drips_cannot_hold_an_attempt_up(http: Http, head: bytes) -> None:
    """A byte now and then, in the head or in the body, does not extend the time limit."""

    def drips(line: socket.socket) -> None:
        line.sendall(head)
        for _ in range(100):
            line.sendall(b"x")
            time.sleep(0.05)

    with partner(drips) as one:
        started = time.monotonic()
        assert http.post(one.url, BODY, timeout=timedelta(milliseconds=400)) == HttpFailure("partner.timeout", sent=True)
        assert time.monotonic() - started < 5 * 0.4


def test_a_refused_connection_has_sent_nothing(http: Http) -> None:
    """Given nobody listens, then the message may be sent again without fear."""
    with closed_port() as port:
        result = http.post(f"http://127.0.0.1:{port}/", BODY)
    assert result == HttpFailure("partner.refused", sent=False)
    assert outcome_of(result, now=NOW) == Retry("partner.refused")


def test_an_unknown_name_has_sent_nothing(http: Http) -> None:
    """A name that does not resolve is a Retry: `.invalid` never does."""
    assert http.post("https://partner.invalid/", BODY) == HttpFailure("partner.unresolved", sent=False)


def test_an_expired_permit_sends_no_byte(http: Http) -> None:
    """Given a permit that has run out, when the connection stands, then the partner sees no byte; not on a resting connection either."""
    with partner(says("200 OK")) as one:
        with permitted(Permit(until=time.monotonic() - 1)), pytest.raises(PermitExpired):
            http.post(one.url, BODY)
        assert one.sees() == 0
        assert isinstance(http.post(one.url, BODY), HttpAnswer)
        before = one.sees()
        with permitted(Permit(until=time.monotonic() - 1)), pytest.raises(PermitExpired):
            http.post(one.url, BODY)
        assert one.sees() == before
        assert isinstance(http.post(one.url, BODY), HttpAnswer)
        assert one.requests == 2


def test_a_permit_that_runs_out_while_connecting_sends_no_byte(certificate: Path) -> None:
    """The permit is checked after the handshake: given one that takes longer than the permit, then no byte of the request leaves."""
    with partner(says("200 OK"), serving(certificate)) as one, closing(Http(ca_file=certificate)) as client:
        one.handshake_takes = 0.4
        with permitted(Permit(until=time.monotonic() + 0.2)), pytest.raises(PermitExpired):
            client.post(one.url, BODY)
        assert one.sees() == 0


def test_connections_are_kept_and_a_closed_one_is_not_used(http: Http) -> None:
    """Two requests share a connection; one the partner has closed meanwhile is replaced before anything is sent."""
    with partner(says("200 OK")) as one:
        assert [isinstance(http.post(one.url, BODY), HttpAnswer) for _ in range(3)] == [True] * 3
        assert len(one.connections) == 1
        one.cut_all()
        time.sleep(0.05)
        assert isinstance(http.post(one.url, BODY), HttpAnswer)
        assert (len(one.connections), one.requests) == (2, 4)


def test_a_connection_that_rested_long_is_not_used(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the idle limit a fresh connection is made, because the partner may be closing the old one this moment."""
    monkeypatch.setattr(wire, "IDLE_SECONDS", 0.05)
    with partner(says("200 OK")) as one:
        http.post(one.url, BODY)
        time.sleep(0.1)
        assert isinstance(http.post(one.url, BODY), HttpAnswer)
        assert (len(one.connections), one.requests) == (2, 2)


def test_a_kept_connection_cut_while_sending_is_reported_as_uncertain(http: Http) -> None:
    """Given a kept connection that the partner cuts when the second request is there, then nobody knows: it was sent."""
    answers = iter([says("200 OK"), cuts])

    def in_turn(line: socket.socket) -> None:
        next(answers)(line)

    with partner(in_turn) as one:
        assert isinstance(http.post(one.url, BODY), HttpAnswer)
        assert http.post(one.url, BODY) == HttpFailure("partner.connection_cut", sent=True)
        assert one.requests == 2


def test_the_answer_is_kept_up_to_its_limit() -> None:
    """A partner that answers with a flood fills no memory, and the flooded connection is not used again."""
    with partner(says("200 OK", b"{" + b" " * 5000 + b"}")) as one, closing(Http(answer_limit=1000)) as client:
        result = client.post(one.url, BODY)
        assert isinstance(result, HttpAnswer)
        assert (len(result.body), result.truncated) == (1000, True)
        assert isinstance(client.post(one.url, BODY), HttpAnswer)
        assert len(one.connections) == 2
    with partner(says("200 OK", b"x" * 1000)) as one, closing(Http(answer_limit=1000)) as client:
        result = client.get(one.url)
        assert isinstance(result, HttpAnswer)
        assert (len(result.body), result.truncated) == (1000, False)


def test_a_client_may_keep_more_of_an_answer_on_the_same_connections() -> None:
    """A client made to keep another length does, and leaves the one it was made from, and the servers it may send to, as they were."""
    with partner(says("200 OK", b"x" * 2000)) as one, closing(Http(answer_limit=1000)) as client:
        bound = client.within(Origins.read([one.url.removesuffix("/inbox")])).keeping(3000)
        kept = [len(result.body) for each in (bound, client) if isinstance(result := each.get(one.url), HttpAnswer)]
        assert (kept, bound.only is not None, len(one.connections)) == ([2000, 1000], True, 1)


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/", "http://example.org/", "http://localhost.example.org/", "http://[2001:db8::1]/", "http://0.0.0.0/"]
)
def test_plain_http_off_this_machine_is_refused(http: Http, url: str) -> None:
    """Only loopback may be spoken to without TLS."""
    with pytest.raises(SettingsError) as refused:
        http.post(url, BODY)
    assert refused.value.code == "http.plain_refused"


@pytest.mark.parametrize(
    "url", ["", "ftp://127.0.0.1/", "file:///etc/passwd", "https:///x", "https://user:word@example.org/", "https://[", "inbox"]
)
def test_addresses_that_are_none_are_refused(http: Http, url: str) -> None:
    """No other scheme, no missing host, no password in an address; the error does not repeat it."""
    with pytest.raises(SettingsError) as refused:
        http.post(url, BODY)
    assert refused.value.code == "http.bad_url"
    assert "word" not in str(refused.value)


def test_an_untrusted_certificate_has_sent_nothing(http: Http, certificate: Path) -> None:
    """Given a partner whose certificate nobody vouches for, then no byte of the request leaves."""
    with partner(says("200 OK"), serving(certificate)) as one:
        result = http.post(one.url, BODY)
        assert result == HttpFailure("partner.tls_untrusted", sent=False)
        assert outcome_of(result, now=NOW) == Retry("partner.tls_untrusted")
        assert one.sees() == 0


def test_a_certificate_for_another_name_is_untrusted(certificate: Path) -> None:
    """A trusted certificate for 127.0.0.1 does not speak for localhost."""
    with partner(says("200 OK"), serving(certificate)) as one, closing(Http(ca_file=certificate)) as client:
        result = client.post(one.url.replace("127.0.0.1", "localhost"), BODY)
        assert result == HttpFailure("partner.tls_untrusted", sent=False)


def test_a_trusted_partner_is_spoken_to_over_tls_and_the_connection_kept(certificate: Path) -> None:
    """With its certificate in the settings the partner is trusted; two requests share one handshake."""
    with partner(says("200 OK"), serving(certificate)) as one, closing(Http(ca_file=certificate)) as client:
        assert [isinstance(client.post(one.url, BODY), HttpAnswer) for _ in range(2)] == [True, True]
        assert len(one.connections) == 1


def test_mutual_tls_shows_our_certificate_and_a_missing_one_is_a_retry(certificate: Path) -> None:
    """Where the partner asks for a certificate: with one delivered, without one the administrator must act, and nothing arrived."""
    with partner(says("200 OK"), serving(certificate, asks_for_ours=True)) as one:
        with closing(Http(ca_file=certificate, client_cert=(certificate, certificate))) as client:
            assert isinstance(client.post(one.url, BODY), HttpAnswer)
        with closing(Http(ca_file=certificate)) as client:
            result = client.post(one.url, BODY)
        assert isinstance(result, HttpFailure)
        assert result.code in {"partner.tls_refused", "partner.connection_cut"}
        assert one.requests == 1
    refused = HttpFailure("partner.tls_refused", sent=True)
    assert outcome_of(refused, now=NOW) == Retry("partner.tls_refused")


def test_tls_to_a_plain_partner_has_sent_nothing(http: Http) -> None:
    """Given a partner that speaks no TLS, then the handshake fails and no byte of the request leaves."""
    with partner(says("400 Bad Request")) as one:
        result = http.post(one.url.replace("http:", "https:"), BODY, timeout=timedelta(milliseconds=500))
        assert isinstance(result, HttpFailure)
        assert not result.sent
        assert result.code in {"partner.tls_failed", "partner.connect_timeout", "partner.timeout"}


def test_a_certificate_file_that_is_none_is_refused_at_start(tmp_path: Path) -> None:
    """A missing or empty file is a setting to correct, said when the hub starts."""
    (tmp_path / "empty.pem").write_bytes(b"")
    for file in ("missing.pem", "empty.pem"):
        with pytest.raises(SettingsError) as refused:
            Http(ca_file=tmp_path / file)
        assert refused.value.code == "http.trust_wrong"
        assert str(tmp_path / file) in refused.value.detail


def test_nothing_of_an_answer_shows_in_its_repr() -> None:
    """A partner's answer may repeat what was sent: its repr gives status, size and type."""
    assert (
        repr(HttpAnswer(200, {"content-type": "application/json; charset=utf-8"}, b"hemligt"))
        == "HttpAnswer(200, 7 bytes of application/json)"
    )


def test_headers_are_ours_and_the_partners_are_lower_case(http: Http) -> None:
    """We name ourselves, ask for no compression, send what the adapter gives, and read the partner's headers in lower case."""
    with partner(says("200 OK", X_Request="7")) as one:
        result = http.post(one.url, BODY, {"Idempotency-Key": "k"})
        assert isinstance(result, HttpAnswer)
        assert result.headers["x-request"] == "7"
        sent = bytes(one.connections[0]).lower()
        assert b"\r\nuser-agent: siphub\r\n" in sent
        assert b"\r\naccept-encoding: identity\r\n" in sent
        assert b"\r\nidempotency-key: k\r\n" in sent
