"""Deliveries that failed: when their sender was told, and an index to find those whose sender was not. What failed before is not told now."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

FAILED = "state IN ('expired', 'gave_up', 'rejected')"


def upgrade() -> None:
    op.add_column("delivery", sa.Column("told_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(f"UPDATE delivery SET told_at = updated_at WHERE {FAILED}")  # noqa: S608 - a constant of this file
    untold = sa.text(f"{FAILED} AND told_at IS NULL")
    op.create_index("ix_delivery_untold", "delivery", ["updated_at"], sqlite_where=untold, postgresql_where=untold)


def downgrade() -> None:
    op.drop_index("ix_delivery_untold", "delivery")
    op.drop_column("delivery", "told_at")
