"""The ids that standards give to what carries a message are kept with its submission: each stands for one thing."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "used_id",
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("means", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "message_id", "hash", name="pk_used_id"),
        sa.UniqueConstraint("owner", "hash", name="uq_used_id_owner_hash"),
        sa.ForeignKeyConstraint(
            ["owner", "message_id"], ["submission.owner", "submission.message_id"], name="fk_used_id_submission", ondelete="CASCADE"
        ),
    )


def downgrade() -> None:
    op.drop_table("used_id")
