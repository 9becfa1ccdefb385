"""The audit chain: whatever is altered, removed, added or moved in it, the first broken link is named."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from siphub.store import Store
from siphub.testing.store_rows import OTHER, OWNER

TAMPERINGS = {
    "a fact is altered": ("""UPDATE audit SET facts = '{"case_id": "c9"}' WHERE owner = :owner AND seq = 3""", 3),
    "an actor is altered": ("UPDATE audit SET actor = 'somebody' WHERE owner = :owner AND seq = 1", 1),
    "a time is altered": ("UPDATE audit SET at = '2020-01-01 00:00:00.000000' WHERE owner = :owner AND seq = 5", 5),
    "a case is altered": ("UPDATE audit SET case_id = NULL WHERE owner = :owner AND seq = 2", 2),
    "a link is removed": ("DELETE FROM audit WHERE owner = :owner AND seq = 3", 3),
    "the last link is removed": ("DELETE FROM audit WHERE owner = :owner AND seq = 5", 5),
    "all links are removed": ("DELETE FROM audit WHERE owner = :owner", 1),
    "the head is removed": ("DELETE FROM audit_head WHERE owner = :owner", 1),
    "a link is copied to the end": (
        "INSERT INTO audit SELECT owner, 6, at, actor, channel, action, case_id, facts, prev_hash, hash FROM audit WHERE owner = :owner AND seq = 5",
        6,
    ),
    "links change places": ("UPDATE audit SET seq = 9 - seq WHERE owner = :owner AND seq IN (2, 7)", 2),
    "a hash is altered": ("UPDATE audit SET hash = prev_hash WHERE owner = :owner AND seq = 4", 4),
}


@pytest.fixture
def chained(store: Store) -> Store:
    """Return a store with five links in each of two chains."""
    with store.write() as work:
        for number in range(5):
            for owner in (OWNER, OTHER):
                work.audit.append(owner, "actor", "api", "message.accepted", {"case_id": f"c{number}"})
    return store


@pytest.mark.parametrize("what", TAMPERINGS)
def test_tampering_is_found_where_it_was_done(chained: Store, what: str) -> None:
    """Given a chain somebody has worked on, verify names the first broken link, and the other owner's chain still holds."""
    statement, broken = TAMPERINGS[what]
    with chained._content.write() as connection:
        assert connection.execute(text(statement), {"owner": OWNER}).rowcount
    with chained.read() as work:
        assert work.audit.verify(OWNER) == broken
        assert work.audit.verify(OTHER) is None


def test_an_untouched_chain_holds_over_a_restart(chained: Store) -> None:
    """Given links written in several transactions and by a reopened store, the chain is one."""
    chained.close()
    with chained.write() as work:
        assert work.audit.append(OWNER, "actor", "api", "case.read", {}).seq == 6
        assert work.audit.verify(OWNER) is None
