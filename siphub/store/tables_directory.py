"""The tables of who and where: organisations, units, agreements, and who may hand in."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Date, Integer, LargeBinary, Table, UniqueConstraint

from siphub.store.tables import metadata, when, word

organisation = Table(
    "organisation",
    metadata,
    word("owner", key=True),
    word("number", key=True),
    word("name"),
    word("kind"),
    word("public_label"),
    Column("letters", JSON(none_as_null=True), nullable=True),
    Column("records", JSON(none_as_null=True), nullable=True),
    word("switchboard", null=True),
    word("code", null=True),
)

unit = Table(
    "unit",
    metadata,
    word("owner", key=True),
    word("id", key=True),
    word("organisation"),
    word("name"),
    word("public_label"),
    word("adapter"),
    word("endpoint"),
    word("mapping", null=True),
    Column("options", JSON, nullable=False),
    word("agency", null=True),
    Column("cleared", Boolean, nullable=False),
    word("kind", null=True),
    word("care", null=True),
    word("financed_by", null=True),
    Column("closed_on", Date, nullable=True),
    word("successor", null=True),
)

# Under the organisation that is its first party. `parties` and `binds` are lists of numbers, `terms` the times it sets, and for whom.
agreement = Table(
    "agreement",
    metadata,
    word("owner", key=True),
    word("id", key=True),
    word("area"),
    Column("valid_from", Date, nullable=False),
    Column("valid_until", Date, nullable=True),
    Column("parties", JSON, nullable=False),
    Column("binds", JSON, nullable=False),
    Column("terms", JSON, nullable=False),
)

directory_version = Table(
    "directory_version", metadata, word("owner", key=True), Column("version", Integer, nullable=False), when("at", null=True)
)

credential = Table(
    "credential",
    metadata,
    word("owner", key=True),
    word("name", key=True),
    Column("key_hash", LargeBinary, nullable=False),
    Column("units", JSON, nullable=False),
    Column("roles", JSON, nullable=False),
    when("created_at"),
    when("revoked_at", null=True),
    UniqueConstraint("key_hash", "owner"),
)

content_metadata = metadata
"""The content's tables, with these among them."""
