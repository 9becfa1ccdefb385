"""The story, told to the hub by HTTP only: each unit with its own key and in its own system's format, each agency by SDK.

Every answer is given to what lies in the unit's own mailbox, or in the agency's own book; the time the meeting moves to is the one the
contact reads in the agency's answer. It waits for final states by asking the hub, with one deadline for all of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from typing import Any, Final
from uuid import NAMESPACE_OID, UUID, uuid5
from zoneinfo import ZoneInfo

from siphub.cli.client import Reply
from siphub.cli.demo.script import AF, BROTHER, CONTACT, FAMILY, FK, ME, RECIPIENTS, SISTER, Script, Who
from siphub.cli.demo.stage import Stage
from siphub.errors import SiphubError
from siphub.model import Message
from siphub.model.identifiers import UnitId
from siphub.model.messages import meeting as m
from siphub.model.messages import plan as pl
from siphub.model.messages import request as rq
from siphub.model.messages.consent import Scope
from siphub.testing import chapters
from siphub.testing.story import Story

UNSETTLED: Final = frozenset({"queued", "sending", "awaiting_receipt"})
PATIENCE: Final = timedelta(seconds=60)
PAUSE: Final = 0.02
SWEDEN: Final = ZoneInfo("Europe/Stockholm")
SCOPES: Final[tuple[Scope, ...]] = ("plan", "meeting", "information_exchange")
"""What the consent to the units covers."""
AGENCY_SCOPES: Final[tuple[Scope, ...]] = ("meeting", "invite", "information_exchange")
"""What the consent to the agencies covers: an invitation with the person's number, and no plan."""
RELATIVE_SCOPES: Final[tuple[Scope, ...]] = ("meeting", "copy_to_relative")
"""What the consent to the sister covers: to come to the meeting, and a copy of the plan."""
QUESTIONS: Final = {FK: "Frågor om sjukpenning", AF: "Frågor om praktik"}
"""What each agency is asked; for that agency alone."""
BY_SDK: Final = "an answer in SDK"
WORDS: Final = (
    "Hemtjänsten, socialtjänsten och min granne.",
    "Jag får berätta samma sak om och om igen.",
    "Att komma ut och handla själv.",
    "Att någon ringer mig när tiden ändras.",
    "Gärna Eva på biståndsenheten.",
)
"""The individual's own words in the request: for the contact, and for nobody else."""


class Refused(SiphubError):
    """The hub did not take a message of the story."""

    code = "demo.refused"


class TooLate(SiphubError):
    """The deliveries did not come to an end in time."""

    code = "demo.too_late"


@dataclass(frozen=True, slots=True)
class Played:
    """One message that was handed in, and what the hub said at once."""

    step: int
    message_id: str
    message_type: str
    sender: UnitId
    addressed: tuple[str, ...]
    media_type: str
    states: Mapping[str, tuple[str, str | None]]


@dataclass
class Tale(Story):
    """The story's messages, with what a script decides."""

    script: Script = field(kw_only=True)
    moved_to: datetime | None = None

    def message(self, content: Any, to: Sequence[Who] = (), **more: Any) -> Message:
        """Return a message of this case with an id that follows from the seed."""
        own = {"message_id": uuid5(self.case_id, f"message {len(self.sent) + 1}"), "registry_number": "SN 2026-117"}
        return super().message(content, to, **{**own, **more})

    def at(self, version: int) -> datetime:
        """Return the script's time for a version of the meeting, as people in Sweden say it."""
        day = (self.now.astimezone(SWEDEN) + timedelta(days=self.script.days[version - 1])).date()
        return datetime.combine(day, clock_time(self.script.hours[version - 1]), SWEDEN)

    def meeting(self, version: int = 1, days: int = 0) -> m.Meeting:  # noqa: ARG002 - the script says when
        """Return a version of the meeting: first at the script's time, then at the one that was asked for."""
        found = super().meeting(version)
        return found.model_copy(update={"starts_at": (self.moved_to or self.at(version)).astimezone(UTC)})

    def invited(self, units: Sequence[UnitId], also: Sequence[Who] = ()) -> Any:
        """K2, with a question to each agency; `also` are relatives."""
        content = m.MeetingInvited(
            meeting=self.meeting(),
            purpose="sip",
            convener=self.convener,
            respond_by=self.now + timedelta(days=7),
            questions=tuple(m.Question(unit=unit, text=QUESTIONS[unit]) for unit in units),
            digital_option="Säg till om ni hellre är med på video",
        )
        return self.say(content, (*units, *also))

    def requested(self) -> Any:
        """R1, with everything the form can carry."""
        content = rq.SipRequested(
            requester=rq.Requester(kind="individual", name="Prov Provsdotter", phone="070-174 06 05", email="prov@example.org"),
            receiving_unit=self.contact,
            receiving_contact="Eva Kontakt",
            requested_on=self.now.date(),
            preparation=rq.Preparation(**dict(zip(rq.Preparation.model_fields, WORDS, strict=True))),
            interpreter_language="finska",
            recorded_by=self.eva,
        )
        return self.say(content, [self.contact])

    def assessed(self) -> Any:
        """N1, yes."""
        return self.say(
            rq.NeedAssessed(needed=True, assessed_by=self.eva, assessed_at=self.now, eligibility_basis="general", individual_agrees=True)
        )

    def planned(self, addressed: Sequence[Who], *, final: bool) -> Any:
        """P0 and P1: the plan gives work to the units that may know, whoever the message names."""
        plan = self.plan(self.script.units)
        return self.say(pl.PlanEstablished(plan=plan) if final else pl.PlanProposed(plan=plan), addressed)


