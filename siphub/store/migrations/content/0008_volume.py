"""Indexes that stay small however much has been delivered, vacuum that keeps up with the busy tables, and from which version on this schema works."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from siphub.store.online import create_index, drop_index, set_storage

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

UNSETTLED = "state IN ('awaiting_receipt', 'expired', 'gave_up', 'held', 'queued', 'rejected', 'sending')"
FAILED = "state IN ('expired', 'gave_up', 'rejected') AND told_at IS NULL"
BUSY = {"delivery": (0.01, 10_000), "attempt": (0.01, 10_000), "sip_case": (0.01, 10_000), "outbox": (0, 1_000)}


def _names(scale: object, threshold: object) -> dict[str, object]:
    return {"autovacuum_vacuum_scale_factor": scale, "autovacuum_vacuum_threshold": threshold}


def upgrade() -> None:
    op.create_table(
        "schema_floor",
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("revision", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("owner", name="pk_schema_floor"),
    )
    op.execute("INSERT INTO schema_floor (owner, revision) VALUES ('-', '0008')")
    for table, (scale, threshold) in BUSY.items():
        set_storage(table, _names(scale, threshold))
    create_index("ix_delivery_unsettled", "delivery", ["state", "id"], where=UNSETTLED)
    create_index("ix_delivery_unreceived", "delivery", ["updated_at"], where="state = 'awaiting_receipt' AND told_at IS NULL")
    create_index("ix_delivery_failed", "delivery", ["updated_at"], where=f"{FAILED} AND message_type != 'delivery.failed'")
    drop_index("ix_delivery_awaiting", "delivery")
    drop_index("ix_delivery_untold", "delivery")


def downgrade() -> None:
    create_index("ix_delivery_awaiting", "delivery", ["updated_at"], where="state = 'awaiting_receipt'")
    create_index("ix_delivery_untold", "delivery", ["updated_at"], where=FAILED)
    for name in ("ix_delivery_unsettled", "ix_delivery_unreceived", "ix_delivery_failed"):
        drop_index(name, "delivery")
    for table in BUSY:
        set_storage(table, _names(None, None))
    op.drop_table("schema_floor")
