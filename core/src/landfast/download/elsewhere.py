"""Elsewhere: files that an executor's workers write into one folder, which all of them see."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from landfast.download.blocks import Ranges
from landfast.download.folder import MarkedFolder
from landfast.download.report import DownloadReport, Tally
from landfast.download.work import Work
from landfast.errors import Unavailable
from landfast.model.manifest import ManifestEntry
from landfast.pins.sets import PinSets
from landfast.system.executors import spread

if TYPE_CHECKING:
    from landfast.cache.blob_cache import BlobCache, Link

# A portion ends at so many files, or bytes: large files keep one worker each, small ones are worth their sending.
_MOST_FILES = 200
_MOST_BYTES = 64 * 1024**2

There: TypeAlias = "Callable[[], tuple[PinSets, BlobCache | None]]"
Known: TypeAlias = dict[bytes, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Portion:
    """Entries for one call, and what is remembered of their files."""

    entries: tuple[ManifestEntry, ...]
    known: Mapping[bytes, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Brought:
    """What one call did, and what is to be remembered."""

    report: DownloadReport
    known: Known
    newest_ns: int
    done: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bringing:
    """Brings portions where an executor runs it.

    Args:
        there: Opens pins and cache there; pickles, without secrets.
        root: The folder.
        identity: Of the version.
        is_fresh: Whether the folder was empty.
        link: As in `download`.
        allow_missing: As in `download`.
        ranges: How large objects are read.
        workers: How many files each call brings at once.
        mark: Of the folder that is shared; names the download too.
    """

    there: There
    root: Path
    identity: str
    is_fresh: bool
    link: Link
    allow_missing: bool
    ranges: Ranges | None
    workers: int
    mark: str = ""

    def __call__(self, portion: Portion) -> Brought:
        """Bring the entries of a portion.

        Raises:
            LandfastError: As `download` does; `InvalidInput` if the folder is not seen from here.
        """
        state = _Noted(portion.known)
        folder = MarkedFolder(self.root, self.identity, state)
        folder.join(self.mark, is_fresh=self.is_fresh)
        try:
            folder.check()
            pins, cache = _opened(self.mark, self.there)
            stop, tally = _Withdrawn(folder, self.mark), Tally(self.root, None)
            work = Work(
                pins,
                cache,
                folder,
                tally,
                link=self.link,
                allow_missing=self.allow_missing,
                ranges=self.ranges,
                stop=stop,
            )
            work.run(portion.entries, self.workers)
            if stop.is_withdrawn():
                raise _ended(self.root)
        finally:
            folder.close(is_complete=False)
        return Brought(tally.finished(), state.new, folder.newest_ns, tally.done)


def spread_over(
    executor: Executor,
    bringing: Bringing,
    folder: MarkedFolder,
    tally: Tally,
    entries: Iterable[ManifestEntry],
) -> None:
    """Bring entries to a claimed folder by an executor; the first error stops the others, and is raised."""
    with folder.shared() as mark:
        act = replace(bringing, mark=mark)
        for _, brought in spread(executor, act, _portions(folder, entries)):
            folder.learn(brought.known, brought.newest_ns)
            tally.take(brought.report, brought.done)


def _portions(folder: MarkedFolder, entries: Iterable[ManifestEntry]) -> Iterator[Portion]:
    some: list[ManifestEntry] = []
    size = 0
    for entry in entries:
        some.append(entry)
        size += entry.size or 0
        if len(some) >= _MOST_FILES or size >= _MOST_BYTES:
            yield _portion(folder, some)
            some, size = [], 0
    if some:
        yield _portion(folder, some)


def _portion(folder: MarkedFolder, entries: list[ManifestEntry]) -> Portion:
    told = {} if folder.is_fresh else {e.path: folder.told_of(e.path) for e in entries}
    return Portion(tuple(entries), {path.encode(): one for path, one in told.items() if one})


@dataclass(slots=True)
class _Noted:
    """The state of files as it was sent along, and what is new."""

    known: Mapping[bytes, tuple[str, str]]
    new: Known = field(default_factory=dict)

    def last(self, path: bytes) -> tuple[str, str] | None:
        return self.known.get(path)

    def put(self, path: bytes, state: str, fact: str) -> None:
        self.new[path] = (state, fact)

    def put_all(self, facts: Mapping[bytes, tuple[str, str]]) -> None:
        self.new.update(facts)

    def close(self) -> None:
        """There is nothing to write."""


class _Withdrawn:
    """Set when the download's own process has ended, or an error here."""

    def __init__(self, folder: MarkedFolder, mark: str) -> None:
        self._folder = folder
        self._mark = mark
        self._is_set = False

    def is_withdrawn(self) -> bool:
        return not self._folder.is_shared(self._mark)

    def is_set(self) -> bool:
        return self._is_set or self.is_withdrawn()

    def set(self) -> None:
        self._is_set = True


# What the portions of one download have in common: connections, manifests.
_lock = threading.Lock()
_last: dict[str, tuple[PinSets, BlobCache | None]] = {}


def _opened(mark: str, there: There) -> tuple[PinSets, BlobCache | None]:
    with _lock:
        if mark not in _last:
            found = there()
            _last.clear()
            _last[mark] = found
        return _last[mark]


def _ended(root: Path) -> Unavailable:
    return Unavailable(
        f"the download into {root} that a worker was to help with has ended",
        subject=str(root),
        hint="Download again; what is there is kept.",
    )
