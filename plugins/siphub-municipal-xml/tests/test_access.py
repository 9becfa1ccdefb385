"""How a municipality lets us in: a key, a user and a password, a header of its own, our certificate; and what an entry gets wrong."""

from __future__ import annotations

import ssl
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from siphub.contract import Cut, Delivered, Recipient, Retry
from siphub.contract.http import Http
from siphub.contract.origins import REFUSED
from siphub.model import sample
from siphub.sandbox.certificate import Authority
from siphub.testing.partner import Partner, says
from siphub.testing.samples import whole_cut
from siphub_municipal_xml import MunicipalXml

MakeRecipient = Callable[..., Recipient]
Made = Callable[[str], MunicipalXml]
CUT: Cut = whole_cut(sample("meeting.cancelled"))
SECRETS = {"norrby": "nyckel-1", "empty": ""}
NAMES = ("norrby", "empty", "nobodys", "half", "odd", "long", "short", "over")


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an authority, a server's certificate and two of ours: one that holds for a year, one for three days."""
    folder, authority = tmp_path_factory.mktemp("pki"), Authority()
    authority.trust(folder / "ca.pem")
    authority.issue(folder / "server.pem", folder / "server.key", "127.0.0.1", ("127.0.0.1",))
    for name, days in (("long", 365), ("short", 3), ("over", -1)):
        authority.issue(folder / f"{name}.pem", folder / f"{name}.key", "siphub", ends=timedelta(days=days))
    return folder


@pytest.fixture
def secrets(pki: Path) -> dict[str, str]:
    """Give what lies in the folder of secrets."""
    found = dict(SECRETS)
    for name in ("long", "short", "over"):
        found |= {f"{name}_certificate": (pki / f"{name}.pem").read_text(), f"{name}_certificate_key": (pki / f"{name}.key").read_text()}
    return found | {"half_certificate": found["long_certificate"], "odd_certificate": "x", "odd_certificate_key": "y"}


@pytest.fixture
def made(make_context: Callable[..., object], secrets: dict[str, str], pki: Path) -> Iterator[Made]:
    """Give what makes the adapter with those secrets, which trusts the authority; all of them are for the server of one address."""
    with_trust, adapters = Http(ca_file=pki / "ca.pem", timeout=timedelta(seconds=10)), list[MunicipalXml]()

    def make(url: str) -> MunicipalXml:
        clients = "; ".join(f"{name} {'/'.join(url.split('/')[:3])}" for name in NAMES) if url else ""
        context = make_context(secrets=secrets, http=with_trust, settings={"timeout_seconds": "10", "clients": clients})
        adapters.append(MunicipalXml(context))  # type: ignore[arg-type]  # the fixture gives a PluginContext
        return adapters[-1]

    yield make
    for adapter in adapters:
        adapter.close()
    with_trust.close()


@pytest.fixture
def adapter(made: Made) -> MunicipalXml:
    """Give the adapter for the server of addresses that nobody asks."""
    return made("https://x.example/")


def sent(adapter: MunicipalXml, there: Recipient) -> object:
    """Deliver once."""
    return adapter.deliver(adapter.translate(CUT, there), there, str(uuid4()))


@pytest.mark.parametrize(
    ("options", "header"),
    [
        ({"secret": "norrby"}, "Authorization: Bearer nyckel-1"),
        ({"secret": "norrby", "user": "sip"}, f"Authorization: Basic {b64encode(b'sip:nyckel-1').decode()}"),
        ({"secret": "norrby", "header": "X-API-Key"}, "X-API-Key: nyckel-1"),
    ],
)
def test_what_lets_us_in_stands_in_its_header_and_nowhere_else(
    made: Made, recipient: MakeRecipient, options: dict[str, str], header: str
) -> None:
    """An API key, a user with a password, a header of the municipality's own: each request has it once, and no address has it."""
    partner = Partner(says("200 OK"))
    adapter = made(partner.url)
    assert sent(adapter, recipient(partner.url, **options)) == Delivered()
    adapter.confirm("k", recipient(partner.url, **options))
    partner.close()
    seen = b"".join(map(bytes, partner.connections)).decode()
    assert seen.count(header) == 2
    assert "nyckel-1" not in seen.replace(header, "")


