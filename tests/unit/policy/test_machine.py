"""Any order of all message types from anybody, with time passing: no guard is broken.

What may happen is judged by a ledger of its own, kept here from the messages that were taken; it knows nothing of how the policy decides.
Where it cannot know exactly (an amendment gives what others of the same sort have) it allows too much, never too little.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from siphub.model import Caller, Message, Person
from siphub.model import people as p
from siphub.model.case import SipCase
from siphub.model.identifiers import PersonNumber, PersonRef
from siphub.model.messages import consent as c
from siphub.model.messages import discharge as d
from siphub.model.messages import meeting as m
from siphub.model.person import PersonNumberIdentity
from siphub.policy.consent import expired
from siphub.policy.routing import Route, shown
from siphub.testing.chance import RELATIVE, Chance
from siphub.testing.desk import OUTSIDE, PRIVATE, Desk
from siphub.testing.story import Story

CARE = frozenset({p.CONTACT, p.HOME_CARE, p.SOCIAL_SERVICES, p.CARE_CENTRE, p.HOSPITAL, PRIVATE})
PRINCIPAL = CARE - {PRIVATE}
AGENCY: Mapping[str, str] = {p.FK: p.FORSAKRINGSKASSAN, p.AF: p.ARBETSFORMEDLINGEN}
SEEDS = st.integers(0, 2**32 - 1)
PROTECTED_AFTER = 120
"""So many messages later it may turn out that the person is protected: from then on little is told to anybody."""
ENDED = frozenset({"DECLINED_NO_NEED", "CLOSED", "VOID"})
OTHER_PERSON = Person(identity=PersonNumberIdentity(value=PersonNumber("201001042397")))
ON_CONSENT: Mapping[str, tuple[set[str], set[str] | None]] = {
    "meeting.summoned": ({"meeting", "information_exchange"}, None),
    "meeting.held": ({"meeting", "information_exchange"}, None),
    "meeting.rescheduled": ({"meeting", "information_exchange"}, {"meeting", "invite"}),
    "meeting.invited": ({"never"}, {"meeting", "invite"}),
    "coordinator.changed": ({"information_exchange"}, {"meeting", "invite"}),
    "plan.proposed": ({"plan", "information_exchange"}, None),
    "plan.established": ({"plan", "information_exchange"}, None),
    "plan.revised": ({"plan", "information_exchange"}, None),
    "followup.summoned": ({"plan", "meeting", "information_exchange"}, None),
    "followup.held": ({"plan", "information_exchange"}, None),
}
"""Type → what a unit of care, and anybody outside, must have been permitted to be told; None: never told."""
ASSESSED = frozenset({"meeting.summoned", "meeting.held", "meeting.rescheduled", "coordinator.changed"})
"""Types that a sender's own assessment can carry to units of care."""
ANSWERS = {
    "meeting.response": "meeting",
    "plan.commitment.confirmed": "plan",
    "plan.commitment.rejected": "plan",
    "activity.status": "plan",
}
"""Type → what its sender must have been permitted to tell."""
FREE = frozenset({"sip.requested", "sip.proposed", "sip.initiated", "sip.request.answered", "message.misdirected", "message.forwarded"})
NOTICES = frozenset(
    {"inpatient.admitted", "inpatient.discharge_ready", "inpatient.discharge_ready.revoked", "inpatient.discharged", "process.interrupted"}
)
MINIMAL = frozenset({"meeting", "purpose", "convener", "respond_by", "duty_holder", "questions", "digital_option"})
"""What an inbjudan may say at most (G4)."""
COORDINATORS = frozenset({"plan.proposed", "plan.established", "plan.revised", "plan.closed", "followup.summoned", "plan.copy.delivered"})


@dataclass
class Permission:
    """Until when something may be told, and which ways."""

    until: datetime | None
    ways: set[str]


