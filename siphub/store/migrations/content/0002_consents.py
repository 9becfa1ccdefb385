"""Consents that ran out: when the hub acted on it, and an index to find those it has not acted on yet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("consent_grant", sa.Column("noticed_at", sa.DateTime(timezone=True), nullable=True))
    open_end = sa.text("until IS NOT NULL AND noticed_at IS NULL")
    op.create_index("ix_consent_grant_until", "consent_grant", ["until"], sqlite_where=open_end, postgresql_where=open_end)


def downgrade() -> None:
    op.drop_index("ix_consent_grant_until", "consent_grant")
    op.drop_column("consent_grant", "noticed_at")
