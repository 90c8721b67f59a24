"""Versions: find them, list them, edit them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from types import EllipsisType
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    RowMapping,
    Select,
    bindparam,
    delete,
    false,
    select,
    true,
    union_all,
    update,
)

from landfast.errors import InvalidInput, NotFound
from landfast.model.manifest import ManifestSummary
from landfast.model.names import LATEST, ArtifactName, check_name
from landfast.model.version import VersionRecord
from landfast.registry import changes, missing, scopes
from landfast.registry.database.engine import Transaction
from landfast.registry.rows import (
    KEY_COLUMNS,
    NAME_COLUMNS,
    NAMED_VERSIONS,
    chunks,
    key_of,
    name_of,
    skipped_of,
    sources_of,
)
from landfast.registry.schema.tables import aliases as alias_rows
from landfast.registry.schema.tables import collections, partitions, runs, tags, versions
from landfast.registry.values import VersionEdit

_MAX_TTL_S = 100 * 365 * 86400


def query() -> Select[Any]:
    """Select versions with their names and runs; `load` reads it."""
    return select(
        *versions.c, collections.c.type.label("collection_type"), *NAME_COLUMNS, *KEY_COLUMNS
    ).select_from(NAMED_VERSIONS.outerjoin(runs, versions.c.run_id == runs.c.id))


def load(tx: Transaction, statement: Select[Any]) -> list[VersionRecord]:
    """Run a `query()` and add aliases and tags: two statements for a thousand versions."""
    rows = tx.connection.execute(statement).mappings().all()
    words: dict[tuple[int, bool], tuple[str, ...]] = {}
    for part in chunks(row["id"] for row in rows):
        for version_id, is_tag, name in tx.connection.execute(_WORDS, {"ids": part}):
            words[version_id, is_tag] = (*words.get((version_id, is_tag), ()), name)
    return [
        record(row, words.get((row["id"], False), ()), words.get((row["id"], True), ()))
        for row in rows
    ]


_IDS: BindParameter[int] = bindparam("ids", expanding=True)
_WORDS = union_all(
    select(alias_rows.c.version_id, false().label("is_tag"), alias_rows.c.name).where(
        alias_rows.c.version_id.in_(_IDS)
    ),
    select(tags.c.version_id, true(), tags.c.name).where(tags.c.version_id.in_(_IDS)),
).order_by("name")


def by_id(tx: Transaction, version_id: int) -> VersionRecord:
    """Return a version that exists."""
    return load(tx, query().where(versions.c.id == version_id))[0]


def live_with_digest(tx: Transaction, partition: int, digest: str) -> int | None:
    """Return the id of the live version with this content."""
    statement = select(versions.c.id).where(
        versions.c.partition_id == partition,
        versions.c.digest == digest,
        versions.c.deleted_at.is_(None),
    )
    return tx.connection.execute(statement).scalar_one_or_none()


def pick(tx: Transaction, name: ArtifactName, *, deleted: bool = False) -> VersionRecord:
    """Return the version that a name picks, without a pick `latest`, else raise `NotFound` that names what there is."""
    partition = scopes.require_partition(tx, name)
    statement = query().where(versions.c.partition_id == partition)
    if not deleted:
        statement = statement.where(versions.c.deleted_at.is_(None))
    # A live version comes before a deleted one of the same content.
    live_first = (versions.c.deleted_at.is_not(None), versions.c.number.desc())
    found = load(tx, statement.where(_picked(name, partition)).order_by(*live_first).limit(1))
    if not found:
        raise missing.explain_pick(tx, name, partition)
    return found[0]


def as_of(tx: Transaction, name: ArtifactName, moment: datetime) -> VersionRecord:
    """Return the version that the name's alias named at `moment`; see `Registry.as_of`."""
    if name.index is not None or name.digest is not None:
        raise InvalidInput(
            f"{name} names one version", subject=str(name), expected="an alias, or no version"
        )
    alias = name.alias or LATEST
    found = changes.version_as_of(tx, scopes.require_partition(tx, name), alias, moment)
    if found is None:
        raise NotFound(f"{name.bare()} had no {alias!r} at {moment.isoformat()}", subject=str(name))
    return by_id(tx, found)


