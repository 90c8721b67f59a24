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


def upgrade() -> None:
    """Make every table."""
    op.create_table(
        "blobs",
        sa.Column("sha256", TEXT, nullable=False),
        sa.Column("size", BIG, nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.Column("condemned_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_blobs")),
    )
    op.create_index(op.f("ix_blobs_recorded_at"), "blobs", ["recorded_at"], unique=False)
    op.create_table(
        "counters",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("value", BIG, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_counters")),
    )
    op.create_table(
        "entities",
        sa.Column("id", BIG, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entities")),
        sa.UniqueConstraint("name", name=op.f("uq_entities_name")),
    )
    op.create_table(
        "registry",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("uid", TEXT, nullable=False),
        sa.Column("store_url", TEXT, nullable=True),
        sa.Column("oldest_reader", TEXT, nullable=False),
        sa.Column("oldest_writer", TEXT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registry")),
    )
    op.create_table(
        "projects",
        sa.Column("id", BIG, nullable=False),
        sa.Column("entity_id", BIG, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], name=op.f("fk_projects_entity_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_projects")),
        sa.UniqueConstraint("entity_id", "name", name=op.f("uq_projects_entity_id_name")),
    )
    op.create_table(
        "collections",
        sa.Column("id", BIG, nullable=False),
        sa.Column("project_id", BIG, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_collections_project_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_collections")),
        sa.UniqueConstraint("project_id", "name", name=op.f("uq_collections_project_id_name")),
    )
    op.create_table(
        "runs",
        sa.Column("id", BIG, nullable=False),
        sa.Column("short_id", TEXT, nullable=False),
        sa.Column("key_sha256", TEXT, nullable=False),
        sa.Column("system", TEXT, nullable=False),
        sa.Column("deployment", TEXT, nullable=False),
        sa.Column("run_id", TEXT, nullable=False),
        sa.Column("node", TEXT, nullable=False),
        sa.Column("part", TEXT, nullable=False),
        sa.Column("project_id", BIG, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("job_type", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("link", TEXT, nullable=True),
        sa.Column("config", sa.Text(), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_runs_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
        sa.UniqueConstraint("key_sha256", name=op.f("uq_runs_key_sha256")),
        sa.UniqueConstraint("short_id", name=op.f("uq_runs_short_id")),
    )
    op.create_index(op.f("ix_runs_project_id_id"), "runs", ["project_id", "id"], unique=False)
    op.create_table(
        "partitions",
        sa.Column("id", BIG, nullable=False),
        sa.Column("collection_id", BIG, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("next_index", BIG, nullable=False),
        sa.Column("latest_ticket", BIG, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["collections.id"], name=op.f("fk_partitions_collection_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partitions")),
        sa.UniqueConstraint("collection_id", "key", name=op.f("uq_partitions_collection_id_key")),
    )
    op.create_table(
        "alias_removals",
        sa.Column("id", BIG, nullable=False),
        sa.Column("partition_id", BIG, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("position", BIG, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["partition_id"], ["partitions.id"], name=op.f("fk_alias_removals_partition_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alias_removals")),
    )
    op.create_index(
        op.f("ix_alias_removals_partition_id_name_position"),
        "alias_removals",
        ["partition_id", "name", "position"],
        unique=False,
    )
    op.create_table(
        "announcements",
        sa.Column("consumer", TEXT, nullable=False),
        sa.Column("partition_id", BIG, nullable=False),
        sa.Column("position", BIG, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["partition_id"], ["partitions.id"], name=op.f("fk_announcements_partition_id")
        ),
        sa.PrimaryKeyConstraint("consumer", "partition_id", name=op.f("pk_announcements")),
    )
    op.create_table(
        "versions",
        sa.Column("id", BIG, nullable=False),
        sa.Column("partition_id", BIG, nullable=False),
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
        sa.Column("ttl_seconds", BIG, nullable=True),
        sa.Column("expires_at", MOMENT, nullable=True),
        sa.Column("run_id", BIG, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["partition_id"], ["partitions.id"], name=op.f("fk_versions_partition_id")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_versions_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_versions")),
        sa.UniqueConstraint("partition_id", "number", name=op.f("uq_versions_partition_id_number")),
    )
    op.create_index(op.f("ix_versions_expires_at"), "versions", ["expires_at"], unique=False)
    op.create_index(
        "uq_versions_live_digest",
        "versions",
        ["partition_id", "digest"],
        unique=True,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_table(
        "aliases",
        sa.Column("partition_id", BIG, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("version_id", BIG, nullable=False),
        sa.Column("moved_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["partition_id"], ["partitions.id"], name=op.f("fk_aliases_partition_id")
        ),
        sa.ForeignKeyConstraint(
            ["version_id"], ["versions.id"], name=op.f("fk_aliases_version_id")
        ),
        sa.PrimaryKeyConstraint("partition_id", "name", name=op.f("pk_aliases")),
    )
    op.create_index(op.f("ix_aliases_version_id"), "aliases", ["version_id"], unique=False)
    op.create_table(
        "changes",
        sa.Column("position", BIG, autoincrement=False, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("alias", TEXT, nullable=False),
        sa.Column("partition_id", BIG, nullable=False),
        sa.Column("version_id", BIG, nullable=False),
        sa.Column("previous_id", BIG, nullable=True),
        sa.Column("run_id", BIG, nullable=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["partition_id"], ["partitions.id"], name=op.f("fk_changes_partition_id")
        ),
        sa.ForeignKeyConstraint(
            ["previous_id"], ["versions.id"], name=op.f("fk_changes_previous_id")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_changes_run_id")),
        sa.ForeignKeyConstraint(
            ["version_id"], ["versions.id"], name=op.f("fk_changes_version_id")
        ),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_changes")),
    )
    op.create_index(
        op.f("ix_changes_partition_id_alias_position"),
        "changes",
        ["partition_id", "alias", "position"],
        unique=False,
    )
    op.create_table(
        "edges",
        sa.Column("id", BIG, nullable=False),
        sa.Column("run_id", BIG, nullable=False),
        sa.Column("direction", TEXT, nullable=False),
        sa.Column("version_id", BIG, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_edges_run_id")),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name=op.f("fk_edges_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_edges")),
        sa.UniqueConstraint(
            "run_id", "direction", "version_id", name=op.f("uq_edges_run_id_direction_version_id")
        ),
    )
    op.create_index(op.f("ix_edges_version_id"), "edges", ["version_id"], unique=False)
    op.create_table(
        "observations",
        sa.Column("id", BIG, nullable=False),
        sa.Column("partition_id", BIG, nullable=False),
        sa.Column("version_id", BIG, nullable=False),
        sa.Column("run_id", BIG, nullable=True),
        sa.Column("pin_digest", TEXT, nullable=False),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("created", sa.Boolean(), nullable=False),
        sa.Column("moved_latest", sa.Boolean(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["partition_id"], ["partitions.id"], name=op.f("fk_observations_partition_id")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_observations_run_id")),
        sa.ForeignKeyConstraint(
            ["version_id"], ["versions.id"], name=op.f("fk_observations_version_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_observations")),
    )
    op.create_index(
        op.f("ix_observations_partition_id_id"),
        "observations",
        ["partition_id", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_observations_version_id_id"), "observations", ["version_id", "id"], unique=False
    )
    op.create_table(
        "pin_sets",
        sa.Column("id", BIG, nullable=False),
        sa.Column("version_id", BIG, nullable=False),
        sa.Column("pin_digest", TEXT, nullable=False),
        sa.Column("blob", TEXT, nullable=False),
        sa.Column("sources", sa.Text(), nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"], ["versions.id"], name=op.f("fk_pin_sets_version_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pin_sets")),
        sa.UniqueConstraint(
            "version_id", "pin_digest", name=op.f("uq_pin_sets_version_id_pin_digest")
        ),
    )
    op.create_index(op.f("ix_pin_sets_blob"), "pin_sets", ["blob"], unique=False)
    op.create_table(
        "sources",
        sa.Column("id", BIG, nullable=False),
        sa.Column("version_id", BIG, nullable=False),
        sa.Column("uri", TEXT, nullable=False),
        sa.Column("uri_start", TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"], ["versions.id"], name=op.f("fk_sources_version_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sources")),
    )
    op.create_index(op.f("ix_sources_uri_start"), "sources", ["uri_start"], unique=False)
    op.create_index(op.f("ix_sources_version_id"), "sources", ["version_id"], unique=False)
    op.create_table(
        "tags",
        sa.Column("version_id", BIG, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name=op.f("fk_tags_version_id")),
        sa.PrimaryKeyConstraint("version_id", "name", name=op.f("pk_tags")),
    )
