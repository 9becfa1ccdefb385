"""The registry numbers of a case's messages, as keyed hashes: an answer that names one and nothing else finds its case by it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "case_number",
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "hash", "case_id", name="pk_case_number"),
        sa.ForeignKeyConstraint(["case_id", "owner"], ["sip_case.case_id", "sip_case.owner"], name="fk_case_number_sip_case"),
        sa.Index("ix_case_number_case", "owner", "case_id"),
    )


def downgrade() -> None:
    op.drop_table("case_number")
