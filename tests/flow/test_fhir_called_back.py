"""What stands at a FHIR server without messaging when a case is called back: no plan in force, no meeting to come, whatever the state and cause."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from siphub.flow import track
from siphub.model import Address
from siphub.model import people as p
from siphub.model.identifiers import UnitId
from siphub.testing import chapters
from siphub.testing.story import Story
from siphub.testing.world import World
from siphub_fhir.vocabulary import numbering

if TYPE_CHECKING:
    from siphub.testing.fhir_server import FhirServer

pytestmark = pytest.mark.node
CARE = p.HOME_CARE


@dataclass
class AtAServer(World):
    """A world in which home care is reached at a FHIR server's base address."""

    base: str = ""
    form: str = "transaction"

    def address(self, unit: UnitId) -> Address:
        """Return home care's place at that server."""
        return Address(adapter="fhir", endpoint=self.base, options={"form": self.form}) if unit == CARE else super().address(unit)


@pytest.fixture
def at_a_server(make_world: Callable[..., World], fhir_server: FhirServer, request: pytest.FixtureRequest) -> Iterator[AtAServer]:
    """Return a hub at work; the test may say the form."""
    fhir_server.clear()
    made = make_world()
    given = {**made.given, "plugins": ("folder", "municipal-xml", "letter", "fhir"), "plugin": {"fhir": {"timeout_seconds": "60"}}}
    form = getattr(request, "param", "transaction")
    with AtAServer(made.sandbox, made.folders, made.data, given=given, base=fhir_server.url, form=form) as world:
        yield world
    fhir_server.clear()


def summoned(story: Story) -> None:
    """SUMMONED."""
    story.ready([CARE])
    story.summoned([CARE])


def reviewed(story: Story) -> None:
    """IN_REVIEW."""
    summoned(story)
    story.held([CARE])
    story.proposed([CARE])


def agreed(story: Story) -> None:
    """ACTIVE."""
    reviewed(story)
    story.confirmed(CARE, "a1")
    story.established([CARE])


def followed(story: Story) -> None:
    """FOLLOW_UP."""
    agreed(story)
    chapters.followed_up(story, [CARE])


def kept_in_error(story: Story) -> None:
    """The whole case was a mistake."""
    chapters.in_error(story, story.sent[0], "case")


STATES: dict[str, tuple[Callable[[Story], None], dict[str, list[str]]]] = {
    "SUMMONED": (summoned, {"Appointment": ["cancelled"]}),
    "IN_REVIEW": (reviewed, {"Appointment": ["pending"], "CarePlan": ["revoked"]}),
    "ACTIVE": (agreed, {"Appointment": ["pending"], "CarePlan": ["revoked"]}),
    "FOLLOW_UP": (followed, {"Appointment": ["cancelled", "pending"], "CarePlan": ["revoked"]}),
}
"""How far a case has come, and what then stands at the server once it is called back: a meeting that was held stays as it was."""
CAUSES: dict[str, Callable[[Story], Any]] = {
    "this unit's consent withdrawn": lambda story: story.withdrawn([CARE]),
    "closed": lambda story: story.closed([CARE]),
    "deceased": chapters.deceased,
    "entered in error": kept_in_error,
}


def statuses(server: FhirServer, story: Story) -> dict[str, list[str]]:
    """Return the statuses of the case's meetings and plans at the server, by type."""
    found: dict[str, list[str]] = {}
    for kind in ("Appointment", "CarePlan"):
        for one in server.kept(kind):
            cases = [value["value"] for extension in one.get("extension", ()) if (value := extension.get("valueIdentifier"))]
            if any(case.endswith(str(story.case_id)) for case in cases):
                found.setdefault(kind, []).append(one["status"])
    return {kind: sorted(each) for kind, each in found.items()}


@pytest.mark.parametrize(("state", "cause"), [*((state, "all withdrawn") for state in STATES), *(("FOLLOW_UP", cause) for cause in CAUSES)])
def test_nothing_is_in_force_at_a_server_once_it_is_called_back(
    at_a_server: AtAServer, fhir_server: FhirServer, state: str, cause: str
) -> None:
    """Given a case in any state in which something stands at a unit, and any cause, the plan is revoked and what was to come is cancelled."""
    come_so_far, expected = STATES[state]
    story = at_a_server.story()
    come_so_far(story)
    assert at_a_server.settled(story)
    before = statuses(fhir_server, story)
    assert set(before) == set(expected)
    assert not {"revoked", "cancelled"} & {status for each in before.values() for status in each}
    CAUSES.get(cause, Story.withdrawn)(story)
    assert at_a_server.settled(story)
    assert statuses(fhir_server, story) == expected
    notices = [row for row in at_a_server.deliveries(story) if row.message_type == "stop.notice"]
    assert {row.state for row in notices} == {"delivered"}


@pytest.mark.parametrize("at_a_server", ["transaction", "resource"], indirect=True)
def test_a_plan_that_the_server_leaves_in_force_is_on_the_desk(at_a_server: AtAServer, fhir_server: FhirServer) -> None:
    """Given a server without PATCH, the sender's unit is told to phone; tried again where the server has learnt it, the plan is revoked."""
    story = at_a_server.story()
    agreed(story)
    assert at_a_server.settled(story)
    fhir_server.fault(405, method="PATCH", times=100)
    story.withdrawn()
    assert at_a_server.settled(story)
    assert statuses(fhir_server, story)["CarePlan"] == ["active"]
    assert "delivery.partner.plan_in_force" in {item.type for item in track.desk(at_a_server.hub.ground)}


def test_the_notice_says_nothing_of_the_plan(at_a_server: AtAServer, fhir_server: FhirServer) -> None:
    """Given a plan that is called back, what is at the server besides is one Communication with the code that every cause has."""
    story = at_a_server.story()
    agreed(story)
    assert at_a_server.settled(story)
    story.withdrawn()
    assert at_a_server.settled(story)
    about = {"system": numbering("plan"), "value": f"{story.owner}/{story.case_id}/{story.plan_id}"}
    [notice] = [one for one in fhir_server.kept("Communication") if about in [each.get("identifier") for each in one.get("about", ())]]
    assert [one["coding"][0]["code"] for one in notice["reasonCode"]] == ["no_further_messages"]
    assert "Stöd i vardagen" not in str(notice)
