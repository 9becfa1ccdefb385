"""What waits behind its predecessor: found even where a mark was left that should have gone."""

from __future__ import annotations

from siphub.store import Store
from siphub.testing.store_rows import bells, claim, line, outcome, silence, state


def test_a_follower_that_was_forgotten_is_rung(store: Store) -> None:
    """Given a mark that nobody took away though the turn has come, it is found from any start before it; what waits by right is not."""
    _, (one, two, three) = line(store, 3)
    (claimed,) = claim(store, one.id)
    with store.write() as work:
        work.record([outcome(claimed)])
        work.deliveries._connection.exec_driver_sql("UPDATE delivery SET waits = 'line' WHERE state = 'queued'")
    silence(store)
    with store.write() as work:
        assert work.deliveries.ring_forgotten("zz", 9) == 0
        assert work.deliveries.ring_forgotten("", 9) == 1
    assert bells(store) == [two.id]
    assert [state(store, row).waits for row in (two, three)] == [None, "line"]
