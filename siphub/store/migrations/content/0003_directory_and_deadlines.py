"""The directory says more of organisations and units, and knows agreements; every case has its deadlines."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ORGANISATION = ("letters", "records", "switchboard")
UNIT = ("kind", "care", "financed_by", "closed_on", "successor")


def _word(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=null)


def _when(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=null)


def _partial(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def upgrade() -> None:
    op.add_column("organisation", sa.Column("letters", sa.JSON(), nullable=True))
    op.add_column("organisation", sa.Column("records", sa.JSON(), nullable=True))
    op.add_column("organisation", _word("switchboard", null=True))
    for name in ("kind", "care", "financed_by"):
        op.add_column("unit", _word(name, null=True))
    op.add_column("unit", sa.Column("closed_on", sa.Date(), nullable=True))
    op.add_column("unit", _word("successor", null=True))
    op.create_table(
        "agreement",
        _word("owner"),
        _word("id"),
        _word("area"),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("parties", sa.JSON(), nullable=False),
        sa.Column("binds", sa.JSON(), nullable=False),
        sa.Column("terms", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "id", name="pk_agreement"),
    )
    op.create_table(
        "deadline",
        _word("case_id"),
        _word("owner"),
        _word("kind"),
        _word("about"),
        _word("unit"),
        _when("due_at"),
        _when("warn_at"),
        _when("warned_at", null=True),
        _when("passed_at", null=True),
        sa.PrimaryKeyConstraint("case_id", "owner", "kind", "about", name="pk_deadline"),
        sa.ForeignKeyConstraint(["case_id", "owner"], ["sip_case.case_id", "sip_case.owner"], name="fk_deadline_sip_case"),
    )
    _partial("ix_deadline_near", "deadline", ["warn_at"], "warned_at IS NULL AND passed_at IS NULL")
    _partial("ix_deadline_due", "deadline", ["due_at"], "passed_at IS NULL")


def downgrade() -> None:
    op.drop_table("deadline")
    op.drop_table("agreement")
    for table, names in (("unit", UNIT), ("organisation", ORGANISATION)):
        with op.batch_alter_table(table) as batch:
            for name in names:
                batch.drop_column(name)
