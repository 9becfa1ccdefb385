"""Two owners with an account each, at two message services: what is one's is sent, asked for, fetched and deleted at that one's account, and nowhere else."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import pytest

from siphub.contract import (
    Accepted,
    Confirms,
    Cut,
    Delivered,
    Inbound,
    MappingError,
    PluginContext,
    Receipt,
    Recipient,
    Retry,
    SettingsError,
    Submission,
    Uncertain,
    Unreadable,
)
from siphub.contract.http import Http
from siphub.model import people as p
from siphub.model import sample
from siphub.sandbox import Fault
from siphub.sandbox.sdk_server import SdkSandbox
from siphub.testing.samples import whole_cut
from siphub.testing.sdk_context import sdk_context
from siphub_sdk import FORSAKRINGSKASSAN, Agency, Sdk, sdk_info

A, B = str(p.MUNICIPALITY), str(p.NEIGHBOUR)
OURS: Cut = whole_cut(sample("meeting.invited", maximal=True))
THEIRS = Cut({**OURS.document, "owner": B}, OURS.basis)
SENDERS = f"{A} 0203:norrby.example sdk:sip:0203:norrby.example Norrby kommun; {B} 0203:soderby.example sdk:sip:0203:soderby.example Söderby kommun"
TO = {A: ("0203:norrby.example", "sdk:sip:0203:norrby.example"), B: ("0203:soderby.example", "sdk:sip:0203:soderby.example")}
FK = ("0203:forsakringskassan.example", "sdk:sip:0203:forsakringskassan.example", "Försäkringskassan")
ONE_ACCOUNT = {"service": "", "token_url": "", "client_id": ""}


class ForFk(Agency):
    """An adapter for FK alone."""

    info = sdk_info("forsakringskassan")
    of = FORSAKRINGSKASSAN


@dataclass
class Two:
    """Two message services, each with one owner's client, and the adapter over both."""

    ours: SdkSandbox
    theirs: SdkSandbox
    context: PluginContext
    adapter: Sdk

    def at(self, owner: str) -> Recipient:
        """Return FK as an owner's deliveries go there."""
        return Recipient(p.FK, p.FORSAKRINGSKASSAN, FK[2], "sdk", FK[1], None, {"participant": FK[0]}, owner)

    def sent(self, owner: str) -> str:
        """Send an owner's invitation and return its messageId."""
        key, to = str(uuid4()), self.at(owner)
        cut = OURS if owner == A else THEIRS
        assert self.adapter.deliver(self.adapter.translate(cut, to), to, key) == Accepted(key)
        return key

    def kept(self, key: str) -> tuple[int, int]:
        """Return how many copies of a message each service keeps."""
        return self.ours.service.kept(key), self.theirs.service.kept(key)

    def asked(self, *, new: bool = True) -> dict[str, Inbound]:
        """Poll and return what came, by its id; `new` lets everything be forgotten first."""
        adapter = Sdk(self.context) if new else self.adapter
        return {inbound.partner_id: inbound for inbound in adapter.poll(None)}


def entry(name: str, owners: str, running: SdkSandbox) -> str:
    """Return an account's entry."""
    return f"{name} {owners} {running.url} {running.token_url} {running.service.client[0]}"


def context_of(ours: SdkSandbox, theirs: SdkSandbox, http: Http, accounts: str, plugin: str = "sdk", **settings: str) -> PluginContext:
    """Return the plugin's tools, with accounts."""
    context = sdk_context(ours, http, plugin, senders=SENDERS, accounts=accounts, **{**ONE_ACCOUNT, **settings})
    secrets = {"client_secret_norrby": ours.service.client[1], "client_secret_soderby": theirs.service.client[1]}
    return replace(context, secrets={**secrets, "client_secret": ours.service.client[1]})


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SdkSandbox, SdkSandbox]]:
    """Run two message services, each of which knows one client alone."""
    with SdkSandbox() as ours, SdkSandbox(certificates=ours.certificates) as theirs:
        theirs.service.client = ("soderby-siphub", "another-secret")
        yield ours, theirs


@pytest.fixture
def http(services: tuple[SdkSandbox, SdkSandbox]) -> Iterator[Http]:
    """Give a client that trusts both."""
    client = Http(ca_file=services[0].ca_file)
    yield client
    client.close()


