"""The sandbox: a partner that takes a message once, says why it does not, and can be made to fail."""

from __future__ import annotations

import hashlib
import json
import socket
import ssl
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from siphub.contract.http import Http, HttpAnswer, HttpFailure
from siphub.mappings import shipped
from siphub.model import sample
from siphub.sandbox import Entry, Fault, Sandbox
from siphub.testing.story import until

GOLDEN = shipped() / "municipal-sip" / "1.0" / "golden"
SUMMONS = (GOLDEN / "meeting.summoned.maximal.xml").read_bytes()
OTHER = (GOLDEN / "meeting.summoned.minimal.xml").read_bytes()
MESSAGE = sample("meeting.summoned", maximal=True)


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """Run three partners with ledgers on disk; Tre wants an API key."""
    with Sandbox(["ett", "tva", "tre"], folder=tmp_path, api_keys={"tre": "nyckel"}) as running:
        yield running


@pytest.fixture
def http(sandbox: Sandbox) -> Iterator[Http]:
    """Give a client that trusts the sandbox's CA."""
    client = Http(ca_file=sandbox.ca_file, timeout=timedelta(seconds=5))
    yield client
    client.close()


def post(http: Http, url: str, body: bytes = SUMMONS, key: str = "k-1", **more: str) -> HttpAnswer | HttpFailure:
    """Send a delivery."""
    headers = {"Idempotency-Key": key, "Content-Type": "application/xml", **{name.replace("_", "-"): value for name, value in more.items()}}
    return http.post(url, body, headers, timedelta(seconds=1))


def status(answer: HttpAnswer | HttpFailure) -> int:
    """Return the status of an answer that must have come."""
    assert isinstance(answer, HttpAnswer)
    return answer.status


def values(answer: HttpAnswer | HttpFailure) -> Any:
    """Return the JSON of an answer that must have come."""
    assert isinstance(answer, HttpAnswer)
    return json.loads(answer.body)


def test_a_delivery_is_taken_once(sandbox: Sandbox, http: Http) -> None:
    """Given the same key and bytes twice, then both are answered 200, and the ledger has one effect and a repeat."""
    assert [status(post(http, sandbox.endpoint("ett"))) for _ in range(2)] == [200, 200]
    first, second = sandbox.ledger("ett").entries()
    assert (first.effect, first.accepted, first.why, first.times) == (True, True, None, 1)
    assert (second.effect, second.accepted, second.why, second.times) == (False, True, "repeat", 2)
    assert sandbox.ledger("ett").effects() == (first,)
    assert sandbox.ledger("ett").body("k-1") == SUMMONS
    assert first.sha256 == hashlib.sha256(SUMMONS).hexdigest()
    assert first.size == len(SUMMONS)


def test_the_ledger_says_what_the_xml_says(sandbox: Sandbox, http: Http) -> None:
    """Type, message id and case come from the document itself, under the partner it was sent to and no other."""
    post(http, sandbox.endpoint("ett"))
    [entry] = sandbox.ledger("ett").entries()
    assert (entry.message_type, entry.message_id, entry.case_id) == ("meeting.summoned", str(MESSAGE.message_id), str(MESSAGE.case_id))
    assert sandbox.ledger("tva").entries() == ()
    assert sandbox.ledger("tva").bytes_seen == 0


def test_the_same_key_with_other_bytes_is_flagged(sandbox: Sandbox, http: Http) -> None:
    """Given a key that was used for other bytes, then 409, a flag in the ledger, and still the first message."""
    assert [status(post(http, sandbox.endpoint("ett"), body)) for body in (SUMMONS, OTHER, SUMMONS)] == [200, 409, 200]
    assert [entry.why for entry in sandbox.ledger("ett").entries()] == [None, "key_reused", "repeat"]
    assert sandbox.ledger("ett").body("k-1") == SUMMONS


