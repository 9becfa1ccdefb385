"""The story, told to the hub by HTTP only: each unit with its own key, Söderby's in XML, and every answer read from the unit's own mailbox.

It waits for final states by asking the hub, with one deadline for all of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import NAMESPACE_OID, UUID, uuid5

from siphub.cli.client import HubClient, Reply
from siphub.cli.demo.script import UNITS, Script
from siphub.cli.demo.stage import XML_SPEAKERS, Stage
from siphub.errors import SiphubError
from siphub.model import Message
from siphub.model.identifiers import UnitId
from siphub.model.messages import meeting as m
from siphub.model.messages import plan as pl
from siphub.model.messages import request as rq
from siphub.model.messages.consent import Scope
from siphub.testing.story import Story

UNSETTLED: Final = frozenset({"queued", "sending", "awaiting_receipt"})
PATIENCE: Final = timedelta(seconds=20)
PAUSE: Final = 0.02
SCOPES: Final[tuple[Scope, ...]] = ("plan", "meeting", "information_exchange")
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

    def message(self, content: Any, to: Sequence[UnitId] = (), **more: Any) -> Message:
        """Return a message of this case with an id that follows from the seed."""
        own = {"message_id": uuid5(self.case_id, f"message {len(self.sent) + 1}")}
        return super().message(content, to, **{**own, **more})

    def meeting(self, version: int = 1, days: int = 0) -> m.Meeting:
        """Return a version of the meeting, at the script's time."""
        return super().meeting(version, days or self.script.days[version - 1])

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

    def planned(self, addressed: Sequence[UnitId], *, final: bool) -> Any:
        """P0 and P1: the plan gives work to the units that may know, whoever the message names."""
        plan = self.plan(self.script.reached)
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
            tale.approved(script.approved)
        tale.consented(script.consented, SCOPES)
        if not script.participants_first:
            tale.approved(script.approved)
        missing = "the consent does not name" if script.left_out_of == "consent" else "the individual has not chosen"
        self._tell(f"They say yes, and choose who comes; {missing} {_name(script.left_out)}.")

    def _meet(self) -> None:
        script, tale = self.script, self.tale
        self._tell(f"Four units are called: {', '.join(_name(unit) for unit in script.called)}.")
        tale.summoned(script.called)
        self._settled()
        self._tell(f"They answer from what they have received; {_name(script.new_time_by)} asks for another time.")
        for unit in script.answers:
            tale.responded(unit, "propose-new-time" if unit == script.new_time_by else "accept", self._called_to(unit))
        self._tell("The meeting moves, and everybody is asked again.")
        tale.rescheduled(script.addressed)
        self._settled()
        for unit in script.answers_again:
            tale.responded(unit, "accept", self._called_to(unit))
        tale.held(script.addressed, version=2)

    def _plan(self) -> None:
        script, tale = self.script, self.tale
        self._tell("They meet. A plan is proposed, each unit confirms its part, and the plan is established.")
        tale.planned(script.addressed, final=False)
        self._settled()
        for unit in script.confirms:
            tale.confirmed(unit, f"a{script.reached.index(unit) + 1}")
        tale.planned(script.addressed, final=True)
        self._settled()

    def _withdraw(self) -> None:
        self._tell("The individual takes the consent back: whoever was told anything gets the one stop notice.")
        self.tale.withdrawn()
        self._settled()
        self._wait(self._notices_there, "the stop notices")

    # ── what the play asks the hub ──

    def mailbox(self, unit: UnitId) -> Mapping[str, Any]:
        """Return what a unit sees of the case with its own key; empty where it is told that there is no such case."""
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

    def _send(self, message: Message) -> Played:
        unit = message.sender.unit
        client: HubClient = self._stage.clients[unit]
        xml = unit in XML_SPEAKERS
        media_type = "application/xml" if xml else "application/json"
        reply = self._good(client.send(self._stage.as_xml(message) if xml else message.to_json(), media_type))
        states = {entry["recipient"]: (entry["state"], entry["reason"]) for entry in reply.document["recipients"]}
        played = Played(len(self.played) + 1, str(message.message_id), message.type, unit, tuple(message.recipients), media_type, states)
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
        self._open = [one for one in self._open if any(line["state"] in UNSETTLED for line in self._view(one)["recipients"])]
        return not self._open

    def _notices_there(self) -> bool:
        """Say whether every unit that something was called back from has its stop notice."""
        recalled = {UnitId(line["recipient"]) for _, view in self.views() for line in view["recipients"] if line["state"] == "recalled"}
        boxes = [self.mailbox(unit).get("received", []) for unit in recalled]
        return all(any(found["message"]["type"] == "stop.notice" and found["state"] == "delivered" for found in box) for box in boxes)

    def _wait(self, done: Callable[[], bool], what: str) -> None:
        while not done():
            if time.monotonic() > self._until:
                raise TooLate(f"{what} did not come to an end within {PATIENCE.total_seconds():.0f} s")
            time.sleep(PAUSE)


def _name(unit: UnitId) -> str:
    return UNITS[unit][0]
