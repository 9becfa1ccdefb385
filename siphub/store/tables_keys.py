"""The tables of the keys' database, which is another one than the content's; migrations/keys says the same in steps."""

from __future__ import annotations

from sqlalchemy import Column, LargeBinary, MetaData, String, Table

from siphub.store.columns import Moment
from siphub.store.tables import NAMES

keys_metadata = MetaData(naming_convention=NAMES)

owner_key = Table(
    "owner_key",
    keys_metadata,
    Column("owner", String, primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
    Column("created_at", Moment, nullable=False),
)

# `wrapped` is NULL once the key has been forgotten: the row stays so that nothing is ever sealed for that case again.
case_key = Table(
    "case_key",
    keys_metadata,
    Column("owner", String, primary_key=True),
    Column("case_id", String, primary_key=True),
    Column("wrapped", LargeBinary, nullable=True),
    Column("created_at", Moment, nullable=False),
    Column("forgotten_at", Moment, nullable=True),
)

# One row: by which master key this database was first used. The mark tells nothing about the key.
master_mark = Table(
    "master_mark",
    keys_metadata,
    Column("owner", String, primary_key=True),
    Column("mark", LargeBinary, nullable=False),
    Column("created_at", Moment, nullable=False),
)
