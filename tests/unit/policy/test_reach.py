"""Every entry of the case's and the consent's state tables is taken by catalogue messages and time alone, from nothing.

From every case it has come to, the walk tries every message and every jump of the clock, through `decide` and the sweep's own pure
function, and goes on from what is new, where it has been least first. It must never be told that an entry need not be reached.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from siphub.model import people as p
from siphub.model import sample
from siphub.model.case import SipCase
from siphub.model.identifiers import PersonRef, UnitId
from siphub.model.messages import around as a
from siphub.model.messages import consent as c
from siphub.model.messages import discharge as d
from siphub.model.messages import ending as e
from siphub.model.messages import followup as f
from siphub.model.messages import otherplan as o
from siphub.model.messages import plan as pl
from siphub.model.messages import request as rq
from siphub.model.person import CasePerson, StaffMember
from siphub.policy import consent, lifecycle
from siphub.policy.standing import consents_standing
from siphub.testing.desk import Desk, wide_directory
from siphub.testing.story import SECRECY_ASSESSED, Story

A, B = p.HOME_CARE, p.SOCIAL_SERVICES
SIV = PersonRef("relative/1")
CASE, MEETING, PLAN = (UUID(int=number) for number in (1, 2, 3))
DIRECTORY = wide_directory()
MOST = 2400
"""From so many cases the walk goes on at most; it needs little more than half."""
Taken = set[tuple[str, str]]


class Watched(dict[Any, Any]):
    """One row of a state table, as it is, that remembers which of its entries were asked for and are there."""

    def __init__(self, event: str, steps: Mapping[Any, Any], taken: Taken) -> None:
        super().__init__(steps)
        self._event, self._taken = event, taken

    def get(self, state: Any, default: Any = None) -> Any:
        """Return what follows, and remember it."""
        if state in self:
            self._taken.add((self._event, state))
        return super().get(state, default)


def entries(table: Mapping[str, Mapping[Any, Any]]) -> Taken:
    """Return every entry of a table."""
    return {(event, state) for event, steps in table.items() for state in steps}


Look = tuple[object, ...]


@dataclass
class Walk:
    """How far the walk has come: the cases to go on from by place, how often each state and place was gone on from, and what has been seen."""

    waiting: dict[Look, deque[tuple[SipCase, datetime]]] = field(default_factory=dict)
    been: Counter[Look] = field(default_factory=Counter)
    seen: set[Look] = field(default_factory=set)

    def note(self, case: SipCase, now: datetime) -> None:
        """Go on from a case later, unless one that looks the same was seen."""
        place = afar(case, now)
        looks = (*place, *near(case, now))
        if looks not in self.seen:
            self.seen.add(looks)
            self.waiting.setdefault(place, deque()).append((case, now))

    def next(self) -> tuple[SipCase, datetime]:
        """Return a case to go on from, of the place that has been gone on from least."""
        places = (place for place, cases in self.waiting.items() if cases)
        place = min(places, key=lambda place: (self.been[place[:1]], self.been[place[:5]], self.been[place]))
        self.been.update((place[:1], place[:5], place))
        waiting = self.waiting[place]
        return waiting.pop() if self.been[place] % 2 else waiting.popleft()

    @property
    def over(self) -> bool:
        """Say whether there is nowhere to go, or it has gone on long enough."""
        return self.been.total() >= 3 * MOST or not any(self.waiting.values())


def afar(case: SipCase, now: datetime) -> Look:
    """Return what of a case decides most of what can happen next: its state first, then whether it is suspended or at a discharge, and what is planned."""
    planned = frozenset((found.kind, found.discharge) for found in case.meetings if found.state == "planned")
    said = frozenset(found.confirmed for found in case.plan.commitments) if case.plan else None
    notice = case.state == "SUSPENDED_NO_CONSENT" and given_notice(case)
    permitted = [grant for grant in case.grants if grant.holds(now) and grant.scope != consent.PARTICIPANT]
    live, ends = frozenset(grant.party for grant in permitted), frozenset(grant.until is not None for grant in permitted)
    meetings = frozenset((found.kind, found.state) for found in case.meetings)
    plan = case.plan.state if case.plan else None
    return case.state, case.resumes, planned, notice, ends, plan, said, case.discharge is not None, meetings, live


def given_notice(case: SipCase) -> bool:
    """Say whether the hospital has said that the person is ready to go home."""
    return case.discharge is not None and case.discharge.notice_id is not None


def near(case: SipCase, now: datetime) -> Look:
    """Return the rest of it: what is permitted to whom, and what became of asking. Ids, times and versions decide nothing here."""
    grants = frozenset((grant.scope, grant.party, grant.direction, grant.holds(now), grant.until is None) for grant in case.grants)
    told = frozenset((found.party, found.scope, found.state) for found in consents_standing(case, now))
    return case.owner, grants, told, case.plan_consent is not None, given_notice(case)


def standing_plan(desk: Desk) -> int:
    """Return the version of the plan there is, 0 for none."""
    return desk.open.plan.version if desk.open.plan else 0


def newest_plan(desk: Desk) -> int:
    """Return the version of the draft of the next plan, or of the plan where none is drafted."""
    return desk.open.draft.version if desk.open.draft else standing_plan(desk)


def meeting_of(desk: Desk, kind: str = "sip") -> tuple[UUID, int]:
    """Return the newest meeting of a kind and its version; a new one where there is none to go on with."""
    mine = [found for found in desk.open.meetings if found.kind == kind and found.state == "planned"]
    return (mine[-1].id, mine[-1].version) if mine else (UUID(int=100 + len(desk.open.meetings)), 1)


def called(desk: Desk, basis: Any = None, duty_basis: str = "SoL10:8") -> None:
    """Call home care to the meeting there is, or to a new one."""
    desk.story.meeting_id, version = meeting_of(desk)
    content = desk.story.kallelse().model_copy(update={"meeting": desk.story.meeting(version), "duty_basis": duty_basis})
    desk.story.say(content, [A], basis=basis)


def invited(desk: Desk) -> None:
    """Invite Försäkringskassan to what is planned, or to a new meeting."""
    planned = [found for found in desk.open.meetings if found.state == "planned"]
    desk.story.meeting_id, version = (planned[-1].id, planned[-1].version) if planned else meeting_of(desk)
    content = sample("meeting.invited").content.model_copy(update={"meeting": desk.story.meeting(version), "convener": desk.story.convener})
    desk.story.say(content, [p.FK])


def any_meeting(act: Callable[[Story, int], object]) -> Callable[[Desk], object]:
    """Return what does something with every meeting of the case, in its version, one after the other."""

    def each(desk: Desk) -> None:
        for found in desk.open.meetings:
            desk.story.meeting_id = found.id
            act(desk.story, found.version)

    return each


moved = any_meeting(lambda story, version: story.rescheduled([A], version + 1))
answered = any_meeting(lambda story, version: story.responded(A, version=version))
called_off = any_meeting(lambda story, version: story.cancelled([A], version))


def held(outcome: str) -> Callable[[Desk], object]:
    """Return what holds the meeting."""

    def hold(desk: Desk) -> None:
        desk.story.meeting_id, version = meeting_of(desk)
        desk.story.held([A], version, outcome)

    return hold


def follow_up(desk: Desk) -> None:
    """Call to a follow-up."""
    desk.story.meeting_id, version = meeting_of(desk, "follow_up")
    content = f.FollowUpSummoned(
        meeting=desk.story.meeting(version),
        plan_id=PLAN,
        plan_version=max(1, standing_plan(desk)),
        purpose="follow-up",
        convener=desk.story.convener,
        duty_basis="SoL10:8",
        respond_by=desk.now + timedelta(days=7),
    )
    desk.story.say(content, [A])


def followed_up(desk: Desk) -> None:
    """Hold the follow-up."""
    meeting_id, version = meeting_of(desk, "follow_up")
    fields = {"meeting_id": meeting_id, "meeting_version": version, "plan_id": PLAN, "plan_version": max(1, standing_plan(desk))}
    more = {"held_on": p.DAY, "attended_units": (A,), "individual": "present", "decision": "revise"}
    desk.story.say(f.FollowUpHeld.model_validate({**fields, **more}), [A])


def plan(kind: Any, step: int) -> Callable[[Desk], object]:
    """Return what says a plan with a part for home care, so many versions after the one there is."""

    def say(desk: Desk) -> None:
        drafted = kind is pl.PlanRevised and desk.open.draft is not None
        version = max(1, newest_plan(desk) + (0 if drafted else step))
        kinds = {p.REGION: "region", p.MUNICIPALITY: "municipality"}
        said = desk.story.plan((desk.story.contact, A), version)
        owner = said.overall_responsible.model_copy(update={"kind": kinds[desk.open.owner]})
        more = {"changes": "Ny tid.", "reason": "follow-up", "approved_by_individual": True} if kind is pl.PlanRevised else {}
        desk.story.say(kind(plan=said.model_copy(update={"overall_responsible": owner}), **more), [A])

    return say


def committed(kind: Any) -> Callable[[Desk], object]:
    """Return home care's word for its part."""

    def say(desk: Desk) -> None:
        content = kind(plan_id=PLAN, plan_version=max(1, newest_plan(desk)), activities=("a2",), unit=A)
        desk.story.say(content, [desk.story.contact], by=A)

    return say