@pytest.fixture
def make_two(services: tuple[SdkSandbox, SdkSandbox], http: Http) -> Callable[..., Two]:
    """Return what makes the adapter over both, by other entries or settings where they are given."""
    ours, theirs = services
    for one in services:
        one.service.clear()
        one.service._kept.clear()
        one.service.heads.clear()

    def make(accounts: str = "", **settings: str) -> Two:
        context = context_of(ours, theirs, http, accounts or f"{entry('norrby', A, ours)}; {entry('soderby', B, theirs)}", **settings)
        return Two(ours, theirs, context, Sdk(context))

    return make


@pytest.fixture
def two(make_two: Callable[..., Two]) -> Two:
    """Return the adapter over both, one account for each owner."""
    return make_two()


def test_each_owners_message_is_sent_and_asked_for_at_its_own_account(two: Two) -> None:
    """Given two owners, then each message is at its owner's service and never at the other's, each is asked for where it is, and no secret is shown to the other's."""
    mine, others = two.sent(A), two.sent(B)
    assert (two.kept(mine), two.kept(others)) == ((1, 0), (0, 1))
    assert isinstance(two.adapter, Confirms)
    two.asked()
    assert [two.adapter.confirm(key, two.at(owner)) for key, owner in ((mine, A), (others, B))] == [Delivered(mine), Delivered(others)]
    assert two.adapter.confirm(mine, two.at(B)) == Retry("partner.not_there")
    shown = base64.b64encode(":".join(two.ours.service.client).encode()).decode()
    assert [any(shown in head for head in running.service.heads) for running in (two.ours, two.theirs)] == [True, False]


def test_an_owner_that_is_not_listed_has_no_account(make_two: Callable[..., Two]) -> None:
    """Given accounts that name one owner, then the other's is refused by its code and nowhere sent, asked for or deleted; an entry that is looked at for nobody is in order."""
    two = make_two(entry("norrby", A, make_two().ours))
    before = two.ours.service.traffic.bytes_seen
    for owner in (B, ""):
        to = two.at(owner)
        payload = two.adapter.translate(THEIRS, to)
        assert two.adapter.deliver(payload, to, str(uuid4())) == Retry("address.no_account")
        assert two.adapter.confirm(str(uuid4()), to) == Uncertain("address.no_account")
        assert not two.adapter.erase(str(uuid4()), to)
    assert two.ours.service.traffic.bytes_seen == before
    fk = replace(two.at(B), organisation="2021000000", options={"participant": "0203:annan.example"})
    problem = two.adapter.refusal(fk)
    assert problem is not None
    assert problem.code == "address.no_account"
    assert [two.adapter.refusal(replace(fk, owner=owner)) for owner in (A, "")] == [None, None]
    assert [f"the setting accounts names no account of {B}: what it sends over SDK is held (address.no_account)"] == [
        check.what for check in two.adapter.check() if not check.ok
    ]


@pytest.mark.parametrize(("cut", "owner"), [(OURS, B), (THEIRS, A)])
def test_what_was_written_for_one_owner_never_goes_by_anothers_account(two: Two, cut: Cut, owner: str) -> None:
    """Given a message with one owner as its sender and the other as whoever it is sent for, then nothing is sent to either service."""
    to, key = two.at(owner), str(uuid4())
    assert two.adapter.deliver(two.adapter.translate(cut, to), to, key) == Retry("sdk.other_owner")
    assert two.kept(key) == (0, 0)


def test_what_lies_at_an_account_is_its_owners(two: Two) -> None:
    """Given receipts and answers at both, then each says whose account it came from, and the same id at two accounts is two things."""
    mine, others = two.sent(A), two.sent(B)
    same = str(uuid4())
    for running, owner in ((two.ours, A), (two.theirs, B)):
        answer = running.service.write(sender=FK, recipient=TO[owner], text="Svar: ja")
        running.service._kept[same] = running.service._kept.pop(answer)
        running.service._kept[same].attributes["messageId"] = same
    came = two.asked()
    assert {partner_id: (inbound.owner, type(inbound.content)) for partner_id, inbound in came.items()} == {
        f"{mine}/ACCEPTED@norrby": (A, Receipt),
        f"{others}/ACCEPTED@soderby": (B, Receipt),
        f"{same}@norrby": (A, Submission),
        f"{same}@soderby": (B, Submission),
    }


