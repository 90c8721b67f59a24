"""Copies: keep what a version recorded as files of the registry's own store, where nobody else removes it.

The version stays what it is: its copies are one more pin set, whose entries are managed files.  It is named only when
every byte is there and proven, so that a copy that was refused or killed leaves nothing but what the next one goes on
with.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from landfast.blobs.base import BlobInfo, LocalFile
from landfast.context import Context
from landfast.download.blocks import Ranges
from landfast.download.fetch import Arrived, Transfer
from landfast.download.folder import fact_of
from landfast.download.plan import PlannedReads
from landfast.errors import Unavailable
from landfast.hold.look import unholdable
from landfast.hold.places import Asking, Places
from landfast.manifests.reader import ManifestFile
from landfast.manifests.table_file import WrittenManifest
from landfast.manifests.writer import ManifestWriter
from landfast.model.blob_uri import blob_uri, is_managed, sha256_of
from landfast.model.checksum import Checksum
from landfast.model.manifest import ManifestEntry
from landfast.model.source import Source
from landfast.model.storage.copies import COPY, CopyReport, is_copy
from landfast.model.storage.plan import Plan, PlanDraft
from landfast.model.version import VersionRecord
from landfast.pins.sets import PinSets
from landfast.publish.repair import collected_again
from landfast.publish.repair import sha256_of as hash_of
from landfast.publish.retain import keep_managed
from landfast.publish.upload import upload, upload_all
from landfast.registry.values import BlobNeeded, LogRequest
from landfast.system.open_folder import OpenFolder
from landfast.system.portions import portions
from landfast.system.progress import Report, silent
from landfast.system.state_file import StateFile

# At so many entries it is decided at a time.
_PORTION = 256
# So many bytes, or one file, lie on this machine's disk at a time, and are announced at once.
_AT_ONCE_BYTES = 256 * 1024**2
_WORKERS = 8
_TRIES = 5
# What a plan calls a file that goes into the registry's store.
_UPLOAD = "upload"
_JOURNAL = "done.sqlite"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be copied of a version.

    Args:
        context: Opens stores, registry and cache.
        record: The version.
        everything: Whether also what its store can hold.
        any_endpoint: Whether to allow reads through another endpoint than the recorded one.
        ranges: How large objects are read.
    """

    context: Context
    record: VersionRecord
    everything: bool = False
    any_endpoint: bool = False
    ranges: Ranges = field(default_factory=Ranges)

    def pins(self) -> PinSets:
        """Open its manifests; what lies in the cache or under older pins is as good as its source."""
        sets = self.context.pinned_manifests(self.record)
        return PinSets(sets, self.context.stores, any_endpoint=self.any_endpoint)

    def portions(self, pins: PinSets, places: Places) -> Iterator[list[tuple[ManifestEntry, bool]]]:
        """Yield its entries, some at a time, each with whether it is wanted and not copied yet.

        A copy that the store lost is none.
        """
        for portion in self._chosen(pins, places):
            names = {e.path: sha256_of(copy.uri) for e, _ in portion if (copy := pins.copy_of(e))}
            there = self.context.blobs.stat_all(dict.fromkeys(names.values())) if names else {}
            yield [
                (entry, is_chosen and not is_managed(entry.uri))
                if entry.path not in names
                else (entry, not _is_whole(entry, there.get(names[entry.path])))
                for entry, is_chosen in portion
            ]

    def _chosen(self, pins: PinSets, places: Places) -> Iterator[list[tuple[ManifestEntry, bool]]]:
        if not self.everything:
            yield from unholdable(pins, places)
            return
        for some in portions(pins.newest.entries(), _PORTION):
            yield [(entry, True) for entry in some]


def plan_copy(wanted: Wanted) -> Plan:
    """Count the objects and bytes that `copy` would read and store; copies nothing."""
    context, name = wanted.context, str(wanted.record.name)
    draft, pins = PlanDraft("copy", name), wanted.pins()
    places = Places(Asking(), PlanDraft("hold", name))
    reads = PlannedReads(draft, pins, cache=context.cache, ranges=wanted.ranges)
    for portion in wanted.portions(pins, places):
        entries = [entry for entry, is_wanted in portion if is_wanted]
        draft.done(len(portion) - len(entries))
        for entry in entries:
            reads.add(entry)
            draft.ask(_UPLOAD)
    for operation, times in places.asking.tally.counts.items():
        draft.sent(operation, times)
        draft.ask(operation, times)
    return draft.plan()


