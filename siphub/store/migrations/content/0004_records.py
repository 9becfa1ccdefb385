"""Record copies, and what must be known to erase: when a case ended, what is erased, and how long an answer is kept after that."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ADDED = {"submission": ("forget_at",), "sip_case": ("ended_at", "erased_at", "key_gone_at"), "message": ("erased_at",)}
INDEXES = (
    ("ix_submission_forget", "submission", ["forget_at"], "forget_at IS NOT NULL"),
    ("ix_sip_case_ended", "sip_case", ["owner", "ended_at"], "ended_at IS NOT NULL AND erased_at IS NULL"),
    ("ix_sip_case_erased", "sip_case", ["erased_at"], "erased_at IS NOT NULL AND key_gone_at IS NULL"),
    ("ix_record_copy_due", "record_copy", ["organisation", "next_at"], "state IN ('failed', 'offered', 'refused')"),
    ("ix_record_copy_unconfirmed", "record_copy", ["organisation", "offered_at"], "state != 'confirmed'"),
)
OVER = ("CLOSED", "DECLINED_NO_NEED", "VOID")


def _word(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=null)


def _when(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=null)


def upgrade() -> None:
    op.create_table(
        "record_copy",
        _word("id"),
        _word("owner"),
        _word("case_id"),
        _word("message_row"),
        _word("organisation"),
        _word("direction"),
        _word("delivery_id", null=True),
        _word("state"),
        _word("reason", null=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        _when("next_at"),
        _when("offered_at"),
        _when("confirmed_at", null=True),
        sa.Column("reference", sa.Text(), nullable=True),
        _word("hash", null=True),
        sa.PrimaryKeyConstraint("id", "owner", name="pk_record_copy"),
        sa.ForeignKeyConstraint(["message_row", "owner"], ["message.id", "message.owner"], name="fk_record_copy_message"),
        sa.ForeignKeyConstraint(["case_id", "owner"], ["sip_case.case_id", "sip_case.owner"], name="fk_record_copy_sip_case"),
    )
    op.create_index("ix_record_copy_case", "record_copy", ["owner", "case_id", "message_row"])
    for table, names in ADDED.items():
        for name in names:
            op.add_column(table, _when(name, null=True))
    op.create_index("ix_submission_case", "submission", ["case_owner", "case_id"])
    for name, table, columns, where in INDEXES:
        op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
    # What was over before this was known counts as over since its last change: later than it was, never earlier.
    cases = sa.table("sip_case", sa.column("state"), sa.column("ended_at"), sa.column("updated_at"))
    op.execute(cases.update().where(cases.c.state.in_(OVER)).values(ended_at=cases.c.updated_at))


def downgrade() -> None:
    for name, table, _, _ in reversed(INDEXES):
        op.drop_index(name, table)
    op.drop_index("ix_submission_case", "submission")
    for table, names in ADDED.items():
        for name in names:
            op.drop_column(table, name)
    op.drop_table("record_copy")