@pytest.mark.parametrize(
    ("body", "headers", "expected", "why"),
    [
        (SUMMONS.replace(b"huvudman", b"kommun"), {}, 422, "schema"),
        (SUMMONS.replace(b"<version>1</version>", b""), {}, 422, "schema"),
        (b"<a/>", {}, 422, "schema"),
        (b"not xml", {}, 400, "unreadable"),
        (b"", {}, 400, "unreadable"),
        (SUMMONS.replace(b"<sip", b"<!DOCTYPE x><sip", 1), {}, 400, "unreadable"),
        (SUMMONS, {"Content_Type": "application/json"}, 415, "media_type"),
        (SUMMONS, {"Idempotency_Key": ""}, 400, "key_missing"),
        (SUMMONS, {"Idempotency_Key": "a b"}, 400, "key_missing"),
    ],
)
def test_what_does_not_hold_is_refused(sandbox: Sandbox, http: Http, body: bytes, headers: dict[str, str], expected: int, why: str) -> None:
    """What the schema refuses is 422, what cannot be read 400; it is written down, has no effect, and can be sent again when it is mended."""
    assert status(post(http, sandbox.endpoint("ett"), body, **headers)) == expected
    [entry] = sandbox.ledger("ett").entries()
    assert (entry.accepted, entry.effect, entry.why, entry.status) == (False, False, why, expected)
    assert not sandbox.ledger("ett").holds("k-1")
    assert status(post(http, sandbox.endpoint("ett"))) == 200


def test_no_answer_repeats_a_word_of_the_document(sandbox: Sandbox, http: Http) -> None:
    """A refusal names what is wrong by a code."""
    answer = post(http, sandbox.endpoint("ett"), SUMMONS.replace(b"huvudman", b"Provsdotter"))
    assert values(answer) == {"error": "schema"}


def test_a_partner_with_an_api_key_wants_it(sandbox: Sandbox, http: Http) -> None:
    """Without its key, or with another, 401 and nothing is taken."""
    where = sandbox.endpoint("tre")
    assert status(post(http, where)) == 401
    assert status(post(http, where, Authorization="Bearer fel")) == 401
    assert status(post(http, where, Authorization="Bearer nyckel")) == 200
    assert len(sandbox.ledger("tre").effects()) == 1


def test_a_key_can_be_asked_for(sandbox: Sandbox, http: Http) -> None:
    """200 where the partner has taken it, 404 where it has not, and each partner for itself."""
    post(http, sandbox.endpoint("ett"), key="a/b c".replace(" ", "-"))
    assert status(http.get(f"{sandbox.endpoint('ett')}/a%2Fb-c")) == 200
    assert status(http.get(f"{sandbox.endpoint('tva')}/a%2Fb-c")) == 404
    assert status(http.get(f"{sandbox.endpoint('ett')}/another")) == 404


@pytest.mark.parametrize("path", ["/", "/fyra/sip", "/ett", "/ett/sip/x/y", "/ett/other", "/_ledger", "/_ledger/fyra", "/%2e%2e/ett"])
def test_it_answers_for_nobody_else(sandbox: Sandbox, http: Http, path: str) -> None:
    """A path that is no partner's is 404, whatever is asked."""
    for method in ("GET", "POST", "PUT", "DELETE"):
        assert status(http.request(method, sandbox.url + path, b"" if method != "GET" else None)) == 404


def test_connections_are_kept_alive(sandbox: Sandbox) -> None:
    """Two requests travel over one connection."""
    with talk(sandbox) as line:
        for _ in range(2):
            line.sendall(request("ett", SUMMONS))
            assert line.recv(65536).startswith(b"HTTP/1.1 200")


def test_a_client_that_does_not_trust_the_ca_is_not_served(sandbox: Sandbox) -> None:
    """Without the sandbox's CA there is no connection, and the partner sees nothing."""
    client = Http()
    assert post(client, sandbox.endpoint("ett")) == HttpFailure("partner.tls_untrusted", sent=False)
    client.close()
    assert sandbox.ledger("ett").bytes_seen == 0


