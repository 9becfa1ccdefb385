"""Försäkringskassan's adapter: its contract, its lines, what it objects to, what it takes, and what doctor says of its addresses."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import siphub_forsakringskassan
from siphub.contract import Accepted, Check, Cut, Inbound, Receipt, Recipient, Submission
from siphub.contract.http import Http
from siphub.model import people as p
from siphub.model import sample, sample_directory
from siphub.policy import disclosure
from siphub.sandbox.sdk import MessageService
from siphub.sandbox.sdk_server import SdkSandbox
from siphub.testing.adapters import AdapterContract, AdapterUnderTest
from siphub.testing.sdk_context import sdk_context

HERE = Path(__file__).parents[1]
NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
US = Recipient(
    p.FK,
    p.FORSAKRINGSKASSAN,
    "Försäkringskassan",
    "forsakringskassan",
    "sdk:sip:0203:forsakringskassan.example",
    None,
    {"participant": "0203:forsakringskassan.example"},
)
SETTINGS = (
    "service",
    "token_url",
    "client_id",
    "scopes",
    "hand_over",
    "access_point",
    "senders",
    "agencies",
    "left_to_others",
    "timeout_seconds",
    "poll_seconds",
)


@pytest.fixture(scope="module")
def running() -> Iterator[SdkSandbox]:
    """Run the message service."""
    with SdkSandbox() as sandbox:
        yield sandbox


@pytest.fixture
def adapter(running: SdkSandbox) -> Iterator[siphub_forsakringskassan.Forsakringskassan]:
    """Give the adapter, set up for the sandbox."""
    http = Http(ca_file=running.ca_file)
    yield siphub_forsakringskassan.Forsakringskassan(
        sdk_context(running, http, "forsakringskassan", agencies=f"0203:forsakringskassan.example {p.FORSAKRINGSKASSAN}")
    )
    http.close()


@dataclass(frozen=True)
class Book:
    """The agency's own book as the contract's witness."""

    service: MessageService

    def bytes_seen(self) -> int:
        """Return how many bytes of new messages came."""
        return self.service.traffic.bytes_seen

    def effects(self, key: str) -> int:
        """Return how often a message was taken under a messageId."""
        return len([entry for entry in self.service.agencies["fk"].ledger.effects() if entry.key == key])


class TestAdapter(AdapterContract):
    """forsakringskassan keeps what adapters promise."""

    @pytest.fixture
    def under_test(self, adapter: siphub_forsakringskassan.Forsakringskassan, running: SdkSandbox) -> AdapterUnderTest:
        """Give the adapter with its agency, and a functional address that the payload was not made for."""
        return AdapterUnderTest(adapter, US, Book(running.service), replace(US, endpoint="sdk:annan"), SETTINGS)


def cut_for(name: str, *, maximal: bool = True) -> Cut:
    """Return what policy lets the agency see of a sample message, with a consent to exchange information."""
    rule = disclosure.rule_for(name, ("agency",))
    assert rule is not None
    message = sample(name, maximal=maximal)
    covered = disclosure.Covered(rule.bases[0], frozenset({"information_exchange"}))
    return disclosure.cut(
        message, rule, recipient=p.FK, covered=covered, directory=sample_directory(), consent=sample(name, maximal=True).consent_statement
    )


def text(adapter: siphub_forsakringskassan.Forsakringskassan, cut: Cut) -> str:
    """Return the text of a translated cut."""
    return str(json.loads(adapter.translate(cut, US).body)["data"]["attributes"]["digitalDocument"][0]["contentTextBody"][0])


def objection(cut: Cut, recipient: Recipient = US, basis: str | None = None) -> str | None:
    """Ask the plugin's hook."""
    return siphub_forsakringskassan.siphub_disclosure_objections(cut, recipient, basis or cut.basis, NOW)


def test_the_hub_finds_it_by_its_name() -> None:
    """The entry point forsakringskassan leads to this package, and quality.toml has a reason for every rule."""
    [point] = [point for point in entry_points(group="siphub") if point.name == "forsakringskassan"]
    assert point.load() is siphub_forsakringskassan
    rules = tomllib.loads((HERE / "quality.toml").read_text("utf-8"))
    assert all(rule["status"] in {"done", "todo", "exempt"} and rule["why"] for rule in rules.values())


@pytest.mark.parametrize("name", sorted(siphub_forsakringskassan.Forsakringskassan.info.kinds))
def test_every_message_says_what_it_is_for_and_what_it_rests_on(adapter: siphub_forsakringskassan.Forsakringskassan, name: str) -> None:
    """Given each kind, then purpose and legal basis stand beneath our reference, and what says nothing of a person says that."""
    for maximal in (False, True):
        cut = cut_for(name, maximal=maximal)
        lines = text(adapter, cut).splitlines()
        place = next(number for number, line in enumerate(lines) if line.startswith("* **Vår referens:**"))
        assert lines[place + 1].startswith("* **Syfte:** att ")
        rests = (
            "den enskildes samtycke (10 kap. 1 § offentlighets- och sekretesslagen" if cut.basis == "consent" else "lämnar inga uppgifter"
        )
        assert rests in lines[place + 2]
        assert lines[place + 2].startswith("* **Rättslig grund:** ")


@pytest.mark.parametrize("name", sorted(siphub_forsakringskassan.Forsakringskassan.info.kinds))
def test_what_policy_lets_through_meets_no_objection(name: str) -> None:
    """Given each kind as policy cuts it, minimal and maximal, then the second lock is open."""
    assert [objection(cut_for(name, maximal=maximal)) for maximal in (False, True)] == [None, None]


