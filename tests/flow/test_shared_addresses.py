"""One address for several units, as at a region's message server: each delivery, each receipt and each answer is still one unit's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from siphub.contract import Draft, Inbound, Receipt, Submission
from siphub.errors import Invalid
from siphub.flow import answers, receipts
from siphub.model import Address
from siphub.model import people as p
from siphub.store import DeliveryRow
from siphub.testing.story import Story
from siphub.testing.yard import Yard

SHARED = "wire:https://norrby.example/fhir"
UNITS = (p.HOME_CARE, p.SOCIAL_SERVICES)
NOBODY = Submission(b"", "text/plain")


@dataclass
class Sharing(Yard):
    """A yard in which two units have one address."""

    def address(self, unit: str) -> Address | None:
        """Return it for those two."""
        return Address(adapter="wire", endpoint=SHARED) if unit in UNITS else super().address(unit)


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Sharing]:
    """Return a hub without threads, whose adapter says in everything for which unit it is."""
    made = Sharing(tmp_path / "hub")
    made.wires["wire"].names_receiver = True
    with made:
        yield made


@pytest.fixture
def story(yard: Yard) -> Story:
    """Return a story in which both are called to a meeting, and have got the call."""
    made = Story(yard.send, now=yard.clock.at)
    made.ready(UNITS)
    made.summoned(UNITS)
    assert yard.drain()
    return made


def calls(yard: Yard, story: Story) -> Mapping[str, DeliveryRow]:
    """Return the call to each of the two."""
    found = {row.recipient: row for row in yard.of_case(story.owner, story.case_id) if row.message_type == "meeting.summoned"}
    return {unit: found[unit] for unit in UNITS}


def test_only_who_names_the_unit_inside_may_be_shared(yard: Sharing) -> None:
    """Given an adapter that does not, a directory in which two units have its address is not switched to, and says which two."""
    yard.wires["wire"].names_receiver = False
    with pytest.raises(Invalid) as wrong:
        yard.switch()
    places = [f"/units/{number}/address" for number, unit in enumerate(yard.directory().units) if unit.id in UNITS]
    assert [(each.code, each.pointer) for each in wrong.value.problems] == [("directory.address_shared", place) for place in places]


def test_each_unit_gets_its_own(yard: Yard, story: Story) -> None:
    """Given one message for both, two deliveries arrive there, each with its key and its unit."""
    rows = calls(yard, story)
    assert {row.state for row in rows.values()} == {"delivered"}
    took = [one for one in yard.wires["wire"].took if one.key in {row.key for row in rows.values()}]
    assert {one.unit: one.key for one in took} == {unit: row.key for unit, row in rows.items()}


def test_a_receipt_is_the_one_deliverys(yard: Yard, story: Story) -> None:
    """Given a receipt that came through the shared address, it is that of the delivery it names, and not the other's."""
    rows = calls(yard, story)
    assert receipts.note(yard.ground, "wire", Receipt(rows[p.SOCIAL_SERVICES].key, "read", yard.clock.at))
    assert {unit: row.state for unit, row in calls(yard, story).items()} == {p.HOME_CARE: "delivered", p.SOCIAL_SERVICES: "read"}


def test_an_answer_is_its_units(yard: Yard, story: Story) -> None:
    """Given a no from one of them, the other's place at the meeting stays as it was."""
    story.responded(p.SOCIAL_SERVICES, "decline")
    case = yard.case(story.owner, story.case_id)
    assert case is not None
    meeting = case.meeting(story.meeting_id)
    assert meeting is not None
    assert {one.unit: one.state for one in meeting.participants} == {p.HOME_CARE: "SENT", p.SOCIAL_SERVICES: "DECLINED"}


@pytest.mark.parametrize(("units", "named"), [((p.CARE_CENTRE,), True), ((p.CARE_CENTRE, p.HOSPITAL), False)])
def test_an_answer_that_names_a_case_alone_is_no_units_by_guess(yard: Yard, units: tuple[str, ...], named: bool) -> None:
    """Given an answer that says which case and not which delivery, it is on the desk; whose it is stands there only where it can be one unit's."""
    story = Story(yard.send, now=yard.clock.at)
    story.ready(units)  # type: ignore[arg-type]  # units' ids
    story.summoned(units)  # type: ignore[arg-type]
    assert yard.drain()
    inbound = Inbound("partner-7", NOBODY, "1", organisation=p.REGION)
    thread = answers._thread(yard.ground, "wire", inbound, Draft({"conversation_id": str(story.case_id)}, ()))
    with yard.ground.store.write() as work:
        answers._show(work, "wire", inbound, thread, "inbound.remark", yard.clock.at)
    with yard.ground.store.read() as work:
        [item] = [one for one in work.work_items.of_case(story.owner, str(story.case_id)) if one.type == "inbound.unread"]
    called = {row.recipient: row.id for row in yard.of_case(story.owner, story.case_id) if row.message_type == "meeting.summoned"}
    assert item.delivery_id == (called[p.CARE_CENTRE] if named else None)
