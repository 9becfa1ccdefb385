"""The recall text is one: whatever ended it, a unit reads the same bytes but for ids and time."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from siphub.model import CATALOGUE, parse_message
from siphub.model import people as p
from siphub.model.messages.meeting import MeetingCancelled
from siphub.policy import disclosure
from siphub.policy.disclosure import Covered
from siphub.testing.desk import Desk

UNITS = (p.HOME_CARE, p.SOCIAL_SERVICES, p.CARE_CENTRE)
ENDS: dict[str, Callable[[Desk], object]] = {
    "cancelled": lambda desk: desk.story.cancelled(UNITS),
    "withdrawn": lambda desk: desk.story.withdrawn(),
    "narrowed": lambda desk: desk.story.withdrawn([p.HOME_CARE]),
    "refused": lambda desk: desk.story.refused(),
    "closed": lambda desk: desk.story.closed(UNITS),
    "not chosen any more": lambda desk: desk.story.approved(UNITS[1:]),
}
ID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TIME = re.compile(rb"\d{4}-\d\d-\d\dT[\d:.]+Z")


def called() -> Desk:
    """Return a new case with three units that have been called."""
    desk = Desk()
    desk.story.ready(UNITS)
    desk.story.summoned(UNITS)
    return desk


def text(desk: Desk) -> bytes:
    """Return the notice for home care as its partner would get it, without ids and times."""
    notice = desk.notice(p.HOME_CARE, (desk.story.meeting_id, 1))
    rule = disclosure.rule_for("stop.notice", ())
    assert rule is not None
    made = disclosure.cut(notice, rule, recipient=p.HOME_CARE, covered=Covered("recall", frozenset()), directory=desk.directory)
    whole = notice.to_json() + repr(sorted(made.document.items())).encode()
    return TIME.sub(b"T", ID.sub(b"#", whole))


@pytest.mark.parametrize("end", ENDS)
def test_whatever_ended_it_the_text_is_the_same(end: str) -> None:
    """Given two cases, one cancelled and one ended in another way, then what home care is told differs in ids and time only."""
    cancelled, other = called(), called()
    ENDS["cancelled"](cancelled)
    ENDS[end](other)
    assert other.last.code is None
    assert text(other) == text(cancelled)


def test_the_notice_is_a_valid_message_and_says_no_more_than_its_type() -> None:
    """Given a notice, then it reads back as the stop notice it is, without a subject, a basis or a reason."""
    desk = called()
    notice = desk.notice(p.HOME_CARE, (desk.story.meeting_id, 1))
    assert parse_message(notice.to_json()) == notice
    assert set(notice.to_document()["content"]) <= set(CATALOGUE["stop.notice"].content.model_fields)
    assert (notice.subject, notice.basis, notice.classification) == (None, None, "open-logistics")


def test_the_notice_names_a_plan_where_a_plan_was_the_last_thing_sent(active: Desk) -> None:
    """Given an active plan, then a notice about it says plan, and one about the meeting says meeting."""
    said = [
        active.notice(p.HOME_CARE, (about, 1)).to_document()["content"]["about"]
        for about in (active.story.plan_id, active.story.meeting_id)
    ]
    assert said == ["plan", "meeting"]


def test_the_telephone_is_the_conveners_as_it_was_last_given(summoned: Desk) -> None:
    """Given a convener, when the meeting is called off with another number, then the notice keeps the one from the kallelse."""
    story = summoned.story
    story.say(MeetingCancelled(meeting_id=story.meeting_id, meeting_version=1, phone="0771-11 11 11"), UNITS)
    assert (summoned.last.code, summoned.open.phone) == (None, story.convener.phone)