@dataclass
class Ledger:
    """What the individual has permitted, by the messages that were taken."""

    given: dict[tuple[str, str], Permission] = field(default_factory=dict)
    chosen: set[str] = field(default_factory=set)
    plan: bool = False
    protected: bool = False
    coordinators: set[str] = field(default_factory=set)
    notice: bool = False

    def holds(self, scope: str, party: str, way: str, now: datetime) -> bool:
        """Say whether a scope is permitted one way, to a unit or to its whole agency."""
        found = (self.given.get((scope, name)) for name in {party, AGENCY.get(party, party)})
        return any(one is not None and way in one.ways and (one.until is None or now < one.until) for one in found)

    def take(self, message: Message, now: datetime) -> None:
        """Write down what a message that was taken means."""
        if message.subject is not None:
            self.protected |= message.subject.protection is not None
        match message.content:
            case c.ConsentGiven() as yes:
                for party in yes.parties:
                    self._give(yes.scopes, party, yes.valid_until)
                self.plan |= "plan" in yes.scopes
            case c.ConsentRefused() as no:
                self._take({scope for scope, _ in self.given if not no.scopes or scope in no.scopes}, None)
                self.chosen -= self.chosen if not no.scopes else set()
                self.plan &= bool(no.scopes) and "plan" not in no.scopes
            case c.ConsentAmended() as change:
                self._amend(change, now)
            case c.ConsentWithdrawn() as back if back.by is None:
                self._withdraw(back)
            case _:
                self._other(message)

    def _give(self, scopes: Any, party: c.Party, until: datetime | None) -> None:
        ways = {"to", "from"} if party.direction == "both" else {party.direction}
        for scope in scopes:
            self.given[scope, party.party] = Permission(until, set(ways))

    def _take(self, scopes: set[str], parties: set[str] | None) -> None:
        self.given = {
            key: one for key, one in self.given.items() if key[0] not in scopes or (parties is not None and key[1] not in parties)
        }

    def _amend(self, change: c.ConsentAmended, now: datetime) -> None:
        every = {scope for scope, _ in self.given}
        for party in change.remove_parties:
            self._take(every, {party, AGENCY.get(party, party)})
        self._take(set(change.remove_scopes), None)
        live = {scope for (scope, _), one in self.given.items() if one.until is None or now < one.until}
        for added in change.add_parties:
            self._give(live | set(change.add_scopes), added, None)
        for name in {party for _, party in self.given}:
            for scope in change.add_scopes:
                self.given[scope, name] = Permission(None, {"to", "from"})
        self.plan = (self.plan and "plan" not in change.remove_scopes) or "plan" in change.add_scopes

    def _withdraw(self, back: c.ConsentWithdrawn) -> None:
        everything = {scope for scope, _ in self.given}
        match back.extent:
            case "all":
                self.given, self.chosen, self.plan = {}, set(), False
            case "parties":
                self._take(everything, {name for party in back.parties for name in (party, AGENCY.get(party, party))})
            case _:
                self._take(set(back.scopes), None)
                self.plan &= "plan" not in back.scopes

    def _other(self, message: Message) -> None:
        content: Any = message.content
        match message.type:
            case "participants.approved":
                self.chosen = set(content.units)
                silent = {person.ref for person in content.people if person.objection}
                self._take({scope for scope, _ in self.given}, silent) if silent else None
            case "plan.closed" | "sip.request.withdrawn" | "subject.deceased":
                self.given, self.chosen = {}, set()
            case "message.entered_in_error" if content.extent == "case":
                self.given, self.chosen = {}, set()
            case "coordinator.changed":
                self.coordinators = {content.coordinator.unit, *([content.deputy.unit] if content.deputy else [])}
            case "plan.established" | "plan.revised":
                self.coordinators |= {content.plan.coordinator.unit}
            case "inpatient.discharge_ready":
                self.notice = True
            case "inpatient.discharge_ready.revoked" | "inpatient.admitted":
                self.notice = False
            case _:
                pass