def changed(**parts: object) -> Cut:
    """Return an invitation's cut with some parts otherwise, or without them where they are None."""
    cut = cut_for("meeting.invited")
    document = {**cut.document, **parts}
    return Cut({name: part for name, part in document.items() if part is not None}, cut.basis)


def test_each_objection_is_raised_by_what_it_is_for() -> None:
    """Given a cut that policy would never make, then the adapter objects by the code of what is wrong, and only about its own agency."""
    content: Any = cut_for("meeting.invited").document["content"]
    one_way = {"since": "2026-11-23T11:00:00Z", "direction": "from"}
    for cut, code in (
        (changed(consent_statement=None), "agency.consent_unstated"),
        (changed(consent_statement=one_way), "agency.consent_unstated"),
        (changed(subject={"protection": "protected_registration"}), "agency.protected"),
        (changed(content={**content, "convener": {"name": "x", "protection": "confidentiality_flag"}}), "agency.protected"),
        (changed(content={**content, "agenda": ["x"]}), "agency.narrative"),
        (changed(content={"plan": {}}), "agency.narrative"),
    ):
        assert objection(cut) == code
        assert objection(cut, replace(US, adapter="letter", options={})) is None
    assert objection(changed(), basis="secrecy_assessed") == "agency.consent_missing"
    assert objection(changed(), replace(US, organisation=p.MUNICIPALITY)) == "agency.other_organisation"


def test_no_entry_leads_past_the_rules() -> None:
    """Given an entry that leads to the agency by SDK and another adapter, then nothing goes there; what goes by SDK to others is theirs."""
    assert objection(changed(), replace(US, adapter="sdk")) == "agency.other_adapter"
    assert objection(changed(), replace(US, adapter="sdk", organisation=p.MUNICIPALITY)) is None


def test_a_persons_number_stands_in_no_text() -> None:
    """Given the person's number in a question, a place or our registry number, in any of its forms, then it does not go; a telephone number does."""
    content: Any = cut_for("meeting.invited").document["content"]
    whole = str(p.SUBJECT_NUMBER)
    for number in (whole, f"{whole[:8]}-{whole[8:]}", whole[2:], f"{whole[2:8]}-{whole[8:]}", f"{whole[:8]} {whole[8:]}"):
        asked = changed(content={**content, "questions": [{"text": f"Gäller {number}."}]})
        placed = changed(content={**content, "meeting": {**content["meeting"], "place": {"kind": "other", "text": number}}})
        found = [objection(cut) for cut in (asked, placed, changed(registry_number=number))]
        assert found == ["agency.number_in_text"] * 3
    assert objection(changed(content={**content, "convener": {"name": "x", "phone": whole[2:]}})) is None
    assert objection(changed(registry_number="SN 2026-117")) is None


def test_a_narrative_needs_both_the_entry_and_the_consent() -> None:
    """Given more than an invitation tells, then it meets no objection only where the entry has the option and the consent lets us tell."""
    content: Any = cut_for("meeting.invited").document["content"]
    more, willing = {**content, "agenda": ["x"]}, replace(US, options={**US.options, "narrative": "yes"})
    assert objection(changed(content=more), willing) is None
    assert objection(changed(content=more, subject={}, consent_statement={"direction": "from"}), willing) == "agency.narrative"


def test_it_takes_its_own_receipts_and_answers_alone(adapter: siphub_forsakringskassan.Forsakringskassan, running: SdkSandbox) -> None:
    """Given a message of each agency's and an answer from each, then this adapter is told of its own agency's only."""
    service, key = running.service, str(uuid4())
    assert adapter.deliver(adapter.translate(cut_for("meeting.invited"), US), US, key) == Accepted(key)
    body = json.loads(service.agencies["fk"].ledger.body(key))["data"]["attributes"]
    other = service.agencies["af"]
    body |= {"messageId": str(uuid4()), "recipient": other.participant}
    body["recipientAttention"] = {"subOrganization": {**body["recipientAttention"]["subOrganization"], "extension": other.address}}
    assert service.take(json.dumps({"data": {"type": "messages", "attributes": body}}).encode()).status == 201
    answer = service.reply("fk", key, "Svar: ja")
    service.reply("af", body["messageId"], "Svar: ja")
    service.reply("fk", key, "Svar: nej", participant="0203:okand.example")
    found: list[Inbound] = []
    for inbound in adapter.poll(None):
        adapter.settle(inbound.partner_id)
        found.append(inbound)
    assert [one.content.key for one in found if isinstance(one.content, Receipt) and one.content.key in {key, body["messageId"]}] == [key]
    answers = [one for one in found if isinstance(one.content, Submission)]
    tools: Any = None  # a reader asks for none
    [reader] = siphub_forsakringskassan.siphub_readers(tools)
    assert all(reader.recognises(one.content) for one in answers if isinstance(one.content, Submission))
    assert not reader.recognises(Submission(b"{}", "application/vnd.siphub.sdk-message+json"))
    assert [(one.partner_id, one.organisation) for one in answers] == [(answer, p.FORSAKRINGSKASSAN)]


def test_doctor_says_to_verify_the_address(adapter: siphub_forsakringskassan.Forsakringskassan) -> None:
    """Given an entry that can be the agency's, then doctor says so, and to verify it in the address book; another's entry is named wrong."""
    found = list(adapter.check_address(US))
    assert all(check.ok for check in found)
    assert "verify this one in the SDK address book" in found[-1].what
    wrong = list(adapter.check_address(replace(US, organisation=p.MUNICIPALITY, options={"participant": "0203:annan.example"})))
    assert [check.ok for check in wrong] == [False, True, False, True]
    assert all(type(check) is Check for check in wrong)
