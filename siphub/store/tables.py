"""Every table of the store, as SQLAlchemy Core knows it; migrations/ says the same in steps, and a test compares the two.

Every row has an owner, and the owner stands in every unique key. Where rows are looked up by a UUID alone, the UUID comes first in the key.
There is no foreign key on what the recorder rings (`outbox`): it would make the recorder wait for the claim.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from siphub.store.columns import Moment

NAMES = {
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(referred_table_name)s",
}

metadata = MetaData(naming_convention=NAMES)

NUMBER = BigInteger().with_variant(Integer(), "sqlite")
"""A row number; SQLite numbers rows by itself only where the type is called INTEGER."""


def word(name: str, *, key: bool = False, null: bool = False) -> Column[str]:
    """Return a column of text."""
    return Column(name, String, primary_key=key, nullable=null)


def when(name: str, *, null: bool = False) -> Column[object]:
    """Return a column of points in time."""
    return Column(name, Moment, nullable=null)


def partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """Return an index of some rows only."""
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


# ── what came in ──────────────────────────────────────────────────────────────────────────────────────────────────────────

submission = Table(
    "submission",
    metadata,
    word("owner", key=True),
    word("message_id", key=True),
    Column("body_hash", LargeBinary, nullable=False),
    word("case_owner"),
    word("case_id"),
    Column("answer", Text, nullable=False),
    when("at"),
    when("forget_at", null=True),
    Index("ix_submission_case", "case_owner", "case_id"),
    partial("ix_submission_forget", "forget_at", where="forget_at IS NOT NULL"),
)

# What a standard's ids of a submission stand for, as keyed hashes. They go with the submission, whoever deletes it.
used_id = Table(
    "used_id",
    metadata,
    word("owner", key=True),
    word("message_id", key=True),
    Column("hash", LargeBinary, primary_key=True),
    Column("means", LargeBinary, nullable=False),
    ForeignKeyConstraint(["owner", "message_id"], ["submission.owner", "submission.message_id"], ondelete="CASCADE"),
    UniqueConstraint("owner", "hash"),
)

sip_case = Table(
    "sip_case",
    metadata,
    word("case_id", key=True),
    word("owner", key=True),
    Column("version", Integer, nullable=False),
    Column("consent_version", Integer, nullable=False),
    Column("seq", Integer, nullable=False),
    word("state"),
    Column("sealed", LargeBinary, nullable=False),
    when("opened_at"),
    when("updated_at"),
    when("ended_at", null=True),
    when("erased_at", null=True),
    when("key_gone_at", null=True),
    partial("ix_sip_case_ended", "owner", "ended_at", where="ended_at IS NOT NULL AND erased_at IS NULL"),
    partial("ix_sip_case_erased", "erased_at", where="erased_at IS NOT NULL AND key_gone_at IS NULL"),
)

# The registry numbers of a case's messages, as keyed hashes. They go with its content.
case_number = Table(
    "case_number",
    metadata,
    word("owner", key=True),
    Column("hash", LargeBinary, primary_key=True),
    word("case_id", key=True),
    ForeignKeyConstraint(["case_id", "owner"], ["sip_case.case_id", "sip_case.owner"]),
    Index("ix_case_number_case", "owner", "case_id"),
)

consent_grant = Table(
    "consent_grant",
    metadata,
    word("owner", key=True),
    word("case_id", key=True),
    word("scope", key=True),
    word("party", key=True),
    word("direction", key=True),
    when("until", null=True),
    when("since"),
    when("noticed_at", null=True),
    ForeignKeyConstraint(["case_id", "owner"], ["sip_case.case_id", "sip_case.owner"]),
    partial("ix_consent_grant_until", "until", where="until IS NOT NULL AND noticed_at IS NULL"),
)

message = Table(
    "message",
    metadata,
    word("id", key=True),
    word("owner", key=True),
    word("message_id"),
    word("sender_organisation"),
    word("sender_unit"),
    word("case_id"),
    Column("case_seq", Integer, nullable=False),
    word("type"),
    word("schema_version"),
    Column("sealed", LargeBinary, nullable=False),
    when("received_at"),
    word("channel"),
    when("erased_at", null=True),
    ForeignKeyConstraint(["case_id", "owner"], ["sip_case.case_id", "sip_case.owner"]),
    UniqueConstraint("message_id", "sender_organisation", "owner"),
    Index("ix_message_case", "owner", "case_id", "case_seq"),
)

# ── what goes out ─────────────────────────────────────────────────────────────────────────────────────────────────────────

delivery = Table(
    "delivery",
    metadata,
    word("id", key=True),
    word("owner", key=True),
    word("case_id"),
    word("message_row"),
    word("message_id"),
    word("message_type"),
    word("sender_organisation"),
    word("sender_unit"),
    word("recipient"),
    word("recipient_organisation"),
    word("recipient_kind"),
    word("adapter"),
    word("endpoint"),
    Column("position", Integer, nullable=False),
    word("prev_id", null=True),
    word("object_id", null=True),
    Column("object_version", Integer, nullable=True),
    Column("recall", Boolean, nullable=False),
    word("state"),
    word("reason", null=True),
    word("bases"),
    word("asserted", null=True),
    word("scopes"),
    word("extra_scopes"),
    word("party"),
    word("party_organisation", null=True),
    word("direction"),
    Column("consent_version", Integer, nullable=True),
    word("basis", null=True),
    word("granted", null=True),
    Column("fence", Integer, nullable=False),
    when("lease_until", null=True),
    Column("attempts", Integer, nullable=False),
    Column("expired_leases", Integer, nullable=False),
    Column("uncertain", Boolean, nullable=False),
    when("next_at"),
    when("rung_at", null=True),
    word("waits", null=True),
    when("queued_at", null=True),
    when("expires_at", null=True),
    Column("recall_pending", Boolean, nullable=False),
    word("pinned_mapping", null=True),
    word("pinned_plugin", null=True),
    word("pinned_hash", null=True),
    word("key"),
    when("created_at"),
    when("updated_at"),
    when("told_at", null=True),
    ForeignKeyConstraint(["message_row", "owner"], ["message.id", "message.owner"]),
    ForeignKeyConstraint(["case_id", "owner"], ["sip_case.case_id", "sip_case.owner"]),
    UniqueConstraint("key", "owner"),
    partial("uq_delivery_sending", "owner", "case_id", "recipient", where="state = 'sending'", unique=True),
    partial("ix_delivery_prev", "prev_id", where="prev_id IS NOT NULL"),
    Index("ix_delivery_line", "owner", "case_id", "recipient", "position"),
    partial("ix_delivery_due", "next_at", where="state = 'queued' AND waits IS NULL"),
    partial("ix_delivery_partner", "endpoint", "adapter", "waits", "next_at", where="state = 'queued'"),
    partial("ix_delivery_behind", "id", where="state = 'queued' AND waits = 'line'"),
    partial("ix_delivery_patience", "queued_at", where="state = 'queued' AND waits = 'partner'"),
    partial("ix_delivery_lease", "lease_until", where="state = 'sending'"),
    partial("ix_delivery_open", "sender_organisation", where="state IN ('queued', 'sending')"),
    partial("ix_delivery_expires", "expires_at", where="state IN ('held', 'queued') AND expires_at IS NOT NULL"),
    Index("ix_delivery_message", "owner", "message_row"),
    partial(
        "ix_delivery_failed",
        "updated_at",
        where="state IN ('expired', 'gave_up', 'rejected') AND told_at IS NULL AND message_type != 'delivery.failed'",
    ),
    partial("ix_delivery_unreceived", "updated_at", where="state = 'awaiting_receipt' AND told_at IS NULL"),
    partial(
        "ix_delivery_unsettled",
        "state",
        "id",
        where="state IN ('awaiting_receipt', 'expired', 'gave_up', 'held', 'queued', 'rejected', 'sending')",
    ),
    # No other index begins with the state: SQLite would take it instead of the partial ones, and read every delivery ever queued.
    Index("ix_delivery_owner_state", "owner", "state"),
)

attempt = Table(
    "attempt",
    metadata,
    word("delivery_id", key=True),
    Column("fence", Integer, primary_key=True, autoincrement=False),
    word("owner", key=True),
    Column("number", Integer, nullable=False),
    when("started_at"),
    when("finished_at", null=True),
    word("basis", null=True),
    Column("consent_version", Integer, nullable=True),
    word("payload_hash", null=True),
    word("outcome", null=True),
    word("code", null=True),
    word("said", null=True),
    Column("late", Boolean, nullable=False),
    ForeignKeyConstraint(["delivery_id", "owner"], ["delivery.id", "delivery.owner"]),
)

delivery_event = Table(
    "delivery_event",
    metadata,
    Column("id", NUMBER, primary_key=True),
    word("owner"),
    word("delivery_id"),
    when("at"),
    word("event"),
    word("state"),
    word("reason", null=True),
    Column("fence", Integer, nullable=False),
    ForeignKeyConstraint(["delivery_id", "owner"], ["delivery.id", "delivery.owner"]),
    Index("ix_delivery_event_delivery", "delivery_id", "owner"),
)

# AUTOINCREMENT: a number is never given twice, so a relay that deletes what it has published cannot hit a later bell.
outbox = Table(
    "outbox",
    metadata,
    Column("id", NUMBER, primary_key=True),
    word("owner"),
    word("delivery_id"),
    word("adapter"),
    Column("endpoint", String, nullable=False, server_default=""),
    Column("granted", Boolean, nullable=False, server_default=false()),
    when("due_at"),
    Index("ix_outbox_due", "due_at", "id"),
    Index("ix_outbox_delivery", "delivery_id"),
    sqlite_autoincrement=True,
)

# How an endpoint stands, shared by every process: there is a row only for those that something is to be said of.
partner = Table(
    "partner",
    metadata,
    word("owner", key=True),
    word("adapter", key=True),
    word("endpoint", key=True),
    word("state"),
    Column("failures", Integer, nullable=False),
    Column("pauses", Integer, nullable=False),
    Column("window", Integer, nullable=True),
    Column("waiting", Boolean, nullable=False),
    Column("tokens", Float, nullable=True),
    word("code", null=True),
    when("since", null=True),
    when("failing_since", null=True),
    when("answered_at", null=True),
    when("next_at", null=True),
    when("tokens_at", null=True),
)

receipt = Table(
    "receipt",
    metadata,
    word("key", key=True),
    word("adapter", key=True),
    word("kind", key=True),
    Column("organisation", String, primary_key=True, server_default=""),
    word("owner"),
    word("code", null=True),
    when("at"),
    when("received_at"),
    when("matched_at", null=True),
    word("reference", null=True),
    partial("ix_receipt_unmatched", "received_at", where="matched_at IS NULL"),
)

inbound = Table(
    "inbound",
    metadata,
    word("owner", key=True),
    word("adapter", key=True),
    word("partner_id", key=True),
    when("at"),
    word("code", null=True),
)

work_item = Table(
    "work_item",
    metadata,
    word("id", key=True),
    word("owner", key=True),
    word("case_id"),
    word("type"),
    word("unit"),
    word("delivery_id", null=True),
    when("due_at", null=True),
    when("opened_at"),
    when("closed_at", null=True),
    word("closed_by", null=True),
    word("how", null=True),
    word("note_code", null=True),
    Index("ix_work_item_case", "owner", "case_id"),
    partial("ix_work_item_open", "owner", "opened_at", where="closed_at IS NULL"),
)

# What must have happened by a time, replaced whole at every save of its case. `about` is an id, a unit's number or a day, never a person's.
deadline = Table(
    "deadline",
    metadata,
    word("case_id", key=True),
    word("owner", key=True),
    word("kind", key=True),
    word("about", key=True),
    word("unit"),
    when("due_at"),
    when("warn_at"),
    when("warned_at", null=True),
    when("passed_at", null=True),
    ForeignKeyConstraint(["case_id", "owner"], ["sip_case.case_id", "sip_case.owner"]),
    partial("ix_deadline_near", "warn_at", where="warned_at IS NULL AND passed_at IS NULL"),
    partial("ix_deadline_due", "due_at", where="passed_at IS NULL"),
)

audit = Table(
    "audit",
    metadata,
    word("owner", key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    when("at"),
    word("actor"),
    word("channel"),
    word("action"),
    word("case_id", null=True),
    Column("facts", JSON, nullable=False),
    word("prev_hash"),
    word("hash"),
    Index("ix_audit_case", "owner", "case_id"),
)

# The newest link of each chain: it is what a writer locks, and what shows that links were cut off at the end.
audit_head = Table(
    "audit_head",
    metadata,
    word("owner", key=True),
    Column("seq", Integer, nullable=False),
    word("hash"),
)

# ── records ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

record_copy = Table(
    "record_copy",
    metadata,
    word("id", key=True),
    word("owner", key=True),
    word("case_id"),
    word("message_row"),
    word("organisation"),
    word("direction"),
    word("delivery_id", null=True),
    word("state"),
    word("reason", null=True),
    Column("attempts", Integer, nullable=False),
    when("next_at"),
    when("offered_at"),
    when("confirmed_at", null=True),
    Column("reference", Text, nullable=True),
    word("hash", null=True),
    ForeignKeyConstraint(["message_row", "owner"], ["message.id", "message.owner"]),
    ForeignKeyConstraint(["case_id", "owner"], ["sip_case.case_id", "sip_case.owner"]),
    Index("ix_record_copy_case", "owner", "case_id", "message_row"),
    # Each organisation is asked by itself: those without a registry must not stand in the way of the others.
    partial("ix_record_copy_due", "organisation", "next_at", where="state IN ('failed', 'offered', 'refused')"),
    partial("ix_record_copy_unconfirmed", "organisation", "offered_at", where="state != 'confirmed'"),
)
