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
    Date,
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


def _word(name: str, *, key: bool = False, null: bool = False) -> Column[str]:
    return Column(name, String, primary_key=key, nullable=null)


def _when(name: str, *, null: bool = False) -> Column[object]:
    return Column(name, Moment, nullable=null)


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


# ── what came in ──────────────────────────────────────────────────────────────────────────────────────────────────────────

submission = Table(
    "submission",
    metadata,
    _word("owner", key=True),
    _word("message_id", key=True),
    Column("body_hash", LargeBinary, nullable=False),
    _word("case_owner"),
    _word("case_id"),
    Column("answer", Text, nullable=False),
    _when("at"),
    _when("forget_at", null=True),
    Index("ix_submission_case", "case_owner", "case_id"),
    _partial("ix_submission_forget", "forget_at", where="forget_at IS NOT NULL"),
)

sip_case = Table(
    "sip_case",
    metadata,
    _word("case_id", key=True),
    _word("owner", key=True),
    Column("version", Integer, nullable=False),
    Column("consent_version", Integer, nullable=False),
    Column("seq", Integer, nullable=False),
    _word("state"),
    Column("sealed", LargeBinary, nullable=False),
    _when("opened_at"),
    _when("updated_at"),
    _when("ended_at", null=True),
    _when("erased_at", null=True),
    _when("key_gone_at", null=True),
    _partial("ix_sip_case_ended", "owner", "ended_at", where="ended_at IS NOT NULL AND erased_at IS NULL"),
    _partial("ix_sip_case_erased", "erased_at", where="erased_at IS NOT NULL AND key_gone_at IS NULL"),
)

consent_grant = Table(
    "consent_grant",
    metadata,
    _word("owner", key=True),
    _word("case_id", key=True),
    _word("scope", key=True),
    _word("party", key=True),
    _word("direction", key=True),
    _when("until", null=True),
    _when("since"),
    _when("noticed_at", null=True),
    ForeignKeyConstraint(["case_id", "owner"], ["sip_case.case_id", "sip_case.owner"]),
    _partial("ix_consent_grant_until", "until", where="until IS NOT NULL AND noticed_at IS NULL"),
)

message = Table(
    "message",
    metadata,
    _word("id", key=True),
    _word("owner", key=True),
    _word("message_id"),
    _word("sender_organisation"),
    _word("sender_unit"),
    _word("case_id"),
    Column("case_seq", Integer, nullable=False),
    _word("type"),
    _word("schema_version"),
    Column("sealed", LargeBinary, nullable=False),
    _when("received_at"),
    _word("channel"),
    _when("erased_at", null=True),
    ForeignKeyConstraint(["case_id", "owner"], ["sip_case.case_id", "sip_case.owner"]),
    UniqueConstraint("message_id", "sender_organisation", "owner"),
    Index("ix_message_case", "owner", "case_id", "case_seq"),
)

# ── what goes out ─────────────────────────────────────────────────────────────────────────────────────────────────────────

delivery = Table(
    "delivery",
    metadata,
    _word("id", key=True),
    _word("owner", key=True),
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
    Column("position", Integer, nullable=False),
    _word("prev_id", null=True),
    _word("object_id", null=True),
    Column("object_version", Integer, nullable=True),
    Column("recall", Boolean, nullable=False),
    _word("state"),
    _word("reason", null=True),
    _word("bases"),
    _word("asserted", null=True),
    _word("scopes"),
    _word("extra_scopes"),
    _word("party"),
    _word("party_organisation", null=True),
    _word("direction"),
    Column("consent_version", Integer, nullable=True),
    _word("basis", null=True),
    _word("granted", null=True),
    Column("fence", Integer, nullable=False),
    _when("lease_until", null=True),
    Column("attempts", Integer, nullable=False),
    Column("expired_leases", Integer, nullable=False),
    Column("uncertain", Boolean, nullable=False),
    _when("next_at"),
    _when("rung_at", null=True),
    _word("waits", null=True),
    _when("queued_at", null=True),
    _when("expires_at", null=True),
    Column("recall_pending", Boolean, nullable=False),
    _word("pinned_mapping", null=True),
    _word("pinned_plugin", null=True),
    _word("pinned_hash", null=True),
    _word("key"),
    _when("created_at"),
    _when("updated_at"),
    _when("told_at", null=True),
    ForeignKeyConstraint(["message_row", "owner"], ["message.id", "message.owner"]),
    ForeignKeyConstraint(["case_id", "owner"], ["sip_case.case_id", "sip_case.owner"]),
    UniqueConstraint("key", "owner"),
    _partial("uq_delivery_sending", "owner", "case_id", "recipient", where="state = 'sending'", unique=True),
    _partial("ix_delivery_prev", "prev_id", where="prev_id IS NOT NULL"),
    Index("ix_delivery_line", "owner", "case_id", "recipient", "position"),
    _partial("ix_delivery_due", "next_at", where="state = 'queued' AND waits IS NULL"),
    _partial("ix_delivery_partner", "endpoint", "adapter", "waits", "next_at", where="state = 'queued'"),
    _partial("ix_delivery_behind", "id", where="state = 'queued' AND waits = 'line'"),
    _partial("ix_delivery_patience", "queued_at", where="state = 'queued' AND waits = 'partner'"),
    _partial("ix_delivery_lease", "lease_until", where="state = 'sending'"),
    _partial("ix_delivery_open", "sender_organisation", where="state IN ('queued', 'sending')"),
    _partial("ix_delivery_expires", "expires_at", where="state IN ('held', 'queued') AND expires_at IS NOT NULL"),
    Index("ix_delivery_message", "owner", "message_row"),
    _partial("ix_delivery_untold", "updated_at", where="state IN ('expired', 'gave_up', 'rejected') AND told_at IS NULL"),
    _partial("ix_delivery_awaiting", "updated_at", where="state = 'awaiting_receipt'"),
    # No index begins with the state: SQLite would take it instead of the partial ones, and read every delivery ever queued.
    Index("ix_delivery_owner_state", "owner", "state"),
)

