"""What a delta of a manifest stands on.

Frozen: what a revision does never changes, whatever becomes of the tables in `tables.py`.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table of bases."""
    op.create_table(
        "manifest_bases",
        sa.Column("blob", TEXT, nullable=False),
        sa.Column("base", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("blob", "base", name="pk_manifest_bases"),
    )
    op.create_index("ix_manifest_bases_base", "manifest_bases", ["base"])