class Play:
    """One performance.

    Args:
        stage: What stands.
        script: What happens.
        tell: Called with a sentence for each step, as it happens.
    """

    def __init__(self, stage: Stage, script: Script, tell: Callable[[str], None]) -> None:
        self._stage = stage
        self._tell = tell
        self._until = time.monotonic() + PATIENCE.total_seconds()
        seeded = uuid5(NAMESPACE_OID, f"siphub demo {script.seed}")
        self.script = script
        self.tale = Tale(
            self._send, script=script, case_id=uuid5(seeded, "case"), meeting_id=uuid5(seeded, "meeting"), plan_id=uuid5(seeded, "plan")
        )
        self.played: list[Played] = []
        self._open: list[Played] = []

    @property
    def case_id(self) -> UUID:
        """The one case of the story."""
        return self.tale.case_id

    # ── the story ──

    def perform(self) -> None:
        """Play it to its end.

        Raises:
            Refused: The hub did not take a message.
            TooLate: Something did not come to an end in time.
        """
        self._prepare()
        self._meet()
        self._plan()
        self._withdraw()

    def _prepare(self) -> None:
        script, tale = self.script, self.tale
        self._tell("The individual asks for a SIP, in their own words; the words are for the contact alone.")
        tale.requested()
        tale.assessed()
        if script.participants_first:
            chapters.approved(tale, script.approved, FAMILY)
        tale.consented(script.consented, SCOPES)
        tale.consented(script.consented_agencies, AGENCY_SCOPES)
        chapters.consented_for(tale, SISTER, RELATIVE_SCOPES)
        if not script.participants_first:
            chapters.approved(tale, script.approved, FAMILY)
        missing = "the consent does not name" if script.left_out_of == "consent" else "the individual has not chosen"
        self._tell(f"They say yes, and choose who comes; {missing} {_name(script.left_out)}.")
        self._tell("Of the family they want their sister there, and do not want their brother to be told anything.")

    def _meet(self) -> None:
        script, tale = self.script, self.tale
        self._tell(f"Five units with a duty to come get a kallelse, and the individual gets it by letter: {_names(script.called)}.")
        tale.summoned(script.called, also=[ME])
        self._tell(f"Two agencies without one get an inbjudan that says next to nothing: {_names(script.invited)}.")
        self._tell("The sister is invited by letter; somebody addresses the invitation to the brother as well.")
        tale.invited(script.invited, also=[SISTER, BROTHER])
        self._settled()
        self._tell(f"They answer from what they have received; {_name(script.new_time_by)} asks for another time, by SDK.")
        for unit in script.answers:
            tale.responded(unit, "accept", self._called_to(unit))
        for agency in script.agencies:
            self._written(agency, f"Svar: ny tid {tale.at(2):%Y-%m-%d %H:%M}" if agency == script.new_time_by else "Svar: ja")
        tale.moved_to = self._proposed()
        self._tell(
            f"The meeting moves to {tale.moved_to.astimezone(SWEDEN):%Y-%m-%d %H:%M}, as the contact reads there; all are asked again."
        )
        tale.rescheduled((*script.asked_again, ME, SISTER))
        self._settled()
        for unit in script.answers_again:
            tale.responded(unit, "accept", self._called_to(unit))
        for agency in script.agencies:
            self._written(agency, "Hej!\nSvar: ja\nMed vänlig hälsning")
        tale.held(script.met, version=2)

    def _plan(self) -> None:
        script, tale = self.script, self.tale
        self._tell("They meet. A plan is proposed, each unit confirms its part, and the plan is established.")
        if script.plan_names_agencies:
            self._tell("Somebody addresses it to the agencies as well; a plan is not for them, whatever was consented to.")
        tale.planned(script.planned, final=False)
        self._settled()
        for unit in script.confirms:
            tale.confirmed(unit, f"a{script.units.index(unit) + 1}")
        self._tell("The individual gets the plan by letter, and the sister the copy that was wished for.")
        tale.planned((*script.planned, ME, SISTER), final=True)
        self._settled()

    def _withdraw(self) -> None:
        gone = self.script.withdrawn
        if gone is None:
            self._tell(
                "The individual takes the consent back: whoever was told anything on it gets the one stop notice; their own letters stay theirs."
            )
            self.tale.withdrawn()
        else:
            self._tell(
                f"The individual takes the consent back for {_name(gone)}: one stop notice goes there, and the others notice nothing."
            )
            self.tale.withdrawn([gone.organisation if isinstance(gone, UnitId) and gone in QUESTIONS else gone])
        self._settled()
        self._wait(self._notices_there, "the stop notices")

    # ── what the play asks the hub ──

    def mailbox(self, unit: Who) -> Mapping[str, Any]:
        """Return what a unit sees of the case with its own key, or the mail room of a person's letters; empty where there is no such case."""
        reply = self._stage.clients[unit].get(f"/v1/cases/{self.case_id}")
        if reply.status == 404:  # noqa: PLR2004 - HTTP's not found
            return {}
        return self._good(reply).document

    def views(self) -> Iterator[tuple[Played, Mapping[str, Any]]]:
        """Yield every message of the story with the hub's view of it, asked for by its sender."""
        for one in self.played:
            yield one, self._view(one)

    def _view(self, one: Played) -> Mapping[str, Any]:
        return self._good(self._stage.clients[one.sender].get(f"/v1/messages/{one.message_id}")).document

    def _called_to(self, unit: UnitId) -> int:
        """Return the newest version of the meeting that a unit has received: that is what it answers to."""
        documents = [found["message"] for found in self.mailbox(unit).get("received", [])]
        versions = [int(found["content"]["meeting"]["version"]) for found in documents if "meeting" in found["content"]]
        if not versions:
            raise Refused(f"{_name(unit)} has received no kallelse it could answer")
        return max(versions)

    def _proposed(self) -> datetime:
        """Return the time that the agency asks for, as the contact has it."""
        documents = [found["message"]["content"] for found in self.mailbox(CONTACT)["received"]]
        times = [document["proposed_times"] for document in documents if document.get("proposed_times")]
        if not times:
            raise Refused("the contact has received no other time")
        return datetime.fromisoformat(times[-1][0]["starts_at"])

    def _send(self, message: Message) -> Played:
        unit = message.sender.unit
        body, media_type = self._stage.handed_in(message)
        reply = self._good(self._stage.clients[unit].send(body, media_type))
        states = {entry["recipient"]: (entry["state"], entry["reason"]) for entry in reply.document["recipients"]}
        return self._note(str(message.message_id), message.type, unit, tuple(message.recipients), media_type, states)

    def _written(self, agency: UnitId, text: str) -> None:
        """Let an agency answer by SDK, and wait until the hub has fetched the answer and the contact has it."""
        message_id = self._stage.partners.answer(agency, text)
        path = f"/v1/messages/{message_id}"
        self._wait(lambda: self._stage.clients[agency].get(path).accepted, f"the answer of {_name(agency)}")
        self._note(message_id, "meeting.response", agency, (CONTACT,), BY_SDK, {})
        self._settled()

    def _note(self, message_id: str, message_type: str, *rest: Any) -> Played:
        played = Played(len(self.played) + 1, message_id, message_type, *rest)
        self.played.append(played)
        self._open.append(played)
        return played

    def _good(self, reply: Reply) -> Reply:
        if reply.accepted:
            return reply
        raise Refused(f"the hub answered {reply.status} {reply.code}: {reply.detail}")

    def _settled(self) -> None:
        """Wait until no delivery of the story is on its way any more; a message whose deliveries have ended is not asked for again."""
        self._wait(self._all_ended, "the deliveries")

    def _all_ended(self) -> bool:
        self._open = [one for one in self._open if not all(map(_ended, self._view(one)["recipients"]))]
        return not self._open

    def _notices_there(self) -> bool:
        """Say whether everybody that something was called back from has their stop notice."""
        recalled = {line["recipient"] for _, view in self.views() for line in view["recipients"] if line["state"] == "recalled"}
        boxes = [self.mailbox(who).get("received", []) for who in recalled]
        return all(any(found["message"]["type"] == "stop.notice" and _ended(found) for found in box) for box in boxes)

    def _wait(self, done: Callable[[], bool], what: str) -> None:
        while not done():
            if time.monotonic() > self._until:
                raise TooLate(f"{what} did not come to an end within {PATIENCE.total_seconds():.0f} s")
            time.sleep(PAUSE)


def _name(who: Who) -> str:
    return RECIPIENTS[who][0]


def _ended(line: Mapping[str, Any]) -> bool:
    """Say whether a delivery has its final state; a receipt may be there before it is recorded what was sent."""
    return line["state"] not in UNSETTLED and (line["state"] != "delivered" or line["payload_sha256"] is not None)


def _names(units: Sequence[UnitId]) -> str:
    return ", ".join(map(_name, units))
