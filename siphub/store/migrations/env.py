"""Alembic's way in, for both databases: it runs migrations on the connection the store hands over."""

from __future__ import annotations

from alembic import context

connection = context.config.attributes["connection"]
if connection is None:
    raise RuntimeError("siphub upgrades its databases itself (siphub db upgrade); the alembic command has no connection to use")

context.configure(
    connection=connection,
    target_metadata=context.config.attributes["metadata"],
    render_as_batch=connection.dialect.name == "sqlite",
    transactional_ddl=True,
    compare_type=True,
    # On PostgreSQL each migration is a transaction, so that what it locks is let go of soon; a store's own transaction stays its own.
    transaction_per_migration=connection.dialect.name == "postgresql",
)
with context.begin_transaction():
    context.run_migrations()