def reported(desk: Desk) -> None:
    """Say how home care's part goes."""
    fields = {"plan_id": PLAN, "plan_version": max(1, standing_plan(desk)), "activity": "a2", "status": "done", "status_on": p.DAY}
    content = f.ActivityStatus.model_validate({**fields, "reporter": StaffMember(name="Hanna", unit=A)})
    desk.story.say(content, [desk.story.contact], by=A)


def given(*scopes: c.Scope, party: Any = A, days: int | None = None, way: c.Direction = "both") -> Callable[[Desk], object]:
    """Return a yes."""

    def say(desk: Desk) -> None:
        until = desk.now + timedelta(days=days) if days else None
        changes = {"parties": (c.Party(party=party, direction=way),), "scopes": scopes, "valid_until": until, "obtained_by": desk.story.eva}
        desk.story.say(sample("consent.given").content.model_copy(update=changes))

    return say


def amended(**more: Any) -> Callable[[Desk], object]:
    """Return an amendment."""

    def say(desk: Desk) -> object:
        return desk.story.say(c.ConsentAmended.model_validate({"obtained_by": desk.story.eva, "obtained_on": p.DAY, **more}))

    return say


def approved(*people: CasePerson) -> Callable[[Desk], object]:
    """Return the choice of home care, and of who there is on the individual's side."""

    def say(desk: Desk) -> object:
        return desk.story.say(rq.ParticipantsApproved(units=(A,), approved_on=p.DAY, approved_how="oral", people=people))

    return say


