"""Who follows the feeds, and the stream of what runs did.

Runs that are there already get the events that can still be told of them: that their last attempt began, and how it
ended.

Frozen: what a revision does never changes, whatever becomes of the tables in `tables.py`.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
MOMENT = sa.DateTime(timezone=True)

COPY = """
INSERT INTO run_events (run_id, kind, attempt, name, job_type, link, at)
SELECT id, {kind}, attempt, name, job_type, link, {at} FROM runs WHERE {at} IS NOT NULL ORDER BY id
"""


def upgrade() -> None:
    """Make the tables, and a position for what is in the stream."""
    op.add_column("edges", sa.Column("position", BIG))
    op.create_index("ix_edges_position_at", "edges", ["position", "at"])
    op.create_table(
        "run_events",
        sa.Column("id", BIG, nullable=False),
        sa.Column("run_id", BIG, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("job_type", TEXT, nullable=False),
        sa.Column("link", TEXT),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("position", BIG),
        sa.PrimaryKeyConstraint("id", name="pk_run_events"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_run_events_run_id"),
    )
    op.create_index("ix_run_events_run_id_id", "run_events", ["run_id", "id"])
    op.create_index("ix_run_events_position_at", "run_events", ["position", "at"])
    op.create_table(
        "consumers",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("holder", TEXT),
        sa.Column("held_until", MOMENT),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_consumers"),
    )
    op.create_table(
        "consumer_positions",
        sa.Column("consumer", TEXT, nullable=False),
        sa.Column("stream", TEXT, nullable=False),
        sa.Column("position", BIG, nullable=False),
        sa.Column("moved_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("consumer", "stream", name="pk_consumer_positions"),
        sa.ForeignKeyConstraint(
            ["consumer"], ["consumers.name"], name="fk_consumer_positions_consumer"
        ),
    )
    op.execute(
        "INSERT INTO counters (name, value, at) SELECT 'run_event', 0, at FROM counters WHERE name = 'change'"
    )
    op.execute(COPY.format(kind="'started'", at="started_at"))
    op.execute(COPY.format(kind="status", at="finished_at"))