def talk(sandbox: Sandbox) -> ssl.SSLSocket:
    """Connect, byte by byte if need be."""
    context = ssl.create_default_context(cafile=sandbox.ca_file)
    return context.wrap_socket(
        socket.create_connection(("127.0.0.1", int(sandbox.url.rpartition(":")[2])), timeout=5), server_hostname="localhost"
    )


def request(partner: str, body: bytes, size: int | None = None) -> bytes:
    """Write a delivery by hand."""
    head = f"POST /{partner}/sip HTTP/1.1\r\nHost: x\r\nIdempotency-Key: hand\r\nContent-Type: text/xml\r\nContent-Length: {len(body) if size is None else size}\r\n\r\n"
    return head.encode() + body


def eventually(claim: Any) -> None:
    """Wait until something holds."""
    assert until(claim)


def test_bytes_are_counted_as_they_come(sandbox: Sandbox) -> None:
    """Given a delivery that is cut off in the middle, then its bytes are in the ledger, without an entry."""
    whole = request("ett", SUMMONS)
    head = len(request("ett", b"", len(SUMMONS)))
    with talk(sandbox) as line:
        line.sendall(whole[:head])
        eventually(lambda: sandbox.ledger("ett").bytes_seen == head)
        line.sendall(whole[head : head + 100])
        eventually(lambda: sandbox.ledger("ett").bytes_seen == head + 100)
    time.sleep(0.05)
    assert sandbox.ledger("ett").entries() == ()
    with talk(sandbox) as line:
        line.sendall(whole + whole)
        eventually(lambda: len(sandbox.ledger("ett").entries()) == 2)
    assert sandbox.ledger("ett").bytes_seen == head + 100 + 2 * len(whole)


def test_asking_for_a_key_is_no_delivery(sandbox: Sandbox, http: Http) -> None:
    """Questions are not counted as bytes of deliveries."""
    http.get(f"{sandbox.endpoint('ett')}/k-1")
    assert sandbox.ledger("ett").bytes_seen == 0


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"POST /ett/sip HTTP/1.1\r\nHost: x\r\n\r\n", b"411"),
        (b"POST /ett/sip HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", b"411"),
        (b"POST /ett/sip HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", b"411"),
        (b"POST /ett/sip HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", b"413"),
        (b"BREW /ett/sip HTTP/1.1\r\nHost: x\r\n\r\n", b"501"),
        (b"\x16\x03\x01 nonsense\r\n\r\n", b"400"),
    ],
)
def test_broken_requests_are_refused(sandbox: Sandbox, head: bytes, expected: bytes) -> None:
    """A request without a usable length, too large, or in no known method is refused and nothing is taken."""
    with talk(sandbox) as line:
        line.sendall(head)
        assert expected in line.recv(65536)
    assert sandbox.ledger("ett").entries() == ()


def test_a_slow_partner_answers_late(sandbox: Sandbox, http: Http) -> None:
    """Slow beyond our patience is a time-out for us; the partner has it all the same."""
    sandbox.fault("ett", Fault("slow", times=1, seconds=0.3))
    started = time.monotonic()
    assert status(post(http, sandbox.endpoint("ett"))) == 200
    assert time.monotonic() - started >= 0.3
    sandbox.fault("ett", Fault("slow", times=1, seconds=1.3, when="after"))
    assert post(http, sandbox.endpoint("ett"), key="k-2") == HttpFailure("partner.timeout", sent=True)
    assert sandbox.ledger("ett").holds("k-2")


def test_a_status_takes_nothing(sandbox: Sandbox, http: Http) -> None:
    """503 with Retry-After, twice, then as always; the ledger says why."""
    sandbox.fault("ett", Fault("status", times=2, status=503, retry_after=7))
    answers = [post(http, sandbox.endpoint("ett")) for _ in range(3)]
    assert [status(answer) for answer in answers] == [503, 503, 200]
    assert [answer.headers.get("retry-after") for answer in answers if isinstance(answer, HttpAnswer)] == ["7", "7", None]
    assert [entry.why for entry in sandbox.ledger("ett").entries()] == ["fault.status", "fault.status", None]
    assert [entry.times for entry in sandbox.ledger("ett").entries()] == [1, 2, 3]