def in_error(extent: str) -> Callable[[Desk], object]:
    """Return a message, or the case, entered in error."""

    def say(desk: Desk) -> object:
        fields = {"message_id": UUID(int=9), "extent": extent, "found_by": desk.story.eva, "found_on": p.DAY}
        return desk.story.say(e.EnteredInError.model_validate(fields))

    return say


def as_sampled(name: str, *to: Any, by: UnitId | None = None, **more: object) -> Callable[[Desk], object]:
    """Return a sample's content, said by the contact unless a unit is named."""

    def say(desk: Desk) -> object:
        content = sample(name).content
        changes = {**more, **({"unit": by or desk.story.contact} if "unit" in type(content).model_fields else {})}
        return desk.story.say(content.model_copy(update=changes), to, by=by)

    return say


def other_plan(name: str, content: type[o.CompulsoryCarePlan | o.LssPlan], by: UnitId) -> Callable[[Desk], object]:
    """Return the first version of a plan that is no SIP, or the next."""

    def say(desk: Desk) -> object:
        version = desk.case.plan.version + 1 if desk.case and desk.case.plan else 1
        said = content.model_validate({**dict(sample(name).content), "version": version, "plan_id": PLAN})
        return desk.story.say(said, [by], by=by)

    return say


def coordinated(desk: Desk) -> object:
    """Change the coordinator to the one there is."""
    return desk.story.say(a.CoordinatorChanged(coordinator=desk.story.convener, from_date=p.DAY, agreed_with_individual=True), [A])


def copied(desk: Desk) -> object:
    """Hand over a copy of the plan."""
    fields = {"plan_id": PLAN, "plan_version": max(1, standing_plan(desk)), "recipient": "individual", "channel": "paper"}
    return desk.story.say(a.PlanCopyDelivered.model_validate({**fields, "delivered_on": p.DAY}))


def admitted(desk: Desk) -> object:
    """Admit her to hospital."""
    more = {"care_contact_unit": p.CARE_CENTRE}
    content = d.InpatientAdmitted.model_validate({**dict(sample("inpatient.admitted").content), **more})
    return desk.story.say(content, [p.CARE_CENTRE], by=p.HOSPITAL)


def withdrawn(**more: Any) -> Callable[[Desk], object]:
    """Return a consent taken back."""

    def say(desk: Desk) -> object:
        return desk.story.say(c.ConsentWithdrawn.model_validate({"received_by": desk.story.eva, "at": desk.now, **more}))

    return say