class AnyOrder(RuleBasedStateMachine):
    """One case, and everybody who may say something of it."""

    @initialize()
    def begin(self) -> None:
        """The individual asks for a SIP."""
        self.desk = Desk()
        self.ledger = Ledger(coordinators={p.CONTACT})
        self.desk.story.requested()
        self.sent = [self.desk.story.sent[-1]]
        self.ledger.take(self.sent[0], self.desk.now)

    @precondition(lambda self: self.desk.state in ENDED)
    @rule()
    def begin_anew(self) -> None:
        """A case that has ended is followed by another."""
        self.begin()

    @rule(seeds=st.lists(SEEDS, min_size=4, max_size=16))
    def say(self, seeds: list[int]) -> None:
        """Several people say anything, one after the other."""
        for seed in seeds:
            self.take(self.anything(seed))

    def anything(self, seed: int) -> Message:
        """Return what a seed says: one number for each message, so that a long run stays small."""
        return Chance(random.Random(seed).choice, self.desk.story).message(self.desk.case, self.sent)

    @rule(days=st.sampled_from([1, 3, 40]), noticed=st.booleans())
    def wait(self, days: int, *, noticed: bool) -> None:
        """Time passes, and the sweep may notice what ran out."""
        self.desk.later(timedelta(days=days))
        ran_out = expired(self.desk.open, self.desk.now)
        if ran_out is not None and noticed:
            self.desk.case = ran_out.case

    @precondition(lambda self: len(self.sent) > PROTECTED_AFTER)
    @rule(seed=SEEDS)
    def say_it_is_protected(self, seed: int) -> None:
        """Late in a case, somebody learns that the person is protected."""
        message = self.anything(seed)
        if message.subject is not None:
            shielded = message.subject.model_copy(update={"protection": "confidentiality_flag"})
            self.take(message.model_copy(update={"subject": shielded}))

    @rule(seed=SEEDS)
    def say_as_another(self, seed: int) -> None:
        """Somebody speaks for a unit of another organisation, or of another person: neither is taken (G13, G15)."""
        message = self.anything(seed)
        stranger = Caller("2120009978", frozenset(), frozenset({"send"}), "desk")
        decided = self.desk.ask(message, stranger)
        assert getattr(decided, "code", None) == "sender.not_yours"
        if message.subject is not None:
            other = self.desk.ask(message.model_copy(update={"subject": OTHER_PERSON}))
            assert getattr(other, "kind", None) in {"not_there", "forbidden"}

    @precondition(lambda self: self.desk.state not in ENDED)
    @rule()
    def it_can_always_be_closed(self) -> None:
        """The coordinator could close it, now and once more (G12)."""
        before = self.desk.case
        story = Story(self.desk.send, now=self.desk.now, contact=self.desk.open.coordinating_unit, case_id=self.desk.story.case_id)
        for _ in range(2):
            story.closed(())
            assert (self.desk.last.code, self.desk.state) == (None, "CLOSED")
        self.desk.case = before

    def take(self, message: Message) -> None:
        """Hand a message in, and judge what became of it."""
        before = self.desk.open
        self.desk.send(message)
        self.sent.append(message)
        if self.desk.last.code is not None:
            assert self.desk.case == before
            return
        self.ledger.take(message, self.desk.now)
        self.judge_sender(message, before)
        for route in self.desk.last.routes:
            if route.state == "queued":
                self.judge_route(message, route)
        if before.state in ENDED:
            assert self.desk.state in {before.state, "VOID"}

    def judge_sender(self, message: Message, before: SipCase) -> None:
        """See that who said it might: G5, G6, G11, G14, G16, and no plan without a consent to it."""
        content, unit = message.content, message.sender.unit
        assert unit in before.units
        if message.type in COORDINATORS:
            assert unit in self.ledger.coordinators | {p.CONTACT}
            assert message.type in {"plan.closed", "plan.copy.delivered"} or self.ledger.plan
        if message.type.startswith("consent."):
            assert unit in PRINCIPAL
        match content:
            case m.MeetingSummoned():
                absent = content.individual_attendance == "absent_consented"
                parties = {party for _, party in self.ledger.given}
                live = any(
                    self.ledger.holds("meeting_in_absence", party, way, self.desk.now) for party in parties for way in ("to", "from")
                )
                assert not absent or live
                assert content.duty_basis != "LUS4:1" or (unit == p.CARE_CENTRE and self.ledger.notice)
            case m.MeetingResponse():
                place = next(found for found in before.meetings if found.id == content.meeting_id).participant(unit)
                assert place is not None
                planned = next(found for found in before.meetings if found.id == content.meeting_id).state == "planned"
                declined = content.response == "decline" and content.substitute_unit is None and content.substitute_name is None
                if place.duty and declined and planned:
                    assert "meeting.duty_declined" in self.desk.last.work
            case m.MeetingRescheduled():
                moved = next(found for found in self.desk.open.meetings if found.id == content.meeting.id)
                assert {found.state for found in moved.participants} <= {"SENT"}
            case d.InpatientAdmitted() | d.DischargeReady() | d.InpatientDischarged():
                assert unit == p.HOSPITAL
            case _:
                pass

    def judge_route(self, message: Message, route: Route) -> None:
        """See that who is told may be: G1, G2, G4, G10."""
        name, unit = message.type, route.recipient
        if self.ledger.protected:
            assert unit == p.CONTACT or name in FREE
        if isinstance(unit, PersonRef):
            assert unit != RELATIVE or name in FREE or self.permitted({"meeting"}, unit) or self.permitted({"copy_to_relative"}, unit)
            return
        if name in FREE:
            return
        assert unit != OUTSIDE or name in {"meeting.invited", "meeting.rescheduled", "coordinator.changed"}
        if name in NOTICES or name in {"splptlrv.established", "lss.established"}:
            assert unit in CARE
            assert route.basis == ("statutory_duty" if name in NOTICES else "secrecy_assessed")
            return
        if route.basis != "consent":
            assert route.basis == "secrecy_assessed"
            assert message.basis is not None
            assert message.basis.code == "secrecy_assessed"
            assert unit in CARE
            assert name in ASSESSED | {"meeting.response"}
            return
        if name in ANSWERS:
            assert self.ledger.holds(ANSWERS[name], message.sender.unit, "from", self.desk.now)
            return
        within, outside = ON_CONSENT[name]
        needed = within if unit in CARE else outside
        assert needed is not None
        assert unit in self.ledger.chosen
        assert self.permitted(needed, unit)
        if name == "meeting.invited":
            self.judge_invitation(message, unit)

    def permitted(self, scopes: set[str], unit: str) -> bool:
        """Say whether a unit may be told what needs these scopes."""
        return all(self.ledger.holds(scope, unit, "to", self.desk.now) for scope in scopes)

    def judge_invitation(self, message: Message, unit: str) -> None:
        """See that an inbjudan says no more than it may (G4)."""
        gone = shown(message, unit, self.desk.open, self.desk.directory, self.desk.now).omitted
        told = {name for name in message.to_document()["content"] if f"/content/{name}" not in gone}
        assert told <= MINIMAL
        assert {"/author", "/sender/unit"} <= set(gone)

    @invariant()
    def it_hangs_together(self) -> None:
        """One meeting at most is planned, who coordinates takes part, and a suspended case knows where it goes on."""
        if not hasattr(self, "desk"):
            return
        case = self.desk.open
        assert sum(found.state == "planned" for found in case.meetings) <= 1
        assert case.coordinating_unit in case.units
        assert case.state != "SUSPENDED_NO_CONSENT" or case.resumes is not None


AnyOrder.TestCase.settings = settings(
    max_examples=150,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
test_no_order_breaks_a_guard = AnyOrder.TestCase
