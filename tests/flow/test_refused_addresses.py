"""An address that its adapter refuses: no directory names it, and what was queued before it was refused is held before anything is made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from siphub.contract import Adapter, Cut, Payload, Problem, Recipient, hookimpl
from siphub.errors import Invalid
from siphub.flow import directory as directories
from siphub.flow import operate, track
from siphub.model import Address
from siphub.model import people as p
from siphub.testing.small_plugins import Box
from siphub.testing.world import World


class Particular(Box):
    """An adapter whose administrator may change their mind."""

    def __init__(self) -> None:
        super().__init__()
        self.refuses = False
        self.made = 0

    def refusal(self, recipient: Recipient) -> Problem | None:
        """Refuse every address, where told so."""
        return Problem("address.origin_refused", recipient.endpoint) if self.refuses else None

    def translate(self, cut: Cut, recipient: Recipient) -> Payload:
        """Count."""
        self.made += 1
        return super().translate(cut, recipient)

    @hookimpl
    def siphub_adapters(self) -> Iterable[Adapter]:
        """Offer itself."""
        return [self]


@dataclass
class Boxed(World):
    """A world in which home care is reached by the box."""

    def address(self, unit: Any) -> Address:
        """Return the box's address for home care."""
        return Address(adapter="box", endpoint="https://box.example") if unit == p.HOME_CARE else super().address(unit)


@pytest.fixture
def box() -> Particular:
    """Return the adapter."""
    return Particular()


@pytest.fixture
def boxed(make_world: Callable[..., World], box: Particular) -> Iterator[World]:
    """Return a hub at work."""
    made = make_world()
    with Boxed(made.sandbox, made.folders, made.data, given=made.given, plugins={"box": box}) as world:
        yield world


def test_what_was_queued_is_held_and_goes_once_it_may(boxed: World, box: Particular) -> None:
    """Given an address that is refused, a kallelse to it is a person's work, untranslated; released when it no longer is, it arrives."""
    box.refuses = True
    story = boxed.story()
    story.requested()
    story.consented([p.HOME_CARE])
    story.approved([p.HOME_CARE])
    story.summoned([p.HOME_CARE])
    assert boxed.settled(story)
    [row] = [row for row in boxed.deliveries(story) if row.message_type == "meeting.summoned"]
    assert (row.state, row.reason, box.made, box.sent) == ("held", "address.origin_refused", 0, [])
    assert [item.type for item in track.desk(boxed.hub.ground)] == ["delivery.address.origin_refused"]
    box.refuses = False
    operate.operate(boxed.hub.ground, row.id, "release", by="test", channel="test")
    assert boxed.settled(story)
    assert boxed.states(story, "meeting.summoned") == {p.HOME_CARE: "delivered"}


def test_a_directory_with_it_is_not_switched_to(boxed: World, box: Particular) -> None:
    """Given a directory with an address that is refused, the one there is stays."""
    box.refuses = True
    with pytest.raises(Invalid) as wrong:
        directories.switch(boxed.hub.ground, boxed.directory(), by="test")
    place = next(number for number, unit in enumerate(boxed.directory().units) if unit.id == p.HOME_CARE)
    assert [(each.code, each.pointer) for each in wrong.value.problems] == [("address.origin_refused", f"/units/{place}/address/endpoint")]
