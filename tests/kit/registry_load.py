"""A registry at 3 a.m.: collections, observations and runs by the million, written past the verbs.

One collection is hot: a tenth of all looks, and a version for each collection that there is; its first version was
used by a tenth of all runs.  One has a partition for each collection that there is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from landfast.model.names import ArtifactName
from landfast.registry.opener import init_registry
from landfast.registry.schema.columns import Moment
from sqlalchemy import Connection, Engine, bindparam, create_engine, text

HOT = ArtifactName(entity="default", project="p1", collection="c1")
"""A collection with as many versions as there are collections."""

WIDE = ArtifactName(entity="default", project="p2", collection="c2")
"""A collection with as many partitions as there are collections."""

_AT = datetime(2026, 5, 1, 3, tzinfo=UTC)
_PROJECTS = 4
_ZEROS = "0" * 64
_VERSIONS = 5  # of each partition


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How much there is: versions are ten times the collections, edges and changes as many as runs and versions."""

    collections: int
    observations: int
    runs: int


def fill(url: str, load: Load) -> None:
    """Make a registry and fill it; a million rows take seconds."""
    init_registry(url, "s3://bucket/store/")
    driver = url.replace("postgresql://", "postgresql+psycopg://")
    engine = create_engine(driver)
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            # Rows refer to rows that are there: nobody has to look.
            connection.execute(text("SET LOCAL session_replication_role = replica"))
        for count, statement in _statements(load):
            _run(connection, count, statement)
        if engine.dialect.name == "postgresql":
            _go_on_numbering(connection)
    if engine.dialect.name == "postgresql":
        _analyze(engine)  # as its autovacuum does; nobody analyzes a SQLite file
    engine.dispose()


def _run(connection: Connection, count: int, statement: str) -> None:
    """Run an INSERT that selects from `s`, the numbers `i` from 1 to `count`."""
    series = "SELECT generate_series(1, :count)"
    if connection.dialect.name == "sqlite":
        series = "SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < :count"
    later = ":at + (i * 7919) % 86400 * interval '1 second'"
    if connection.dialect.name == "sqlite":
        later = "strftime('%Y-%m-%d %H:%M:%f000', :at, '+' || ((i * 7919) % 86400) || ' seconds')"
    statement = statement.replace(":later", later)
    whole = text(f"WITH RECURSIVE s(i) AS ({series}) {statement}")
    given = {"count": count} | ({"at": _AT} if ":at" in statement else {})
    if ":at" in statement:
        whole = whole.bindparams(bindparam("at", type_=Moment()))
    connection.execute(whole, given)


def _statements(load: Load) -> Iterator[tuple[int, str]]:
    places = 2 * load.collections  # partitions: one of each collection, and those of the wide one
    versions = _VERSIONS * places + load.collections
    spread = f"CASE WHEN i % 10 = 0 THEN 1 ELSE (i * 7) % {places} + 1 END"
    of = f"CASE WHEN i > {_VERSIONS * places} THEN 1 ELSE (i - 1) / {_VERSIONS} + 1 END"
    number = (
        f"CASE WHEN i > {_VERSIONS * places} THEN i - {_VERSIONS * places} - 1 + {_VERSIONS}"
        f" ELSE (i - 1) % {_VERSIONS} END"
    )
    newest = f"CASE WHEN i = 1 THEN {versions} ELSE i * {_VERSIONS} END"
    used = f"CASE WHEN i % 10 = 0 THEN 1 ELSE (i * 7) % {versions} + 1 END"
    digest = f"'lf1:' || substr('{_ZEROS}' || i, length('{_ZEROS}' || i) - 63)"
    yield 1, "INSERT INTO entities SELECT i, 'default', :at FROM s"
    yield _PROJECTS, "INSERT INTO projects SELECT i, 1, 'p' || i, :at FROM s"
    yield (
        load.collections,
        f"INSERT INTO collections SELECT i, (i - 1) % {_PROJECTS} + 1, 'c' || i,"
        " CASE WHEN i % 3 = 0 THEN 'model' ELSE 'dataset' END, '', :at FROM s",
    )
    yield (
        places,
        f"INSERT INTO partitions SELECT i, CASE WHEN i > {load.collections} THEN 2 ELSE i END,"
        f" CASE WHEN i > {load.collections} THEN 'd' || i ELSE '' END,"
        f" CASE WHEN i = 1 THEN {_VERSIONS + load.collections} ELSE {_VERSIONS} END, 0, :at FROM s",
    )
    yield (
        load.runs,
        "INSERT INTO runs SELECT i, 'r' || i, 'k' || i, CASE WHEN i % 2 = 0 THEN 'airflow' ELSE 'script' END,"
        f" 'd', 'run' || i, 'node' || (i % 50), '', i % {_PROJECTS} + 1, 'name' || i, 'train', 'finished', 1,"
        " NULL, '{}', :at, :at FROM s",
    )
    yield (
        versions,
        f"INSERT INTO versions SELECT i, {of}, {number}, {digest}, 'lp1:' || i, 10, 1000, 0, 0,"
        " 'blob' || i, '[]', '[]', '', '{}', NULL, NULL, i, :at, NULL FROM s",
    )
    yield versions, "INSERT INTO blobs SELECT 'blob' || i, 100, :at, NULL FROM s"
    yield (
        versions,
        "INSERT INTO pin_sets SELECT i, i, 'lp1:' || i, 'blob' || i, '[]', :at FROM s",
    )
    uri = f"'s3://bucket/place' || ({of}) || '/'"
    yield versions, f"INSERT INTO sources SELECT i, i, {uri}, {uri} FROM s"
    yield places, f"INSERT INTO aliases SELECT i, 'latest', {newest}, :later FROM s"
    yield places, f"INSERT INTO aliases SELECT i, 'prod', {newest}, :at FROM s"
    yield (
        load.observations,
        f"INSERT INTO observations SELECT i, o.p, o.p * {_VERSIONS}, i % {load.runs} + 1, 'lp1:' || i, '{{}}',"
        f" false, false, :at FROM (SELECT i, {spread} AS p FROM s) o",
    )
    yield (
        load.runs,
        f"INSERT INTO edges SELECT i, i, 'used', {used}, :at, NULL FROM s",
    )
    yield (
        versions,
        f"INSERT INTO edges SELECT {load.runs} + i, i, 'logged', i, :at, NULL FROM s",
    )
    yield (
        versions,
        f"INSERT INTO changes SELECT i, 'created', 'latest', {of}, i, NULL, i, :at FROM s",
    )
    yield places, "INSERT INTO announcements SELECT 'bell', i, i, 'lf1:' || i FROM s"
    yield places, "INSERT INTO tags SELECT i, 'tagged' FROM s"
    yield 1, f"UPDATE counters SET value = {versions} WHERE name = 'change'"


def _go_on_numbering(connection: Connection) -> None:
    tables = connection.execute(
        text("SELECT relname FROM pg_class WHERE relkind = 'S' AND relname LIKE '%\\_id\\_seq'")
    ).scalars()
    for sequence in tables.all():
        table = sequence.removesuffix("_id_seq")
        connection.execute(text(f"SELECT setval('{sequence}', (SELECT max(id) + 1 FROM {table}))"))


def _analyze(engine: Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