attempt = Table(
    "attempt",
    metadata,
    _word("delivery_id", key=True),
    Column("fence", Integer, primary_key=True, autoincrement=False),
    _word("owner", key=True),
    Column("number", Integer, nullable=False),
    _when("started_at"),
    _when("finished_at", null=True),
    _word("basis", null=True),
    Column("consent_version", Integer, nullable=True),
    _word("payload_hash", null=True),
    _word("outcome", null=True),
    _word("code", null=True),
    Column("late", Boolean, nullable=False),
    ForeignKeyConstraint(["delivery_id", "owner"], ["delivery.id", "delivery.owner"]),
)

delivery_event = Table(
    "delivery_event",
    metadata,
    Column("id", NUMBER, primary_key=True),
    _word("owner"),
    _word("delivery_id"),
    _when("at"),
    _word("event"),
    _word("state"),
    _word("reason", null=True),
    Column("fence", Integer, nullable=False),
    ForeignKeyConstraint(["delivery_id", "owner"], ["delivery.id", "delivery.owner"]),
    Index("ix_delivery_event_delivery", "delivery_id", "owner"),
)

# AUTOINCREMENT: a number is never given twice, so a relay that deletes what it has published cannot hit a later bell.
outbox = Table(
    "outbox",
    metadata,
    Column("id", NUMBER, primary_key=True),
    _word("owner"),
    _word("delivery_id"),
    _word("adapter"),
    Column("endpoint", String, nullable=False, server_default=""),
    Column("granted", Boolean, nullable=False, server_default=false()),
    _when("due_at"),
    Index("ix_outbox_due", "due_at", "id"),
    Index("ix_outbox_delivery", "delivery_id"),
    sqlite_autoincrement=True,
)

# How an endpoint stands, shared by every process: there is a row only for those that something is to be said of.
partner = Table(
    "partner",
    metadata,
    _word("owner", key=True),
    _word("adapter", key=True),
    _word("endpoint", key=True),
    _word("state"),
    Column("failures", Integer, nullable=False),
    Column("pauses", Integer, nullable=False),
    Column("window", Integer, nullable=True),
    Column("waiting", Boolean, nullable=False),
    Column("tokens", Float, nullable=True),
    _word("code", null=True),
    _when("since", null=True),
    _when("failing_since", null=True),
    _when("answered_at", null=True),
    _when("next_at", null=True),
    _when("tokens_at", null=True),
)

receipt = Table(
    "receipt",
    metadata,
    _word("key", key=True),
    _word("adapter", key=True),
    _word("kind", key=True),
    _word("owner"),
    _word("code", null=True),
    _when("at"),
    _when("received_at"),
    _when("matched_at", null=True),
    _partial("ix_receipt_unmatched", "received_at", where="matched_at IS NULL"),
)

inbound = Table("inbound", metadata, _word("owner", key=True), _word("adapter", key=True), _word("partner_id", key=True), _when("at"))

work_item = Table(
    "work_item",
    metadata,
    _word("id", key=True),
    _word("owner", key=True),
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
    Index("ix_work_item_case", "owner", "case_id"),
    _partial("ix_work_item_open", "owner", "opened_at", where="closed_at IS NULL"),
)

# What must have happened by a time, replaced whole at every save of its case. `about` is an id, a unit's number or a day, never a person's.
deadline = Table(
    "deadline",
    metadata,
    _word("case_id", key=True),
    _word("owner", key=True),
    _word("kind", key=True),
    _word("about", key=True),
    _word("unit"),
    _when("due_at"),
    _when("warn_at"),
    _when("warned_at", null=True),
    _when("passed_at", null=True),
    ForeignKeyConstraint(["case_id", "owner"], ["sip_case.case_id", "sip_case.owner"]),
    _partial("ix_deadline_near", "warn_at", where="warned_at IS NULL AND passed_at IS NULL"),
    _partial("ix_deadline_due", "due_at", where="passed_at IS NULL"),
)