def test_a_receipt_at_another_owners_account_is_that_accounts_word(two: Two) -> None:
    """Given a message of the first owner's that the second one's service says is refused, with either as its sender, then the hub is told whose account says so, under another id than the true receipt."""
    mine = two.sent(A)
    for sender in (A, B):
        stray = json.loads(two.ours.service.agencies["fk"].ledger.body(mine))
        stray["data"]["attributes"]["sender"] = TO[sender][0]
        stray["data"]["attributes"]["senderAttention"]["subOrganization"]["extension"] = TO[sender][1]
        two.theirs.service._kept.clear()
        assert two.theirs.service.take(json.dumps(stray).encode()).status == 201
        two.theirs.service._kept[mine].attributes["messageStatus"] = "ERROR"
        came = two.asked()
        assert {one: inbound.owner for one, inbound in came.items()} == {f"{mine}/ACCEPTED@norrby": A, f"{mine}/ERROR@soderby": B}
        assert all(inbound.organisation == p.FORSAKRINGSKASSAN for inbound in came.values())


def test_a_message_to_another_owner_is_not_read(two: Two) -> None:
    """Given a message to the first owner's function at the second one's service, then its text is not fetched, and the second one is shown that it is there; one to nobody of ours is left."""
    stray = two.theirs.service.write(sender=FK, recipient=TO[A], text="Svar: ja")
    two.theirs.service.write(sender=FK, recipient=("0203:soderby.example", "sdk:skola:0203:soderby.example"), text="Svar: ja")
    [inbound] = two.asked().values()
    assert (inbound.partner_id, inbound.content, inbound.owner) == (f"{stray}@soderby", Unreadable("sdk.other_account"), B)
    assert two.theirs.service.status(stray) == "NEW"


@pytest.mark.parametrize("by", ["case", "age"])
def test_each_is_deleted_at_its_own_account(make_two: Callable[..., Two], by: str) -> None:
    """Given a copy of the first owner's message at the second one's service, then its deletion takes away the first one's own and not that copy."""
    two = make_two(delete_after_days="1")
    mine = two.sent(A)
    assert two.theirs.service.take(two.ours.service.agencies["fk"].ledger.body(mine)).status == 201
    if by == "case":
        assert not two.adapter.erase(mine, replace(two.at(A), endpoint="sdk:annan"))
        assert two.adapter.erase(mine, two.at(A))
    else:
        for running in (two.ours, two.theirs):
            running.service._kept[mine].attributes["creationDateTime"] = "2026-01-01T00:00:00.000Z"
        for _ in range(2):
            for partner_id in two.asked(new=False):
                two.adapter.settle(partner_id)
                if partner_id.endswith("@norrby"):
                    two.adapter.recorded(partner_id)
    assert two.kept(mine) == (0, 1)


def test_doctor_looks_at_each_account(two: Two, caplog: pytest.LogCaptureFixture) -> None:
    """Given one service that gives no token and later one that lets us delete nothing, then doctor says of which account that is, and the other one is well; the log says whose it is."""
    assert [check.what for check in two.adapter.check()] == [
        f"account norrby ({A}): the message service gives a token",
        f"account soderby ({B}): the message service gives a token",
    ]
    two.theirs.service.token_faults.add(Fault("status", status=503))
    adapter = Sdk(two.context)
    assert [check.what for check in adapter.check() if not check.ok] == [
        f"account soderby ({B}): the message service gives no token: sdk.token_refused"
    ]
    assert list(adapter.poll(None)) == []
    two.theirs.service.clear()
    two.theirs.service.grants = frozenset({"urn:sdk.api:sendMessages", "urn:sdk.api:getMessage", "urn:sdk.api:getMessageByFilter"})
    told = [check.what for check in Sdk(two.context).check() if not check.ok]
    assert [what.partition(":")[0] for what in told] == [f"account soderby ({B})"]
    assert f"'owner': '{B}'" in caplog.text
    assert f"'owner': '{A}'" not in caplog.text


