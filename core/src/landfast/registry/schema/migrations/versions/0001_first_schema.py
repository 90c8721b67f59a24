"""First schema.

Frozen: what a revision does never changes, whatever becomes of the tables in `tables.py`.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
MOMENT = sa.DateTime(timezone=True)

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

sa.Table(
    "blobs",
    metadata,
    sa.Column("sha256", TEXT, primary_key=True),
    sa.Column("size", BIG, nullable=False),
    sa.Column("recorded_at", MOMENT, nullable=False),
    sa.Column("condemned_at", MOMENT),
    sa.Index(None, "recorded_at"),
)

sa.Table(
    "counters",
    metadata,
    sa.Column("name", TEXT, primary_key=True),
    sa.Column("value", BIG, nullable=False),
    sa.Column("at", MOMENT, nullable=False),
)

sa.Table(
    "entities",
    metadata,
    sa.Column("id", BIG, primary_key=True),
    sa.Column("name", TEXT, nullable=False),
    sa.Column("created_at", MOMENT, nullable=False),
    sa.UniqueConstraint("name"),
)

sa.Table(
    "registry",
    metadata,
    sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
    sa.Column("uid", TEXT, nullable=False),
    sa.Column("store_url", TEXT),
    sa.Column("oldest_reader", TEXT, nullable=False),
    sa.Column("oldest_writer", TEXT, nullable=False),
    sa.Column("created_at", MOMENT, nullable=False),
)

sa.Table(
    "projects",
    metadata,
    sa.Column("id", BIG, primary_key=True),
    sa.Column("entity_id", BIG, sa.ForeignKey("entities.id"), nullable=False),
    sa.Column("name", TEXT, nullable=False),
    sa.Column("created_at", MOMENT, nullable=False),
    sa.UniqueConstraint("entity_id", "name"),
)

sa.Table(
    "collections",
    metadata,
    sa.Column("id", BIG, primary_key=True),
    sa.Column("project_id", BIG, sa.ForeignKey("projects.id"), nullable=False),
    sa.Column("name", TEXT, nullable=False),
    sa.Column("type", TEXT, nullable=False),
    sa.Column("description", TEXT, nullable=False),
    sa.Column("created_at", MOMENT, nullable=False),
    sa.UniqueConstraint("project_id", "name"),
)

sa.Table(
    "runs",
    metadata,
    sa.Column("id", BIG, primary_key=True),
    sa.Column("short_id", TEXT, nullable=False),
    sa.Column("key_sha256", TEXT, nullable=False),
    sa.Column("system", TEXT, nullable=False),
    sa.Column("deployment", TEXT, nullable=False),
    sa.Column("run_id", TEXT, nullable=False),
    sa.Column("node", TEXT, nullable=False),
    sa.Column("part", TEXT, nullable=False),
    sa.Column("project_id", BIG, sa.ForeignKey("projects.id"), nullable=False),
    sa.Column("name", TEXT, nullable=False),
    sa.Column("job_type", TEXT, nullable=False),
    sa.Column("status", TEXT, nullable=False),
    sa.Column("attempt", sa.Integer(), nullable=False),
    sa.Column("link", TEXT),
    sa.Column("config", sa.Text(), nullable=False),
    sa.Column("started_at", MOMENT, nullable=False),
    sa.Column("finished_at", MOMENT),
    sa.UniqueConstraint("key_sha256"),
    sa.UniqueConstraint("short_id"),
    sa.Index(None, "project_id", "id"),
)

sa.Table(
    "partitions",
    metadata,
    sa.Column("id", BIG, primary_key=True),
    sa.Column("collection_id", BIG, sa.ForeignKey("collections.id"), nullable=False),
    sa.Column("key", TEXT, nullable=False),
    sa.Column("next_index", BIG, nullable=False),
    sa.Column("latest_ticket", BIG, nullable=False),
    sa.Column("created_at", MOMENT, nullable=False),
    sa.UniqueConstraint("collection_id", "key"),
)

sa.Table(
    "alias_removals",
    metadata,
    sa.Column("id", BIG, primary_key=True),
    sa.Column("partition_id", BIG, sa.ForeignKey("partitions.id"), nullable=False),
    sa.Column("name", TEXT, nullable=False),
    sa.Column("position", BIG, nullable=False),
    sa.Column("at", MOMENT, nullable=False),
    sa.Index(None, "partition_id", "name", "position"),
)

sa.Table(
    "announcements",
    metadata,
    sa.Column("consumer", TEXT, primary_key=True),
    sa.Column("partition_id", BIG, sa.ForeignKey("partitions.id"), primary_key=True),
    sa.Column("position", BIG, nullable=False),
    sa.Column("digest", TEXT, nullable=False),
)

sa.Table(
    "versions",
    metadata,
    sa.Column("id", BIG, primary_key=True),
    sa.Column("partition_id", BIG, sa.ForeignKey("partitions.id"), nullable=False),
    sa.Column("number", BIG, nullable=False),
    sa.Column("digest", TEXT, nullable=False),
    sa.Column("pin_digest", TEXT, nullable=False),
    sa.Column("count", BIG, nullable=False),
    sa.Column("size", BIG, nullable=False),
    sa.Column("unverified", BIG, nullable=False),
    sa.Column("unpinned", BIG, nullable=False),
    sa.Column("blob", TEXT, nullable=False),
    sa.Column("sources", sa.Text(), nullable=False),
    sa.Column("skipped", sa.Text(), nullable=False),
    sa.Column("description", TEXT, nullable=False),
    sa.Column("metadata", sa.Text(), nullable=False),
    sa.Column("ttl_seconds", BIG),
    sa.Column("expires_at", MOMENT),
    sa.Column("run_id", BIG, sa.ForeignKey("runs.id")),
    sa.Column("created_at", MOMENT, nullable=False),
    sa.Column("deleted_at", MOMENT),
    sa.UniqueConstraint("partition_id", "number"),
    sa.Index(None, "expires_at"),
    sa.Index(
        "uq_versions_live_digest",
        "partition_id",
        "digest",
        unique=True,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    ),
)

sa.Table(
    "aliases",
    metadata,
    sa.Column("partition_id", BIG, sa.ForeignKey("partitions.id"), primary_key=True),
    sa.Column("name", TEXT, primary_key=True),
    sa.Column("version_id", BIG, sa.ForeignKey("versions.id"), nullable=False),
    sa.Column("moved_at", MOMENT, nullable=False),
    sa.Index(None, "version_id"),
)

sa.Table(
    "changes",
    metadata,
    sa.Column("position", BIG, primary_key=True, autoincrement=False),
    sa.Column("kind", TEXT, nullable=False),
    sa.Column("alias", TEXT, nullable=False),
    sa.Column("partition_id", BIG, sa.ForeignKey("partitions.id"), nullable=False),
    sa.Column("version_id", BIG, sa.ForeignKey("versions.id"), nullable=False),
    sa.Column("previous_id", BIG, sa.ForeignKey("versions.id")),
    sa.Column("run_id", BIG, sa.ForeignKey("runs.id")),
    sa.Column("at", MOMENT, nullable=False),
    sa.Index(None, "partition_id", "alias", "position"),
)

sa.Table(
    "edges",
    metadata,
    sa.Column("id", BIG, primary_key=True),
    sa.Column("run_id", BIG, sa.ForeignKey("runs.id"), nullable=False),
    sa.Column("direction", TEXT, nullable=False),
    sa.Column("version_id", BIG, sa.ForeignKey("versions.id"), nullable=False),
    sa.Column("at", MOMENT, nullable=False),
    sa.UniqueConstraint("run_id", "direction", "version_id"),
    sa.Index(None, "version_id"),
)

sa.Table(
    "observations",
    metadata,
    sa.Column("id", BIG, primary_key=True),
    sa.Column("partition_id", BIG, sa.ForeignKey("partitions.id"), nullable=False),
    sa.Column("version_id", BIG, sa.ForeignKey("versions.id"), nullable=False),
    sa.Column("run_id", BIG, sa.ForeignKey("runs.id")),
    sa.Column("pin_digest", TEXT, nullable=False),
    sa.Column("metadata", sa.Text(), nullable=False),
    sa.Column("created", sa.Boolean(), nullable=False),
    sa.Column("moved_latest", sa.Boolean(), nullable=False),
    sa.Column("at", MOMENT, nullable=False),
    sa.Index(None, "partition_id", "id"),
    sa.Index(None, "version_id", "id"),
)

sa.Table(
    "pin_sets",
    metadata,
    sa.Column("id", BIG, primary_key=True),
    sa.Column("version_id", BIG, sa.ForeignKey("versions.id"), nullable=False),
    sa.Column("pin_digest", TEXT, nullable=False),
    sa.Column("blob", TEXT, nullable=False),
    sa.Column("sources", sa.Text(), nullable=False),
    sa.Column("seen_at", MOMENT, nullable=False),
    sa.UniqueConstraint("version_id", "pin_digest"),
    sa.Index(None, "blob"),
)

sa.Table(
    "sources",
    metadata,
    sa.Column("id", BIG, primary_key=True),
    sa.Column("version_id", BIG, sa.ForeignKey("versions.id"), nullable=False),
    sa.Column("uri", TEXT, nullable=False),
    sa.Column("uri_start", TEXT, nullable=False),
    sa.Index(None, "uri_start"),
    sa.Index(None, "version_id"),
)

sa.Table(
    "tags",
    metadata,
    sa.Column("version_id", BIG, sa.ForeignKey("versions.id"), primary_key=True),
    sa.Column("name", TEXT, primary_key=True),
)


def upgrade() -> None:
    """Make every table."""
    metadata.create_all(op.get_bind())
