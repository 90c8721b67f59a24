"""The tables of a registry, the same on SQLite and PostgreSQL; `migrations/` leads here step by step."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    text,
)

from landfast.registry.schema.columns import BigInt, Bytewise, Json, Moment

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008")
"""Every revision of the schema that this code knows, oldest first; the last is the one that it needs."""

OLDEST_READER = "0.1.0"
"""Oldest client that can read the newest revision: raise it only when a column changes its meaning."""

OLDEST_WRITER = "0.1.1"
"""Oldest client that may write to it: raise it when a writer must fill something new.

Checkouts that call themselves 0.1.0 know of no bases: they would collect what a delta stands on.
"""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# One row: who this registry is.
registry = Table(
    "registry",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("uid", Bytewise, nullable=False),
    # ``beside:NAME/`` is a folder beside the SQLite file; NULL, of older ones, the folder `blobs/` there.
    Column("store_url", Bytewise),
    Column("oldest_reader", Bytewise, nullable=False),
    Column("oldest_writer", Bytewise, nullable=False),
    Column("created_at", Moment, nullable=False),
)

# The rows `ticket`, `change` and `run_event`.  A row rather than a sequence: its lock makes positions gapless
# and visible in commit order.
counters = Table(
    "counters",
    metadata,
    Column("name", Bytewise, primary_key=True),
    Column("value", BigInt, nullable=False),
    Column("at", Moment, nullable=False),
)

entities = Table(
    "entities",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("name", Bytewise, nullable=False, unique=True),
    Column("created_at", Moment, nullable=False),
)

projects = Table(
    "projects",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("entity_id", ForeignKey("entities.id"), nullable=False),
    Column("name", Bytewise, nullable=False),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("entity_id", "name"),
)

collections = Table(
    "collections",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("project_id", ForeignKey("projects.id"), nullable=False),
    Column("name", Bytewise, nullable=False),
    Column("type", Bytewise, nullable=False),
    Column("description", Bytewise, nullable=False),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("project_id", "name"),
    Index(None, "type"),
)

partitions = Table(
    "partitions",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("collection_id", ForeignKey("collections.id"), nullable=False),
    Column("key", Bytewise, nullable=False),
    Column("next_index", BigInt, nullable=False),
    # The ticket of the scan that moved `latest` last.
    Column("latest_ticket", BigInt, nullable=False),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("collection_id", "key"),
)

runs = Table(
    "runs",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("short_id", Bytewise, nullable=False, unique=True),
    # The five parts of a key may be longer than an index allows.
    Column("key_sha256", Bytewise, nullable=False, unique=True),
    Column("system", Bytewise, nullable=False),
    Column("deployment", Bytewise, nullable=False),
    Column("run_id", Bytewise, nullable=False),
    Column("node", Bytewise, nullable=False),
    Column("part", Bytewise, nullable=False),
    Column("project_id", ForeignKey("projects.id"), nullable=False),
    Column("name", Bytewise, nullable=False),
    Column("job_type", Bytewise, nullable=False),
    Column("status", Bytewise, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("link", Bytewise),
    Column("config", Json, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("finished_at", Moment),
    Index(None, "project_id", "id"),
    Index(None, "run_id"),
    Index(None, "system", "id"),
    Index(None, "node", "id"),
    Index(None, "status", "id"),
)

versions = Table(
    "versions",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("partition_id", ForeignKey("partitions.id"), nullable=False),
    Column("number", BigInt, nullable=False),  # N of vN
    Column("digest", Bytewise, nullable=False),
    Column("pin_digest", Bytewise, nullable=False),
    Column("count", BigInt, nullable=False),
    Column("size", BigInt, nullable=False),
    Column("unverified", BigInt, nullable=False),
    Column("unpinned", BigInt, nullable=False),
    Column("blob", Bytewise, nullable=False),
    Column("sources", Json, nullable=False),
    Column("skipped", Json, nullable=False),
    Column("description", Bytewise, nullable=False),
    Column("metadata", Json, nullable=False),
    Column("ttl_seconds", BigInt),
    Column("expires_at", Moment),
    Column("run_id", ForeignKey("runs.id")),
    Column("created_at", Moment, nullable=False),
    Column("deleted_at", Moment),
    UniqueConstraint("partition_id", "number"),
    # Equal content is one live version: the backstop of the partition's lock.
    Index(
        "uq_versions_live_digest",
        "partition_id",
        "digest",
        unique=True,
        sqlite_where=text("deleted_at IS NULL"),
        postgresql_where=text("deleted_at IS NULL"),
    ),
    Index(None, "expires_at"),
    Index(None, "run_id"),
)

aliases = Table(
    "aliases",
    metadata,
    Column("partition_id", ForeignKey("partitions.id"), primary_key=True),
    Column("name", Bytewise, primary_key=True),
    Column("version_id", ForeignKey("versions.id"), nullable=False),
    Column("moved_at", Moment, nullable=False),
    Index(None, "version_id"),
    Index(
        "ix_aliases_latest_moved_at",
        "moved_at",
        sqlite_where=text("name = 'latest'"),
        postgresql_where=text("name = 'latest'"),
    ),
)

# What the feed cannot say: that an alias names nothing from here on, after change `position`.
alias_removals = Table(
    "alias_removals",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("partition_id", ForeignKey("partitions.id"), nullable=False),
    Column("name", Bytewise, nullable=False),
    Column("position", BigInt, nullable=False),
    Column("at", Moment, nullable=False),
    Index(None, "partition_id", "name", "position"),
)

tags = Table(
    "tags",
    metadata,
    Column("version_id", ForeignKey("versions.id"), primary_key=True),
    Column("name", Bytewise, primary_key=True),
)

# `blob` is no foreign key: a deleted version outlives its manifest.
pin_sets = Table(
    "pin_sets",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("version_id", ForeignKey("versions.id"), nullable=False),
    Column("pin_digest", Bytewise, nullable=False),
    Column("blob", Bytewise, nullable=False),
    Column("sources", Json, nullable=False),
    Column("seen_at", Moment, nullable=False),
    UniqueConstraint("version_id", "pin_digest"),
    Index(None, "blob"),
)

# For the question which versions may hold an object; the record itself is the JSON of version and pin set.
sources = Table(
    "sources",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("version_id", ForeignKey("versions.id"), nullable=False),
    Column("uri", Bytewise, nullable=False),
    Column("uri_start", Bytewise, nullable=False),  # what fits into an index
    Index(None, "uri_start"),
    Index(None, "version_id"),
)

observations = Table(
    "observations",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("partition_id", ForeignKey("partitions.id"), nullable=False),
    Column("version_id", ForeignKey("versions.id"), nullable=False),
    Column("run_id", ForeignKey("runs.id")),
    Column("pin_digest", Bytewise, nullable=False),
    Column("metadata", Json, nullable=False),
    Column("created", Boolean, nullable=False),
    Column("moved_latest", Boolean, nullable=False),
    Column("at", Moment, nullable=False),
    Index(None, "partition_id", "id"),
    Index(None, "version_id", "id"),
    Index(None, "run_id"),
)

# What `verify` found; of each version only the newest stay.
verifications = Table(
    "verifications",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("version_id", ForeignKey("versions.id"), nullable=False),
    Column("deep", Boolean, nullable=False),
    Column("ok", Boolean, nullable=False),
    Column("summary", Bytewise, nullable=False),
    Column("counts", Json, nullable=False),
    Column("at", Moment, nullable=False),
    Index(None, "version_id", "id"),
)

edges = Table(
    "edges",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("run_id", ForeignKey("runs.id"), nullable=False),
    Column("direction", Bytewise, nullable=False),
    Column("version_id", ForeignKey("versions.id"), nullable=False),
    Column("at", Moment, nullable=False),
    # In the stream of run events; NULL until somebody who follows it gives one.
    Column("position", BigInt),
    UniqueConstraint("run_id", "direction", "version_id"),
    Index(None, "version_id", "id"),
    Index(None, "position", "at"),
)

# That an attempt of a run began or ended, and what it was called then; the edges are the rest of its stream.
run_events = Table(
    "run_events",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("run_id", ForeignKey("runs.id"), nullable=False),
    Column("kind", Bytewise, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("name", Bytewise, nullable=False),
    Column("job_type", Bytewise, nullable=False),
    Column("link", Bytewise),
    Column("at", Moment, nullable=False),
    Column("position", BigInt),
    Index(None, "run_id", "id"),
    Index(None, "position", "at"),
)

changes = Table(
    "changes",
    metadata,
    Column("position", BigInt, primary_key=True, autoincrement=False),
    Column("kind", Bytewise, nullable=False),
    Column("alias", Bytewise, nullable=False),
    Column("partition_id", ForeignKey("partitions.id"), nullable=False),
    Column("version_id", ForeignKey("versions.id"), nullable=False),
    Column("previous_id", ForeignKey("versions.id")),
    Column("run_id", ForeignKey("runs.id")),
    Column("at", Moment, nullable=False),
    Index(None, "partition_id", "alias", "position"),
    Index(None, "run_id"),
)

# Of a row of the feed that tells of a verdict: its alias named the version before and does now, so that who does not
# know of verdicts sees that nothing moved.
verdict_changes = Table(
    "verdict_changes",
    metadata,
    Column("position", ForeignKey("changes.position"), primary_key=True, autoincrement=False),
    Column("version_id", ForeignKey("versions.id"), nullable=False),
    Column("verdict", Bytewise, nullable=False),
    Column("previous", Bytewise, nullable=False),
    Column("summary", Bytewise, nullable=False),
    Column("counts", Json, nullable=False),
    Column("aliases", Bytewise, nullable=False),  # each between commas
    Index(None, "version_id", "position"),
)

announcements = Table(
    "announcements",
    metadata,
    Column("consumer", Bytewise, primary_key=True),
    Column("partition_id", ForeignKey("partitions.id"), primary_key=True),
    Column("position", BigInt, nullable=False),
    Column("digest", Bytewise, nullable=False),
    Index(None, "consumer", "position"),
)

# Who follows the feeds.  One at a time does it in a consumer's name: its holder, until the lease is over.
consumers = Table(
    "consumers",
    metadata,
    Column("name", Bytewise, primary_key=True),
    Column("holder", Bytewise),
    Column("held_until", Moment),
    Column("created_at", Moment, nullable=False),
)

# How far a consumer has come in each stream: all up to here it was told.
consumer_positions = Table(
    "consumer_positions",
    metadata,
    Column("consumer", ForeignKey("consumers.name"), primary_key=True),
    Column("stream", Bytewise, primary_key=True),
    Column("position", BigInt, nullable=False),
    Column("moved_at", Moment, nullable=False),
)

blobs = Table(
    "blobs",
    metadata,
    Column("sha256", Bytewise, primary_key=True),
    Column("size", BigInt, nullable=False),
    Column("recorded_at", Moment, nullable=False),
    Column("condemned_at", Moment),
    Index(None, "recorded_at"),
)

# What a delta stands on, down to the full file: as long as `blob` is needed, so is `base`.
manifest_bases = Table(
    "manifest_bases",
    metadata,
    Column("blob", Bytewise, primary_key=True),
    Column("base", Bytewise, primary_key=True),
    Index(None, "base"),
)

# Who wants a version to be held: there before the first request to a store, and until the last.
holds = Table(
    "holds",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("version_id", ForeignKey("versions.id"), nullable=False),
    Column("holder", Bytewise, nullable=False),
    Column("kind", Bytewise),
    Column("reason", Bytewise, nullable=False),
    Column("at", Moment, nullable=False),
    Column("complete_at", Moment),
    # What is to be released: only who has done it takes the row away.
    Column("ended_at", Moment),
    UniqueConstraint("version_id", "holder"),
    Index(None, "ended_at"),
)

# One version of an object that is held, or about to be; `version_id` tells by whose sources it is reached.
held_objects = Table(
    "held_objects",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("sha256", Bytewise, nullable=False, unique=True),
    Column("endpoint", Bytewise, nullable=False),
    Column("uri", Bytewise, nullable=False),
    Column("object_version", Bytewise, nullable=False),
    Column("kind", Bytewise, nullable=False),
    Column("state", Bytewise, nullable=False),
    Column("version_id", ForeignKey("versions.id"), nullable=False),
    # Who acts on it now, until the lease is over; nobody else does meanwhile.
    Column("worker", Bytewise),
    Column("worker_until", Moment),
    Column("at", Moment, nullable=False),
    Index(None, "state", "id"),
    Index(None, "worker"),
)

# Which versions need an object version to be held: it is released with the last of them.
hold_members = Table(
    "hold_members",
    metadata,
    Column("version_id", ForeignKey("versions.id"), primary_key=True),
    Column("object_id", ForeignKey("held_objects.id"), primary_key=True),
    Index(None, "object_id"),
)

# Alembic's own table, in its shape: a fresh registry is made without importing Alembic.
alembic_version = Table(
    "alembic_version",
    MetaData(naming_convention={"pk": "alembic_version_pkc"}),
    Column("version_num", String(32), primary_key=True),
)
