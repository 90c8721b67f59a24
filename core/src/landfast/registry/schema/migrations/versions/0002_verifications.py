"""What `verify` found, kept with the version.

Frozen: what a revision does never changes, whatever becomes of the tables in `tables.py`.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table of verifications."""
    op.create_table(
        "verifications",
        sa.Column("id", BIG, nullable=False),
        sa.Column("version_id", BIG, nullable=False),
        sa.Column("deep", sa.Boolean(), nullable=False),
        sa.Column("ok", sa.Boolean(), nullable=False),
        sa.Column(
            "summary", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False
        ),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_verifications"),
        sa.ForeignKeyConstraint(
            ["version_id"], ["versions.id"], name="fk_verifications_version_id"
        ),
    )
    op.create_index("ix_verifications_version_id_id", "verifications", ["version_id", "id"])