@pytest.mark.parametrize("taken", [False, True])
def test_a_reset_is_a_cut_connection(sandbox: Sandbox, http: Http, taken: bool) -> None:
    """The connection is reset before or after the partner has taken it; bytes were seen in both cases."""
    sandbox.fault("ett", Fault("reset", times=1, when="after" if taken else "before"))
    assert post(http, sandbox.endpoint("ett")) == HttpFailure("partner.connection_cut", sent=True)
    assert sandbox.ledger("ett").holds("k-1") == taken
    assert sandbox.ledger("ett").bytes_seen > len(SUMMONS)
    assert status(post(http, sandbox.endpoint("ett"))) == 200
    assert len(sandbox.ledger("ett").effects()) == 1


@pytest.mark.parametrize("taken", [False, True])
def test_a_web_page_instead_of_an_answer(sandbox: Sandbox, http: Http, taken: bool) -> None:
    """200 with a page, from something in between or from the partner itself."""
    sandbox.fault("ett", Fault("html", times=1, when="after" if taken else "before"))
    answer = post(http, sandbox.endpoint("ett"))
    assert status(answer) == 200
    assert isinstance(answer, HttpAnswer)
    assert answer.media_type == "text/html"
    assert sandbox.ledger("ett").holds("k-1") == taken


def test_a_partner_that_is_down_reads_nothing(sandbox: Sandbox, http: Http) -> None:
    """Down cuts the connection after the head, until it is cleared; the other partners are well."""
    sandbox.fault("ett", Fault("down"))
    for _ in range(3):
        assert post(http, sandbox.endpoint("ett")) == HttpFailure("partner.connection_cut", sent=True)
        assert http.get(f"{sandbox.endpoint('ett')}/k-1") == HttpFailure("partner.connection_cut", sent=True)
    assert sandbox.ledger("ett").entries() == ()
    assert status(post(http, sandbox.endpoint("tva"))) == 200
    sandbox.clear("ett")
    assert status(post(http, sandbox.endpoint("ett"))) == 200


def test_questions_meet_faults_as_well(sandbox: Sandbox, http: Http) -> None:
    """A partner that is out of order cannot say what it has either, and writes nothing down for having been asked."""
    for fault in (Fault("status", times=1), Fault("html", times=1), Fault("slow", times=1, seconds=0.01)):
        sandbox.fault("ett", fault)
    answers = [http.get(f"{sandbox.endpoint('ett')}/k-1") for _ in range(4)]
    assert [status(answer) for answer in answers] == [503, 200, 404, 404]
    assert sandbox.ledger("ett").entries() == ()


def test_faults_strike_in_order(sandbox: Sandbox, http: Http) -> None:
    """The oldest fault strikes first, as often as it says."""
    for number in (500, 429, 503):
        sandbox.fault("ett", Fault("status", times=1, status=number))
    assert [status(post(http, sandbox.endpoint("ett"))) for _ in range(4)] == [500, 429, 503, 200]


def test_the_port_can_be_closed_and_opened_again(sandbox: Sandbox, http: Http) -> None:
    """When nobody listens, a delivery is refused with nothing sent; afterwards the same address and the same ledger are back."""
    assert status(post(http, sandbox.endpoint("ett"))) == 200
    sandbox.stop_listening()
    assert post(http, sandbox.endpoint("ett")) == HttpFailure("partner.refused", sent=False)
    sandbox.start()
    assert values(post(http, sandbox.endpoint("ett")))["repeat"] is True


def test_stopping_does_not_wait_for_a_slow_partner(tmp_path: Path) -> None:
    """A partner that would answer in a minute ends at once, and stopping twice does nothing."""
    sandbox = Sandbox(["ett"], folder=tmp_path).start()
    sandbox.fault("ett", Fault("slow", seconds=60))
    client = Http(ca_file=sandbox.ca_file)
    thread = Thread(target=lambda: client.post(sandbox.endpoint("ett"), SUMMONS, {"Idempotency-Key": "k", "Content-Type": "text/xml"}))
    thread.start()
    eventually(lambda: sandbox.ledger("ett").bytes_seen > len(SUMMONS))
    started = time.monotonic()
    sandbox.stop()
    sandbox.stop()
    thread.join(30)
    client.close()
    assert time.monotonic() - started < 30


