"""A case acted out: the messages people would send, in their order, handed to whatever takes them.

A story sends through a function it is given, so that the same story runs through every door. It waits for the hub by looking, never by
sleeping for a fixed time. It must never look into the hub's decisions: what happened is read from answers and from partners' ledgers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol
from uuid import UUID, uuid4

from siphub.model import Author, BasisClaim, Content, Message, Person, Sender, UnitContact, model_of
from siphub.model import people as p
from siphub.model.identifiers import OrganisationNumber, PersonNumber, PersonRef, UnitId
from siphub.model.messages import CATALOGUE
from siphub.model.messages import consent as c
from siphub.model.messages import meeting as m
from siphub.model.messages import plan as pl
from siphub.model.messages import request as rq
from siphub.model.person import PersonNumberIdentity, StaffMember
from siphub.policy.grounds import OF_AGE, age

ALL: tuple[c.Scope, ...] = ("plan", "meeting", "information_exchange", "invite")
CANARY = "Kanariefågel 4711: det här är mina egna ord."
"""What the individual wrote; it must be found with the contact and nowhere else (REQ-34, REQ-90)."""


class Answered(Protocol):
    """What a story needs of an answer: each recipient's state and reason at intake."""

    @property
    def states(self) -> Mapping[str, tuple[str, str | None]]:
        """Recipient → (state, reason)."""


Send = Callable[[Message], Answered]


_FIRST_LOOK, _LAST_LOOK = 0.005, 0.05
"""How long is waited between two looks, in seconds: at first, and in the end."""


def until(happened: Callable[[], object], within: float = 20.0) -> bool:
    """Look again and again until something has happened; return whether it has.

    At first often, then less: who looks takes the processor from what is waited for.
    """
    deadline, pause = time.monotonic() + within, _FIRST_LOOK
    while time.monotonic() < deadline:
        if happened():
            return True
        time.sleep(pause)
        pause = min(1.3 * pause, _LAST_LOOK)
    return bool(happened())


