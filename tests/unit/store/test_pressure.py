"""How often open work is counted: seldom where there is far to go, every time where the limit is near."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from siphub.flow import pressure
from siphub.flow.pressure import OpenWork
from siphub.store import Store
from siphub.testing.store_rows import OWNER, line


@pytest.fixture
def counted(store: Store) -> Callable[[OpenWork, int], tuple[bool, int]]:
    """Return what asks, and says how many statements that took."""

    def ask(open_work: OpenWork, limit: int) -> tuple[bool, int]:
        from sqlalchemy import event

        sent: list[str] = []
        with store.write() as work:
            event.listen(work._connection, "before_cursor_execute", lambda *told: sent.append(told[2]))
            found = open_work.reaches(work.deliveries.open_work, OWNER, limit)
        return found, len(sent)

    return ask


def test_far_from_the_limit_one_count_is_good_for_many(store: Store, counted: Callable[[OpenWork, int], tuple[bool, int]]) -> None:
    """Given few of very many, the second question is answered from the first count."""
    line(store, 2)
    open_work = OpenWork()
    assert counted(open_work, 1_000_000) == (False, 1)
    assert counted(open_work, 1_000_000) == (False, 0)


def test_near_the_limit_it_is_counted_every_time(store: Store, counted: Callable[[OpenWork, int], tuple[bool, int]]) -> None:
    """Given a limit that is reached, it is counted each time, and as soon as there is room again it is seen."""
    line(store, 2)
    open_work = OpenWork()
    assert counted(open_work, 2) == (True, 1)
    assert counted(open_work, 2) == (True, 1)
    assert counted(open_work, 3)[0] is False


def test_a_count_is_good_for_no_longer_than_it_could_be_outrun(store: Store, counted: Callable[[OpenWork, int], tuple[bool, int]]) -> None:
    """Given room for fewer than a process takes in within a moment, the next question counts anew."""
    line(store, 1)
    open_work = OpenWork()
    assert 1 / pressure.FASTEST < 0.001
    assert counted(open_work, 2) == (False, 1)
    line(store, 1)
    assert counted(open_work, 2) == (True, 1)
