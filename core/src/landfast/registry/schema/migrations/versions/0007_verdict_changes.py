"""Rows of the feed that tell how what an alias names stands.

Frozen: what a revision does never changes, whatever becomes of the tables in `tables.py`.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table; nothing was told yet."""
    op.create_table(
        "verdict_changes",
        sa.Column("position", BIG, autoincrement=False, nullable=False),
        sa.Column("version_id", BIG, nullable=False),
        sa.Column("verdict", TEXT, nullable=False),
        sa.Column("previous", TEXT, nullable=False),
        sa.Column("summary", TEXT, nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("aliases", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_verdict_changes"),
        sa.ForeignKeyConstraint(
            ["position"], ["changes.position"], name="fk_verdict_changes_position"
        ),
        sa.ForeignKeyConstraint(
            ["version_id"], ["versions.id"], name="fk_verdict_changes_version_id"
        ),
    )
    op.create_index(
        "ix_verdict_changes_version_id_position", "verdict_changes", ["version_id", "position"]
    )