@dataclass
class Story:
    """One case. `send` hands a message in as the unit that sends it.

    Args:
        send: Takes a message to the hub.
        owner: The municipality whose case it is, and its contact.
        person: Whose plan it is: one of Skatteverket's test numbers.
    """

    send: Send
    owner: OrganisationNumber = p.MUNICIPALITY
    contact: UnitId = p.CONTACT
    person: PersonNumber = p.SUBJECT_NUMBER
    case_id: UUID = field(default_factory=uuid4)
    meeting_id: UUID = field(default_factory=uuid4)
    plan_id: UUID = field(default_factory=uuid4)
    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    sent: list[Message] = field(default_factory=list)

    # ── making ──

    def message(
        self,
        content: Content,
        to: Sequence[UnitId | PersonRef] = (),
        *,
        by: UnitId | None = None,
        basis: BasisClaim | None = None,
        **more: object,
    ) -> Message:
        """Return a message of this case, from the contact unless another unit is named."""
        row = next(found for found in CATALOGUE.values() if found.content is type(content))
        unit = by or self.contact
        subject = (
            None
            if row.subject == "none"
            else Person(identity=PersonNumberIdentity(value=self.person), given_name="Prov", family_name="Provsdotter")
        )
        fields: dict[str, object] = {
            "message_id": uuid4(),
            "type": row.name,
            "case_id": self.case_id,
            "owner": self.owner,
            "sent_at": self.now,
            "sender": Sender(unit=unit, organisation=unit.organisation),
            "author": Author(name="Eva Kontakt", role="biståndshandläggare"),
            "recipients": tuple(to),
            "subject": subject,
            "basis": basis,
            "content": content,
        }
        return model_of(row.name).model_validate({**fields, **more})

    def say(
        self,
        content: Content,
        to: Sequence[UnitId | PersonRef] = (),
        *,
        by: UnitId | None = None,
        basis: BasisClaim | None = None,
        **more: object,
    ) -> Answered:
        """Make a message and send it."""
        message = self.message(content, to, by=by, basis=basis, **more)
        self.sent.append(message)
        return self.send(message)

    @property
    def eva(self) -> StaffMember:
        """The contact person, as staff."""
        return StaffMember(name="Eva Kontakt", unit=self.contact)

    @property
    def own_word(self) -> c.GivenBy:
        """The individual's own yes: an adult's, or that of a child who is mature enough for it."""
        grown = (age(Person(identity=PersonNumberIdentity(value=self.person)), self.now.date()) or 0) >= OF_AGE
        return c.GivenBy(kind="individual", ground=None if grown else "child_mature")

    @property
    def convener(self) -> UnitContact:
        """The contact person, as convener and coordinator."""
        return UnitContact(name="Eva Kontakt", unit=self.contact, phone="090-123 45 67")

    # ── the steps ──

    def requested(self) -> Answered:
        """R1, with the individual's own words."""
        words = rq.Preparation(
            my_contacts=CANARY, my_experience=CANARY, needs_and_wishes=CANARY, how_i_want_it=CANARY, coordinator_wish=CANARY
        )
        content = rq.SipRequested(
            requester=rq.Requester(kind="individual", name="Prov Provsdotter", phone="070-174 06 05"),
            receiving_unit=self.contact,
            requested_on=self.now.date(),
            preparation=words,
        )
        return self.say(content, [self.contact])

    def consented(
        self, parties: Sequence[UnitId | OrganisationNumber], scopes: Sequence[c.Scope] = ALL, valid_until: datetime | None = None
    ) -> Answered:
        """C1, oral, both directions."""
        content = c.ConsentGiven(
            scopes=tuple(scopes),
            parties=tuple(c.Party(party=party) for party in parties),
            mode="oral",
            given_by=self.own_word,
            capacity=c.Capacity(state="able"),
            obtained_by=self.eva,
            obtained_on=self.now.date(),
            documented_in_record=True,
            valid_until=valid_until,
        )
        return self.say(content)

    def refused(self, scopes: Sequence[c.Scope] = ()) -> Answered:
        """C2."""
        return self.say(c.ConsentRefused(obtained_by=self.eva, obtained_on=self.now.date(), scopes=tuple(scopes)))

    def withdrawn(
        self, parties: Sequence[UnitId | OrganisationNumber | PersonRef] = (), *, by: UnitId | None = None, person: PersonRef | None = None
    ) -> Answered:
        """C4, all of it or for some parties; told to a unit, by the individual unless another person is named."""
        extent: Literal["all", "parties"] = "parties" if parties else "all"
        content = c.ConsentWithdrawn(extent=extent, parties=tuple(parties), by=person, received_by=self.eva, at=self.now)
        return self.say(content, by=by)

    def approved(self, units: Sequence[UnitId]) -> Answered:
        """N2."""
        return self.say(rq.ParticipantsApproved(units=tuple(units), approved_on=self.now.date(), approved_how="oral"))

    def meeting(self, version: int = 1, days: int = 14) -> m.Meeting:
        """Return a version of the meeting."""
        starts = self.now + timedelta(days=days)
        return m.Meeting(id=self.meeting_id, version=version, starts_at=starts, place=m.Place(kind="other", text="Stadshuset, rum 3"))

    def summoned(self, units: Sequence[UnitId], basis: BasisClaim | None = None, also: Sequence[PersonRef] = ()) -> Answered:
        """K1; `also` are people of the case."""
        return self.say(self.kallelse(), (*units, *also), basis=basis)

    def kallelse(self) -> m.MeetingSummoned:
        """Return the kallelse to the first version of the meeting."""
        return m.MeetingSummoned(
            meeting=self.meeting(), purpose="sip", convener=self.convener, duty_basis="SoL10:8", respond_by=self.now + timedelta(days=7)
        )

    def invited(self, units: Sequence[UnitId]) -> Answered:
        """K2, a question to each."""
        content = m.MeetingInvited(
            meeting=self.meeting(),
            purpose="sip",
            convener=self.convener,
            respond_by=self.now + timedelta(days=7),
            questions=tuple(m.Question(unit=unit, text=f"Fråga till {unit}") for unit in units),
        )
        return self.say(content, units)

    def responded(self, unit: UnitId, response: str = "accept", version: int = 1, **more: object) -> Answered:
        """K3, by one participant."""
        times = (m.Period(starts_at=self.now + timedelta(days=15)),) if response == "propose-new-time" else ()
        content = m.MeetingResponse.model_validate(
            {
                "meeting_id": self.meeting_id,
                "meeting_version": version,
                "response": response,
                "responder": m.Responder(name="Hanna Handläggare", role="enhetschef"),
                "proposed_times": times,
                **more,
            }
        )
        return self.say(content, [self.contact], by=unit)

    def rescheduled(self, units: Sequence[UnitId | PersonRef], version: int = 2) -> Answered:
        """K4."""
        content = m.MeetingRescheduled(
            meeting=self.meeting(version, days=15), supersedes=version - 1, convener=self.convener, respond_by=self.now + timedelta(days=8)
        )
        return self.say(content, units)

    def cancelled(self, units: Sequence[UnitId], version: int = 1) -> Answered:
        """K5."""
        return self.say(m.MeetingCancelled(meeting_id=self.meeting_id, meeting_version=version, phone="090-123 45 67"), units)

    def held(self, units: Sequence[UnitId], version: int = 1, outcome: str = "plan") -> Answered:
        """M1."""
        content = m.MeetingHeld.model_validate(
            {
                "meeting_id": self.meeting_id,
                "meeting_version": version,
                "held_on": self.now.date(),
                "attended_units": tuple(units),
                "individual": "present",
                "outcome": outcome,
            }
        )
        return self.say(content, units)

    def plan(self, units: Sequence[UnitId], version: int = 1) -> pl.Plan:
        """Return a plan in which each unit has one activity."""
        kinds = {unit: "region" if unit.organisation == p.REGION else "municipality" for unit in units}
        return pl.Plan(
            id=self.plan_id,
            version=version,
            made_on=self.now.date(),
            needs=("Stöd i vardagen.",),
            goals=(pl.Goal(id="g1", text="Handla själv igen."),),
            activities=tuple(
                pl.Activity(
                    id=f"a{index}",
                    what="Stöd i vardagen",
                    when="varje vecka",
                    responsible=pl.Responsible.model_validate({"kind": kinds[unit], "unit": unit}),
                    goals=("g1",),
                )
                for index, unit in enumerate(units, start=1)
            ),
            overall_responsible=pl.OverallResponsible(kind="municipality", organisation=self.owner),
            coordinator=self.convener,
            follow_up_on=(self.now + timedelta(days=90)).date(),
        )

    def proposed(self, units: Sequence[UnitId], version: int = 1, also: Sequence[PersonRef] = ()) -> Answered:
        """P0."""
        return self.say(pl.PlanProposed(plan=self.plan(units, version)), (*units, *also))

    def confirmed(self, unit: UnitId, activity: str, version: int = 1) -> Answered:
        """P2, yes."""
        content = pl.CommitmentConfirmed(plan_id=self.plan_id, plan_version=version, activities=(activity,), unit=unit)
        return self.say(content, [self.contact], by=unit)

    def established(self, units: Sequence[UnitId], version: int = 1, also: Sequence[PersonRef] = ()) -> Answered:
        """P1."""
        return self.say(pl.PlanEstablished(plan=self.plan(units, version)), (*units, *also))

    def closed(self, units: Sequence[UnitId]) -> Answered:
        """A1."""
        content = pl.PlanClosed(reason="no-need", closed_on=self.now.date(), closed_by="Eva Kontakt", phone="090-123 45 67")
        return self.say(content, units)

    def ready(self, units: Sequence[UnitId], scopes: Sequence[c.Scope] = ALL) -> None:
        """Come as far as a kallelse may be sent: asked for, consented to, participants chosen."""
        self.requested()
        self.consented(units, scopes)
        self.approved(units)


SECRECY_ASSESSED = BasisClaim(code="secrecy_assessed", decided_by="Lena Läkare", decided_at=p.NOON, reason="discharge")
