"""Plans that are no SIP (LIFECYCLE section 7): made by others, in cases of their own, under rules of their own. Pure.

They need no consent to a plan and give none; a SIP needs its own, whatever stands here.
"""

from __future__ import annotations

from siphub.model import Directory, Message
from siphub.model.case import PlanRecord
from siphub.model.messages import otherplan as o
from siphub.policy.refusal import Refusal
from siphub.policy.step import Asked, Decision, Supersede, move

Plan = o.CompulsoryCarePlan | o.LssPlan


def may_make(message: Message, directory: Directory) -> bool:
    """Say whether the sender makes this kind of plan: the hospital's chief physician, or the municipality."""
    kind = directory.kind_of(message.sender.unit)
    return kind == ("region" if isinstance(message.content, o.CompulsoryCarePlan) else "municipality")


def record(content: Plan) -> PlanRecord:
    """Return the plan as its case keeps it."""
    return PlanRecord(
        id=content.plan_id, version=content.version, state="established", established_on=content.made_on, follow_up_on=content.reviewed_on
    )


def established(asked: Asked, content: Plan) -> Refusal | Decision:
    """Take the next version of the plan this case is about."""
    known = asked.case.plan
    if known is None or known.id != content.plan_id or known.version + 1 != content.version:
        return Refusal("message.out_of_order", "conflict", "/content/version")
    return move(asked, asked.message.type, Supersede(content.plan_id, content.version), plan=record(content))
