"""Copying blobs from store to store: what is there already stays, what was copied is read back.

What the target has is written down in a temporary database on disk, so memory stays small whatever the number.
"""

from __future__ import annotations

import itertools
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from landfast.blobs.base import BlobInfo, BlobStore, damage_of
from landfast.errors import Conflict, NotFound
from landfast.registry.copy.report import BlobsCopy
from landfast.system.parallel import in_parallel
from landfast.system.progress import Report

_PAGE = 1_000
_FEW = 64  # so many are copied between two words about how far it is
_TABLE = "CREATE TABLE there (sha256 TEXT PRIMARY KEY, size INTEGER, done INTEGER) WITHOUT ROWID"


@dataclass(frozen=True, slots=True)
class _Carried:
    """What became of one blob; `is_new` if it was stored now."""

    sha256: str
    size: int
    is_new: bool
    was_read: bool


class BlobCopier:
    """Copies blobs, in as many passes as it takes; a copy that was killed goes on where it was.

    Args:
        source: The store from which.
        target: The store to which; only what this copies is in it.
        skip_proven: Whether not to read back what was stored in this run: its bytes were hashed on their way.
    """

    def __init__(self, source: BlobStore, target: BlobStore, *, skip_proven: bool = False) -> None:
        self.done = BlobsCopy()
        self._source = source
        self._target = target
        self._skip_proven = skip_proven
        self._there = sqlite3.connect("")
        self._there.execute(_TABLE)
        with self._there:
            self._there.executemany(
                "INSERT OR REPLACE INTO there VALUES (?, ?, 0)",
                ((info.sha256, info.size) for info in target.list()),
            )

    @classmethod
    @contextmanager
    def between(
        cls, source: BlobStore, target: BlobStore, *, skip_proven: bool = False
    ) -> Iterator[BlobCopier]:
        """Open one, and close it at the end."""
        copier = cls(source, target, skip_proven=skip_proven)
        try:
            yield copier
        finally:
            copier._there.close()

    def plan(self, known: Callable[[Sequence[str]], Iterable[str]]) -> BlobsCopy:
        """Count what would be copied; write nothing."""
        planned = BlobsCopy()
        for page in self._listed(known):
            there = self._sizes([info.sha256 for info in page])
            for info in page:
                if there.get(info.sha256) == info.size:
                    planned.present += 1
                    planned.present_bytes += info.size
                else:
                    planned.copied += 1
                    planned.copied_bytes += info.size
        return planned

    def copy_listed(
        self, known: Callable[[Sequence[str]], Iterable[str]], report: Report, total: int | None
    ) -> None:
        """Copy what the source's store lists and the registry knows."""
        for page in self._listed(known):
            for at in range(0, len(page), _FEW):
                self._copy(page[at : at + _FEW])
                report(self.done.copied + self.done.present, total)

    def copy_named(self, names: Iterable[str]) -> None:
        """Copy those that are not copied yet of all that the registry knows; count those without bytes."""
        self.done.absent = 0
        waiting = iter(names)
        while page := list(itertools.islice(waiting, _PAGE)):
            left = self._left(page)
            found = self._source.stat_all(left)
            self._copy(list(found.values()))
            self.done.absent += len(left) - len(found)

    def _listed(self, known: Callable[[Sequence[str]], Iterable[str]]) -> Iterator[list[BlobInfo]]:
        listed = self._source.list()
        while page := list(itertools.islice(listed, _PAGE)):
            wanted = set(known([info.sha256 for info in page]))
            yield [info for info in page if info.sha256 in wanted]

    def _copy(self, infos: Sequence[BlobInfo]) -> None:
        there = self._sizes([info.sha256 for info in infos])
        with tempfile.TemporaryDirectory(prefix="landfast-") as folder:
            carried = in_parallel(
                lambda info: self._carry(info, there.get(info.sha256), Path(folder)), infos
            )
        kept = [one for one in carried if one is not None]
        with self._there:
            self._there.executemany(
                "INSERT OR REPLACE INTO there VALUES (?, ?, 1)",
                ((one.sha256, one.size) for one in kept),
            )
        for one in kept:
            self.done.read_back += one.was_read
            if one.is_new:
                self.done.copied += 1
                self.done.copied_bytes += one.size
            else:
                self.done.present += 1
                self.done.present_bytes += one.size

    def _carry(self, info: BlobInfo, there: int | None, folder: Path) -> _Carried | None:
        """Copy a blob, unless it is there and is what it should be; None if it was collected meanwhile."""
        sha256 = info.sha256
        if there == info.size and self._is_whole(sha256):
            return _Carried(sha256, info.size, is_new=False, was_read=True)
        if there is not None:
            self._target.delete(sha256)
        try:
            size = self._store(sha256, folder / sha256)
        except NotFound:
            if self._source.stat(sha256) is None:
                return None
            raise
        if not self._skip_proven and not self._is_whole(sha256):
            raise Conflict(
                f"blob {sha256} was copied to {self._target.url}, but differs there",
                subject=sha256,
                hint="Run the copy again: it copies the blob again. If the error stays, the store does not keep what "
                "Landfast writes.",
            )
        return _Carried(sha256, size, is_new=True, was_read=not self._skip_proven)

    def _store(self, sha256: str, through: Path) -> int:
        local = self._source.path(sha256)
        if local is not None:
            self._target.put(local, sha256)
            return local.stat().st_size
        try:
            self._source.fetch(sha256, through)
            self._target.put(through, sha256)
            return through.stat().st_size
        finally:
            through.unlink(missing_ok=True)

    def _is_whole(self, sha256: str) -> bool:
        return not damage_of(self._target, sha256)

    def _sizes(self, names: Sequence[str]) -> dict[str, int]:
        marks = ", ".join("?" * len(names))
        rows = self._there.execute(
            f"SELECT sha256, size FROM there WHERE sha256 IN ({marks})",  # noqa: S608 - marks only
            names,
        )
        return dict(rows.fetchall())

    def _left(self, names: Sequence[str]) -> list[str]:
        marks = ", ".join("?" * len(names))
        rows = self._there.execute(
            f"SELECT sha256 FROM there WHERE done AND sha256 IN ({marks})",  # noqa: S608 - marks only
            names,
        )
        done = {name for (name,) in rows}
        return [name for name in names if name not in done]
