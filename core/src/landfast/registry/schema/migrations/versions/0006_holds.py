"""Which versions are held, and which object versions that takes.

Frozen: what a revision does never changes, whatever becomes of the tables in `tables.py`.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables; nothing is held yet."""
    op.create_table(
        "holds",
        sa.Column("id", BIG, nullable=False),
        sa.Column("version_id", BIG, nullable=False),
        sa.Column("holder", TEXT, nullable=False),
        sa.Column("kind", TEXT),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("complete_at", MOMENT),
        sa.Column("ended_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_holds"),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name="fk_holds_version_id"),
        sa.UniqueConstraint("version_id", "holder", name="uq_holds_version_id_holder"),
    )
    op.create_index("ix_holds_ended_at", "holds", ["ended_at"])
    op.create_table(
        "held_objects",
        sa.Column("id", BIG, nullable=False),
        sa.Column("sha256", TEXT, nullable=False),
        sa.Column("endpoint", TEXT, nullable=False),
        sa.Column("uri", TEXT, nullable=False),
        sa.Column("object_version", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("version_id", BIG, nullable=False),
        sa.Column("worker", TEXT),
        sa.Column("worker_until", MOMENT),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_held_objects"),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name="fk_held_objects_version_id"),
        sa.UniqueConstraint("sha256", name="uq_held_objects_sha256"),
    )
    op.create_index("ix_held_objects_state_id", "held_objects", ["state", "id"])
    op.create_index("ix_held_objects_worker", "held_objects", ["worker"])
    op.create_table(
        "hold_members",
        sa.Column("version_id", BIG, nullable=False),
        sa.Column("object_id", BIG, nullable=False),
        sa.PrimaryKeyConstraint("version_id", "object_id", name="pk_hold_members"),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name="fk_hold_members_version_id"),
        sa.ForeignKeyConstraint(
            ["object_id"], ["held_objects.id"], name="fk_hold_members_object_id"
        ),
    )
    op.create_index("ix_hold_members_object_id", "hold_members", ["object_id"])
