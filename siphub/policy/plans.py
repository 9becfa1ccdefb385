"""The steps of a plan: proposed, confirmed piece by piece, established, revised, closed (P0 to P3, A1).

Never without the individual's consent to a plan, and never final before every unit that was asked has given its word for just that.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from siphub.model.case import Commitment, Planned, PlanRecord
from siphub.model.identifiers import UnitId
from siphub.model.messages import plan as pl
from siphub.policy import endings, profiles
from siphub.policy.days import day_of
from siphub.policy.disclosure import DUTY_BOUND
from siphub.policy.refusal import Refusal
from siphub.policy.step import Asked, Decision, OpenWork, Supersede, move

FOREIGN = frozenset({"reader", "poll"})
"""Doors through which plans come in a form that is not ours: what the local profile asks beyond the statute is a warning there (G3)."""


def planned(asked: Asked, content: pl.PlanProposed | pl.PlanEstablished | pl.PlanRevised) -> Refusal | Decision:
    """P0, P1 and P3: never without the individual's consent to a plan, whatever the basis (LIFECYCLE section 3)."""
    plan, known = content.plan, asked.case.plan
    permitted = asked.case.plan_consent
    if permitted is None or not permitted.holds(asked.now):
        return Refusal("plan.no_consent", "invalid", "/type")
    refusal = _plan_version(asked, content) or (None if isinstance(content, pl.PlanProposed) else _final(asked, content))
    if refusal is not None:
        return refusal
    proposed = isinstance(content, pl.PlanProposed)
    record = PlanRecord(
        id=plan.id,
        version=plan.version,
        state="proposed" if proposed else "established",
        activities=_given(asked, plan),
        commitments=() if proposed or known is None else known.commitments,
        established_on=None if proposed else plan.made_on,
        follow_up_on=plan.follow_up_on,
    )
    coordinator = plan.coordinator if plan.coordinator and not proposed else asked.case.coordinator
    deputy = asked.case.deputy if coordinator is None or coordinator.unit == asked.case.coordinating_unit else None
    lacking = not proposed and bool(profiles.shortcomings(plan, asked.directory))
    work = (OpenWork("plan.incomplete", asked.case.coordinating_unit),) if lacking else ()
    return move(asked, asked.message.type, Supersede(plan.id, plan.version), *work, plan=record, coordinator=coordinator, deputy=deputy)


def _plan_version(asked: Asked, content: pl.PlanProposed | pl.PlanEstablished | pl.PlanRevised) -> Refusal | None:
    known, plan = asked.case.plan, content.plan
    if known is None:
        follows = not isinstance(content, pl.PlanRevised)
    elif isinstance(content, pl.PlanProposed):
        follows = known.id == plan.id and known.version < plan.version
    else:
        follows = known.id == plan.id and known.version + isinstance(content, pl.PlanRevised) == plan.version
    return None if follows else Refusal("message.out_of_order", "conflict", "/content/plan/version")


def _final(asked: Asked, content: pl.PlanEstablished | pl.PlanRevised) -> Refusal | None:
    """G3, and P2 before P1: a coordinator at a huvudman, a date for follow-up, and every other unit's word for its part.

    The coordinator's unit must be in the case already: otherwise nobody could revise or close it afterwards.
    """
    plan = content.plan
    missing = next(iter(profiles.shortcomings(plan, asked.directory)), None)
    if missing is not None and (missing.statutory or asked.caller.channel not in FOREIGN):
        return Refusal(missing.code, "invalid", missing.pointer)
    if plan.coordinator is not None and plan.coordinator.unit not in asked.case.units:
        return Refusal("plan.coordinator_outside", "invalid", "/content/plan/coordinator/unit")
    if isinstance(content, pl.PlanRevised) or _confirmed(asked, _given(asked, plan)):
        return None
    return Refusal("plan.commitments_missing", "conflict", "/content/plan/activities")


def _given(asked: Asked, plan: pl.Plan) -> tuple[Planned, ...]:
    """Return what a plan gives to units, each with a digest that changes when the activity does; a closed unit's falls to its successor."""
    given = ((found, found.responsible.unit) for found in plan.activities)
    return tuple(Planned(activity=found.id, unit=_current(asked, unit), digest=_digest(found)) for found, unit in given if unit is not None)


def _digest(activity: pl.Activity) -> str:
    """Return a digest of what is to be done. The unit stands beside it: one that was merged meanwhile has still said yes to the same.

    What is not said is left out, so that a field that comes with a later version does not make a stored activity another one.
    """
    return sha256(activity.model_dump_json(exclude={"responsible": {"unit"}}, exclude_none=True).encode()).hexdigest()


def _current(asked: Asked, unit: UnitId) -> UnitId:
    found = asked.directory.current(unit, day_of(asked.now))
    return found.id if found is not None else unit


def _confirmed(asked: Asked, given: Sequence[Planned]) -> bool:
    """Say whether every other unit that can be asked stands by just this; agencies and others cannot be sent a draft, so they are not asked."""
    known = asked.case.plan
    proposed = set(known.activities) if known else set()
    stood_by = {(found.unit, found.activity) for found in known.commitments if found.confirmed} if known else set()
    mine = asked.message.sender.unit
    others = [found for found in given if found.unit != mine and asked.directory.kind_of(found.unit) in DUTY_BOUND]
    return all(found in proposed and (found.unit, found.activity) in stood_by for found in others)


def committed(asked: Asked, content: pl.CommitmentConfirmed | pl.CommitmentRejected) -> Refusal | Decision:
    """P2: a unit's word for activities that the current version gives it; the newest word counts."""
    known = asked.case.plan
    if known is None:
        return Refusal("case.not_there", "not_there")
    if content.plan_version != known.version:
        return Refusal("message.out_of_order", "conflict", "/content/plan_version")
    if not set(content.activities) <= {found.activity for found in known.activities if found.unit == content.unit}:
        return Refusal("plan.activity_unknown", "invalid", "/content/activities")
    confirmed = isinstance(content, pl.CommitmentConfirmed)
    others = (found for found in known.commitments if found.unit != content.unit or found.activity not in content.activities)
    said = (Commitment(unit=content.unit, activity=activity, confirmed=confirmed) for activity in dict.fromkeys(content.activities))
    record = known.model_copy(update={"commitments": (*others, *said)})
    effects = () if confirmed else (OpenWork("plan.commitment_rejected", asked.case.coordinating_unit),)
    return move(asked, asked.message.type, *effects, plan=record)


def closed(asked: Asked, _: pl.PlanClosed) -> Refusal | Decision:
    """A1: always possible, and a second time it changes nothing (G12). What is not sent by now is not sent any more, on whatever basis.

    It is no narrowing: everybody is told once, as by a cancellation, though the grants end too.
    """
    plan = asked.case.plan.model_copy(update={"state": "closed"}) if asked.case.plan else None
    return move(asked, "plan.closed", *endings.stopped(asked), plan=plan, grants=())
