"""Whose word a receipt is: one of another organisation's stands beside the recipient's own, and never in its place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from siphub.store.online import create_index

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

BEFORE = ("key", "adapter", "kind")
KEY = (*BEFORE, "organisation")
REST = ("owner", "code", "at", "received_at", "matched_at")


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.add_column("receipt", _organisation())
        _swap(KEY)
    else:
        _made_anew(KEY, copied=BEFORE)


def downgrade() -> None:
    op.execute(
        "DELETE FROM receipt WHERE EXISTS (SELECT 1 FROM receipt AS other WHERE other.key = receipt.key AND other.adapter = receipt.adapter"
        " AND other.kind = receipt.kind AND other.organisation < receipt.organisation)"
    )
    if op.get_bind().dialect.name == "postgresql":
        _swap(BEFORE)
        op.drop_column("receipt", "organisation")
    else:
        _made_anew(BEFORE, copied=BEFORE)


def _organisation() -> sa.Column[str]:
    return sa.Column("organisation", sa.String(), nullable=False, server_default="")


def _swap(key: Sequence[str]) -> None:
    """Give the table another primary key, from an index that is built beside the work: the table is locked for a moment only."""
    create_index("uq_receipt_next", "receipt", key, unique=True)
    op.execute("ALTER TABLE receipt DROP CONSTRAINT pk_receipt, ADD CONSTRAINT pk_receipt PRIMARY KEY USING INDEX uq_receipt_next")


def _made_anew(key: Sequence[str], copied: Sequence[str]) -> None:
    """Make the table anew with another primary key: SQLite changes none."""
    columns: dict[str, sa.Column[Any]] = {
        "organisation": _organisation(),
        "code": sa.Column("code", sa.String(), nullable=True),
        "matched_at": sa.Column("matched_at", sa.DateTime(timezone=True), nullable=True),
        **{name: sa.Column(name, sa.DateTime(timezone=True), nullable=False) for name in ("at", "received_at")},
    }
    made = [columns.get(name, sa.Column(name, sa.String(), nullable=False)) for name in (*key, *REST)]
    op.create_table("receipt_next", *made, sa.PrimaryKeyConstraint(*key, name="pk_receipt"))
    names = ", ".join(f'"{name}"' for name in (*copied, *REST))
    op.execute(f"INSERT INTO receipt_next ({names}) SELECT {names} FROM receipt")  # noqa: S608 - column names of our own
    op.drop_table("receipt")
    op.rename_table("receipt_next", "receipt")
    op.create_index("ix_receipt_unmatched", "receipt", ["received_at"], sqlite_where=sa.text("matched_at IS NULL"))
