"""What the adapter of one agency over SDK promises: `AgencyContract`, for the tests of a plugin made of siphub-sdk's `Agency`.

Subclass it and give a fixture `agency`. The sandbox's message service is the partner, and policy itself makes the cuts.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Final
from uuid import uuid4

import pytest

from siphub.contract import Accepted, Check, Cut, Inbound, PluginContext, Receipt, Recipient, Submission
from siphub.contract.http import Http
from siphub.model import people as p
from siphub.model import sample, sample_directory
from siphub.model.identifiers import UnitId
from siphub.policy import disclosure
from siphub.sandbox.sdk import MessageService
from siphub.sandbox.sdk_server import SdkSandbox
from siphub.testing.adapters import AdapterContract, AdapterUnderTest
from siphub.testing.sdk_context import sdk_context

NOW: Final = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
KINDS: Final = ("coordinator.changed", "meeting.invited", "meeting.reminder", "meeting.rescheduled", "sip.request.answered", "stop.notice")


@dataclass(frozen=True)
class AgencyUnderTest:
    """One agency's plugin and what it is for.

    Args:
        plugin: The package.
        unit: The agency's unit in the samples.
        sandbox: Its name behind the sandbox's message service.
        other: Another agency's name there.
        settings: The names of the plugin's settings.
    """

    plugin: ModuleType
    unit: UnitId
    sandbox: str
    other: str
    settings: tuple[str, ...]

    @property
    def of(self) -> Any:
        """The organisation that the plugin is for."""
        return next(value for name, value in vars(self.plugin).items() if name.isupper() and hasattr(value, "adapter"))

    @property
    def to(self) -> Recipient:
        """The agency as a directory entry has it."""
        participant = f"0203:{self.of.adapter}.example"
        return Recipient(
            self.unit, self.of.number, self.of.name, self.of.adapter, f"sdk:sip:{participant}", None, {"participant": participant}
        )

    def cut(self, name: str, *, maximal: bool = True) -> Cut:
        """Return what policy lets the agency see of a sample message, with a consent to exchange information."""
        rule = disclosure.rule_for(name, ("agency",))
        assert rule is not None
        covered = disclosure.Covered(rule.bases[0], frozenset({"information_exchange"}))
        stated = sample(name, maximal=True).consent_statement
        message = sample(name, maximal=maximal)
        return disclosure.cut(message, rule, recipient=self.unit, covered=covered, directory=sample_directory(), consent=stated)

    def changed(self, **parts: object) -> Cut:
        """Return an invitation's cut with some parts otherwise, or without them where they are None."""
        cut = self.cut("meeting.invited")
        document = {**cut.document, **parts}
        return Cut({name: part for name, part in document.items() if part is not None}, cut.basis)

    @property
    def content(self) -> Any:
        """The content of an invitation's cut."""
        return self.cut("meeting.invited").document["content"]

    def objection(self, cut: Cut, recipient: Recipient | None = None, basis: str | None = None) -> str | None:
        """Ask the plugin's hook."""
        found: str | None = self.plugin.siphub_disclosure_objections(cut, recipient or self.to, basis or cut.basis, NOW)
        return found

    def adapter(self, context: PluginContext) -> Any:
        """Return the plugin's one adapter."""
        [adapter] = self.plugin.siphub_adapters(context)
        return adapter

    def text(self, adapter: Any, cut: Cut) -> str:
        """Return the text of a translated cut."""
        attributes = json.loads(adapter.translate(cut, self.to).body)["data"]["attributes"]
        return str(attributes["digitalDocument"][0]["contentTextBody"][0])


@dataclass(frozen=True)
class Book:
    """The agency's own book as the contract's witness."""

    service: MessageService
    agency: str

    def bytes_seen(self) -> int:
        """Return how many bytes of new messages came."""
        return self.service.traffic.bytes_seen

    def effects(self, key: str) -> int:
        """Return how often a message was taken under a messageId."""
        return len([entry for entry in self.service.agencies[self.agency].ledger.effects() if entry.key == key])


