"""Any order of all message types from anybody, with time passing: no guard is broken.

What may happen is judged by a ledger of its own (`siphub.testing.ledger`), kept from the messages that were taken; it knows nothing of how the
policy decides.
"""

from __future__ import annotations

import random
from datetime import timedelta

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from siphub.model import Caller, Message, Person
from siphub.model import people as p
from siphub.model.case import SipCase
from siphub.model.identifiers import PersonNumber, PersonRef
from siphub.model.messages import discharge as d
from siphub.model.messages import meeting as m
from siphub.model.person import PersonNumberIdentity
from siphub.policy.consent import expired
from siphub.policy.routing import Route, shown
from siphub.testing.chance import Chance
from siphub.testing.desk import Desk
from siphub.testing.ledger import CARE, PRINCIPAL, Ledger
from siphub.testing.story import Story

SEEDS = st.integers(0, 2**32 - 1)
WORDS = st.lists(SEEDS, min_size=3, max_size=12)
"""What several people say. Every rule begins with it: hypothesis leaves rules out of whole runs, and one in which nobody speaks tries nothing."""
PROTECTED_AFTER = 60
"""So many messages later it may turn out that the person is protected: from then on little is told to anybody."""
EDGE = timedelta(seconds=1)
MOST_WAITING = 40
"""So many deliveries are taken to wait, the newest."""
ENDED = frozenset({"DECLINED_NO_NEED", "CLOSED", "VOID"})
OTHER_PERSON = Person(identity=PersonNumberIdentity(value=PersonNumber("201001042397")))
MINIMAL = frozenset({"meeting", "purpose", "convener", "respond_by", "duty_holder", "questions", "digital_option"})
"""What an inbjudan may say at most (G4)."""
COORDINATORS = frozenset({"plan.proposed", "plan.established", "plan.revised", "plan.closed", "followup.summoned", "plan.copy.delivered"})


