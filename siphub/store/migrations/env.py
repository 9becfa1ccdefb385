"""Alembic's way in, for both databases: it runs migrations on the connection the store hands over, inside the store's own transaction."""

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
)
context.run_migrations()
