"""What StoreContract promises of the directory, of deadlines, and of units that stand in another's place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from siphub.store import AgreementRow, DeadlineRow, DirectoryRows, Move, OrganisationRow, Store, UnitRow
from siphub.testing.store_rows import NEIGHBOUR, NOW, OWNER, UNIT, add_line, change, claim, line, new_case, new_delivery, new_grant, state

HOUR = timedelta(hours=1)
SUCCESSOR = f"SE{NEIGHBOUR}-NORTH"


class DirectoryPromises:
    """What every store promises of who is where, and of what must have happened by when."""

    def test_the_directory_is_replaced_as_a_whole(self, store: Store) -> None:
        """Given another import, only its rows are there, as they were given, and the version has risen by one."""
        letters: Mapping[str, object] = {"adapter": "letter", "endpoint": "letters", "mapping": None, "options": {}}
        organisation = OrganisationRow(
            NEIGHBOUR, NEIGHBOUR, "Invented municipality", "municipality", "Municipality", letters, None, "0650-1"
        )
        unit = UnitRow(NEIGHBOUR, UNIT, NEIGHBOUR, "Home care", "Unit", "folder", "folder:home", None, {"a": "b"}, None, cleared=True)
        closed = replace(unit, id="closed", kind="home_care", care="open", financed_by="region", closed_on=NOW.date(), successor=UNIT)
        agreement = AgreementRow(NEIGHBOUR, "a.1", "Invented", NOW.date(), None, (NEIGHBOUR,), (UNIT,), {"summons_days": 5})
        with store.write() as work:
            assert work.directory.version() == 0
            assert work.directory.replace([organisation], [unit, replace(unit, id="other")], [replace(agreement, id="b")]) == 1
            assert work.directory.replace([organisation], [unit, closed], [agreement]) == 2
        with store.read() as work:
            loaded = work.directory.load()
        assert {row.id: row for row in loaded.units} == {UNIT: unit, "closed": closed}
        assert replace(loaded, units=()) == DirectoryRows(2, (organisation,), (), (agreement,))
        with store.write() as work:
            work.directory.replace([], [])
            assert work.directory.load() == DirectoryRows(3, (), ())

    def test_deadlines_are_replaced_and_keep_their_marks(self, store: Store) -> None:
        """Given a case's deadlines saved anew, one that is the same keeps its mark, one that moved has none, one that is gone is gone."""
        case = new_case()
        near = DeadlineRow(OWNER, case.case_id, "payment", "n1", UNIT, NOW + HOUR, NOW)
        later = replace(near, kind="followup", due_at=NOW + 9 * HOUR, warn_at=NOW + 8 * HOUR)
        mine = (OWNER, case.case_id)
        with store.write() as work:
            work.cases.add(case)
            assert work.deadlines.replace(*mine, [near, later]) == ()
            assert work.deadlines.due(NOW, 9) == (mine,)
            assert (work.deadlines.mark(near, "warned_at", NOW), work.deadlines.mark(near, "warned_at", NOW)) == (True, False)
            assert work.deadlines.due(NOW, 9) == ()
            assert work.deadlines.replace(*mine, [later, near]) == ()
            assert work.deadlines.of_case(*mine) == (replace(near, warned_at=NOW), later)
            assert work.deadlines.due(NOW + HOUR, 9) == (mine,)
            assert work.deadlines.mark(near, "passed_at", NOW + HOUR)
            assert work.deadlines.due(NOW + HOUR, 9) == ()
            moved = replace(near, due_at=NOW + 2 * HOUR)
            assert work.deadlines.replace(*mine, [moved]) == (replace(near, warned_at=NOW, passed_at=NOW + HOUR),)
            assert work.deadlines.of_case(*mine) == (moved,)
            assert work.deadlines.replace(*mine, []) == ()
            assert work.deadlines.of_case(*mine) == ()
            assert work.deadlines.due(NOW + 99 * HOUR, 9) == ()
            assert not work.deadlines.mark(moved, "passed_at", NOW)

    def test_a_successor_takes_what_waits(self, store: Store) -> None:
        """Given a unit's deliveries, when its successor takes its place, what waits goes there, and what was sent keeps its recipient."""
        case, (first, second) = line(store, 2)
        claim(store, first.id)
        with store.write() as work:
            work.deliveries.follow(Move(case.owner, case.case_id, UNIT, SUCCESSOR, "other", "there", NOW))
            work.grants.replace(case.owner, case.case_id, [new_grant(case, party=SUCCESSOR)])
            events = work.events.of_delivery(case.owner, second.id)
        sending, waiting = state(store, first), state(store, second)
        assert (sending.recipient, sending.endpoint, sending.party) == (UNIT, first.endpoint, SUCCESSOR)
        assert (waiting.recipient, waiting.adapter, waiting.endpoint, waiting.party) == (SUCCESSOR, "other", "there", SUCCESSOR)
        assert [event.event for event in events] == ["accept.queue", "unit.followed"]

    def test_what_was_made_for_both_is_sent_once(self, store: Store) -> None:
        """Given one message for a unit and for its successor, when the one takes the other's place, the unit's own is superseded."""
        with store.write() as work:
            case, (mine,) = add_line(work, 1)
            [message] = work.messages.of_case(case.owner, case.case_id)
            theirs = new_delivery(message, SUCCESSOR)
            work.deliveries.add([theirs])
            work.deliveries.follow(Move(case.owner, case.case_id, UNIT, SUCCESSOR, None, None, NOW))
        assert (state(store, mine).state, state(store, theirs).state) == ("superseded", "queued")

    def test_what_may_have_arrived_follows_nobody(self, store: Store) -> None:
        """Given a delivery in doubt, when its recipient is taken over, it stays where it was made for."""
        case, (row,) = line(store, 1)
        with store.write() as work:
            work.deliveries.change(row.id, replace(change("queued", "queued"), uncertain=True))
            work.deliveries.follow(Move(case.owner, case.case_id, UNIT, SUCCESSOR, "other", "there", NOW))
        assert (state(store, row).recipient, state(store, row).endpoint) == (UNIT, row.endpoint)