def test_faults_can_be_asked_for_over_http(sandbox: Sandbox, http: Http) -> None:
    """Another process lets a partner fail, clears it, and is told what makes no sense."""
    where = f"{sandbox.url}/_fault/ett"
    assert values(http.request("PUT", where, b'{"kind":"status","status":500,"times":2}')) == {"waiting": 1}
    assert status(post(http, sandbox.endpoint("ett"))) == 500
    assert status(http.request("DELETE", where)) == 200
    assert status(post(http, sandbox.endpoint("ett"))) == 200
    for wrong in (
        b"{}",
        b"[]",
        b"no",
        b'{"kind":"fire"}',
        b'{"kind":"slow","seconds":-1}',
        b'{"kind":"down","when":"after"}',
        b'{"kind":"slow","x":1}',
    ):
        assert status(http.request("PUT", where, wrong)) == 422
    assert status(post(http, sandbox.endpoint("ett"))) == 200


def test_the_ledger_can_be_read_over_http_and_from_disk(sandbox: Sandbox, http: Http, tmp_path: Path) -> None:
    """Another process reads the same entries, by HTTP and from the file, which holds no body."""
    post(http, sandbox.endpoint("ett"))
    book = values(http.get(f"{sandbox.url}/_ledger/ett"))
    [entry] = sandbox.ledger("ett").entries()
    assert book == {"partner": "ett", "bytes_seen": sandbox.ledger("ett").bytes_seen, "entries": [entry.to_json()]}
    lines = [json.loads(line) for line in (tmp_path / "ett.jsonl").read_text("utf-8").splitlines()]
    assert [line for line in lines if line["event"] == "entry"] == [{"event": "entry", **entry.to_json()}]
    assert max(line["bytes_seen"] for line in lines if line["event"] == "bytes") == book["bytes_seen"]
    assert "Provsdotter" not in (tmp_path / "ett.jsonl").read_text("utf-8")


def test_many_at_once_have_one_effect(sandbox: Sandbox) -> None:
    """Twenty simultaneous deliveries under one key leave one effect and nineteen repeats."""
    client = Http(ca_file=sandbox.ca_file)
    threads = [Thread(target=post, args=(client, sandbox.endpoint("ett"))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    client.close()
    entries: tuple[Entry, ...] = sandbox.ledger("ett").entries()
    assert len(entries) == 20
    assert len([entry for entry in entries if entry.effect]) == 1
    assert sorted(entry.times for entry in entries) == list(range(1, 21))


@pytest.mark.parametrize("name", ["", "Ett", "a/b", "å", "_fault", "x" * 61])
def test_a_partner_needs_a_name_that_fits_a_path(name: str) -> None:
    """A name that could be read as something else in a path is refused."""
    sandbox = None
    with pytest.raises(ValueError, match="name"):
        sandbox = Sandbox([name])
    assert sandbox is None


@pytest.mark.parametrize("wrong", [{"kind": "x"}, {"times": 0}, {"status": 100}, {"status": 600}, {"when": "later"}, {"seconds": 601.0}])
def test_a_fault_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    """Each field of a fault has its limits."""
    with pytest.raises(ValueError, match=r"."):
        Fault(**({"kind": "status"} | wrong))


def test_its_private_key_is_nobody_elses(sandbox: Sandbox) -> None:
    """The server's key is readable for its owner only, and the CA's is on no disk."""
    assert oct(sandbox.certificates.key.stat().st_mode & 0o777) == "0o600"
    keys = [file for file in sandbox.ca_file.parent.iterdir() if b"PRIVATE KEY" in file.read_bytes()]
    assert keys == [sandbox.certificates.key]