def page(
    tx: Transaction, partition: int, *, below: int | None, size: int, deleted: bool
) -> list[VersionRecord]:
    """Return versions of a partition, newest first."""
    statement = query().where(versions.c.partition_id == partition)
    if below is not None:
        statement = statement.where(versions.c.number < below)
    if not deleted:
        statement = statement.where(versions.c.deleted_at.is_(None))
    return load(tx, statement.order_by(versions.c.number.desc()).limit(size))


def lock_partition(tx: Transaction, partition: int) -> RowMapping:
    """Wait until nobody else changes this partition; return its row."""
    statement = (
        select(partitions).where(partitions.c.id == partition).with_for_update(key_share=True)
    )
    return tx.connection.execute(statement).mappings().one()


def edit(
    tx: Transaction,
    name: ArtifactName,
    wanted: VersionEdit,
) -> VersionRecord:
    """Change what is editable; see `Registry.update`."""
    lock_partition(tx, scopes.require_partition(tx, name))
    record = pick(tx, name)
    values: dict[str, Any] = {}
    if wanted.description is not None:
        values["description"] = wanted.description
    if wanted.metadata is not None:
        values["metadata"] = wanted.metadata
    if not isinstance(wanted.ttl_seconds, EllipsisType):
        values["ttl_seconds"] = wanted.ttl_seconds
        values["expires_at"] = expiry(record.created_at, wanted.ttl_seconds)
    if values:
        tx.connection.execute(update(versions).where(versions.c.id == record.id).values(**values))
    off = tags.c.name.in_(list(wanted.remove_tags))
    tx.connection.execute(delete(tags).where(tags.c.version_id == record.id, off))
    add_tags(tx, record.id, wanted.add_tags)
    return by_id(tx, record.id)


def add_tags(tx: Transaction, version_id: int, names: Iterable[str]) -> None:
    """Put tags on a version; those that it has stay."""
    rows = [
        {"version_id": version_id, "name": check_name(name, "tag")} for name in dict.fromkeys(names)
    ]
    if rows:
        tx.connection.execute(tx.insert(tags).on_conflict_do_nothing().inline(), rows)


def expiry(created_at: datetime, ttl_seconds: int | None) -> datetime | None:
    """Return when a version expires; `InvalidInput` if the time to live is no positive number of seconds."""
    if ttl_seconds is None:
        return None
    if not 0 < ttl_seconds <= _MAX_TTL_S:
        raise InvalidInput(
            "the time to live cannot be recorded",
            expected=f"1 to {_MAX_TTL_S} seconds, or None to keep the version",
            found=str(ttl_seconds),
        )
    return created_at + timedelta(seconds=ttl_seconds)


def _picked(name: ArtifactName, partition: int) -> ColumnElement[bool]:
    if name.index is not None:
        return versions.c.number == name.index
    if name.digest is not None:
        return versions.c.digest == name.digest
    named = select(alias_rows.c.version_id).where(
        alias_rows.c.partition_id == partition, alias_rows.c.name == (name.alias or LATEST)
    )
    return versions.c.id == named.scalar_subquery()


def record(
    row: RowMapping | Mapping[str, Any], named: tuple[str, ...], tagged: tuple[str, ...]
) -> VersionRecord:
    """Read a row of `query()`, beside aliases and tags in order."""
    summary = ManifestSummary(
        digest=row["digest"],
        pin_digest=row["pin_digest"],
        count=row["count"],
        size=row["size"],
        unverified=row["unverified"],
        unpinned=row["unpinned"],
    )
    return VersionRecord(
        id=row["id"],
        name=name_of(row, row["number"]),
        type=row["collection_type"],
        summary=summary,
        blob=row["blob"],
        sources=sources_of(row["sources"]),
        skipped=skipped_of(row["skipped"]),
        description=row["description"],
        metadata=row["metadata"],
        aliases=named,
        tags=tagged,
        ttl_seconds=row["ttl_seconds"],
        run=key_of(row),
        created_at=row["created_at"],
        deleted_at=row["deleted_at"],
    )
