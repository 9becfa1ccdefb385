"""Receipts that an older version kept, and the organisation that each now has."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from alembic import command

from siphub.store import NO_OWNER, ReceiptRow, Store
from siphub.store.schema import CONTENT

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
KEPT = ReceiptRow(NO_OWNER, "sdk", "6d2f2d2e-3a2b-4b57-9a51-0f6a3f0c1a01", "rejected", "sdk.bv.not-found", NOW, NOW)


def test_what_was_kept_stays_and_has_no_organisation(store: Store) -> None:
    """Given receipts of the version before, one matched and one not, then both are there after the upgrade as they were, and a third of an organisation stands beside."""
    matched = replace(KEPT, kind="received", code=None)
    with store.write() as work:
        for row in (KEPT, replace(KEPT, organisation="2021005521"), matched):
            assert work.receipts.add(row)
        assert work.receipts.mark_matched(matched, "2120009994", NOW)
    with store._content.write() as connection:
        command.downgrade(CONTENT.config(connection), "0012")
    store.upgrade()
    with store.write() as work:
        assert set(work.receipts.of_key(KEPT.key)) == {KEPT, replace(matched, owner="2120009994", matched_at=NOW)}
        assert work.receipts.unmatched() == (KEPT,)
        assert not work.receipts.add(KEPT)
        assert work.receipts.add(replace(KEPT, organisation="2021005521"))
    assert store.check() == ()
