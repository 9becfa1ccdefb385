"""The two validation profiles: what a draft may leave open, and what a plan or a call must say before it is final (guard G3, REQ-92).

A plan first: the statute's four points, and what our own plans say beyond them.

A draft may leave any of it open (REQ-92). `statutory` is SoL (2025:400) 10:8 and HSL (2017:30) 16:4: which activities, who answers for each,
what others do, and which huvudman has the overall responsibility (REQ-75). `local` is the named coordinator at a huvudman, the date of the
follow-up, goals and needs (REQ-66, REQ-72, REQ-76, REQ-78); a foreign plan that lacks these is taken, with a work item. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from siphub.model import Directory, Message
from siphub.model.directory import PRINCIPALS
from siphub.model.messages import followup as f
from siphub.model.messages import meeting as m
from siphub.model.messages import plan as pl


@dataclass(frozen=True, slots=True)
class Shortcoming:
    """One thing a message lacks before it is final: a code of `reasons`, where, and whether the statute itself asks for it."""

    code: str
    pointer: str
    statutory: bool


def before_final(message: Message, directory: Directory) -> tuple[Shortcoming, ...]:
    """Return what a valid message lacks before it is final; empty for a type whose draft and final form are the same."""
    match message.content:
        case pl.PlanProposed() | pl.PlanEstablished() | pl.PlanRevised():
            return shortcomings(message.content.plan, directory)
        case m.MeetingSummoned() | m.MeetingInvited() | m.MeetingRescheduled() | f.FollowUpSummoned():
            return tuple(_call(message.content))
        case _:
            return ()


def _call(content: m.MeetingSummoned | m.MeetingInvited | m.MeetingRescheduled | f.FollowUpSummoned) -> Iterator[Shortcoming]:
    """What whoever is called cannot do without: where it is, and a last day to answer that comes before it (REQ-53)."""
    if content.meeting.place.kind == "other" and content.meeting.place.text is None:
        yield Shortcoming("meeting.place_missing", "/content/meeting/place/text", statutory=False)
    if content.respond_by > content.meeting.starts_at:
        yield Shortcoming("meeting.respond_late", "/content/respond_by", statutory=False)


def shortcomings(plan: pl.Plan, directory: Directory) -> tuple[Shortcoming, ...]:
    """Return what a plan lacks, what the statute asks for first."""
    return (*_statutory(plan, directory), *_local(plan, directory))


def _statutory(plan: pl.Plan, directory: Directory) -> Iterator[Shortcoming]:
    overall = directory.organisation(plan.overall_responsible.organisation)
    if overall is None or overall.kind != plan.overall_responsible.kind:
        yield Shortcoming("plan.overall_responsible", "/content/plan/overall_responsible", statutory=True)
    for index, activity in enumerate(plan.activities):
        if not _answered_for(activity.responsible, directory):
            yield Shortcoming("plan.responsible", f"/content/plan/activities/{index}/responsible", statutory=True)


def _answered_for(responsible: pl.Responsible, directory: Directory) -> bool:
    """Say whether somebody answers for an activity, and is what the plan says it is: a private provider acts for either huvudman, a school for its own."""
    if responsible.unit is None:
        return responsible.kind in {"individual", "relative"} or responsible.name is not None
    found = directory.unit(responsible.unit)
    organisation = directory.organisation(found.organisation) if found is not None else None
    match responsible.kind:
        case "region" | "municipality":
            return organisation is not None and organisation.kind in {responsible.kind, "private_provider"}
        case _:
            return organisation is not None


def _local(plan: pl.Plan, directory: Directory) -> Iterator[Shortcoming]:
    if plan.coordinator is None or plan.follow_up_on is None or directory.kind_of(plan.coordinator.unit) not in PRINCIPALS:
        yield Shortcoming("plan.coordinator_missing", "/content/plan/coordinator", statutory=False)
    if not plan.goals:
        yield Shortcoming("plan.goals_missing", "/content/plan/goals", statutory=False)
    for index, activity in enumerate(plan.activities):
        if plan.goals and activity.responsible.unit is not None and not activity.goals:
            yield Shortcoming("plan.activity_without_goal", f"/content/plan/activities/{index}/goals", statutory=False)
    if not plan.needs:
        yield Shortcoming("plan.needs_missing", "/content/plan/needs", statutory=False)
