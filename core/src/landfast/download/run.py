"""Download: write the recorded bytes of a version to a folder, and nothing else under their names."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING

from landfast.download.blocks import Ranges
from landfast.download.elsewhere import Bringing, There, spread_over
from landfast.download.folder import MarkedFolder
from landfast.download.others import remove_others
from landfast.download.paths import Disk, check_targets, probe
from landfast.download.report import DownloadReport, MissingFile, Progress, Tally
from landfast.download.select import Selected, Selection
from landfast.download.work import Work, held
from landfast.errors import (
    AccessDenied,
    Conflict,
    InvalidInput,
    NotFound,
    ObjectChanged,
)
from landfast.manifests.base import Manifest
from landfast.model.location import Location
from landfast.model.manifest import ManifestEntry
from landfast.model.source import Source
from landfast.pins.sets import PinSets
from landfast.system.open_folder import OpenFolder

if TYPE_CHECKING:
    from landfast.cache.blob_cache import BlobCache, Link
    from landfast.stores.opener import Stores

DEFAULT_WORKERS = 16
# In each call of an executor, of which several run at once.
_WORKERS_THERE = 4
__all__ = ["DownloadReport", "MissingFile", "download"]

_MISSING = (NotFound, ObjectChanged, AccessDenied)
_SHOWN = 10


def download(
    sets: Sequence[tuple[Manifest, Sequence[Source]]],
    *,
    stores: Stores,
    cache: BlobCache | None,
    identity: str,
    root: Path,
    paths: Iterable[str] | None = None,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    allow_missing: bool = False,
    link: Link = "copy",
    workers: int | None = None,
    progress: Progress | None = None,
    any_endpoint: bool = False,
    exact: bool = False,
    replace: bool = False,
    ranges: Ranges | None = None,
    executor: Executor | None = None,
    there: There | None = None,
) -> DownloadReport:
    """Write a version, or a part of it, to a folder, made if it is not there; `DownloadOptions` has the options.

    `sets` are its manifests with what they were scanned from, newest pins first, its own last.  A folder that
    holds another identity, the full version name and digest, is refused; without a cache none is used.  `ranges` says
    how large objects are read.  An executor brings the files with what `there` opens where it runs.

    Raises:
        NotFound: If an object, or a path asked for, is not there.
        ObjectChanged: If neither the source nor the cache has the recorded bytes.
        InvalidInput: If paths cannot be files side by side in a folder; all of them are named.
        Conflict: If the folder holds another version or a different file of the same name, or a
            source's endpoint is another one.
        AccessDenied: If a source may not be read, or the folder not be written.
        Unavailable: If a source does not answer, or the disk is full.
    """
    if (workers is not None and workers < 1) or link not in {"copy", "hard"}:
        raise InvalidInput(
            "the download's options are wrong",
            expected="workers of at least 1, link 'copy' or 'hard'",
            found=f"workers={workers}, link={link!r}",
        )
    pins = PinSets(sets, stores, any_endpoint=any_endpoint)
    wanted = Selected(Selection(paths, include, exclude), pins.newest)
    folder = MarkedFolder(root, identity)
    is_marked = folder.check(replace=replace)
    if exact and not is_marked:
        _unless_claimed(folder, lambda: _check_empty(folder.root))
    tally = Tally(folder.root, progress)
    disk = _disk(folder.root, is_marked=is_marked)
    check_targets(
        tally.counted(wanted.batches()),
        folder.root,
        disk,
        is_empty=lambda path: pins.newest.get(path).size == 0,
    )
    if not is_marked:
        _unless_claimed(folder, lambda: _check_foreign(pins, wanted, folder.root, replace=replace))
    folder.claim()
    is_complete = False
    try:
        if executor is None or there is None:
            work = Work(
                pins, cache, folder, tally, link=link, allow_missing=allow_missing, ranges=ranges
            )
            work.run(wanted.entries(), workers or DEFAULT_WORKERS)
        else:
            bringing = Bringing(
                there=there,
                root=folder.root,
                identity=identity,
                is_fresh=folder.is_fresh,
                link=link,
                allow_missing=allow_missing,
                ranges=ranges,
                workers=workers or _WORKERS_THERE,
            )
            spread_over(executor, bringing, folder, tally, wanted.entries())
        if exact or folder.is_replaced:
            paths = (path for batch in wanted.batches() for path in batch.paths.to_pylist())
            kept = (path for path in paths if not tally.is_missing(path))
            tally.report.removed = remove_others(folder.top, kept)
        is_complete = True
    finally:
        folder.close(is_complete=is_complete)
    return tally.finished()


def _unless_claimed(folder: MarkedFolder, check: Callable[[], None]) -> None:
    """Check a folder that was not marked; what another process has put there since its claim is a download's."""
    try:
        check()
    except Conflict:
        if not folder.check():
            raise


def _disk(root: Path, *, is_marked: bool) -> Disk:
    """Look what the disk takes for one name; a full folder on a read-only disk may be all there."""
    try:
        return probe(root)
    except AccessDenied:
        if not is_marked:
            raise
        return Disk()


def _check_foreign(pins: PinSets, wanted: Selected, root: Path, *, replace: bool) -> None:
    """Refuse files under the names of the version that no download wrote: somebody works with them.

    With `replace` those that hold the recorded bytes are taken over, but for what was recorded from there.
    """
    if not root.exists():
        return
    with OpenFolder.of(root) as top:
        others = [
            entry.path
            for entry in wanted.entries()
            if (found := _foreign(top, entry)) is not None
            and not (replace and found and not _is_source(pins, entry, root / entry.path))
        ]
    if others:
        more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
        raise Conflict(
            f"{root} was not made by a download, and has other files under the names of the version: "
            + ", ".join(repr(path) for path in others[:_SHOWN])
            + more,
            subject=str(root),
            hint="Download into another folder, or move these away. replace=True (--replace) takes over files that"
            " hold the recorded bytes, unless the version was recorded from them: version.path() uses those in place.",
            paths=tuple(others[:1000]),
        )


def _foreign(top: OpenFolder, entry: ManifestEntry) -> bool | None:
    """Tell whether what has an entry's name holds its bytes; None if nothing has."""
    *names, name = entry.path.split("/")
    try:
        with top.below(names) as folder:
            folder.look(name)
            return held(folder, name, entry) is not None
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        return False


def _is_source(pins: PinSets, entry: ManifestEntry, target: Path) -> bool:
    """Tell whether a file is the very one that an entry was recorded from."""
    for candidate in pins.candidates(entry):
        path = candidate.store.path(Location.parse(candidate.entry.uri, pins=False))
        with contextlib.suppress(OSError):
            if path is not None and path.samefile(target):
                return True
    return False


def _check_empty(root: Path) -> None:
    if root.is_dir() and any(root.iterdir()):
        raise Conflict(
            f"{root} was not made by a download, and exact= would remove what is in it",
            subject=str(root),
            hint="Download into a new folder, or empty this one.",
        )