@pytest.mark.parametrize("certificate", ["long", ""])
def test_a_municipality_that_wants_our_certificate(made: Made, recipient: MakeRecipient, pki: Path, certificate: str) -> None:
    """Named in the entry it is shown, beside a key as well; without it the municipality refuses and nothing is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki / "server.pem", pki / "server.key")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(pki / "ca.pem")
    partner = Partner(says("200 OK"), context)
    options = {"secret": "norrby", **({"certificate": certificate} if certificate else {})}
    outcome = sent(made(partner.url), recipient(partner.url, **options))
    partner.close()
    assert (outcome == Delivered()) == bool(certificate)
    assert partner.requests == bool(certificate)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"secret": "nobodys"}, "settings.secret_missing"),
        ({"secret": "empty"}, "settings.secret_missing"),
        ({"user": "sip"}, "settings.secret_missing"),
        ({"header": "X-API-Key"}, "settings.secret_missing"),
        ({"secret": "norrby", "user": "sip", "header": "X-API-Key"}, "settings.header_wrong"),
        ({"secret": "norrby", "header": "X Key"}, "settings.header_wrong"),
        ({"secret": "norrby", "header": "Content-Length"}, "settings.header_wrong"),
        ({"certificate": "nobodys"}, "settings.secret_missing"),
        ({"certificate": "half"}, "settings.secret_missing"),
        ({"certificate": "odd"}, "http.certificate_wrong"),
    ],
)
def test_an_entry_that_cannot_be_used_sends_nothing(made: Made, recipient: MakeRecipient, options: dict[str, str], code: str) -> None:
    """What is missing or cannot be used is an outcome, is said by doctor with its code, and repeats no secret."""
    partner = Partner(says("200 OK"))
    adapter = made(partner.url)
    there = recipient(partner.url, **options)
    assert sent(adapter, there) == Retry(code)
    assert adapter.confirm("k", there) is None
    partner.close()
    assert partner.requests == 0
    [said] = [check.what for check in adapter.check_address(there) if not check.ok]
    assert said.endswith(f"({code})")
    assert "nyckel" not in said


@pytest.mark.parametrize(("name", "ok", "words"), [("long", True, "holds until"), ("short", False, "runs out"), ("over", False, "ran out")])
def test_until_when_our_certificate_holds_is_said(adapter: MunicipalXml, recipient: MakeRecipient, name: str, ok: bool, words: str) -> None:
    """A certificate that is over, or will be within a month, is said with its day and what to renew."""
    *_, said, _ = adapter.check_address(recipient("https://x.example/", certificate=name))
    assert (said.ok, words in said.what) == (ok, True)


def test_which_pack_an_address_gets_is_said(adapter: MunicipalXml, recipient: MakeRecipient) -> None:
    """The pack of an entry, one that is not there, and an option that nobody knows; limits of a partner are the hub's own."""
    fine = [check.what for check in adapter.check_address(recipient("https://x.example/"))]
    assert fine == ["gets municipal-sip@1.0", "counts as delivered when its answer says so"]
    found = list(adapter.check_address(recipient("https://x.example/", "nobodys")))
    assert (found[0].ok, found[0].what) == (False, "a mapping is a version or PACK@VERSION, such as nobodys@1.0 (mapping.not_found)")
    found = list(adapter.check_address(recipient("https://x.example/", "nobodys@1.0", certifikat="x", max_concurrent="2")))
    assert [check.ok for check in found] == [False, False, True]
    assert "mapping.not_found" in found[0].what
    assert "certifikat" in found[1].what