def test_a_client_at_another_owners_service_is_let_in_nowhere(make_two: Callable[..., Two]) -> None:
    """Given entries with the services exchanged, then neither is let in, each send says so by its code and doctor by the account, and nothing is at either service."""
    two = make_two()
    crossed = make_two(
        f"norrby {A} {two.theirs.url} {two.theirs.token_url} siphub; soderby {B} {two.ours.url} {two.ours.token_url} soderby-siphub"
    )
    for owner, cut in ((A, OURS), (B, THEIRS)):
        to, key = crossed.at(owner), str(uuid4())
        assert crossed.adapter.deliver(crossed.adapter.translate(cut, to), to, key) == Retry("sdk.token_refused")
        assert crossed.kept(key) == (0, 0)
    assert [check.what for check in crossed.adapter.check()] == [
        f"account norrby ({A}): the message service gives no token: sdk.token_refused",
        f"account soderby ({B}): the message service gives no token: sdk.token_refused",
    ]


def test_an_account_that_is_away_keeps_nobody_from_the_others(two: Two) -> None:
    """Given the first owner's service away, then what lies at the second one's is fetched in the same poll."""
    others = two.sent(B)
    two.ours.service.ask_faults.add(Fault("reset"))
    assert list(two.asked()) == [f"{others}/ACCEPTED@soderby"]


