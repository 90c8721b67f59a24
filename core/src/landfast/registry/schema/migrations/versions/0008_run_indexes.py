"""What names a run, by the run: a run that nothing names can be pruned.

Frozen: what a revision does never changes, whatever becomes of the tables in `tables.py`.
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLES = ("versions", "observations", "changes")


def upgrade() -> None:
    """Make the indexes."""
    for table in TABLES:
        op.create_index(f"ix_{table}_run_id", table, ["run_id"])
