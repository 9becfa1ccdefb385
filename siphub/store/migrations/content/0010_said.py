"""What a partner says against a delivery, in the codes and element names of its standard, beside the code of ours for it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("attempt", sa.Column("said", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("attempt", "said")