def test_a_round_that_has_taken_long_begins_with_no_further_account(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given accounts of which each takes the whole of a round, then each poll asks one, and the one that has waited longest comes first."""
    monkeypatch.setattr("siphub_sdk.deliver._ROUND", -1.0)
    mine, others = two.sent(A), two.sent(B)
    assert list(two.adapter.poll(None)) == []
    monkeypatch.setattr("siphub_sdk.deliver._ROUND", 0.001)
    found = [list(two.asked(new=False)) for _ in range(2)]
    assert sorted(found) == sorted([[f"{mine}/ACCEPTED@norrby"], [f"{others}/ACCEPTED@soderby"]])


def test_a_bell_is_heard_at_every_account(make_two: Callable[..., Two]) -> None:
    """Given a poll an hour ago that is not to be repeated, when somebody rings, then every account is asked."""
    two = make_two(poll_seconds="3600")
    assert two.asked(new=False) == {}
    keys = {f"{two.sent(A)}/ACCEPTED@norrby", f"{two.sent(B)}/ACCEPTED@soderby"}
    assert two.asked(new=False) == {}
    two.adapter.ask_now()
    assert set(two.asked(new=False)) == keys


def test_the_main_account_goes_on_with_what_was_there(make_two: Callable[..., Two]) -> None:
    """Given an account called main, then its secret and its ids are those from before accounts were listed, and no other account's can be taken for one of them."""
    ours = make_two().ours
    two = make_two(f"{entry('main', A, ours)}; {entry('soderby', B, make_two().theirs)}")
    mine, others = two.sent(A), two.sent(B)
    assert set(two.asked()) == {f"{mine}/ACCEPTED", f"{others}/ACCEPTED@soderby"}
    assert two.adapter._accounts.all[0].outer(f"{others}/ACCEPTED@soderby") == f"{others}/ACCEPTED_soderby"


def test_owners_that_share_an_account_are_named_in_one_entry(make_two: Callable[..., Two]) -> None:
    """Given one entry with two owners, then both send by it, and each receipt and answer is the one's whose function it names."""
    two = make_two(entry("norrby", f"{A},{B}", make_two().ours))
    mine, others = two.sent(A), two.sent(B)
    answer = two.ours.service.write(sender=FK, recipient=TO[B], text="Svar: ja")
    assert {one: inbound.owner for one, inbound in two.asked().items()} == {
        f"{mine}/ACCEPTED@norrby": A,
        f"{others}/ACCEPTED@norrby": B,
        f"{answer}@norrby": B,
    }


def test_adapters_share_an_account_by_its_owner(two: Two, http: Http) -> None:
    """Given sdk with both owners' accounts and FK's own adapter with the first one's, then FK's answers at the first are its own adapter's, and those at the second are not lost."""
    own = ForFk(context_of(two.ours, two.theirs, http, entry("norrby", A, two.ours), "forsakringskassan"))
    first = two.ours.service.write(sender=FK, recipient=TO[A], text="Svar: ja")
    second = two.theirs.service.write(sender=FK, recipient=TO[B], text="Svar: ja")
    assert {inbound.partner_id for inbound in own.poll(None)} == {f"{first}@norrby"}
    assert list(two.asked(new=False)) == [f"{second}@soderby"]


def test_each_owner_may_have_an_access_points_folders(make_two: Callable[..., Two], tmp_path: Path, http: Http) -> None:
    """Given one owner with folders and one with a service, then each message goes to its owner's, a file in the folders for the other owner is refused, and what is settled is the folders' own."""
    for name in ("out", "in", "done"):
        (tmp_path / name).mkdir()
    two = make_two(f"norrby {A} {tmp_path} AP0007-OPEN-TEST; {entry('soderby', B, make_two().theirs)}")
    mine, others = two.sent(A), two.sent(B)
    assert ([file.stem for file in (tmp_path / "out").iterdir()], two.kept(others)) == ([mine], (0, 1))
    assert two.adapter.confirm(mine, two.at(A)) == Accepted(mine)
    two.ours.access_point.accepts(mine, tmp_path / "in", parties=(TO[A][0], FK[0]))
    came = two.asked(new=False)
    assert {one: inbound.owner for one, inbound in came.items()} == {f"{mine}/ACCEPTED/{FK[0]}@norrby": A, f"{others}/ACCEPTED@soderby": B}
    for partner_id in came:
        two.adapter.settle(partner_id)
    assert (len(list((tmp_path / "in").iterdir())), len(list((tmp_path / "done").iterdir()))) == (0, 1)
    assert two.adapter.erase(mine, two.at(A))
    assert list((tmp_path / "out").iterdir()) == []


GOOD = "norrby 2120009994 https://mt.example/v1 https://mt.example/token norrby"


@pytest.mark.parametrize(
    "accounts",
    [
        "norrby",
        "Norrby 2120009994 https://mt.example/v1 https://mt.example/token x",
        "norrby 212 https://mt.example/v1 https://mt.example/token x",
        "norrby 2120009994 mt.example https://mt.example/token x",
        "norrby 2120009994 https://mt.example/v1 https://mt.example/token",
        "norrby 2120009994 /srv/sdk",
        "norrby 2120009994 /srv/sdk https://ap.example",
        f"{GOOD}; norrby 2120009986 https://other.example/v1 https://mt.example/token x",
        f"{GOOD}; other 2120009994 https://other.example/v1 https://mt.example/token x",
        f"{GOOD}; other 2120009986 https://mt.example/v1/ https://mt.example/token norrby",
        "norrby 2120009994 /srv/sdk AP-1; other 2120009986 /srv/sdk/ AP-2",
    ],
)
def test_an_entry_that_cannot_be_read_or_lets_two_owners_meet_stops_the_start(make_two: Callable[..., Two], accounts: str) -> None:
    """Given an entry that is malformed, or a name, an owner, a client or a folder in two of them, then the hub does not start, and no value is repeated."""
    with pytest.raises(SettingsError) as wrong:
        make_two(accounts)
    assert "each of accounts" in wrong.value.detail
    assert "other.example" not in wrong.value.detail


@pytest.mark.parametrize("name", ["service", "token_url", "client_id", "hand_over"])
def test_beside_accounts_there_is_no_account_for_all(make_two: Callable[..., Two], name: str) -> None:
    """Given accounts and a setting of one account for all, then the hub does not start: there is nothing to fall back on."""
    value = {"client_id": "siphub", "hand_over": "/srv/sdk"}.get(name, "https://mt.example/v1")
    with pytest.raises(SettingsError, match=f"set accounts, or {name}"):
        make_two(GOOD, **{name: value})


def test_one_account_for_all_works_as_before(make_two: Callable[..., Two]) -> None:
    """Given no listing, then every owner goes by the one account, nothing is held for want of one, and ids have no account's name."""
    listed = make_two()
    ours = listed.ours
    settings = {"accounts": "", "service": ours.url, "token_url": ours.token_url, "client_id": "siphub"}
    context = replace(listed.context, settings={**listed.context.settings, **settings})
    two = replace(listed, context=context, adapter=Sdk(context))
    mine, others = two.sent(A), two.sent(B)
    assert {one: inbound.owner for one, inbound in two.asked().items()} == {f"{mine}/ACCEPTED": None, f"{others}/ACCEPTED": None}
    assert [check.what for check in two.adapter.check()] == ["the message service gives a token"]
    with pytest.raises(MappingError):
        two.adapter.translate(Cut({**OURS.document, "owner": "2321009991"}, OURS.basis), two.at("2321009991"))