def copy(wanted: Wanted, report: Report = silent) -> CopyReport:
    """Copy what is wanted into the registry's store, and name it as a pin set of the version; see `Client.copy`.

    Raises:
        ObjectChanged: If recorded bytes are neither at their source nor in the cache; nothing is named then.
        NotFound: If nothing is there any more.
    """
    name = str(wanted.record.name)
    pins, places = wanted.pins(), Places(Asking(), PlanDraft("hold", name))
    copied = kept = left = size = done = 0
    with _folder(wanted) as (folder, tidy):
        target = folder / f"{os.getpid()}.parquet"
        with _Work.on(folder, wanted, pins) as work, ManifestWriter(target) as writer:
            for portion in wanted.portions(pins, places):
                found = work.copied([entry for entry, is_wanted in portion if is_wanted])
                rows = [_row(entry, found.get(entry.path), pins) for entry, _ in portion]
                writer.extend(rows)
                copied += len(found)
                size += sum(entry.size or 0 for entry, _ in portion if entry.path in found)
                ours = sum(is_managed(row.uri) for row in rows)
                kept += ours - len(found)
                left += len(rows) - ours
                done += len(portion)
                report(done, len(pins.newest))
            if copied:
                elsewhere = [one for one in pins.sources if left and not is_copy([one])]
                _name_copies(wanted, writer.finish(), (*elsewhere, COPY))
        tidy()
    return CopyReport(version=name, copied=copied, bytes=size, kept=kept, left=left)


def _name_copies(wanted: Wanted, written: WrittenManifest, sources: tuple[Source, ...]) -> None:
    """Store the manifest of copies, and name it as a pin set of the version."""
    registry, blobs = wanted.context.registry, wanted.context.owned_blobs
    request = LogRequest(
        name=wanted.record.name,
        type=wanted.record.type,
        summary=written.summary,
        blob=written.sha256,
        sources=sources,
        ticket=0,
    )
    for _ in range(_TRIES):
        upload(registry, blobs, written.path, written.sha256, written.size)
        keep_managed(registry, blobs, ManifestFile(written.path))
        with contextlib.suppress(BlobNeeded):
            registry.add_copy(wanted.record.id, request)
            break
    else:
        raise collected_again(request, "copied")
    # Also after it: a collection that began before the commit meets what is announced now.
    keep_managed(registry, blobs, ManifestFile(written.path))
    written.path.unlink()


def _is_whole(entry: ManifestEntry, found: BlobInfo | None) -> bool:
    return found is not None and entry.size in {None, found.size}


def _row(entry: ManifestEntry, sha256: str | None, pins: PinSets) -> ManifestEntry:
    """Return an entry as the manifest of copies has it: a copied one without pins, any other as it is.

    What a validator said of its own URI says nothing of a blob: there the bytes' own hash stands in its place.
    """
    if sha256 is None:
        copy = pins.copy_of(entry)
        if copy is None:
            return entry
        sha256 = sha256_of(copy.uri)
    token = entry.checksum
    if token is None or not token.is_content_token:
        token = Checksum("sha256", sha256)
    uri = blob_uri(sha256)
    return replace(entry, uri=uri, checksum=token, etag=None, version_id=None, modified_at=None)


@contextlib.contextmanager
def _folder(wanted: Wanted) -> Iterator[tuple[Path, Callable[[], None]]]:
    """Yield where unfinished files and what is done are kept, of one version of one registry, and what removes it.

    The folder is locked for all who copy that version; it is removed by one that is there alone, with what others left
    that were killed.
    """
    context = wanted.context
    name = f"{context.registry.info.id}-{wanted.record.id}"
    path = context.settings.cache_dir / "copies" / name
    try:
        handle = _locked(path)
    except OSError as error:
        raise Unavailable(f"{path} cannot be made: {error.strerror}", subject=str(path)) from error

    def tidy() -> None:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path, ignore_errors=True)

    try:
        yield path, tidy
    finally:
        os.close(handle)