class AnyOrder(RuleBasedStateMachine):
    """One case, and everybody who may say something of it."""

    @initialize()
    def begin(self) -> None:
        """The individual asks for a SIP."""
        self.desk = Desk()
        self.ledger = Ledger(coordinators={p.CONTACT})
        self.desk.story.requested()
        self.sent = [self.desk.story.sent[-1]]
        self.waiting: list[tuple[Message, Route]] = []
        self.ledger.take(self.sent[0], self.desk.now)

    @precondition(lambda self: self.desk.state in ENDED)
    @rule()
    def begin_anew(self) -> None:
        """A case that has ended is followed by another."""
        self.begin()

    @rule(seeds=WORDS)
    def say(self, seeds: list[int]) -> None:
        """Several people say anything, one after the other."""
        for seed in seeds:
            self.take(self.anything(seed))

    def anything(self, seed: int) -> Message:
        """Return what a seed says: one number for each message, so that a long run stays small."""
        return Chance(random.Random(seed).choice, self.desk.story).message(self.desk.case, self.sent)

    @rule(seeds=WORDS, days=st.sampled_from([1, 3, 40]), noticed=st.booleans())
    def wait(self, seeds: list[int], days: int, *, noticed: bool) -> None:
        """Time passes while people speak, and the sweep may notice what ran out."""
        self.say(seeds)
        self.pass_time(timedelta(days=days), noticed=noticed)

    @rule(seeds=WORDS, which=SEEDS, past=st.sampled_from([-EDGE, timedelta(0), EDGE, timedelta(days=4)]), noticed=st.booleans())
    def wait_until_a_consent_runs_out(self, seeds: list[int], which: int, past: timedelta, *, noticed: bool) -> None:
        """Time passes to the edge of a consent: just before it, its very end, just after, and some days on."""
        self.say(seeds)
        ends = self.ledger.ends(self.desk.now)
        if ends:
            self.pass_time(max(ends[which % len(ends)] + past - self.desk.now, timedelta(0)), noticed=noticed)

    def pass_time(self, time: timedelta, *, noticed: bool) -> None:
        """Let time pass, and the sweep notice what ran out; what waits is asked anew, as the claim does."""
        self.desk.later(time)
        ran_out = expired(self.desk.open, self.desk.now)
        if ran_out is not None and noticed:
            self.desk.case = ran_out.case
        self.judge_waiting()

    @rule(seeds=WORDS)
    def say_it_is_protected(self, seeds: list[int]) -> None:
        """Late in a case, somebody says that the person is protected; what others say then does not say so."""
        for seed in seeds:
            message = self.anything(seed)
            if message.subject is not None and len(self.sent) > PROTECTED_AFTER and not self.ledger.protected:
                shielded = message.subject.model_copy(update={"protection": "confidentiality_flag"})
                message = message.model_copy(update={"subject": shielded})
            self.take(message)

    @rule(seeds=WORDS)
    def say_as_another(self, seeds: list[int]) -> None:
        """Somebody speaks for a unit of another organisation, or of another person: neither is taken (G13, G15)."""
        self.say(seeds[1:])
        message = self.anything(seeds[0])
        stranger = Caller("2120009978", frozenset(), frozenset({"send"}), "desk")
        decided = self.desk.ask(message, stranger)
        assert getattr(decided, "code", None) == "sender.not_yours"
        if message.subject is not None:
            other = self.desk.ask(message.model_copy(update={"subject": OTHER_PERSON}))
            # Who was never told the person may not name one, whichever it is.
            assert getattr(other, "kind", None) in {"not_there", "forbidden"} or getattr(other, "code", None) == "subject.not_told"

    @rule(seeds=WORDS)
    def it_can_always_be_closed(self, seeds: list[int]) -> None:
        """The coordinator could close it, now and once more (G12)."""
        self.say(seeds)
        before = self.desk.case
        if self.desk.state in ENDED:
            return
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
                self.waiting = [*self.waiting[1 - MOST_WAITING :], (message, route)]
        if message.type.startswith("consent.") or message.type == "participants.approved":
            self.judge_waiting()
        if before.state in ENDED:
            assert self.desk.state in {before.state, "VOID"}

    def judge_waiting(self) -> None:
        """See that what was let through earlier and has not left yet is permitted still, where the claim would let it (G1)."""
        for message, route in self.waiting:
            basis = self.desk.basis_now(route)
            if basis is not None:
                forbidden = self.forbids(message, basis, route)
                assert forbidden in {None, "protected"}

    def judge_sender(self, message: Message, before: SipCase) -> None:
        """See that who said it might: G5, G6, G11, G14, G16, and no plan without a consent to it."""
        content, unit = message.content, message.sender.unit
        assert unit in before.units
        if message.type in COORDINATORS:
            assert unit in self.ledger.coordinators | {p.CONTACT}
            assert message.type in {"plan.closed", "plan.copy.delivered"} or self.ledger.permits_a_plan(self.desk.now)
        if message.type.startswith("consent."):
            assert unit in (CARE if message.type == "consent.withdrawn" else PRINCIPAL)
        match content:
            case m.MeetingInvited():
                assert unit in self.callers(before)
            case m.MeetingSummoned():
                assert unit in self.callers(before)
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

    def callers(self, before: SipCase) -> set[str]:
        """Return who may call at most: the contact, whoever has coordinated, and at a discharge the care contact's unit."""
        return {p.CONTACT, *self.ledger.coordinators, *({p.CARE_CENTRE} if before.discharge else ())}

    def judge_route(self, message: Message, route: Route) -> None:
        """See that who is told may be: G1, G2, G4, G10."""
        assert self.forbids(message, route.basis, route) is None
        if isinstance(message.content, m.MeetingResponse):
            gone = shown(message, route.recipient, self.desk.open, self.desk.directory, self.desk.now).omitted
            told = {name for name in message.to_document()["content"] if f"/content/{name}" not in gone}
            assert not told & self.ledger.unsaid(route.basis, message.sender.unit, self.desk.now)
        assert route.basis != "secrecy_assessed" or (message.basis is not None and message.basis.code == "secrecy_assessed")
        if message.type == "meeting.invited" and not isinstance(route.recipient, PersonRef):
            self.judge_invitation(message, route.recipient)

    def forbids(self, message: Message, basis: str | None, route: Route) -> str | None:
        """Return why a recipient may not be told a message on a basis, by the ledger's word."""
        answer = message.content.response if isinstance(message.content, m.MeetingResponse) else None
        return self.ledger.forbids(message.type, basis, message.sender.unit, route.recipient, self.desk.now, answer)

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
    max_examples=80,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
test_no_order_breaks_a_guard = AnyOrder.TestCase
