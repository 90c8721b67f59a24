"""LandfastFileSystem: `landfast://` for fsspec, so that pandas, Dask and others read pinned bytes by name.

    landfast://[[entity/]project/]collection[~PARTITION]:vN/path/of/an/entry

`:vN` may be `:ALIAS` or `@lf1:DIGEST`; one of them has to be there, because it ends the name.  fsspec finds this class
by an entry point, so that it is never imported by hand.
"""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import IO, TYPE_CHECKING, Any

from fsspec.spec import AbstractFileSystem

from landfast.context import Context, HasContext, default_context
from landfast.download.ranges import PinnedBytes
from landfast.errors import InvalidInput, LandfastError, NotFound
from landfast.filesystem.file import PinnedFile
from landfast.filesystem.paths import (
    IsFolder,
    NoSuchPath,
    as_missing_path,
    refuse_write,
    split_name,
    without_scheme,
)
from landfast.manifests.folder import Folder
from landfast.model.manifest import ManifestEntry
from landfast.model.names import LATEST, ArtifactName
from landfast.version import ArtifactVersion, find_version, record_use

if TYPE_CHECKING:
    from landfast.manifests.reader import ManifestFile

# What fsspec itself takes, for all filesystems.
_OF_FSSPEC = {
    *("use_listings_cache", "listings_expiry_time", "max_paths", "skip_instance_cache"),
    *("asynchronous", "loop", "batch_size"),
}
# One request brings this much; a file keeps the last eight of them.
_BLOCK_BYTES = 4 << 20
_BLOCKS_KEPT = 8
_FILES_KEPT = 8
_WORKERS = 8


class LandfastFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """Recorded files by name, read-only: every piece that is read is of the recorded object, or an error.

    A name is looked up once and then stays: while `prod` moves, all files are still read from one version, also by the
    workers that this is sent to.  It pickles without secrets.  Bytes that are read in a run are recorded as used by it.

    Args:
        client: A client, or whatever has a `context`; None is that of the run, else of the environment.
        project: Default project of names.
        entity: Default entity of names.
        any_endpoint: Whether to allow reads through another endpoint than the recorded one.
        storage_options: What fsspec takes for all filesystems.

    Example:
        >>> import pandas  # doctest: +SKIP
        >>> pandas.read_parquet("landfast://vision/mnist:prod/labels.parquet")  # doctest: +SKIP
    """

    protocol = "landfast"
    # An instance holds names to the versions that they meant at first, which must not outlive its user.
    cachable = False

    def __init__(
        self,
        *,
        client: HasContext | None = None,
        project: str | None = None,
        entity: str | None = None,
        any_endpoint: bool = False,
        **storage_options: Any,
    ) -> None:
        if unknown := storage_options.keys() - _OF_FSSPEC:
            raise InvalidInput(
                f"landfast:// has no storage option {min(unknown)!r}",
                subject=min(unknown),
                expected="client, project, entity, any_endpoint",
                hint="Registry and credentials come from the environment, or with `client`.",
            )
        super().__init__(**storage_options)
        context = default_context() if client is None else client.context
        if project or entity:
            context = context.with_defaults(project=project, entity=entity)
        self._hold(context, any_endpoint, {})

    @classmethod
    def on(
        cls,
        context: Context,
        *,
        any_endpoint: bool = False,
        versions: dict[str, ArtifactVersion] | None = None,
        records_use: bool = True,
    ) -> LandfastFileSystem:
        """Return a filesystem on a context that is there already.

        Args:
            context: What it reads with.
            any_endpoint: Whether to allow reads through another endpoint than the recorded one.
            versions: What names mean already.
            records_use: Whether what is read in a run is recorded as used by it.
        """
        made = cls()
        made._hold(context, any_endpoint, versions or {})
        made._records_use = records_use
        return made

    def _hold(
        self, context: Context, any_endpoint: bool, versions: dict[str, ArtifactVersion]
    ) -> None:
        self._context = context
        self._any_endpoint = any_endpoint
        self._versions = versions
        self._records_use = True
        # The last error of ours: whoever reads through others may hear of it only as text.
        self.failed: LandfastError | None = None
        self._manifests: dict[str, ManifestFile] = {}
        self._used: set[str] = set()
        self._sources: OrderedDict[str, PinnedBytes] = OrderedDict()
        self._lock = threading.RLock()

    # -- names --------------------------------------------------------------------------------

    @classmethod
    def _strip_protocol(cls, path: str | Sequence[str]) -> Any:
        if not isinstance(path, str):
            return [cls._strip_protocol(one) for one in path]
        return without_scheme(path)

    def version(self, path: str) -> ArtifactVersion:
        """Return the version that a path lies in; the name in it means the same for as long as this filesystem lives.

        Raises:
            FileNotFoundError: If there is none (`landfast.NotFound` too).
            InvalidInput: If the path says no version.
        """
        return self._split(path)[1]

    def invalidate_cache(self, path: str | None = None) -> None:  # noqa: ARG002 - fsspec's signature
        """Forget what names mean: they are looked up anew."""
        with self._lock:
            self._hold(self._context, self._any_endpoint, {})

    def _split(self, path: str) -> tuple[str, ArtifactVersion, str]:
        """Return a path's name as it stands there, the version that it means, and the path within it."""
        with self._noting():
            name, below = split_name(self._strip_protocol(path))
            with as_missing_path(path):
                return name, self.resolve(name), below

    def resolve(self, name: str) -> ArtifactVersion:
        """Return the version that a name meant when it was asked for first; without one in it, the latest."""
        parsed = ArtifactName.parse(name)
        if not parsed.picks_version:
            parsed = replace(parsed, alias=LATEST)
        with self._lock:
            found = self._versions.get(str(parsed))
            if found is None:
                found = self._versions[str(parsed)] = find_version(self._context, parsed)
        return found.on(self._context)

    @contextlib.contextmanager
    def _noting(self) -> Iterator[None]:
        try:
            yield
        except LandfastError as error:
            self.failed = error
            raise

    def _look(self, path: str) -> tuple[str, ArtifactVersion, ManifestFile, str]:
        name, version, below = self._split(path)
        with self._lock:
            manifest = self._manifests.get(name)
            if manifest is None:
                manifest = self._manifests[name] = self._context.glance_at(version.record)
        return name, version, manifest, below

    # -- what is there ------------------------------------------------------------------------

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Describe a file or a folder; of both under one name, the file.

        Raises:
            FileNotFoundError: If there is neither.
        """
        name, version, manifest, below = self._look(path)
        if not below:
            return _folder(name, version, below)
        with contextlib.suppress(NotFound):
            return _file(name, version, manifest.get(below))
        try:
            Folder(manifest, below)
        except NotFound:
            raise NoSuchPath(
                f"{version.qualified_name} has no file and no folder {below!r}",
                subject=path,
                hint="`landfast ls` and `fs.ls()` list what there is.",
            ) from None
        return _folder(name, version, below)

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        """List what lies directly in a folder, or the file itself; a large version is read in part.

        Raises:
            FileNotFoundError: If there is neither.
        """
        name, version, manifest, below = self._look(path)
        try:
            folder = Folder(manifest, below)
        except NotFound:
            found = [self.info(path)] if below or len(manifest) else []
        else:
            folders = folder.subfolders(0, folder.subfolder_count)
            files = folder.files(0, folder.file_count)
            found = [_folder(name, version, total.path[:-1]) for total in folders]
            found += [_file(name, version, entry) for entry in files]
        found.sort(key=lambda one: str(one["name"]))
        return found if detail else [one["name"] for one in found]

    def find(
        self,
        path: str,
        maxdepth: int | None = None,
        withdirs: bool = False,
        detail: bool = False,
        **_: Any,
    ) -> Any:
        """List all files below a folder, in one walk through the manifest; none where there is no such folder."""
        if maxdepth is not None and maxdepth < 1:
            raise ValueError("maxdepth must be at least 1")
        name, version, manifest, below = self._look(path)
        found: dict[str, dict[str, Any]] = {}
        start = f"{below}/" if below else ""
        for entry in manifest.entries(start):
            steps = entry.path[len(start) :].split("/")
            if withdirs:
                for depth in range(min(len(steps), (maxdepth or len(steps)) + 1)):
                    at = (start + "/".join(steps[:depth])).rstrip("/")
                    found.setdefault(_joined(name, at), _folder(name, version, at))
            if maxdepth is None or len(steps) <= maxdepth:
                found[_joined(name, entry.path)] = _file(name, version, entry)
        if below and not found:
            with contextlib.suppress(NotFound):
                found = {_joined(name, below): _file(name, version, manifest.get(below))}
        return dict(sorted(found.items())) if detail else sorted(found)

    def glob(self, path: str, maxdepth: int | None = None, **options: Any) -> Any:
        """List what matches a pattern of fsspec; a file of exactly that name is the only match."""
        with contextlib.suppress(NotFound):
            found = self.info(path)
            if found["type"] == "file":
                name = found["name"]
                return {name: found} if options.get("detail") else [name]
        return super().glob(path, maxdepth=maxdepth, **options)

    def modified(self, path: str) -> datetime:
        """Return when a file was last written, as its store told; of a folder, when the version was made."""
        _, version, manifest, below = self._look(path)
        found = self.info(path)
        known = manifest.get(below).modified_at if found["type"] == "file" else None
        return known or version.created_at

    # -- bytes --------------------------------------------------------------------------------

    def _open(
        self,
        path: str,
        mode: str = "rb",
        block_size: int | None = None,
        cache_type: str = "blockcache",
        cache_options: dict[str, Any] | None = None,
        **_: Any,
    ) -> IO[bytes]:
        if mode != "rb":
            refuse_write(path)
        source = self._source(path)
        if source.entry.size is None:
            return self._split(path)[1].open(source.entry.path, any_endpoint=self._any_endpoint)
        if cache_options is None and cache_type == "blockcache":
            cache_options = {"maxblocks": _BLOCKS_KEPT}
        file: IO[bytes] = PinnedFile(
            self,
            path,
            source,
            block_size=block_size or _BLOCK_BYTES,
            cache_type=cache_type,
            cache_options=cache_options,
        )
        return file

    def cat_file(
        self, path: str, start: int | None = None, end: int | None = None, **_: Any
    ) -> bytes:
        """Return the bytes of a file, or of a part of it; negative offsets count from its end."""
        source = self._source(path)
        size = source.entry.size
        if size is None:
            return self._all(path)[start:end]
        first, last, _step = slice(start, end).indices(size)
        return source.read(first, last - first) if last > first else b""

    def _all(self, path: str) -> bytes:
        with self._open(path) as file:
            return file.read()

    def cat_ranges(
        self,
        paths: Sequence[str],
        starts: Sequence[int | None] | int | None,
        ends: Sequence[int | None] | int | None,
        max_gap: int | None = None,  # noqa: ARG002 - fsspec's signature
        on_error: str = "return",
        **_: Any,
    ) -> list[Any]:
        """Return many parts of files, several at a time, in the order in which they are asked for.

        Args:
            paths: A file for each part.
            starts: First bytes, or one for all.
            ends: The bytes behind the last ones, or one for all.
            max_gap: Nothing here.
            on_error: ``return`` puts an error in the place of the part, everything else raises the first.
        """
        firsts = list(starts) if isinstance(starts, Sequence) else [starts] * len(paths)
        lasts = list(ends) if isinstance(ends, Sequence) else [ends] * len(paths)
        if not len(paths) == len(firsts) == len(lasts):
            raise ValueError("paths, starts and ends differ in length")

        def part(asked: tuple[str, int | None, int | None]) -> bytes | Exception:
            try:
                return self.cat_file(*asked)
            except Exception as error:
                if on_error == "return":
                    return error
                raise

        with ThreadPoolExecutor(_WORKERS) as pool:
            return list(pool.map(part, zip(paths, firsts, lasts, strict=True)))

    def _source(self, path: str) -> PinnedBytes:
        """Return what reads a file; the last few are kept, with what was brought whole to prove a piece of it."""
        name, version, below = self._split(path)
        key = _joined(name, below)
        with self._lock, self._noting():
            if key in self._sources:
                self._sources.move_to_end(key)
                return self._sources[key]
            self._use(name, version)
            pins = version._pins(any_endpoint=self._any_endpoint)
            entry = self._entry(path, below, pins.newest.get)
            made = PinnedBytes(pins, entry, cache=self._context.cache, keeps_whole=True)
            self._sources[key] = made
            if len(self._sources) > _FILES_KEPT:
                self._sources.popitem(last=False)
            return made

    def _entry(self, path: str, below: str, get: Any) -> ManifestEntry:
        with as_missing_path(path):
            try:
                entry: ManifestEntry = get(below)
            except NotFound:
                self.info(path)  # which says that there is nothing
                raise IsFolder(f"{path} is a folder", subject=path, expected="a file") from None
        return entry

    def _use(self, name: str, version: ArtifactVersion) -> None:
        if (
            self._records_use
            and name not in self._used
            and self._context.own_run.is_in_run(self._context.settings.run)
        ):
            record_use(self._context, [version])
        self._used.add(name)

    # -- elsewhere ----------------------------------------------------------------------------

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (self._context, self._any_endpoint, dict(self._versions))


for _name in (
    *("mkdir", "makedirs", "mkdirs", "makedir", "rmdir", "rm", "rm_file", "_rm", "delete"),
    *("cp_file", "copy", "cp", "mv", "move", "rename", "put", "put_file", "upload"),
    *("pipe", "pipe_file", "touch", "write_text", "write_bytes"),
):
    # fsspec's own `mkdir` does nothing, and says nothing.
    setattr(LandfastFileSystem, _name, lambda _self, path="", *_, **__: refuse_write(path))


def _joined(name: str, below: str) -> str:
    return f"{name}/{below}" if below else name


def _folder(name: str, version: ArtifactVersion, below: str) -> dict[str, Any]:
    return {
        "name": _joined(name, below),
        "size": 0,
        "type": "directory",
        "version": version.qualified_name,
    }


def _file(name: str, version: ArtifactVersion, entry: ManifestEntry) -> dict[str, Any]:
    return {
        "name": _joined(name, entry.path),
        "size": entry.size,
        "type": "file",
        # Whoever makes a key of this gets another one for another version of the same name.
        "version": version.qualified_name,
        "checksum": None if entry.checksum is None else str(entry.checksum),
        "uri": entry.uri,
        "version_id": entry.version_id,
        "etag": entry.etag,
        "mtime": None if entry.modified_at is None else entry.modified_at.timestamp(),
    }


def _reopen(
    context: Context, any_endpoint: bool, versions: dict[str, ArtifactVersion]
) -> LandfastFileSystem:
    return LandfastFileSystem.on(context, any_endpoint=any_endpoint, versions=versions)
