"""A store that was brought back from a backup: what it takes again, and what it must not be talked into."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from siphub.contract import Accepted, Delivered, Outcome, Recipient, Rejected, Retry, Uncertain
from siphub.errors import Conflict
from siphub.flow import restored
from siphub.flow.presence import Presence
from siphub.model import people as p
from siphub.testing.story import Story, until
from siphub.testing.yard import Wire, Yard

UNITS = (p.HOME_CARE, p.CARE_CENTRE)
HOUR = timedelta(hours=1)


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    """Return a hub whose workers the test moves."""
    with Yard(tmp_path / "hub", at={p.CARE_CENTRE: "once"}) as yard:
        yield yard


def brought_back(yard: Yard, kept: Path) -> None:
    """Lose everything an hour after the copy was made, and bring it back."""
    since = yard.clock.at
    yard.clock.on(HOUR)
    yard.hub.stop()
    shutil.rmtree(yard.data)
    shutil.copytree(kept, yard.data)
    yard.open()
    restored.settle(yard.ground.store, since, yard.clock.at, by="test")
    yard.again()


def copied(yard: Yard) -> Path:
    """Return a copy of the data folder, made while nobody works."""
    yard.hub.stop()
    kept = yard.data.with_name("kept")
    shutil.copytree(yard.data, kept)
    yard.open()
    return kept


def test_a_yes_that_was_taken_back_later_is_refused_whoever_hands_in_first(yard: Yard) -> None:
    """Given a consent and its withdrawal that were both lost, when they are handed in the wrong way round, then the consent is refused."""
    story = Story(yard.send, now=yard.clock.at)
    story.requested()
    kept = copied(yard)
    story.consented(UNITS)
    given = story.sent[-1]
    story.now += timedelta(minutes=30)
    story.withdrawn()
    withdrawn = story.sent[-1]
    brought_back(yard, kept)
    yard.send(withdrawn)
    with pytest.raises(Conflict) as refused:
        yard.send(given)
    assert refused.value.code == "consent.taken_back_since"
    story.now = yard.clock.at + timedelta(minutes=10)
    story.consented(UNITS)  # a new yes, of today, is one
    assert {grant.scope for grant in yard.case(story.owner, story.case_id).grants} > {"meeting"}  # type: ignore[union-attr]  # it is there


def test_what_was_sent_in_the_missing_time_is_in_doubt_and_what_is_sent_today_is_not(yard: Yard) -> None:
    """Given a call that was lost with the store, when it is handed in again, then who cannot recognise a repeat is not sent it again."""
    story = Story(yard.send, now=yard.clock.at)
    story.ready(UNITS)
    assert yard.drain()
    kept = copied(yard)
    first = story.summoned(UNITS)
    assert yard.work() == 2
    brought_back(yard, kept)
    again = yard.send(story.sent[-1])
    assert again.answer == first.answer  # type: ignore[attr-defined]  # the very same, ids and all
    with yard.ground.store.write() as work:
        work.switches.set("sending", "running", "test", yard.clock.at)
    yard.drain()
    rows = {row.recipient: row for row in yard.of_case(story.owner, story.case_id) if row.message_type == "meeting.summoned"}
    assert {unit: (row.state, row.reason) for unit, row in rows.items()} == {
        p.HOME_CARE: ("delivered", None),
        p.CARE_CENTRE: ("held", "send.uncertain"),
    }
    assert [(took.unit, took.key) for took in yard.wires["once"].took] == [(p.CARE_CENTRE, rows[p.CARE_CENTRE].key)]
    assert {took.key for took in yard.wires["wire"].took if took.unit == p.HOME_CARE} == {rows[p.HOME_CARE].key}
    story.now = yard.clock.at
    story.rescheduled(UNITS)
    assert [row.uncertain for row in yard.of_case(story.owner, story.case_id) if row.message_type == "meeting.rescheduled"] == [
        False,
        False,
    ]


@dataclass
class Asked(Wire):
    """A wire whose partners can be asked what they have."""

    says: Outcome | None = None

    def confirm(self, key: str, recipient: Recipient) -> Outcome | None:
        return self.says


@pytest.mark.parametrize(
    ("doubt", "unit", "says", "state", "reason"),
    [
        (True, p.HOME_CARE, Delivered(), "delivered", None),
        (True, p.HOME_CARE, Accepted(), "awaiting_receipt", None),
        (True, p.HOME_CARE, Retry("partner.unknown_key"), "held", "send.changed"),
        (True, p.HOME_CARE, None, "held", "send.changed"),
        (False, p.HOME_CARE, Delivered(), "rejected", "partner.http_409"),
        (True, p.CARE_CENTRE, None, "held", "send.uncertain"),
    ],
)
def test_a_partner_in_conflict_is_asked_what_it_has(
    yard: Yard, *, doubt: bool, unit: str, says: Outcome | None, state: str, reason: str | None
) -> None:
    """Given a 409 to a doubt of which no bytes are known, then only the partner's own word that it has the key settles it, else a person."""
    yard.wires["wire"] = Asked(yard.clock, says=says)
    yard.again()
    story = Story(yard.send, now=yard.clock.at)
    story.ready([p.HOME_CARE, p.CARE_CENTRE])
    yard.drain()
    story.summoned([unit])  # type: ignore[list-item]  # a unit's number
    (row,) = [row for row in yard.of_case(story.owner, story.case_id) if row.message_type == "meeting.summoned"]
    if doubt:
        restored.settle(yard.ground.store, yard.clock.at, yard.clock.at, by="test")
        with yard.ground.store.write() as work:
            work.switches.set("sending", "running", "test", yard.clock.at)
    yard.answer(lambda key: Rejected("partner.http_409", "known") if key == row.key else Delivered())
    yard.work()
    (row,) = [found for found in yard.of_case(story.owner, story.case_id) if found.id == row.id]
    assert (row.state, row.reason) == (state, reason)
    if isinstance(says, Delivered) and doubt:
        assert (row.uncertain, row.pinned_hash) == (False, None)  # the bytes it has are not those of today


def test_a_doubt_whose_bytes_are_known_is_refused_as_before(yard: Yard) -> None:
    """Given a send that broke off, of which the hash is kept, when the partner says 409 to a repeat, then that is a refusal."""
    story = Story(yard.send, now=yard.clock.at)
    story.ready([p.HOME_CARE])
    yard.drain()
    story.summoned([p.HOME_CARE])
    (row,) = [row for row in yard.of_case(story.owner, story.case_id) if row.message_type == "meeting.summoned"]
    yard.answer(lambda _: Uncertain("partner.cut"))
    yard.work()
    yard.answer(lambda key: Rejected("partner.http_409", "known") if key == row.key else Delivered())
    yard.drain()
    assert [found.state for found in yard.of_case(story.owner, story.case_id) if found.id == row.id] == ["rejected"]


def test_a_process_that_began_just_before_the_restore_hears_of_it(yard: Yard) -> None:
    """Given a hub that was built while nothing was missing, when the database is brought back, then it knows with its next sign of life."""
    assert not yard.ground.doubtful(yard.clock.at)
    restored.settle(yard.hub.store, yard.clock.at - HOUR, yard.clock.at, by="test")
    assert not yard.ground.doubtful(yard.clock.at)
    presence = Presence(yard.ground, ("serve",), (), lambda: False)
    presence.start()
    try:
        assert until(lambda: yard.ground.doubtful(yard.clock.at))
    finally:
        presence.stop()
