"""Checking: is every manifest and managed file of a registry's live versions in its store, and readable?

What is needed comes from the registry and, of managed files, from the manifests; what is there comes from one listing.
Both lie in a temporary database on disk, so memory stays small whatever their number.
"""

from __future__ import annotations

import itertools
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

from landfast.blobs.base import BlobStore, damage_of
from landfast.errors import Conflict, NotFound
from landfast.manifests.base import Manifest
from landfast.model.blob_uri import sha256_of
from landfast.model.health import BlobKind, BlobProblem, BlobVerdict, NeededManifest, RegistryCheck
from landfast.model.names import ArtifactName
from landfast.registry.registry import Registry
from landfast.store_label import claim

_MOST_PROBLEMS = 1_000
_WORKERS = 8
_BATCH = 512
_TABLES = """
CREATE TABLE needed (sha256 TEXT, kind TEXT, size INTEGER, version TEXT, path TEXT, damage TEXT,
    needed_by INTEGER DEFAULT 1, PRIMARY KEY (sha256, kind)) WITHOUT ROWID;
CREATE TABLE listed (sha256 TEXT PRIMARY KEY, size INTEGER) WITHOUT ROWID;
"""
_NEED = """
INSERT INTO needed (sha256, kind, size, version, path, damage) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET needed_by = needed_by + 1
"""
_FOUND = """
SELECT needed.*, listed.size FROM needed LEFT JOIN listed USING (sha256) ORDER BY kind DESC, sha256
"""


def check_registry(
    registry: Registry,
    blobs: BlobStore,
    open_manifest: Callable[[str], Manifest],
    *,
    deep: bool = False,
) -> RegistryCheck:
    """Compare what live versions need with what the store lists, or with `deep` with every blob read again."""
    with closing(sqlite3.connect("")) as found:
        found.executescript(_TABLES)
        # First what is needed: a blob is stored before the row that names it.
        found.executemany(_NEED, _needed(registry, open_manifest))
        found.executemany(
            "INSERT OR IGNORE INTO listed VALUES (?, ?)",
            ((info.sha256, info.size) for info in blobs.list()),
        )
        counts: dict[BlobKind, Counter[BlobVerdict]] = {}
        problems: list[BlobProblem] = []
        for judged in _judged(found.execute(_FOUND), registry, blobs, deep=deep):
            counts.setdefault(judged.kind, Counter())[judged.verdict] += 1
            if judged.verdict is not BlobVerdict.INTACT and len(problems) < _MOST_PROBLEMS:
                problems.append(judged)
    return RegistryCheck(
        registry=registry.info.url,
        store=blobs.url,
        deep=deep,
        counts=counts,
        problems=tuple(problems),
        label=_label_problem(registry, blobs),
    )


_Need = tuple[str, str, int | None, str, str | None, str]


def _needed(registry: Registry, open_manifest: Callable[[str], Manifest]) -> Iterator[_Need]:
    for blob, same in itertools.groupby(registry.needed_manifests(), lambda need: need.blob):
        needs = list(same)
        damage = ""
        if any(need.holds_files for need in needs):
            try:
                yield from _files(needs[0], open_manifest(blob))
            except NotFound:
                pass  # the listing tells
            except Conflict as error:
                damage = str(error)
        for need in needs:
            yield blob, BlobKind.MANIFEST, need.size, str(need.version), None, damage


def _files(need: NeededManifest, manifest: Manifest) -> Iterator[_Need]:
    version = str(need.version)
    for batch in manifest.batches():
        columns = (batch.columns[name].to_pylist() for name in ("uri", "size", "path"))
        for uri, size, path in zip(*columns, strict=True):
            if sha256 := sha256_of(uri):
                yield sha256, BlobKind.FILE, size, version, path, ""


def _judged(
    rows: sqlite3.Cursor, registry: Registry, blobs: BlobStore, *, deep: bool
) -> Iterator[BlobProblem]:
    """Yield a verdict on every blob, the intact ones too."""

    def judge(
        row: tuple[str, str, int | None, str, str | None, str, int, int | None],
    ) -> BlobProblem | None:
        sha256, kind, size, version, path, damage, needed_by, there = row
        found = BlobProblem(
            kind=BlobKind(kind),
            verdict=BlobVerdict.INTACT,
            sha256=sha256,
            version=version,
            needed_by=needed_by,
            path=path,
        )
        if there is None and blobs.stat(sha256) is None:
            # Deleted and collected since it was looked up, it is no longer needed.
            gone = not _is_live(registry, version)
            return None if gone else replace(found, verdict=BlobVerdict.MISSING)
        if there is not None and size is not None and there != size:
            damage = f"{there} bytes instead of {size}"
        elif deep and not damage:
            damage = damage_of(blobs, sha256)
        return replace(found, verdict=BlobVerdict.DAMAGED, detail=damage) if damage else found

    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="landfast-check") as pool:
        while batch := rows.fetchmany(_BATCH):
            yield from filter(None, pool.map(judge, batch))


def _is_live(registry: Registry, version: str) -> bool:
    try:
        registry.get(ArtifactName.parse(version))
    except NotFound:
        return False
    return True


def _label_problem(registry: Registry, blobs: BlobStore) -> str:
    try:
        claim(registry, blobs, dry_run=True)
    except Conflict as error:
        return str(error)
    return ""
