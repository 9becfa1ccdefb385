"""What the tests of the commands share: the command line on this test's folder, and a story whose messages go in over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from siphub.hub import add_key
from siphub.model import people as p
from siphub.testing.story import Story, until
from siphub.testing.world import Told

if TYPE_CHECKING:
    from tests.conftest import Done, Door

Run = Callable[..., "Done"]
UNITS = (p.HOME_CARE, p.SOCIAL_SERVICES)


@pytest.fixture
def run(siphub: Run, data_folder: Path) -> Run:
    """Return the command line on this test's data folder."""
    return lambda *words: siphub(*words, "--data", data_folder)


@pytest.fixture
def story_at() -> Callable[[Door], Story]:
    """Return what makes a case whose messages go to a hub over HTTP, as whoever sends them."""

    def make(door: Door) -> Story:
        keys: dict[str, str] = {p.MUNICIPALITY: door.key()}

        def send(message: Any) -> Told:
            organisation = message.sender.organisation
            if organisation not in keys:
                keys[organisation] = add_key(
                    door.hub.store, door.hub.ground.clock, organisation=organisation, name="story", roles=("send", "inbox")
                )
            reply = door.send(message.to_json(), key=keys[organisation])
            assert reply.status == 202, reply.body
            return Told({one["recipient"]: (one["state"], one["reason"]) for one in reply.document["recipients"]})

        return Story(send)

    return make


@pytest.fixture
def called(door: Door, story_at: Callable[[Door], Story]) -> Story:
    """Return a case in which three units are called and two may know; everything has been sent."""
    story = story_at(door)
    story.ready(UNITS)
    story.summoned((*UNITS, p.CARE_CENTRE))
    assert until(lambda: door.hub.counts().get("delivered") == 3)
    return story