audit = Table(
    "audit",
    metadata,
    _word("owner", key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    _when("at"),
    _word("actor"),
    _word("channel"),
    _word("action"),
    _word("case_id", null=True),
    Column("facts", JSON, nullable=False),
    _word("prev_hash"),
    _word("hash"),
    Index("ix_audit_case", "owner", "case_id"),
)

# The newest link of each chain: it is what a writer locks, and what shows that links were cut off at the end.
audit_head = Table(
    "audit_head",
    metadata,
    _word("owner", key=True),
    Column("seq", Integer, nullable=False),
    _word("hash"),
)

# ── records ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

record_copy = Table(
    "record_copy",
    metadata,
    _word("id", key=True),
    _word("owner", key=True),
    _word("case_id"),
    _word("message_row"),
    _word("organisation"),
    _word("direction"),
    _word("delivery_id", null=True),
    _word("state"),
    _word("reason", null=True),
    Column("attempts", Integer, nullable=False),
    _when("next_at"),
    _when("offered_at"),
    _when("confirmed_at", null=True),
    Column("reference", Text, nullable=True),
    _word("hash", null=True),
    ForeignKeyConstraint(["message_row", "owner"], ["message.id", "message.owner"]),
    ForeignKeyConstraint(["case_id", "owner"], ["sip_case.case_id", "sip_case.owner"]),
    Index("ix_record_copy_case", "owner", "case_id", "message_row"),
    # Each organisation is asked by itself: those without a registry must not stand in the way of the others.
    _partial("ix_record_copy_due", "organisation", "next_at", where="state IN ('failed', 'offered', 'refused')"),
    _partial("ix_record_copy_unconfirmed", "organisation", "offered_at", where="state != 'confirmed'"),
)

# ── who and where ─────────────────────────────────────────────────────────────────────────────────────────────────────────

organisation = Table(
    "organisation",
    metadata,
    _word("owner", key=True),
    _word("number", key=True),
    _word("name"),
    _word("kind"),
    _word("public_label"),
    Column("letters", JSON(none_as_null=True), nullable=True),
    Column("records", JSON(none_as_null=True), nullable=True),
    _word("switchboard", null=True),
)

unit = Table(
    "unit",
    metadata,
    _word("owner", key=True),
    _word("id", key=True),
    _word("organisation"),
    _word("name"),
    _word("public_label"),
    _word("adapter"),
    _word("endpoint"),
    _word("mapping", null=True),
    Column("options", JSON, nullable=False),
    _word("agency", null=True),
    Column("cleared", Boolean, nullable=False),
    _word("kind", null=True),
    _word("care", null=True),
    _word("financed_by", null=True),
    Column("closed_on", Date, nullable=True),
    _word("successor", null=True),
)

# Under the organisation that is its first party. `parties` and `binds` are lists of numbers, `terms` the times it sets, and for whom.
agreement = Table(
    "agreement",
    metadata,
    _word("owner", key=True),
    _word("id", key=True),
    _word("area"),
    Column("valid_from", Date, nullable=False),
    Column("valid_until", Date, nullable=True),
    Column("parties", JSON, nullable=False),
    Column("binds", JSON, nullable=False),
    Column("terms", JSON, nullable=False),
)

directory_version = Table(
    "directory_version", metadata, _word("owner", key=True), Column("version", Integer, nullable=False), _when("at", null=True)
)

credential = Table(
    "credential",
    metadata,
    _word("owner", key=True),
    _word("name", key=True),
    Column("key_hash", LargeBinary, nullable=False),
    Column("units", JSON, nullable=False),
    Column("roles", JSON, nullable=False),
    _when("created_at"),
    _when("revoked_at", null=True),
    UniqueConstraint("key_hash", "owner"),
)

plugin_state = Table(
    "plugin_state",
    metadata,
    _word("owner", key=True),
    _word("plugin", key=True),
    _word("key", key=True),
    Column("sealed", LargeBinary, nullable=False),
    _when("at"),
)

switch = Table("switch", metadata, _word("owner", key=True), _word("name", key=True), _word("value"), _word("by"), _when("at"))

# One row for each process that runs, under no organisation. `parts` and `adapters` are names with commas between them.
process = Table(
    "process",
    metadata,
    _word("owner", key=True),
    _word("id", key=True),
    _word("parts"),
    _word("adapters"),
    _word("name"),
    _word("host"),
    Column("pid", Integer, nullable=False),
    _word("version"),
    _when("started_at"),
    _when("seen_at"),
    Column("rings", Boolean, nullable=False),
)

poll_lease = Table(
    "poll_lease",
    metadata,
    _word("owner", key=True),
    _word("adapter", key=True),
    _word("endpoint", key=True),
    _word("holder", null=True),
    _when("until", null=True),
    Column("cursor", Text, nullable=True),
)
