"""The steps of a plan: proposed, confirmed piece by piece, established, revised, closed (P0 to P3, A1).

Never without the individual's consent to a plan, and never final before every unit that was asked has given its word for just that.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Final, Literal

from pydantic import TypeAdapter

from siphub.model.case import Commitment, Planned, PlanRecord
from siphub.model.messages import plan as pl
from siphub.policy import endings, profiles
from siphub.policy.disclosure import DUTY_BOUND
from siphub.policy.refusal import Refusal
from siphub.policy.step import Asked, Decision, OpenWork, Supersede, move

FOREIGN = frozenset({"reader", "poll"})
"""Doors through which plans come in a form that is not ours: what the local profile asks beyond the statute is a warning there (G3)."""
_ACTIVITY: Final = TypeAdapter(pl.Activity)


def planned(asked: Asked, content: pl.PlanProposed | pl.PlanEstablished | pl.PlanRevised) -> Refusal | Decision:
    """P0, P1 and P3: never without the individual's consent to a plan, whatever the basis (LIFECYCLE section 3)."""
    permitted = asked.case.plan_consent
    if permitted is None or not permitted.holds(asked.now):
        return Refusal("plan.no_consent", "invalid", "/type")
    refusal = _plan_version(asked, content)
    if refusal is not None:
        return refusal
    given = _given(asked, content.plan)
    if isinstance(content, pl.PlanProposed):
        return _drafted(asked, _record(content.plan, given, "proposed"))
    return _final(asked, content, given) or _made(asked, content, _record(content.plan, given, "established"))


def _record(plan: pl.Plan, given: tuple[Planned, ...], state: Literal["proposed", "established"]) -> PlanRecord:
    """Return what is kept of a version of the plan before anybody has given their word."""
    return PlanRecord(id=plan.id, version=plan.version, state=state, activities=given, follow_up_on=plan.follow_up_on)


def _drafted(asked: Asked, record: PlanRecord) -> Refusal | Decision:
    """P0: beside a plan that is in force, which stands as it is until it is revised; otherwise in an earlier draft's place."""
    if _in_force(asked.case.plan):
        return move(asked, asked.message.type, draft=record)
    return move(asked, asked.message.type, Supersede(record.id, record.version), plan=record)


def _made(asked: Asked, content: pl.PlanEstablished | pl.PlanRevised, record: PlanRecord) -> Refusal | Decision:
    """P1 and P3: the version that is in force from now on, with the words that were given for it."""
    plan = content.plan
    record = record.model_copy(update={"commitments": _words(asked, record), "established_on": plan.made_on})
    coordinator = plan.coordinator or asked.case.coordinator
    deputy = asked.case.deputy if coordinator is None or coordinator.unit == asked.case.coordinating_unit else None
    work = (OpenWork("plan.incomplete", asked.case.coordinating_unit),) if profiles.shortcomings(plan, asked.directory) else ()
    changed = {"plan": record, "draft": None, "coordinator": coordinator, "deputy": deputy}
    return move(asked, asked.message.type, Supersede(plan.id, plan.version), *work, **changed)


def _in_force(plan: PlanRecord | None) -> bool:
    return plan is not None and plan.state == "established"


def _plan_version(asked: Asked, content: pl.PlanProposed | pl.PlanEstablished | pl.PlanRevised) -> Refusal | None:
    """Say whether a version follows: a draft on every earlier one, a plan is its draft's, a revision its draft's or the next after the plan."""
    known, plan = asked.case.plan, content.plan
    newest = asked.case.draft or known
    if known is None or newest is None:
        follows = not isinstance(content, pl.PlanRevised)
    elif isinstance(content, pl.PlanProposed):
        follows = known.id == plan.id and newest.version < plan.version
    else:
        next_one = isinstance(content, pl.PlanRevised) and asked.case.draft is None
        follows = known.id == plan.id and newest.version + next_one == plan.version
    return None if follows else Refusal("message.out_of_order", "conflict", "/content/plan/version")


def _final(asked: Asked, content: pl.PlanEstablished | pl.PlanRevised, given: Sequence[Planned]) -> Refusal | None:
    """G3, and P2 before P1: a coordinator at a huvudman, a date for follow-up, and every other unit's word for its part.

    The coordinator's unit must be in the case already: otherwise nobody could revise or close it afterwards.
    """
    plan = content.plan
    missing = next(iter(profiles.shortcomings(plan, asked.directory)), None)
    if missing is not None and (missing.statutory or asked.caller.channel not in FOREIGN):
        return Refusal(missing.code, "invalid", missing.pointer)
    if plan.coordinator is not None and plan.coordinator.unit not in asked.case.units:
        return Refusal("plan.coordinator_outside", "invalid", "/content/plan/coordinator/unit")
    if _confirmed(asked, given):
        return None
    return Refusal("plan.commitments_missing", "conflict", "/content/plan/activities")