ENOUGH: tuple[c.Scope, ...] = ("meeting", "information_exchange", "plan")
SIV_HERSELF = CasePerson(ref=SIV, name="Siv Provsdotter", chosen=True)
ACTS: tuple[Callable[[Desk], object], ...] = (
    lambda desk: desk.story.requested(),
    as_sampled("sip.proposed", p.CONTACT),
    as_sampled("sip.initiated", p.CARE_CENTRE),
    as_sampled("sip.request.answered", "individual"),
    as_sampled("sip.request.withdrawn"),
    as_sampled("inpatient.discharge_ready", p.CARE_CENTRE, by=p.HOSPITAL, care_contact_unit=p.CARE_CENTRE),
    as_sampled("inpatient.discharged", p.CARE_CENTRE, by=p.HOSPITAL),
    as_sampled("need.assessed"),
    as_sampled("need.assessed", needed=False),
    approved(),
    approved(SIV_HERSELF),
    approved(SIV_HERSELF.model_copy(update={"chosen": False, "objection": True})),
    given(*ENOUGH),
    given(*ENOUGH, days=10),
    given("meeting", days=10),
    given("invite", way="to"),
    given("meeting", party=B),
    given(*ENOUGH, party=B, days=10),
    given("copy_to_relative", party=SIV),
    given("copy_to_relative", party=SIV, days=10),
    lambda desk: desk.story.refused(),
    lambda desk: desk.story.refused(("plan",)),
    lambda desk: desk.story.refused(("meeting", "information_exchange")),
    amended(add_parties=(c.Party(party=A, direction="to"),)),
    amended(add_parties=(c.Party(party=A),)),
    amended(add_scopes=("plan",)),
    amended(remove_parties=(A,)),
    amended(remove_scopes=("information_exchange",)),
    withdrawn(),
    withdrawn(extent="parties", parties=(A,)),
    withdrawn(extent="scopes", scopes=("plan",)),
    called,
    lambda desk: called(desk, SECRECY_ASSESSED),
    lambda desk: called(desk, SECRECY_ASSESSED, "LUS4:1"),
    invited,
    answered,
    moved,
    called_off,
    held("plan"),
    held("no_plan"),
    held("new_meeting"),
    plan(pl.PlanProposed, 1),
    plan(pl.PlanEstablished, 0),
    plan(pl.PlanRevised, 1),
    committed(pl.CommitmentConfirmed),
    committed(pl.CommitmentRejected),
    lambda desk: desk.story.closed([A]),
    copied,
    coordinated,
    reported,
    follow_up,
    followed_up,
    as_sampled("message.misdirected", p.CONTACT),
    in_error("message"),
    in_error("case"),
    as_sampled("subject.deceased"),
    admitted,
    other_plan("splptlrv.established", o.CompulsoryCarePlan, p.HOSPITAL),
    other_plan("lss.established", o.LssPlan, p.CONTACT),
    as_sampled("ack.received"),
)
"""Everything anybody can say, made to fit the case as it is."""
OPENINGS: tuple[tuple[UnitId, Callable[[Desk], object]], ...] = (
    (p.CONTACT, lambda desk: desk.story.requested()),
    (p.CONTACT, as_sampled("sip.proposed", p.CONTACT)),
    (p.CONTACT, as_sampled("sip.initiated", p.CARE_CENTRE)),
    (p.CARE_CENTRE, admitted),
    (p.HOSPITAL, other_plan("splptlrv.established", o.CompulsoryCarePlan, p.HOSPITAL)),
    (p.CONTACT, other_plan("lss.established", o.LssPlan, p.CONTACT)),
)
"""What opens a case, and the unit that speaks for it."""


def desk_for(case: SipCase | None, now: datetime, contact: UnitId) -> Desk:
    """Return a desk with a case, and a story that goes on with it."""
    desk = Desk(now=now, directory=DIRECTORY, case=case)
    desk.story = Story(desk.send, now=now, owner=contact.organisation, contact=contact, case_id=CASE, meeting_id=MEETING, plan_id=PLAN)
    return desk


def following(case: SipCase, now: datetime) -> Iterator[tuple[SipCase, datetime]]:
    """Yield every other case that one message, or time, makes of a case; most messages are refused, and change nothing."""
    for act in ACTS:
        desk = desk_for(case, now, case.coordinating_unit)
        act(desk)
        if desk.open is not case:
            yield desk.open, now
    for days in (1, 11):
        later = now + timedelta(days=days)
        ran_out = consent.expired(case, later)
        yield (ran_out.case if ran_out is not None else case), later


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_entry_of_the_case_and_of_the_consent_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given nothing, when messages and time follow one another, then every (state, event) entry of the two tables is taken at least once."""
    cases: Taken = set()
    consents: Taken = set()
    wanted = entries(lifecycle.CASE), entries(lifecycle.CONSENT)
    monkeypatch.setattr(lifecycle, "CASE", {event: Watched(event, steps, cases) for event, steps in lifecycle.CASE.items()})
    monkeypatch.setattr(lifecycle, "CONSENT", {event: Watched(event, steps, consents) for event, steps in lifecycle.CONSENT.items()})
    walk = Walk()
    opened = set()
    for contact, act in OPENINGS:
        desk = desk_for(None, p.NOON, contact)
        act(desk)
        assert desk.last.code is None
        opened.add(desk.open.opened_by)
        walk.note(desk.open, p.NOON)
    assert opened == set(lifecycle.OPENING)
    while (cases, consents) != wanted and not walk.over:
        for found in following(*walk.next()):
            walk.note(*found)
    assert sorted(wanted[0] - cases) == []
    assert sorted(wanted[1] - consents) == []
