"""Indexes of what people look for in a registry of millions of runs and thousands of collections.

Frozen: what a revision does never changes, whatever becomes of the tables in `tables.py`.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

INDEXES = (
    ("runs", "run_id"),
    ("runs", "system", "id"),
    ("runs", "node", "id"),
    ("runs", "status", "id"),
    ("announcements", "consumer", "position"),
    ("collections", "type"),
    ("edges", "version_id", "id"),
)


def upgrade() -> None:
    """Make them; one takes the place of a shorter one."""
    op.drop_index("ix_edges_version_id", "edges")
    for table, *columns in INDEXES:
        op.create_index("_".join(("ix", table, *columns)), table, columns)
    latest = sa.text("name = 'latest'")
    op.create_index(
        "ix_aliases_latest_moved_at",
        "aliases",
        ["moved_at"],
        sqlite_where=latest,
        postgresql_where=latest,
    )
