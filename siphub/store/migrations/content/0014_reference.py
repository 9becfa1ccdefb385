"""The partner's own number of what it says it has got."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("receipt", sa.Column("reference", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("receipt", "reference")
