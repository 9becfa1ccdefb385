"""Reads only: who receives a message, on which basis and why, or who would if it were handed in.

What was handed in is explained from states and codes alone, for an operator. What was not is decided as intake would decide it, for a caller
that may speak for its sender, and nothing is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from siphub.errors import NotThere
from siphub.flow import track
from siphub.flow.accept import RECALL_TYPES, answer_from
from siphub.flow.carriers import carried
from siphub.flow.ground import Ground
from siphub.flow.track import Tracked, tracked
from siphub.model import Caller, Message
from siphub.model.case import SipCase
from siphub.policy.case import Decision, decide
from siphub.policy.disclosure import Rule, rule_for
from siphub.policy.foresight import Caution, cautions, giver_of, standing
from siphub.policy.reasons import REASONS
from siphub.policy.refusal import Refusal
from siphub.policy.routing import Route, Shown, route, shown
from siphub.policy.wording import FORESEEN, Said, outcome
from siphub.store import DeliveryRow, MessageRow, Work

STOP: Final = "stop.notice"


@dataclass(frozen=True, slots=True)
class Explained:
    """What became of a message for one recipient, as a state with codes, and in words; with what the message's sender was to look at."""

    delivery: Tracked
    kind: str
    said: Said
    cautions: tuple[Caution, ...] = ()


def explained(ground: Ground, message_id: str) -> tuple[Explained, ...]:
    """Return what became of a message for each recipient: for an operator, states and codes only.

    Raises:
        NotThere: There is no such message.
    """
    with ground.store.read() as work:
        rows = work.messages.by_message_id(message_id)
        found = [(delivery, _cautioned(work, row)) for row in rows for delivery in work.deliveries.of_message(row.owner, row.id)]
    if not rows:
        raise NotThere(REASONS["message.not_there"].en, code="message.not_there")
    return tuple(_explained(row, looked_at) for row, looked_at in found)


def _cautioned(work: Work, row: MessageRow) -> tuple[Caution, ...]:
    """Return the cautions that the sender was given with the answer."""
    answered = work.submissions.find(row.sender_organisation, row.message_id)
    return tuple(Caution(one.code) for one in answer_from(answered.answer).cautions) if answered is not None else ()


def _explained(row: DeliveryRow, looked_at: tuple[Caution, ...]) -> Explained:
    rule = rule_for(row.message_type, (row.recipient_kind,))
    said = outcome(row.state, row.basis, row.reason, rule.why if rule else None)
    return Explained(tracked(row), row.recipient_kind, said, looked_at)


@dataclass(frozen=True, slots=True)
class ForeseenRecipient:
    """What one recipient would get: its name and kind, its route with what it would see, in words what would happen, and which scopes it lacks."""

    name: str | None
    kind: str
    shown: Shown
    said: Said
    lacks: tuple[str, ...] = ()

    @property
    def receives(self) -> bool:
        """Whether it would be sent as the case stands."""
        return self.shown.route.basis is not None and self.shown.route.state == "queued"


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What would happen to a message that is not handed in: a refusal, if any, each recipient as the case would stand, what to look at.

    `state` is the case's as it is now; None where there is no case yet.
    """

    refusal: Refusal | None
    recipients: tuple[ForeseenRecipient, ...]
    cautions: tuple[Caution, ...] = ()
    state: str | None = None


def foreseen(ground: Ground, message: Message) -> Foreseen:
    """Decide as intake would, for a caller that may speak for the sender, and store nothing."""
    directory, now = ground.directory(), ground.now()
    try:
        before = track.case_of(ground, message.owner, str(message.case_id))
    except NotThere:
        before = None
    caller = Caller(message.sender.organisation, frozenset(), frozenset({"send"}), "submit")
    decided = decide(before, message, caller, directory, now, ground.local)
    refusal = decided if isinstance(decided, Refusal) else None
    case = decided.case if isinstance(decided, Decision) else before
    if case is None:
        return Foreseen(refusal, ())
    found = tuple(_called_back(ground, message, case)) if message.type in RECALL_TYPES else tuple(_routed(ground, message, case))
    looked_at = cautions(message, decided, found, _carries(ground), directory, now) if isinstance(decided, Decision) else ()
    state = before.state if before is not None else None
    return Foreseen(refusal, tuple(_recipient(ground, message, case, one) for one in found), looked_at, state)


def _routed(ground: Ground, message: Message, case: SipCase) -> Iterator[Shown]:
    for unit in message.recipients:
        one = shown(message, unit, case, ground.directory(), ground.now(), ground.local)
        yield replace(one, route=carried(ground, one.route, message.type))


def _called_back(ground: Ground, message: Message, case: SipCase) -> Iterator[Shown]:
    """A cancellation or closing is told by the stop notice, to whoever was sent something before (LIFECYCLE section 3)."""
    with ground.store.read() as work:
        tried = {row.recipient for row in work.deliveries.of_case(case.owner, str(case.case_id)) if row.attempts > 0}
    for unit in message.recipients:
        found = route(message, unit, case, ground.directory(), ground.now(), ground.local)
        rule = rule_for(STOP, (found.kind,))
        reached = found.recipient in tried
        state, reason, basis = ("queued", None, "recall") if reached else ("superseded", "recall.never_sent", None)
        found = replace(found, state=state, reason=reason, basis=basis, kind="*")
        yield Shown(found, ("",), _pointers(rule) if reached and rule else (), rule.why if rule else None)


def _pointers(rule: Rule) -> tuple[str, ...]:
    return tuple(sorted("/" + path.replace(".", "/") for path in rule.show))


def _recipient(ground: Ground, message: Message, case: SipCase, one: Shown) -> ForeseenRecipient:
    directory, found = ground.directory(), one.route
    unit = directory.unit(found.recipient)
    kind = standing(message, found, directory, ground.now())
    said = outcome(found.state, found.basis, found.reason, one.why, giver=giver_of(case), states=FORESEEN)
    return ForeseenRecipient(unit.name if unit else None, kind, one, said, _lacking(found, case))


def _lacking(found: Route, case: SipCase) -> tuple[str, ...]:
    """Return the scopes without which a recipient is told nothing, and which nobody has granted it; none where that is not what is missing."""
    if (
        found.reason not in {"basis.consent_missing", "basis.scope_missing", "participant.not_approved"}
        or "consent" not in found.need.bases
    ):
        return ()
    whose = {found.need.party, found.need.party_organisation}
    return tuple(sorted(found.need.scopes - {grant.scope for grant in case.grants if grant.party in whose}))


def _carries(ground: Ground) -> Callable[[str, str], bool]:
    """Return what says whether an adapter takes a message type: one that names none takes all, and of one that is not here nothing is known."""
    kinds = {name: adapter.info.kinds for name, adapter in ground.registry.adapters.items()}
    return lambda adapter, message_type: not kinds.get(adapter) or message_type in kinds[adapter]