@pytest.mark.parametrize(
    "there",
    [
        "https://127.0.0.2:{port}/inbox",
        "https://localhost:{port}/inbox",
        "https://127.0.0.1:9/inbox",
        "http://127.0.0.1:{port}/inbox",
        "https://127.0.0.1.evil.example:{port}/inbox",
        "https://127.0.0.1:{port}@evil.example/inbox",
    ],
)
@pytest.mark.parametrize(
    "options", [{"secret": "norrby"}, {"certificate": "long"}, {"secret": "norrby", "user": "sip", "certificate": "long"}]
)
def test_what_lets_us_in_is_shown_to_no_other_server(
    made: Made, recipient: MakeRecipient, pki: Path, there: str, options: dict[str, str]
) -> None:
    """Given an entry with another scheme, host or port than the administrator named, it is refused, and nothing is sent there all the same."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki / "server.pem", pki / "server.key")
    partner = Partner(says("200 OK"), context)
    adapter, elsewhere = made(partner.url), recipient(there.format(port=partner.port), **options)
    refusal = adapter.refusal(elsewhere)
    assert refusal is not None
    assert (refusal.code, adapter.refusal(recipient(partner.url, **options))) == (REFUSED, None)
    assert sent(adapter, elsewhere) in (Retry(REFUSED), Retry("http.bad_url"))
    assert adapter.confirm("k", elsewhere) is None
    partner.close()
    assert partner.connections == []


@pytest.mark.parametrize(
    ("endpoint", "code"),
    [
        ("norrby/in", "http.bad_url"),
        ("sip.norrby.example/in", "http.bad_url"),
        ("ftp://norrby.example/in", "http.bad_url"),
        ("https:/norrby.example", "http.bad_url"),
        ("https://norrby.example/in#x", "http.bad_url"),
        ("http://norrby.example/in", "http.plain_refused"),
    ],
)
def test_an_address_that_is_no_place_is_refused(made: Made, recipient: MakeRecipient, endpoint: str, code: str) -> None:
    """Given a folder without the folders above it, a host without a scheme or plain http, then no directory names it, and doctor says so."""
    adapter, there = made(""), recipient(endpoint)
    refusal = adapter.refusal(there)
    assert refusal is not None
    assert refusal.code == code
    assert [check.what for check in adapter.check_address(there) if not check.ok] == [f"{refusal.detail} ({code})"]


@pytest.mark.parametrize("options", [{"secret": "norrby"}, {"certificate": "long"}, {"secret": "long_certificate_key", "user": "x"}])
def test_without_a_server_named_nothing_lets_us_in_anywhere(made: Made, recipient: MakeRecipient, options: dict[str, str]) -> None:
    """Given settings that name no server, an entry with a key or a certificate is refused, and so is one that takes a private key for a password."""
    partner = Partner(says("200 OK"))
    adapter, there = made(""), recipient(partner.url, **options)
    refusal = adapter.refusal(there)
    assert refusal is not None
    assert "names no server" in refusal.detail
    assert sent(adapter, there) == Retry(REFUSED)
    assert any(REFUSED in one.what for one in adapter.check_address(there) if not one.ok)
    assert adapter.refusal(recipient(partner.url)) is None
    assert sent(adapter, recipient(partner.url)) == Delivered()
    partner.close()
    assert partner.requests == 1


def test_two_ways_in_need_a_server_that_both_are_for(
    make_context: Callable[..., object], secrets: dict[str, str], recipient: MakeRecipient
) -> None:
    """Given a key for one server and a certificate for another, an entry that names both can be sent to neither."""
    settings = {"clients": "norrby https://a.example; long https://b.example,https://c.example:8443"}
    adapter = MunicipalXml(make_context(secrets=secrets, settings=settings))  # type: ignore[arg-type]  # the fixture gives a PluginContext
    for url in ("https://a.example/", "https://b.example/"):
        both = recipient(url, secret="norrby", certificate="long")
        assert adapter.refusal(both) is not None
        assert sent(adapter, both) == Retry(REFUSED)
    assert adapter.refusal(recipient("https://c.example:8443/sip", certificate="long")) is None
    said = [one.what.partition(":")[0] for one in adapter.check() if not one.ok and REFUSED in one.what]
    assert said == ["half", "odd", "over", "short"]
    adapter.close()
