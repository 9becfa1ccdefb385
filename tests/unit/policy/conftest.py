"""What the tests of the policy share: an empty desk, and cases that have come a certain way."""

from __future__ import annotations

import pytest

from siphub.model import people as p
from siphub.testing.desk import Desk

UNITS = (p.HOME_CARE, p.SOCIAL_SERVICES, p.CARE_CENTRE)


@pytest.fixture
def desk() -> Desk:
    """Give a desk without a case."""
    return Desk()


@pytest.fixture
def prepared(desk: Desk) -> Desk:
    """Give a case in which three units are consented to and chosen."""
    desk.story.ready(UNITS)
    assert desk.state == "PREPARING"
    return desk


@pytest.fixture
def summoned(prepared: Desk) -> Desk:
    """Give a case whose three units have been called."""
    prepared.story.summoned(UNITS)
    assert prepared.state == "SUMMONED"
    return prepared


@pytest.fixture
def active(summoned: Desk) -> Desk:
    """Give a case with an established plan."""
    story = summoned.story
    story.held(UNITS)
    story.proposed(UNITS)
    for index, unit in enumerate(UNITS, start=1):
        story.confirmed(unit, f"a{index}")
    story.established(UNITS)
    assert summoned.state == "ACTIVE"
    return summoned
