"""Blob rows: who is about to use a blob, and which ones garbage collection may delete."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Join,
    and_,
    cast,
    delete,
    false,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB

from landfast.errors import InvalidInput
from landfast.model.blob_uri import holds_files
from landfast.model.garbage import BlobRow
from landfast.model.health import NeededManifest
from landfast.registry.database.engine import Transaction
from landfast.registry.database.lazy import LazyDatabase
from landfast.registry.rows import NAME_COLUMNS, NAMED_VERSIONS, chunks, name_of, sources_of
from landfast.registry.schema.tables import blobs, manifest_bases, pin_sets, versions

_NAME = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class _Recorded:
    """What became of blobs that a writer is about to use."""

    condemned: set[str]
    """Recorded, but their bytes may be gone: they must be uploaded again."""

    in_deletion: set[str]
    """Being deleted at this moment: not recorded, the writer has to wait."""


def record_all(database: LazyDatabase, sizes: Mapping[str, int], lease: timedelta) -> set[str]:
    """Say that a writer is about to use blobs; see `Registry.record_blobs`."""
    for sha256 in sizes:
        if not _NAME.fullmatch(sha256):
            raise InvalidInput(f"{sha256!r} is no sha256", expected="64 hexadecimal digits")
    left, again = dict(sizes), set[str]()
    while left:
        part = left
        done = database.write(lambda tx: _record(tx, part, lease), create=True)  # noqa: B023 - run at once
        again |= done.condemned | done.in_deletion
        left = {sha256: size for sha256, size in left.items() if sha256 in done.in_deletion}
        if left:
            time.sleep(random.uniform(0.02, 0.2))  # noqa: S311 - jitter
    return again


def _record(tx: Transaction, sizes: Mapping[str, int], lease: timedelta) -> _Recorded:
    condemned, in_deletion = set[str](), set[str]()
    # In one order in every batch, so that two of them do not wait for each other.
    for part in chunks(sorted(sizes)):
        at = _locked(tx, part)
        now = tx.now()
        busy = {sha256 for sha256, moment in at.items() if now < moment + lease}
        condemned |= at.keys() - busy
        in_deletion |= busy
        _write(tx, {one: sizes[one] for one in part if one not in busy}, now)
    return _Recorded(condemned, in_deletion)


def _write(tx: Transaction, sizes: Mapping[str, int], now: datetime) -> None:
    """Write rows of blobs, as new ones where there are some already, by one statement of one parameter."""
    if not sizes:
        return
    is_sqlite = tx.connection.dialect.name == "sqlite"
    given = (
        func.json_each(json.dumps(sizes))
        if is_sqlite
        else func.jsonb_each_text(literal(sizes, JSONB))
    )
    pairs = given.table_valued("key", "value")
    row = (pairs.c.key, cast(pairs.c.value, BigInteger), literal(now, blobs.c.recorded_at.type))
    # SQLite takes ON CONFLICT for a part of a join unless there is a WHERE.
    rows = select(*row).where(true()).order_by(pairs.c.key)
    insert = tx.insert(blobs).from_select(["sha256", "size", "recorded_at"], rows)
    fresh = {name: insert.excluded[name] for name in ("size", "recorded_at", "condemned_at")}
    tx.connection.execute(insert.on_conflict_do_update(index_elements=[blobs.c.sha256], set_=fresh))


def hold(tx: Transaction, sha256s: Collection[str]) -> bool:
    """Keep blobs from being condemned until the transaction ends; False if one is no longer there."""
    if not sha256s:
        return True
    # In one order, as whoever condemns.
    statement = select(blobs.c.condemned_at).where(blobs.c.sha256.in_(sha256s))
    ordered = statement.order_by(blobs.c.sha256).with_for_update(read=True)
    found = tx.connection.execute(ordered).scalars().all()
    return len(found) == len(sha256s) and not any(found)


def stand_on(tx: Transaction, blob: str, bases: Collection[str]) -> None:
    """Record what a delta stands on."""
    rows = [{"blob": blob, "base": base} for base in bases]
    if rows:
        tx.connection.execute(tx.insert(manifest_bases).on_conflict_do_nothing(), rows)


def bases_of(tx: Transaction, sha256s: Iterable[str]) -> dict[str, list[str]]:
    """Return what those of some blobs that are deltas stand on."""
    found: dict[str, list[str]] = {}
    for part in chunks(sha256s):
        statement = select(manifest_bases).where(manifest_bases.c.blob.in_(part))
        for row in tx.connection.execute(statement):
            found.setdefault(row.blob, []).append(row.base)
    return found


def garbage_page(tx: Transaction, older_than: datetime, *, after: str, size: int) -> list[BlobRow]:
    """Return blobs that nothing needs, by name."""
    statement = (
        select(blobs)
        .where(_is_garbage(older_than), blobs.c.sha256 > after)
        .order_by(blobs.c.sha256)
        .limit(size)
    )
    return [
        BlobRow(
            sha256=row.sha256,
            size=row.size,
            recorded_at=row.recorded_at,
            condemned_at=row.condemned_at,
        )
        for row in tx.connection.execute(statement)
    ]


def needed_page(tx: Transaction, *, after: tuple[str, int], size: int) -> list[NeededManifest]:
    """Return manifests of live versions, by blob and pin set."""
    tables = NAMED_VERSIONS.join(pin_sets, pin_sets.c.version_id == versions.c.id)
    return _needed(tx, tables, pin_sets.c.blob, after, size)


def needed_bases_page(
    tx: Transaction, *, after: tuple[str, int], size: int
) -> list[NeededManifest]:
    """Return what those stand on, by its name and the pin set."""
    tables = NAMED_VERSIONS.join(pin_sets, pin_sets.c.version_id == versions.c.id).join(
        manifest_bases, manifest_bases.c.blob == pin_sets.c.blob
    )
    return _needed(tx, tables, manifest_bases.c.base, after, size)


def _needed(
    tx: Transaction, tables: Join, name: Column[str], after: tuple[str, int], size: int
) -> list[NeededManifest]:
    statement = (
        select(
            pin_sets.c.id,
            name.label("needed"),
            pin_sets.c.sources,
            blobs.c.size,
            versions.c.number,
            *NAME_COLUMNS,
        )
        .select_from(tables.outerjoin(blobs, blobs.c.sha256 == name))
        .where(versions.c.deleted_at.is_(None), tuple_(name, pin_sets.c.id) > tuple_(*after))
        .order_by(name, pin_sets.c.id)
        .limit(size)
    )
    # Of the files that only what is stood on names, none is needed.
    is_named = name is pin_sets.c.blob
    return [
        NeededManifest(
            blob=row["needed"],
            size=row["size"],
            version=name_of(row, row["number"]),
            pin_set=row["id"],
            holds_files=is_named and holds_files(sources_of(row["sources"])),
        )
        for row in tx.connection.execute(statement).mappings()
    ]


def condemn(
    tx: Transaction, sha256s: Sequence[str], older_than: datetime, lease: timedelta
) -> list[str]:
    """Condemn those that are garbage still and that no other collector is deleting."""
    condemned: list[str] = []
    # Who may not forget them afterwards is refused now, not when the bytes are gone.
    tx.connection.execute(delete(blobs).where(false()))
    for part in chunks(sorted(sha256s)):
        mine = blobs.c.sha256.in_(part)
        # Locked first, judged after: whoever held one has committed by now, and is seen.
        _locked(tx, part)
        now = tx.now()
        # Two that delete one blob could not both know when the other one is done with it.
        free = or_(blobs.c.condemned_at.is_(None), blobs.c.condemned_at <= now - lease)
        statement = select(blobs.c.sha256).where(mine, free, _is_garbage(older_than))
        found = list(tx.connection.execute(statement.order_by(blobs.c.sha256)).scalars())
        tx.connection.execute(
            update(blobs).where(blobs.c.sha256.in_(found)).values(condemned_at=now)
        )
        condemned += found
    return condemned


def forget(tx: Transaction, sha256s: Sequence[str], held: Sequence[str] = ()) -> None:
    """Remove the rows of condemned blobs; those that are held, and so are there, are as they were before."""
    for part in chunks(sorted(sha256s)):
        gone = list(_locked(tx, part))
        tx.connection.execute(delete(manifest_bases).where(manifest_bases.c.blob.in_(gone)))
        tx.connection.execute(delete(blobs).where(blobs.c.sha256.in_(gone)))
    for part in chunks(sorted(held)):
        there = list(_locked(tx, part))
        mine = update(blobs).where(blobs.c.sha256.in_(there))
        tx.connection.execute(mine.values(condemned_at=None))


def known(tx: Transaction, sha256s: Sequence[str]) -> dict[str, int]:
    """Return the sizes of those that have a row."""
    found: dict[str, int] = {}
    for part in chunks(sha256s):
        statement = select(blobs.c.sha256, blobs.c.size).where(blobs.c.sha256.in_(part))
        found |= {row.sha256: row.size for row in tx.connection.execute(statement)}
    return found


def _locked(tx: Transaction, sha256s: Sequence[str]) -> dict[str, datetime]:
    """Wait until nobody else changes these; return when those that are condemned were."""
    mine = select(blobs.c.sha256, blobs.c.condemned_at)
    if tx.connection.dialect.name == "sqlite":  # whose transaction is a lock of all
        # One parameter for all of them: a statement with hundreds costs more to write than to run.
        given = func.json_each(json.dumps(sha256s)).table_valued("value")
        mine = mine.where(blobs.c.sha256.in_(select(given.c.value)))
        mine = mine.where(blobs.c.condemned_at.is_not(None))
    else:
        mine = mine.where(blobs.c.sha256.in_(sha256s))
    rows = tx.connection.execute(mine.order_by(blobs.c.sha256).with_for_update())
    return {row.sha256: row.condemned_at for row in rows if row.condemned_at}


def _is_garbage(older_than: datetime) -> ColumnElement[bool]:
    # A version that was deleted within the grace period can be restored.
    is_kept = or_(versions.c.deleted_at.is_(None), versions.c.deleted_at >= older_than)
    named = select(pin_sets.c.id).join(versions, pin_sets.c.version_id == versions.c.id)
    needed = named.where(pin_sets.c.blob == blobs.c.sha256, is_kept)
    stood_on = named.join(manifest_bases, manifest_bases.c.blob == pin_sets.c.blob).where(
        manifest_bases.c.base == blobs.c.sha256, is_kept
    )
    return and_(blobs.c.recorded_at < older_than, ~needed.exists(), ~stood_on.exists())