def _locked(path: Path) -> int:
    """Make a folder and lock it together with others; again, if somebody removed it meanwhile."""
    while True:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_SH)
            if os.path.samestat(os.fstat(handle), path.stat()):
                return handle
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


class _Work:
    """Brings entries into the store, by several threads, and remembers which it brought."""

    def __init__(
        self,
        folder: Path,
        wanted: Wanted,
        transfer: Transfer,
        home: OpenFolder,
        stop: threading.Event,
    ) -> None:
        self._registry = wanted.context.registry
        self._blobs = wanted.context.owned_blobs
        self._transfer = transfer
        self._home = home
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="landfast-copy")
        self._stop = stop
        self._journal = StateFile(folder / _JOURNAL)

    @classmethod
    @contextlib.contextmanager
    def on(cls, folder: Path, wanted: Wanted, pins: PinSets) -> Iterator[_Work]:
        """Work in a folder of the cache."""
        stop = threading.Event()
        transfer = Transfer(pins, wanted.context.cache, ranges=wanted.ranges, stop=stop)
        with closing(transfer), OpenFolder.of(folder) as home:
            work = cls(folder, wanted, transfer, home, stop)
            with work._pool, closing(work._journal):
                yield work

    def copied(self, entries: Sequence[ManifestEntry]) -> dict[str, str]:
        """Copy entries; return the sha256 of each by its path."""
        known = {entry.path: name for entry in entries if (name := self._known(entry))}
        there = self._blobs.stat_all(dict.fromkeys(known.values())) if known else {}
        found = {
            entry.path: known[entry.path]
            for entry in entries
            if entry.path in known and _is_whole(entry, there.get(known[entry.path]))
        }
        sizes = {name: there[name].size for name in found.values()}
        condemned = self._registry.record_blobs(sizes) if sizes else set()
        found = {path: name for path, name in found.items() if name not in condemned}
        rest = [entry for entry in entries if entry.path not in found]
        for group in _groups(rest):
            found |= self._group(group)
        return found

    def _known(self, entry: ManifestEntry) -> str | None:
        if entry.checksum is not None and entry.checksum.algorithm == "sha256":
            return entry.checksum.value
        return self._journal.get(entry.path.encode(), fact_of(entry))

    def _group(self, entries: Sequence[ManifestEntry]) -> Mapping[str, str]:
        futures = [self._pool.submit(self._transfer.bring, entry, self._home) for entry in entries]
        arrived: list[Arrived] = []
        try:
            for future in futures:
                arrived.append(future.result())  # noqa: PERF401 - what came before an error is closed
            files = list(self._pool.map(_local, arrived))
            upload_all(self._registry, self._blobs, files)
            names = {e.path: file.sha256 for e, file in zip(entries, files, strict=True)}
            facts = {e.path.encode(): (fact_of(e), names[e.path]) for e in entries}
            self._journal.put_all(facts)
            for one in arrived:
                with contextlib.suppress(FileNotFoundError):
                    one.part.folder.unlink(one.part.name)
        except BaseException:
            self._stop.set()
            raise
        finally:
            for future in futures:
                future.cancel()
            for future in futures:
                if not future.cancelled() and future.exception() is None:
                    future.result().part.close()
        return names


def _local(arrived: Arrived) -> LocalFile:
    path = arrived.part.path
    return LocalFile(path, arrived.sha256 or hash_of(path), arrived.part.size)


def _groups(entries: Sequence[ManifestEntry]) -> Iterator[list[ManifestEntry]]:
    """Cut entries so that the bytes of each part, or its one file, may lie on the disk."""
    group: list[ManifestEntry] = []
    room = _AT_ONCE_BYTES
    for entry in entries:
        if group and (entry.size or 0) > room:
            yield group
            group, room = [], _AT_ONCE_BYTES
        group.append(entry)
        room -= entry.size or 0
    if group:
        yield group
