"""By which master key the keys' database was first used, so that a second one is noticed before anything is sealed under it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "master_mark",
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("mark", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("owner", name="pk_master_mark"),
    )


def downgrade() -> None:
    op.drop_table("master_mark")
