"""Partners that are slow, away or ask for less: how each stands, which deliveries have no bell because of it, and since when each is queued.

What is queued behind a predecessor is marked as well, so that nobody looks for bells there.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

PARTIAL = (
    ("ix_delivery_due", ("next_at",), "state = 'queued' AND waits IS NULL"),
    ("ix_delivery_partner", ("endpoint", "adapter", "waits", "next_at"), "state = 'queued'"),
    ("ix_delivery_behind", ("id",), "state = 'queued' AND waits = 'line'"),
    ("ix_delivery_patience", ("queued_at",), "state = 'queued' AND waits = 'partner'"),
)


def _when(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=True)


def _index(name: str, columns: tuple[str, ...], where: str) -> None:
    op.create_index(name, "delivery", list(columns), sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def upgrade() -> None:
    op.create_table(
        "partner",
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("adapter", sa.String, nullable=False),
        sa.Column("endpoint", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("pauses", sa.Integer, nullable=False),
        sa.Column("window", sa.Integer, nullable=True),
        sa.Column("waiting", sa.Boolean, nullable=False),
        sa.Column("tokens", sa.Float, nullable=True),
        sa.Column("code", sa.String, nullable=True),
        *map(_when, ("since", "failing_since", "answered_at", "next_at", "tokens_at")),
        sa.PrimaryKeyConstraint("owner", "adapter", "endpoint", name="pk_partner"),
    )
    op.add_column("delivery", sa.Column("waits", sa.String, nullable=True))
    op.add_column("delivery", _when("queued_at"))
    op.add_column("outbox", sa.Column("endpoint", sa.String, nullable=False, server_default=""))
    op.add_column("outbox", sa.Column("granted", sa.Boolean, nullable=False, server_default=sa.false()))
    op.execute("UPDATE delivery SET queued_at = created_at WHERE state IN ('queued', 'sending')")
    op.execute(
        "UPDATE delivery SET waits = 'line' WHERE state = 'queued' AND prev_id IS NOT NULL"
        " AND EXISTS (SELECT 1 FROM delivery AS before WHERE before.id = delivery.prev_id AND before.state IN ('queued', 'sending'))"
    )
    op.execute("UPDATE outbox SET endpoint = coalesce((SELECT endpoint FROM delivery WHERE delivery.id = outbox.delivery_id), '')")
    op.drop_index("ix_delivery_due", "delivery")
    for index in PARTIAL:
        _index(*index)


def downgrade() -> None:
    for name, _, _ in PARTIAL:
        op.drop_index(name, "delivery")
    _index("ix_delivery_due", ("next_at",), "state = 'queued'")
    op.drop_column("outbox", "granted")
    op.drop_column("outbox", "endpoint")
    op.drop_column("delivery", "queued_at")
    op.drop_column("delivery", "waits")
    op.drop_table("partner")