class AgencyContract(AdapterContract):
    """Tests every adapter of one agency must pass, besides those of every adapter."""

    @pytest.fixture(scope="class")
    @classmethod
    def running(cls) -> Iterator[SdkSandbox]:
        """Run the message service."""
        with SdkSandbox() as sandbox:
            yield sandbox

    @pytest.fixture
    def adapter(self, agency: AgencyUnderTest, running: SdkSandbox) -> Iterator[Any]:
        """Give the adapter, set up for the sandbox."""
        http = Http(ca_file=running.ca_file)
        yield agency.adapter(
            sdk_context(running, http, agency.of.adapter, agencies=f"{agency.to.options['participant']} {agency.of.number}")
        )
        http.close()

    @pytest.fixture
    def under_test(self, agency: AgencyUnderTest, adapter: Any, running: SdkSandbox) -> AdapterUnderTest:
        """Give the adapter with its agency, and a functional address that the payload was not made for."""
        elsewhere = replace(agency.to, endpoint="sdk:annan")
        return AdapterUnderTest(
            adapter, agency.to, Book(running.service, agency.sandbox), elsewhere, agency.settings, left=running.service.kept
        )

    def test_the_hub_finds_it_by_its_name(self, agency: AgencyUnderTest) -> None:
        """The entry point leads to the package, quality.toml has a reason for every rule, and every kind that SDK has words for is carried."""
        [point] = [point for point in entry_points(group="siphub") if point.name == agency.of.adapter]
        assert point.load() is agency.plugin
        rules = tomllib.loads((Path(str(agency.plugin.__file__)).parents[1] / "quality.toml").read_text("utf-8"))
        assert all(rule["status"] in {"done", "todo", "exempt"} and rule["why"] for rule in rules.values())

    def test_it_carries_every_kind(self, adapter: Any) -> None:
        """Its kinds are those that the tests below go through."""
        assert sorted(adapter.info.kinds) == list(KINDS)

    @pytest.mark.parametrize("name", KINDS)
    def test_what_policy_lets_through_meets_no_objection(self, agency: AgencyUnderTest, name: str) -> None:
        """Given each kind as policy cuts it, minimal and maximal, then the second lock is open."""
        assert [agency.objection(agency.cut(name, maximal=maximal)) for maximal in (False, True)] == [None, None]

    def test_each_objection_is_raised_by_what_it_is_for(self, agency: AgencyUnderTest) -> None:
        """Given a cut that policy would never make, then the adapter objects by the code of what is wrong, and only about its own agency."""
        content, changed = agency.content, agency.changed
        one_way = {"since": "2026-11-23T11:00:00Z", "direction": "from"}
        for cut, code in (
            (changed(consent_statement=None), "agency.consent_unstated"),
            (changed(consent_statement=one_way), "agency.consent_unstated"),
            (changed(subject={"protection": "protected_registration"}), "agency.protected"),
            (changed(content={**content, "convener": {"name": "x", "protection": "confidentiality_flag"}}), "agency.protected"),
            (changed(content={**content, "agenda": ["x"]}), "agency.narrative"),
            (changed(content={"plan": {}}), "agency.narrative"),
        ):
            assert agency.objection(cut) == code
            assert agency.objection(cut, replace(agency.to, adapter="letter", options={})) is None
        assert agency.objection(changed(), basis="secrecy_assessed") == "agency.consent_missing"
        assert agency.objection(changed(), replace(agency.to, organisation=p.MUNICIPALITY)) == "agency.other_organisation"

    def test_no_entry_leads_past_the_rules(self, agency: AgencyUnderTest, adapter: Any) -> None:
        """Given an entry that leads to the agency by SDK and another adapter, then nothing goes there; what goes by SDK to others is theirs."""
        assert agency.objection(agency.changed(), replace(agency.to, adapter="sdk")) == "agency.other_adapter"
        assert agency.objection(agency.changed(), replace(agency.to, adapter="sdk", organisation=p.MUNICIPALITY)) is None
        assert adapter.refusal(agency.to) is None

    def test_a_persons_number_stands_in_no_text(self, agency: AgencyUnderTest) -> None:
        """Given the person's number in a question, a place or our registry number, in any of its forms, then it does not go; a telephone number does."""
        content, changed, whole = agency.content, agency.changed, str(p.SUBJECT_NUMBER)
        parted = (
            f"{whole[:8]}{dash}{whole[8:]}"
            for dash in ("-", " ", "\u2013", "\u2011", " \u2013 ", "\u00a0", "\u200b", ".", "/", "_", ":", ",", "~")
        )
        dated = (f"{whole[:4]}-{whole[4:6]}-{whole[6:8]}-{whole[8:]}", f"SN-{whole}", f"pnr{whole}", f"26 {whole[2:8]}-{whole[8:]}")
        wide = "".join(chr(0xFF10 + int(digit)) for digit in whole)
        arabic = "".join(chr(0x0660 + int(digit)) for digit in whole)
        for number in (whole, whole[2:], f"{whole[2:8]}-{whole[8:]}", wide, arabic, " ".join(whole), *parted, *dated):
            asked = changed(content={**content, "questions": [{"text": f"Gäller {number}."}]})
            placed = changed(content={**content, "meeting": {**content["meeting"], "place": {"kind": "other", "text": number}}})
            found = [agency.objection(cut) for cut in (asked, placed, changed(registry_number=number))]
            assert found == ["agency.number_in_text"] * 3
        assert agency.objection(changed(content={**content, "convener": {"name": "x", "phone": whole[2:]}})) is None
        assert agency.objection(changed(registry_number="SN 2026-117")) is None
        coming = {**content, "questions": [{"text": "Kan ni 2026-12-02 0830 i stället? Svar senast 2026-11-26 09:10:01.032380."}]}
        assert agency.objection(changed(content=coming)) is None
        assert agency.objection(changed(content=coming, sent_at="2027-01-01T00:00:00Z")) == "agency.number_in_text"
        assert agency.objection(changed(registry_number=f"5b0f3f1e-7c64-4d7e-8f5c-{whole}")) is None

    def test_a_narrative_needs_both_the_entry_and_the_consent(self, agency: AgencyUnderTest) -> None:
        """Given more than an invitation tells, then it meets no objection only where the entry has the option and the consent lets us tell."""
        more = {**agency.content, "agenda": ["x"]}
        willing = replace(agency.to, options={**agency.to.options, "narrative": "yes"})
        assert agency.objection(agency.changed(content=more), willing) is None
        assert (
            agency.objection(agency.changed(content=more, subject={}, consent_statement={"direction": "from"}), willing)
            == "agency.narrative"
        )

    def test_it_takes_its_own_receipts_and_answers(self, agency: AgencyUnderTest, running: SdkSandbox) -> None:
        """Given a message of each agency's and an answer from each, beside the other agency's adapter, then this one is told of its own agency's only."""
        service, key, http = running.service, str(uuid4()), Http(ca_file=running.ca_file)
        adapter, beside = (
            agency.adapter(sdk_context(running, http, agency.of.adapter, agencies=f"{one.participant} {agency.of.number}"))
            for one in (service.agencies[agency.sandbox], service.agencies[agency.other])
        )
        beside.info = replace(beside.info, name="0-beside")
        assert adapter.deliver(adapter.translate(agency.cut("meeting.invited"), agency.to), agency.to, key) == Accepted(key)
        body = json.loads(service.agencies[agency.sandbox].ledger.body(key))["data"]["attributes"]
        other = service.agencies[agency.other]
        body |= {"messageId": str(uuid4()), "recipient": other.participant}
        body["recipientAttention"] = {"subOrganization": {**body["recipientAttention"]["subOrganization"], "extension": other.address}}
        assert service.take(json.dumps({"data": {"type": "messages", "attributes": body}}).encode()).status == 201
        answer = service.reply(agency.sandbox, key, "Svar: ja")
        service.reply(agency.other, body["messageId"], "Svar: ja")
        unknown = service.reply(agency.sandbox, key, "Svar: nej", participant="0203:okand.example")
        found = polled(adapter)
        mine = {key, body["messageId"]}
        assert [one.content.key for one in found if isinstance(one.content, Receipt) and one.content.key in mine] == [key]
        answers = [one for one in found if isinstance(one.content, Submission)]
        tools: Any = None  # a reader asks for none
        [reader] = agency.plugin.siphub_readers(tools)
        assert all(reader.recognises(one.content) for one in answers)
        assert not reader.recognises(Submission(b"{}", "application/vnd.siphub.sdk-message+json"))
        assert [(one.partner_id, one.organisation) for one in answers] == [(answer, agency.of.number)]
        assert unknown in {one.partner_id for one in polled(beside)}
        http.close()

    def test_doctor_says_to_verify_the_address(self, agency: AgencyUnderTest, adapter: Any) -> None:
        """Given an entry that can be the agency's, then doctor says so, and to verify it in the address book; another's entry is named wrong."""
        found = list(adapter.check_address(agency.to))
        assert all(check.ok for check in found)
        assert "verify this one in the SDK address book" in found[-1].what
        wrong = list(adapter.check_address(replace(agency.to, organisation=p.MUNICIPALITY, options={"participant": "0203:annan.example"})))
        assert [check.ok for check in wrong] == [False, True, False, True]
        assert all(type(check) is Check for check in wrong)


def polled(adapter: Any) -> list[Inbound]:
    """Return what an adapter fetches, each settled."""
    found = []
    for inbound in adapter.poll(None):
        adapter.settle(inbound.partner_id)
        found.append(inbound)
    return found
