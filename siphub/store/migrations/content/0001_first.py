"""The first schema: cases, messages, deliveries, and everything around them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TABLES = (
    "audit",
    "audit_head",
    "credential",
    "directory_version",
    "inbound",
    "organisation",
    "outbox",
    "plugin_state",
    "poll_lease",
    "receipt",
    "sip_case",
    "submission",
    "switch",
    "unit",
    "work_item",
    "consent_grant",
    "message",
    "delivery",
    "attempt",
    "delivery_event",
)


def _word(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=null)


def _when(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=null)


def _partial(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    op.create_index(name, table, columns, unique=unique, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def upgrade() -> None:
    op.create_table(
        "audit",
        _word("owner"),
        sa.Column("seq", sa.Integer(), nullable=False),
        _when("at"),
        _word("actor"),
        _word("channel"),
        _word("action"),
        _word("case_id", null=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        _word("prev_hash"),
        _word("hash"),
        sa.PrimaryKeyConstraint("owner", "seq", name="pk_audit"),
    )
    op.create_index("ix_audit_case", "audit", ["owner", "case_id"])
    op.create_table(
        "audit_head",
        _word("owner"),
        sa.Column("seq", sa.Integer(), nullable=False),
        _word("hash"),
        sa.PrimaryKeyConstraint("owner", name="pk_audit_head"),
    )
    op.create_table(
        "credential",
        _word("owner"),
        _word("name"),
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column("units", sa.JSON(), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        _when("created_at"),
        _when("revoked_at", null=True),
        sa.PrimaryKeyConstraint("owner", "name", name="pk_credential"),
        sa.UniqueConstraint("key_hash", "owner", name="uq_credential_key_hash_owner"),
    )
    op.create_table(
        "directory_version",
        _word("owner"),
        sa.Column("version", sa.Integer(), nullable=False),
        _when("at", null=True),
        sa.PrimaryKeyConstraint("owner", name="pk_directory_version"),
    )
    op.create_table(
        "inbound",
        _word("owner"),
        _word("adapter"),
        _word("partner_id"),
        _when("at"),
        sa.PrimaryKeyConstraint("owner", "adapter", "partner_id", name="pk_inbound"),
    )
    op.create_table(
        "organisation",
        _word("owner"),
        _word("number"),
        _word("name"),
        _word("kind"),
        _word("public_label"),
        sa.PrimaryKeyConstraint("owner", "number", name="pk_organisation"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", NUMBER, nullable=False, autoincrement=True),
        _word("owner"),
        _word("delivery_id"),
        _word("adapter"),
        _when("due_at"),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_outbox_delivery", "outbox", ["delivery_id"])
    op.create_index("ix_outbox_due", "outbox", ["due_at", "id"])
    op.create_table(
        "plugin_state",
        _word("owner"),
        _word("plugin"),
        _word("key"),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        _when("at"),
        sa.PrimaryKeyConstraint("owner", "plugin", "key", name="pk_plugin_state"),
    )
    op.create_table(
        "poll_lease",
        _word("owner"),
        _word("adapter"),
        _word("endpoint"),
        _word("holder", null=True),
        _when("until", null=True),
        sa.Column("cursor", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("owner", "adapter", "endpoint", name="pk_poll_lease"),
    )
    op.create_table(
        "receipt",
        _word("key"),
        _word("adapter"),
        _word("kind"),
        _word("owner"),
        _word("code", null=True),
        _when("at"),
        _when("received_at"),
        _when("matched_at", null=True),
        sa.PrimaryKeyConstraint("key", "adapter", "kind", name="pk_receipt"),
    )
    _partial("ix_receipt_unmatched", "receipt", ["received_at"], "matched_at IS NULL")
    op.create_table(
        "sip_case",
        _word("case_id"),
        _word("owner"),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("consent_version", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        _word("state"),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        _when("opened_at"),
        _when("updated_at"),
        sa.PrimaryKeyConstraint("case_id", "owner", name="pk_sip_case"),
    )
    op.create_table(
        "submission",
        _word("owner"),
        _word("message_id"),
        sa.Column("body_hash", sa.LargeBinary(), nullable=False),
        _word("case_owner"),
        _word("case_id"),
        sa.Column("answer", sa.Text(), nullable=False),
        _when("at"),
        sa.PrimaryKeyConstraint("owner", "message_id", name="pk_submission"),
    )
    op.create_table(
        "switch",
        _word("owner"),
        _word("name"),
        _word("value"),
        _word("by"),
        _when("at"),
        sa.PrimaryKeyConstraint("owner", "name", name="pk_switch"),
    )
    op.create_table(
        "unit",
        _word("owner"),
        _word("id"),
        _word("organisation"),
        _word("name"),
        _word("public_label"),
        _word("adapter"),
        _word("endpoint"),
        _word("mapping", null=True),
        sa.Column("options", sa.JSON(), nullable=False),
        _word("agency", null=True),
        sa.Column("cleared", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "id", name="pk_unit"),
    )
    op.create_table(
        "work_item",
        _word("id"),
        _word("owner"),
        _word("case_id"),
        _word("type"),
        _word("unit"),
        _word("delivery_id", null=True),
        _when("due_at", null=True),
        _when("opened_at"),
        _when("closed_at", null=True),
        _word("closed_by", null=True),
        _word("how", null=True),
        _word("note_code", null=True),
        sa.PrimaryKeyConstraint("id", "owner", name="pk_work_item"),
    )
    op.create_index("ix_work_item_case", "work_item", ["owner", "case_id"])
    _partial("ix_work_item_open", "work_item", ["owner", "opened_at"], "closed_at IS NULL")
    op.create_table(
        "consent_grant",
        _word("owner"),
        _word("case_id"),
        _word("scope"),
        _word("party"),
        _word("direction"),
        _when("until", null=True),
        _when("since"),
        sa.PrimaryKeyConstraint("owner", "case_id", "scope", "party", "direction", name="pk_consent_grant"),
        sa.ForeignKeyConstraint(["case_id", "owner"], ["sip_case.case_id", "sip_case.owner"], name="fk_consent_grant_sip_case"),
    )
    op.create_table(
        "message",
        _word("id"),
        _word("owner"),
        _word("message_id"),
        _word("sender_organisation"),
        _word("sender_unit"),
        _word("case_id"),
        sa.Column("case_seq", sa.Integer(), nullable=False),
        _word("type"),
        _word("schema_version"),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        _when("received_at"),
        _word("channel"),
        sa.PrimaryKeyConstraint("id", "owner", name="pk_message"),
        sa.UniqueConstraint("message_id", "sender_organisation", "owner", name="uq_message_message_id_sender_organisation_owner"),
        sa.ForeignKeyConstraint(["case_id", "owner"], ["sip_case.case_id", "sip_case.owner"], name="fk_message_sip_case"),
    )
    op.create_index("ix_message_case", "message", ["owner", "case_id", "case_seq"])
    op.create_table(
        "delivery",
        _word("id"),
        _word("owner"),
        _word("case_id"),
        _word("message_row"),
        _word("message_id"),
        _word("message_type"),
        _word("sender_organisation"),
        _word("sender_unit"),
        _word("recipient"),
        _word("recipient_organisation"),
        _word("recipient_kind"),
        _word("adapter"),
        _word("endpoint"),
        sa.Column("position", sa.Integer(), nullable=False),
        _word("prev_id", null=True),
        _word("object_id", null=True),
        sa.Column("object_version", sa.Integer(), nullable=True),
        sa.Column("recall", sa.Boolean(), nullable=False),
        _word("state"),
        _word("reason", null=True),
        _word("bases"),
        _word("asserted", null=True),
        _word("scopes"),
        _word("extra_scopes"),
        _word("party"),
        _word("party_organisation", null=True),
        _word("direction"),
        sa.Column("consent_version", sa.Integer(), nullable=True),
        _word("basis", null=True),
        _word("granted", null=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        _when("lease_until", null=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("expired_leases", sa.Integer(), nullable=False),
        sa.Column("uncertain", sa.Boolean(), nullable=False),
        _when("next_at"),
        _when("rung_at", null=True),
        _when("expires_at", null=True),
        sa.Column("recall_pending", sa.Boolean(), nullable=False),
        _word("pinned_mapping", null=True),
        _word("pinned_plugin", null=True),
        _word("pinned_hash", null=True),
        _word("key"),
        _when("created_at"),
        _when("updated_at"),
        sa.PrimaryKeyConstraint("id", "owner", name="pk_delivery"),
        sa.UniqueConstraint("key", "owner", name="uq_delivery_key_owner"),
        sa.ForeignKeyConstraint(["message_row", "owner"], ["message.id", "message.owner"], name="fk_delivery_message"),
        sa.ForeignKeyConstraint(["case_id", "owner"], ["sip_case.case_id", "sip_case.owner"], name="fk_delivery_sip_case"),
    )
    _partial("ix_delivery_awaiting", "delivery", ["updated_at"], "state = 'awaiting_receipt'")
    _partial("ix_delivery_due", "delivery", ["next_at"], "state = 'queued'")
    _partial("ix_delivery_expires", "delivery", ["expires_at"], "state IN ('held', 'queued') AND expires_at IS NOT NULL")
    _partial("ix_delivery_lease", "delivery", ["lease_until"], "state = 'sending'")
    op.create_index("ix_delivery_line", "delivery", ["owner", "case_id", "recipient", "position"])
    op.create_index("ix_delivery_message", "delivery", ["owner", "message_row"])
    _partial("ix_delivery_open", "delivery", ["sender_organisation"], "state IN ('queued', 'sending')")
    op.create_index("ix_delivery_owner_state", "delivery", ["owner", "state"])
    _partial("ix_delivery_prev", "delivery", ["prev_id"], "prev_id IS NOT NULL")
    _partial("uq_delivery_sending", "delivery", ["owner", "case_id", "recipient"], "state = 'sending'", unique=True)
    op.create_table(
        "attempt",
        _word("delivery_id"),
        sa.Column("fence", sa.Integer(), nullable=False),
        _word("owner"),
        sa.Column("number", sa.Integer(), nullable=False),
        _when("started_at"),
        _when("finished_at", null=True),
        _word("basis", null=True),
        sa.Column("consent_version", sa.Integer(), nullable=True),
        _word("payload_hash", null=True),
        _word("outcome", null=True),
        _word("code", null=True),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("delivery_id", "fence", "owner", name="pk_attempt"),
        sa.ForeignKeyConstraint(["delivery_id", "owner"], ["delivery.id", "delivery.owner"], name="fk_attempt_delivery"),
    )
    op.create_table(
        "delivery_event",
        sa.Column("id", NUMBER, nullable=False, autoincrement=True),
        _word("owner"),
        _word("delivery_id"),
        _when("at"),
        _word("event"),
        _word("state"),
        _word("reason", null=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_delivery_event"),
        sa.ForeignKeyConstraint(["delivery_id", "owner"], ["delivery.id", "delivery.owner"], name="fk_delivery_event_delivery"),
    )
    op.create_index("ix_delivery_event_delivery", "delivery_event", ["delivery_id", "owner"])


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
