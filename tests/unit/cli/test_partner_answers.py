"""What a partner says against a delivery, as whoever operates the hub reads it: with the work item, and with the delivery."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from siphub.contract import Outcome, Payload, Recipient, Rejected
from siphub.flow import directory as directories
from siphub.model import Address
from siphub.model import people as p
from siphub.testing.small_plugins import Box, adapting
from siphub.testing.story import Story, until

if TYPE_CHECKING:
    from tests.conftest import Done, Door


class No(Box):
    """An adapter whose partner refuses everything, in two lines and with a number that it should not have said."""

    def deliver(self, payload: Payload, recipient: Recipient, key: str) -> Outcome:
        """Refuse."""
        return Rejected("partner.closed", "required at Task.owner,\nnot 191212121212" + " or" * 200)


def test_an_operator_reads_what_the_partner_said(
    make_door: Callable[..., Door], story_at: Callable[[Door], Story], run: Callable[..., Done]
) -> None:
    """Given a partner that refuses, its answer is one short line with the work item and with the delivery, without what may be a number."""
    door = make_door(further={"no": adapting(No("no"))})
    found = door.hub.ground.directory()
    there = Address(adapter="no", endpoint="no:1")
    units = tuple(unit.model_copy(update={"address": there}) if unit.id == p.HOME_CARE else unit for unit in found.units)
    directories.switch(door.hub.ground, found.model_copy(update={"units": units}), by="test")
    story = story_at(door)
    story.ready((p.HOME_CARE,))
    story.summoned((p.HOME_CARE,))
    assert until(lambda: run("work", "list", "--json").facts)
    [item] = run("work", "list", "--json").facts
    facts = run("work", "show", item["id"], "--json").facts
    assert facts["answer"].startswith("required at Task.owner, not … or or")
    assert len(facts["answer"]) == 300
    assert f"  the answer: {facts['answer']}\n" in run("work", "show", item["id"]).out
    assert f"The answer to attempt 1: {facts['answer']}\n" in run("deliveries", "show", item["delivery_id"]).out
    assert [one["said"] for one in run("deliveries", "show", item["delivery_id"], "--json").facts["attempts"]] == [facts["answer"]]


def test_where_no_partner_has_said_anything_there_is_no_answer(
    door: Door, story_at: Callable[[Door], Story], run: Callable[..., Done]
) -> None:
    """Given a work item that is about no delivery, then it has no answer, and no line for one."""
    story = story_at(door)
    story.ready((p.HOME_CARE,))
    story.withdrawn()
    [item] = run("work", "list", "--json").facts
    assert run("work", "show", item["id"], "--json").facts["answer"] is None
    assert "answer" not in run("work", "show", item["id"]).out
