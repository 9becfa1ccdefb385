"""The tables of how the hub runs: what plugins keep, its switches, its processes, who polls; in the content's database, and about no person.

`plugin_state` is the exception: what is in it is sealed.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Integer, LargeBinary, Table, Text

from siphub.store.tables import metadata, when, word

plugin_state = Table(
    "plugin_state",
    metadata,
    word("owner", key=True),
    word("plugin", key=True),
    word("key", key=True),
    Column("sealed", LargeBinary, nullable=False),
    when("at"),
)

switch = Table("switch", metadata, word("owner", key=True), word("name", key=True), word("value"), word("by"), when("at"))

# One row for each process that runs, under no organisation. `parts` and `adapters` are names with commas between them.
process = Table(
    "process",
    metadata,
    word("owner", key=True),
    word("id", key=True),
    word("parts"),
    word("adapters"),
    word("name"),
    word("host"),
    Column("pid", Integer, nullable=False),
    word("version"),
    when("started_at"),
    when("seen_at"),
    Column("rings", Boolean, nullable=False),
)

poll_lease = Table(
    "poll_lease",
    metadata,
    word("owner", key=True),
    word("adapter", key=True),
    word("endpoint", key=True),
    word("holder", null=True),
    when("until", null=True),
    Column("cursor", Text, nullable=True),
    word("code", null=True),
    when("failing_since", null=True),
)

# From which revision on a version of siphub can work on this schema, though it is newer than that version knows.
schema_floor = Table("schema_floor", metadata, word("owner", key=True), word("revision"))
