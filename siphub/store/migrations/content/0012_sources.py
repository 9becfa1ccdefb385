"""Why something fetched from a partner was refused, and since when and why a source cannot be asked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("inbound", sa.Column("code", sa.String(), nullable=True))
    op.add_column("poll_lease", sa.Column("code", sa.String(), nullable=True))
    op.add_column("poll_lease", sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("poll_lease", "failing_since")
    op.drop_column("poll_lease", "code")
    op.drop_column("inbound", "code")
