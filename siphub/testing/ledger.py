"""What an individual has permitted, kept from the messages that were taken, by somebody who knows nothing of how the policy decides.

A second opinion for tests that try every order. Where it cannot know exactly (an amendment gives what others of the same sort have) it
allows too much, never too little. It must never import the policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from siphub.model import Message
from siphub.model import people as p
from siphub.model.identifiers import person_ref
from siphub.model.messages import consent as c
from siphub.testing.chance import RELATIVE
from siphub.testing.desk import OUTSIDE, PRIVATE

CARE = frozenset({p.CONTACT, p.HOME_CARE, p.SOCIAL_SERVICES, p.CARE_CENTRE, p.HOSPITAL, PRIVATE})
PRINCIPAL = CARE - {PRIVATE}
AGENCY: Mapping[str, str] = {p.FK: p.FORSAKRINGSKASSAN, p.AF: p.ARBETSFORMEDLINGEN}
ON_CONSENT: Mapping[str, tuple[set[str], set[str] | None]] = {
    "meeting.summoned": ({"meeting", "information_exchange"}, None),
    "meeting.held": ({"meeting", "information_exchange"}, None),
    "meeting.rescheduled": ({"meeting", "information_exchange"}, {"meeting", "invite"}),
    "meeting.reminder": ({"meeting", "information_exchange"}, {"meeting", "invite"}),
    "meeting.invited": ({"never"}, {"meeting", "invite"}),
    "coordinator.changed": ({"information_exchange"}, {"meeting", "invite"}),
    "plan.proposed": ({"plan", "information_exchange"}, None),
    "plan.established": ({"plan", "information_exchange"}, None),
    "plan.revised": ({"plan", "information_exchange"}, None),
    "followup.summoned": ({"plan", "meeting", "information_exchange"}, None),
    "followup.held": ({"plan", "information_exchange"}, None),
}
"""Type → what a unit of care, and anybody outside, must have been permitted to be told; None: never told."""
ASSESSED = frozenset({"meeting.summoned", "meeting.held", "meeting.rescheduled", "meeting.reminder", "coordinator.changed"})
"""Types that a sender's own assessment can carry to units of care."""
ANSWERS = {
    "meeting.response": "meeting",
    "plan.commitment.confirmed": "plan",
    "plan.commitment.rejected": "plan",
    "activity.status": "plan",
}
"""Type → what its sender must have been permitted to tell."""
OF_ITS_OWN = frozenset({"reason", "written_input_ref"})
"""What of an answer to a call its sender tells only where it may tell (K3)."""
FREE = frozenset(
    {
        "sip.requested",
        "sip.proposed",
        "sip.initiated",
        "sip.request.answered",
        "message.misdirected",
        "message.forwarded",
        "delivery.failed",
    }
)
NOTICES = frozenset(
    {"inpatient.admitted", "inpatient.discharge_ready", "inpatient.discharge_ready.revoked", "inpatient.discharged", "process.interrupted"}
)
OTHER_PLANS = frozenset({"splptlrv.established", "lss.established"})
TO_OUTSIDERS = frozenset({"meeting.invited", "meeting.rescheduled", "meeting.reminder", "coordinator.changed"})


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
    plan_until: datetime | None = None
    protected: bool = False
    coordinators: set[str] = field(default_factory=set)
    notice: bool = False

    def holds(self, scope: str, party: str, way: str, now: datetime) -> bool:
        """Say whether a scope is permitted one way, to a unit or to its whole agency."""
        found = (self.given.get((scope, name)) for name in {party, AGENCY.get(party, party)})
        return any(one is not None and way in one.ways and (one.until is None or now < one.until) for one in found)

    def permits_a_plan(self, now: datetime) -> bool:
        """Say whether a plan may be made."""
        return self.plan and (self.plan_until is None or now < self.plan_until)

    def ends(self, now: datetime) -> tuple[datetime, ...]:
        """Return when something that is permitted now runs out, soonest first."""
        return tuple(sorted({one.until for one in self.given.values() if one.until is not None and one.until > now}))

    def take(self, message: Message, now: datetime) -> None:
        """Write down what a message that was taken means."""
        if message.subject is not None:
            self.protected |= message.subject.protection is not None
        match message.content:
            case c.ConsentGiven() as yes:
                for party in yes.parties:
                    self._give(yes.scopes, party, yes.valid_until)
                if "plan" in yes.scopes:
                    self.plan, self.plan_until = True, yes.valid_until
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
        self.plan &= "plan" not in change.remove_scopes
        if "plan" in change.add_scopes:
            self.plan, self.plan_until = True, None

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

    def permits(self, scopes: set[str], unit: str, now: datetime) -> bool:
        """Say whether a unit may be told what needs these scopes."""
        return all(self.holds(scope, unit, "to", now) for scope in scopes)

    def unsaid(self, basis: str | None, sender: str, now: datetime) -> frozenset[str]:
        """Return what of an answer to a call may not come to its convener (K3)."""
        return OF_ITS_OWN if basis == "consent" and not self.holds("meeting", sender, "from", now) else frozenset()

    def _answers(self, name: str, sender: str, answer: str | None, now: datetime) -> bool:
        """Say whether a party may tell something: whether it comes to a meeting also where it may only be told, but outside care no perhaps (K3)."""
        told = name == "meeting.response" and (answer != "tentative" or sender in CARE) and self.holds("meeting", sender, "to", now)
        return told or self.holds(ANSWERS[name], sender, "from", now)

    def forbids(self, name: str, basis: str | None, sender: str, unit: str, now: datetime, answer: str | None = None) -> str | None:
        """Return why a recipient may not be told a message of a type on a basis (G1, G2, G10), or None. `answer` is what it says to a call."""
        if self.silent(name, unit):
            return "protected"
        if name in FREE:
            return None
        if person_ref(unit) is not None:
            told = self.permits({"meeting"}, unit, now) or self.permits({"copy_to_relative"}, unit, now)
            return None if unit != RELATIVE or told else "the relative is not permitted"
        if name in NOTICES | OTHER_PLANS:
            fits = unit in CARE and basis == ("statutory_duty" if name in NOTICES else "secrecy_assessed")
            return None if fits else "not on that basis"
        if basis != "consent":
            fits = unit in CARE and basis == "secrecy_assessed" and name in ASSESSED | {"meeting.response"}
            return None if fits else "nobody's assessment can carry it"
        if name in ANSWERS:
            return None if self._answers(name, sender, answer, now) else "the sender may not tell"
        return self._on_consent(name, unit, now)

    def silent(self, name: str, unit: str) -> bool:
        """Say whether nothing of a type is told to a unit, because the individual is protected (G10): all that speaks of them."""
        return self.protected and unit != p.CONTACT and name not in FREE | {"stop.notice"}

    def _on_consent(self, name: str, unit: str, now: datetime) -> str | None:
        within, outside = ON_CONSENT[name]
        needed = within if unit in CARE else outside
        if needed is None or (unit == OUTSIDE and name not in TO_OUTSIDERS):
            return "never told"
        if unit not in self.chosen:
            return "not chosen"
        return None if self.permits(needed, unit, now) else "not permitted"
