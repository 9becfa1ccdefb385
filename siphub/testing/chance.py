"""Anything that anybody may say of a case, chosen by chance and made to fit the case as it is, mostly: for tests that try every order.

What is chosen is asked of a function, so that a seeded generator and a property test drive the same words. It must never look at a rule:
whether something may be said is for the hub to decide.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from siphub.model import CATALOGUE, BasisClaim, Content, Message, sample
from siphub.model import people as p
from siphub.model.case import MeetingRecord, SipCase
from siphub.model.identifiers import PersonRef, UnitId
from siphub.model.messages import consent as c
from siphub.model.person import CasePerson, StaffMember, UnitContact
from siphub.testing.desk import OUTSIDE, PRIVATE
from siphub.testing.story import SECRECY_ASSESSED, Story

Pick = Callable[[Sequence[Any]], Any]
UNITS: tuple[UnitId, ...] = (p.CONTACT, p.HOME_CARE, p.SOCIAL_SERVICES, p.CARE_CENTRE, p.HOSPITAL, p.FK, PRIVATE, OUTSIDE)
RELATIVE = PersonRef("relative/1")
RELATIVE_NAME = "Siv Provsdotter"
HUBS_OWN = frozenset({"stop.notice", "meeting.reminder", "delivery.failed"})
TYPES: tuple[str, ...] = tuple(sorted(set(CATALOGUE) - HUBS_OWN))
"""Every type that people and systems send."""
SCOPES: tuple[tuple[c.Scope, ...], ...] = (
    ("plan", "meeting", "information_exchange", "invite", "meeting_in_absence"),
    ("meeting", "information_exchange"),
    ("plan",),
    ("invite", "meeting"),
    ("copy_to_relative",),
)
STATUTORY = BasisClaim(code="statutory_duty")
MEETINGS = tuple(UUID(int=number) for number in (11, 12, 13))
PLAN = UUID(int=21)
WARD = frozenset(name for name in CATALOGUE if name.startswith(("inpatient.", "process."))) | {"splptlrv.established"}
ANSWERING = frozenset({"meeting.response", "plan.commitment.confirmed", "plan.commitment.rejected", "activity.status"})

ENDS = frozenset(
    {
        "plan.closed",
        "subject.deceased",
        "sip.request.withdrawn",
        "message.entered_in_error",
        "consent.refused",
        "consent.withdrawn",
        "need.assessed",
    }
)
_CONSENTS = ("consent.given", "consent.given", "participants.approved", "consent.amended")
LEADS_ON: Mapping[str, tuple[str, ...]] = {
    "REQUESTED": _CONSENTS,
    "CONSENT_REFUSED": _CONSENTS,
    "SUSPENDED_NO_CONSENT": ("consent.given", "consent.given", "meeting.cancelled", "meeting.summoned", "meeting.held"),
    "PREPARING": ("meeting.summoned", "meeting.summoned", "meeting.invited", *_CONSENTS, "coordinator.changed"),
    "SUMMONED": ("meeting.held", "meeting.response", "meeting.response", "meeting.rescheduled", "meeting.invited", "participants.approved"),
    "DRAFTING": ("plan.proposed", "plan.proposed", "consent.given"),
    "IN_REVIEW": ("plan.commitment.confirmed", "plan.established", "plan.established", "consent.given"),
    "ACTIVE": (
        "followup.summoned",
        "followup.summoned",
        "activity.status",
        "plan.proposed",
        "plan.revised",
        "plan.copy.delivered",
        "coordinator.changed",
    ),
    "FOLLOW_UP": ("followup.held", "plan.revised", "meeting.response", "activity.status"),
}
"""State → what leads on from there."""


@dataclass(frozen=True)
class Chance:
    """Chooses what is said. `pick` chooses one of several; `story` says whose case it is."""

    pick: Pick
    story: Story

    def message(self, case: SipCase | None, sent: Sequence[Message]) -> Message:
        """Return a message of any type: mostly from who would say it, to who takes part, about what there is."""
        name = self.type(case)
        by = self.pick(UNITS) if self.pick(range(6)) == 0 else self.speaker(name, case)
        content = self.content(name, case, by, sent)
        to = () if CATALOGUE[name].internal else tuple(dict.fromkeys(self.recipients(name, by)))
        basis = self.pick((None, None, SECRECY_ASSESSED, STATUTORY)) if name not in WARD else self.pick((STATUTORY, STATUTORY, None))
        if name.endswith(".established") and name != "plan.established":
            basis = self.pick((SECRECY_ASSESSED, None))
        return self.story.message(content, to, by=by, basis=basis)

    def type(self, case: SipCase | None) -> str:
        """Return a type: half of the time one that leads the case on, seldom one that ends it."""
        if case is not None and self.pick(range(2)):
            return str(self.pick(LEADS_ON.get(case.state, TYPES)))
        name = self.pick(TYPES)
        return str(name if name not in ENDS or self.pick(range(12)) == 0 else "participants.approved")

    def speaker(self, name: str, case: SipCase | None) -> UnitId:
        """Return the unit that would say it."""
        if name in WARD:
            return p.HOSPITAL
        if name in ANSWERING:
            return UnitId(self.pick((p.HOME_CARE, p.CARE_CENTRE, p.FK)))
        return UnitId(case.coordinating_unit) if case is not None else self.story.contact

    def recipients(self, name: str, by: UnitId) -> tuple[Any, ...]:
        """Return who would be told."""
        if name in ANSWERING or name in {"sip.requested", "sip.proposed"}:
            return (self.story.contact,)
        some = (self.pick(UNITS), self.pick(UNITS), p.HOME_CARE)
        return (*some, self.pick(("individual", RELATIVE))) if self.pick(range(4)) == 0 and by != p.FK else some

    def content(self, name: str, case: SipCase | None, by: UnitId, sent: Sequence[Message]) -> Content:
        """Return what a type says, with this case's meeting, plan and people in it."""
        content = sample(name, maximal=False).content
        fields: dict[str, Any] = {**dict(content), **self.changed(name, case, by)}
        if "message_id" in fields:
            fields["message_id"] = self.pick(sent).message_id if sent else UUID(int=9)
        if "unit" in fields:
            fields["unit"] = by
        if "obtained_by" in fields:
            fields["obtained_by"] = StaffMember(name="Eva Kontakt", unit=by)
        return type(content).model_validate(fields)

    def changed(self, name: str, case: SipCase | None, by: UnitId) -> Mapping[str, Any]:
        """Return what of a sample's content is otherwise here."""
        if name.startswith(("meeting.", "followup.")):
            return self.of_meeting(name, case, by)
        if name.startswith("plan.") or name == "activity.status":
            return self.of_plan(name, case, by)
        match name:
            case "consent.given" | "consent.refused" | "consent.amended" | "consent.withdrawn":
                return self.of_consent(name)
            case "participants.approved":
                relative = CasePerson(ref=RELATIVE, name=RELATIVE_NAME, objection=self.pick((False, False, True)))
                return {"units": self.units(), "people": self.pick(((), (relative,)))}
            case "need.assessed":
                return {"needed": self.pick((True, True, False))}
            case "coordinator.changed":
                other = self.pick((self.story.contact, p.CARE_CENTRE))
                return {
                    "coordinator": UnitContact(name="Vera", unit=other, phone="090-765 43 21"),
                    "deputy": self.pick((None, self.story.convener)),
                }
            case "message.entered_in_error":
                return {"extent": self.pick(("message", "message", "message", "case"))}
            case _:
                other = name in {"splptlrv.established", "lss.established"}
                return {"version": case.plan.version + 1 if case and case.plan else 1, "plan_id": PLAN} if other else {}

    def units(self) -> tuple[UnitId, ...]:
        """Return some units."""
        return tuple(dict.fromkeys((p.HOME_CARE, self.pick(UNITS), self.pick(UNITS))))

    def of_consent(self, name: str) -> Mapping[str, Any]:
        """Return what a consent event is about."""
        parties = (*self.units(), *self.pick(((), (RELATIVE,), (p.FORSAKRINGSKASSAN,))))
        way: c.Direction = self.pick(("both", "both", "to", "from"))
        named = tuple(c.Party(party=party, direction=way) for party in parties)
        scopes = self.pick(SCOPES)
        match name:
            case "consent.given":
                until = self.story.now + timedelta(days=self.pick((2, 2, 30)))
                return {"scopes": scopes, "parties": named, "given_by": self.story.own_word, "valid_until": self.pick((None, until))}
            case "consent.refused":
                return {"scopes": self.pick(((), ("plan",), ("meeting",)))}
            case "consent.amended":
                kinds = ({"add_parties": named[:1]}, {"remove_parties": parties[:1]}, {"add_scopes": scopes}, {"remove_scopes": scopes[:1]})
                return {"add_parties": (), **self.pick(kinds)}
            case _:
                extents = ({"extent": "all"}, {"extent": "parties", "parties": parties[:1]}, {"extent": "scopes", "scopes": scopes[:1]})
                return {"at": self.story.now, **self.pick(extents)}

    def meeting_in(self, case: SipCase | None) -> MeetingRecord | None:
        """Return a meeting of the case, mostly the one that is planned."""
        if case is None or not case.meetings:
            return None
        planned = [found for found in case.meetings if found.state == "planned"]
        return planned[-1] if planned and self.pick(range(5)) else self.pick(case.meetings)

    def of_meeting(self, name: str, case: SipCase | None, by: UnitId) -> Mapping[str, Any]:
        """Return which meeting a message is about; a new one where there is none, or by chance."""
        known = self.meeting_in(case)
        if name in {"meeting.summoned", "meeting.invited", "followup.summoned"} and (
            known is None or known.state != "planned" or self.pick(range(6)) == 0
        ):
            known = None
        meeting_id, version = (known.id, known.version) if known else (self.pick(MEETINGS), 1)
        self.story.meeting_id = meeting_id
        convener = UnitContact(name="Eva Kontakt", unit=by, phone="090-123 45 67")
        times = {"respond_by": self.story.now + timedelta(days=7), "convener": convener}
        plan = {"plan_id": PLAN, "plan_version": case.plan.version if case and case.plan else 1}
        match name:
            case "meeting.response":
                return {
                    "meeting_id": meeting_id,
                    "meeting_version": version,
                    "response": self.pick(("accept", "decline", "tentative", "contact-us")),
                    "reason": self.pick((None, "other")),
                }
            case "meeting.cancelled":
                return {"meeting_id": meeting_id, "meeting_version": version}
            case "meeting.held":
                came = {"attended_units": self.units(), "outcome": self.pick(("plan", "plan", "no_plan", "new_meeting"))}
                return {
                    "meeting_id": meeting_id,
                    "meeting_version": version,
                    "individual": self.pick(("present", "absent_consented")),
                    **came,
                }
            case "followup.held":
                return {"meeting_id": meeting_id, "meeting_version": version, "attended_units": self.units(), **plan}
            case "meeting.rescheduled":
                return {"meeting": self.story.meeting(version + 1), "supersedes": version, **times}
            case "meeting.summoned":
                basis = {"duty_basis": self.pick(("SoL10:8", "SoL10:8", "LUS4:1")), "participating_units": (by,)}
                absent = self.pick((None, None, "absent_consented"))
                return {"meeting": self.story.meeting(version), "individual_attendance": absent, **basis, **times}
            case "followup.summoned":
                return {"meeting": self.story.meeting(version), "questions": (), **plan, **times}
            case _:
                return {"meeting": self.story.meeting(version), **times}

    def of_plan(self, name: str, case: SipCase | None, by: UnitId) -> Mapping[str, Any]:
        """Return which version of the plan a message is about."""
        newest = (case.draft or case.plan) if case else None
        version = newest.version if newest else 0
        if name in {"plan.proposed", "plan.established", "plan.revised"}:
            self.story.plan_id = PLAN
            drafted = name == "plan.revised" and case is not None and case.draft is not None
            step = 0 if name == "plan.established" or drafted else 1
            return {"plan": self.story.plan((self.story.contact, p.HOME_CARE), max(1, version + step))}
        about = {"plan_id": PLAN, "plan_version": max(1, version)}
        match name:
            case "activity.status":
                about = {**about, "plan_version": case.plan.version if case and case.plan else 1}
                return {**about, "activity": "a2", "reporter": StaffMember(name="Hanna", unit=by)}
            case "plan.closed":
                return {}
            case "plan.copy.delivered":
                about = {**about, "plan_version": case.plan.version if case and case.plan else 1}
                return {**about, "recipient": "individual"}
            case _:
                return {**about, "activities": ("a2",)}