def _given(asked: Asked, plan: pl.Plan) -> tuple[Planned, ...]:
    """Return what a plan gives to units, each with a digest that changes when the activity does; a closed unit's falls to its successor."""
    given = [(found, found.responsible.unit) for found in plan.activities]
    today = {unit: asked.current(unit) for _, unit in given if unit is not None}
    return tuple(Planned(activity=found.id, unit=today[unit], digest=_digest(found)) for found, unit in given if unit is not None)


def _digest(activity: pl.Activity) -> str:
    """Return a digest of what is to be done. The unit stands beside it: one that was merged meanwhile has still said yes to the same.

    What is not said is left out, so that a field that comes with a later version does not make a stored activity another one.
    """
    return sha256(_ACTIVITY.dump_json(activity, exclude={"responsible": {"unit"}}, exclude_none=True)).hexdigest()


def _confirmed(asked: Asked, given: Sequence[Planned]) -> bool:
    """Say whether every other unit that can be asked stands by just this; agencies and others cannot be sent a draft, so they are not asked.

    What a plan in force gives a unit already, word for word, stands until the unit says no to it.
    """
    mine = asked.message.sender.unit
    others = [found for found in given if found.unit != mine and asked.directory.kind_of(found.unit) in DUTY_BOUND]
    return all(_stands(asked, found) for found in others)


def _stands(asked: Asked, part: Planned) -> bool:
    """Say whether a unit stands by a part: by its newest word on just that, and without one where a plan in force gives it already."""
    said = _word(asked.case.draft, part) or _word(asked.case.plan, part)
    return said.confirmed if said is not None else _in_force(asked.case.plan) and _gives(asked.case.plan, part)


def _words(asked: Asked, made: PlanRecord) -> tuple[Commitment, ...]:
    """Return the words that were given for the parts of a plan as they are, the draft's before those of the plan it takes the place of."""
    found = (_word(asked.case.draft, part) or _word(asked.case.plan, part) for part in made.activities)
    return tuple(said for said in found if said is not None)


def _word(plan: PlanRecord | None, part: Planned) -> Commitment | None:
    """Return what a unit has said of a part, where a draft or plan has just that."""
    said = plan.commitments if plan is not None and _gives(plan, part) else ()
    return next((found for found in said if (found.unit, found.activity) == (part.unit, part.activity)), None)


def _gives(plan: PlanRecord | None, part: Planned) -> bool:
    return plan is not None and _part(part) in {_part(found) for found in plan.activities}


def _part(found: Planned) -> tuple[str, str, str]:
    """Return what makes a part the same; how it goes does not."""
    return found.activity, found.unit, found.digest


def committed(asked: Asked, content: pl.CommitmentConfirmed | pl.CommitmentRejected) -> Refusal | Decision:
    """P2: a unit's word for activities that the current version gives it; the newest word counts, in the plan and in the draft alike."""
    known = asked.case.drafted(content.plan_id, content.plan_version)
    if known is None:
        return Refusal("message.out_of_order", "conflict", "/content/plan_version")
    if not set(content.activities) <= {found.activity for found in known.activities if found.unit == content.unit}:
        return Refusal("plan.activity_unknown", "invalid", "/content/activities")
    confirmed = isinstance(content, pl.CommitmentConfirmed)
    meant = [found for found in known.activities if found.unit == content.unit and found.activity in content.activities]
    heard = {"plan": _heard(asked.case.plan, meant, confirmed=confirmed), "draft": _heard(asked.case.draft, meant, confirmed=confirmed)}
    effects = () if confirmed else (OpenWork("plan.commitment_rejected", asked.case.coordinating_unit),)
    return move(asked, asked.message.type, *effects, **heard)


def _heard(plan: PlanRecord | None, meant: Sequence[Planned], *, confirmed: bool) -> PlanRecord | None:
    """Return a plan or draft with a unit's word for those parts that it gives the unit too, word for word, in the place of an older one."""
    if plan is None:
        return None
    said = {(found.unit, found.activity): confirmed for found in meant if _gives(plan, found)}
    others = tuple(found for found in plan.commitments if (found.unit, found.activity) not in said)
    new = (Commitment(unit=unit, activity=activity, confirmed=word) for (unit, activity), word in said.items())
    return plan.model_copy(update={"commitments": (*others, *new)})


def closed(asked: Asked, _: pl.PlanClosed) -> Refusal | Decision:
    """A1: always possible, and a second time it changes nothing (G12). What is not sent by now is not sent any more, on whatever basis.

    It is no narrowing: everybody is told once, as by a cancellation, though the grants end too.
    """
    plan = asked.case.plan.model_copy(update={"state": "closed"}) if asked.case.plan else None
    return move(asked, "plan.closed", *endings.stopped(asked), plan=plan, draft=None, grants=())
