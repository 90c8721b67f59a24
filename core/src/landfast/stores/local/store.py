"""FileStore: local folders, NFS and other mounts, for `file://` URIs and plain paths."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from landfast.errors import InvalidInput, NotFound, ObjectChanged, Unverifiable
from landfast.model.checksum import Checksum
from landfast.model.location import Location
from landfast.stores.base import (
    Capabilities,
    ChecksumKind,
    ClientFactory,
    Kind,
    ListRequest,
    ObjectBatch,
    ObjectInfo,
    OptionKinds,
    Page,
    Pin,
    Versioning,
)
from landfast.stores.local.columns import describe, stat_token, to_batch
from landfast.stores.local.content_hash import is_worth_a_thread, sha256_of_file
from landfast.stores.local.options import FileOptions
from landfast.stores.local.permissions import minimal_permissions
from landfast.stores.local.reader import FileReader, open_file
from landfast.stores.local.walk import (
    GONE,
    Files,
    broken_symlink,
    of_os_error,
    special,
    walk,
)
from landfast.system.cache_folder import cache_folder
from landfast.system.mounts import is_network_device, settle
from landfast.system.ordered_work import OrderedWork
from landfast.system.staging import Staging
from landfast.system.stat_cache import StatCache

if TYPE_CHECKING:
    import pyarrow as pa

_KINDS = ("sha256", "stat")
# Files that are read for one batch, which costs as much as reading some of them, and their bytes.
_MOST_READ, _MOST_READ_BYTES = 512, 64 << 20
_CAPABILITIES = Capabilities(list_checksums=_KINDS, in_place=True, cacheable=False)


class FileStore:
    """Files by their bytes: sha256 by default, remembered while a file's status does not change."""

    needs = ("cache_dir", "staging")
    option_kinds = OptionKinds(recorded=frozenset({"stat_cache", "symlinks"}))

    permissions = staticmethod(minimal_permissions)

    def __init__(
        self,
        options: Mapping[str, Any] | None = None,
        *,
        client: ClientFactory | None = None,  # noqa: ARG002 - the constructor of every store
        cache_dir: str | os.PathLike[str] | None = None,
        staging: Staging | None = None,
    ) -> None:
        self._options = dict(options or {})
        self._set = FileOptions.read(self._options)
        self._cache_dir = cache_folder(cache_dir)
        # Keeps the bytes that are hashed; in this process only.
        self._staging = staging
        wanted = self._set.stat_cache
        self._stat_cache = (
            None if wanted is False else StatCache(self._cache_dir, everywhere=wanted is True)
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(FileStore, cache_dir=str(self._cache_dir)), (self._options,)

    def __repr__(self) -> str:
        return f"FileStore({self._options!r})"

    @property
    def endpoint(self) -> str | None:
        """None: a path has no server."""
        return None

    def capabilities(self) -> Capabilities:
        """Lists, hashes, reads in place; keeps no versions."""
        return _CAPABILITIES

    def versioning(self, location: Location) -> Versioning:  # noqa: ARG002
        """None is kept, ever."""
        return Versioning.NONE

    def locate(self, location: Location) -> Kind:
        """Tell what is at a path; `NotFound` if it is a symlink that leads nowhere."""
        try:
            status = self._status(location)
        except NotFound:
            if self._set.local(location.key).is_symlink():
                raise
            return Kind.MISSING
        return Kind.FOLDER if stat.S_ISDIR(status.st_mode) else Kind.OBJECT

    def list_page(self, request: ListRequest) -> Page:
        """List the whole tree below a folder on one lazy page, or `limit` rows of it."""
        if request.versions:
            raise InvalidInput("file:// keeps no versions", subject=str(request.location))
        kind, limit = _kind(request.checksum), request.limit
        folder = request.location.as_folder()
        after = request.after if request.token is None else request.token
        bounds = _below(folder, after, request.before)
        if bounds is None:
            return Page(batches=())
        found = walk(
            _bytes(self._set.local(folder.key)),
            after=bounds[0],
            before=bounds[1],
            symlinks=self._set.symlinks,
            limit=None if limit is None else limit + 1,
        )
        if limit is None:
            return Page(batches=self._batches(folder, found, kind))
        with contextlib.closing(found):
            some = next(found, None)
        if some is None:
            return Page(batches=())
        batches = list(self._batches(folder, [some.slice(0, limit)], kind))
        page = ObjectBatch.joined(batches)
        return Page(batches=[page], next=page.key_at(-1) if len(some) > limit else None)

    def stat(
        self, location: Location, *, version_id: str | None = None, checksum: ChecksumKind = None
    ) -> ObjectInfo:
        """Describe one regular file, hashing it if asked to."""
        _no_version(location, version_id)
        kind = _kind(checksum)
        path = _bytes(self._set.local(location.key))
        status = self._status(location)
        _regular(location, status)
        return self._row(location, path, status, kind)

    @contextlib.contextmanager
    def open(self, pin: Pin, *, start: int = 0) -> Iterator[FileReader]:
        """Open a file; its size and times must stay the same until the last byte is read.

        The caller compares the bytes with the checksum: a file has no versions and no conditions.
        """
        _no_version(pin.location, pin.version_id)
        path = _bytes(self._set.local(pin.location.key))
        handle = open_file(path)
        try:
            status = os.fstat(handle)
            _regular(pin.location, status)
            settle(handle)
            info = replace(describe(pin.location, status), checksum=_same(pin, status))
            os.lseek(handle, start, os.SEEK_SET)
            yield FileReader(handle=handle, info=info, start=start, status=status)
        finally:
            os.close(handle)

    def path(self, location: Location) -> Path | None:
        """Return the file's own path on this machine; whether it is there is not asked."""
        return self._set.local(location.key)

    def _status(self, location: Location) -> os.stat_result:
        path = self._set.local(location.key)
        try:
            return path.stat()
        except OSError as error:
            if isinstance(error, FileNotFoundError) and path.is_symlink():
                raise broken_symlink(_bytes(path)) from None
            raise of_os_error(error, _bytes(path)) from None

    def _batches(
        self, folder: Location, found: Iterable[Files], kind: str | None
    ) -> Iterator[ObjectBatch]:
        if kind != "sha256":
            for files in found:
                tokens = (
                    None if kind is None else [s and stat_token(s).value for s in files.statuses]
                )
                yield to_batch(folder, files, kind, tokens)
            return
        hashers = OrderedWork()
        try:
            for files in found:
                for part, sha256s in self._hashed(files, hashers):
                    yield to_batch(folder, part, kind, sha256s)
        finally:
            if self._stat_cache is not None:
                self._stat_cache.flush()

    def _hashed(self, files: Files, hashers: OrderedWork) -> Iterator[tuple[Files, Any]]:
        """Yield files with their hashes, as a column or a list; where some have to be read, some at a time."""
        known = self._remembered(files)
        if known.null_count == len(files.skips):
            yield files, known
            return
        sha256s: list[str | None] = known.to_pylist()
        unknown = [at for at, sum_ in enumerate(sha256s) if sum_ is None and at not in files.skips]

        def is_heavy(at: int) -> bool:
            status = files.statuses[at]
            assert status is not None
            network = is_network_device(status.st_dev) is True
            return is_worth_a_thread(status.st_size, network=network)

        start, count, size = 0, 0, 0
        read = hashers.run(unknown, lambda at: self._read(files.path(at)), is_heavy=is_heavy)
        with contextlib.closing(read):
            for at, (sha256, status) in zip(unknown, read, strict=True):
                sha256s[at], files.statuses[at] = sha256, status
                if status is None:
                    files.skips[at] = GONE
                else:
                    size += status.st_size
                count += 1
                if count == _MOST_READ or size >= _MOST_READ_BYTES:
                    yield files.slice(start, at + 1), sha256s[start : at + 1]
                    start, count, size = at + 1, 0, 0
        if start < len(files):
            yield files.slice(start, len(files)), sha256s[start:]

    def _remembered(self, files: Files) -> pa.Array:
        import pyarrow as pa

        if self._stat_cache is None:
            return pa.nulls(len(files), pa.string())
        if not files.skips:
            return self._stat_cache.get_all(
                files.paths(), cast("list[os.stat_result]", files.statuses)
            )
        there = {at: status for at, status in enumerate(files.statuses) if status is not None}
        if not there:
            return pa.nulls(len(files), pa.string())
        paths = pa.array([files.path(at) for at in there], pa.binary())
        known = self._stat_cache.get_all(paths, list(there.values()))
        found = dict(zip(there, known.to_pylist(), strict=True))
        return pa.array([found.get(at) for at in range(len(files))], pa.string())

    def _read(self, path: bytes) -> tuple[str | None, os.stat_result | None]:
        """Hash a file; nothing if it is gone."""
        try:
            return sha256_of_file(path, self._stat_cache, self._staging)
        except NotFound:
            if Path(os.fsdecode(path)).exists():
                raise
            return None, None

    def _row(
        self, location: Location, path: bytes, status: os.stat_result, kind: str | None
    ) -> ObjectInfo:
        token = stat_token(status) if kind == "stat" else None
        if kind == "sha256":
            known = None if self._stat_cache is None else self._stat_cache.get(path, status)
            if known is None:
                known, status = sha256_of_file(path, self._stat_cache, self._staging)
            token = Checksum("sha256", known)
        return replace(describe(location, status), checksum=token)


def _kind(checksum: ChecksumKind) -> str | None:
    if checksum is False:
        return None
    if checksum is None:
        return _KINDS[0]
    if checksum not in _KINDS:
        raise Unverifiable(
            f"file:// has no checksum {checksum!r}", subject=checksum, expected=" or ".join(_KINDS)
        )
    return checksum


def _below(
    folder: Location, after: str | None, before: str | None
) -> tuple[str, str | None] | None:
    """Return the bounds as names below the folder; None if nothing can lie between them."""
    prefix, low = folder.key, after or ""
    if before is not None and before <= prefix:
        return None
    upper = None
    if before is not None and before.startswith(prefix):
        upper = before[len(prefix) :]
    if low.startswith(prefix):
        return low[len(prefix) :], upper
    return None if low > prefix else ("", upper)


def _no_version(location: Location, version_id: str | None) -> None:
    if version_id not in {None, "null"}:
        raise NotFound(
            f"{location} has no version {version_id!r}: files keep none",
            subject=str(location),
            version_id=version_id,
        )


def _regular(location: Location, status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise NotFound(f"there is no file {location}: it is a folder", subject=str(location))
    if what := special(status.st_mode):
        raise InvalidInput(f"{location} cannot be read as a file", found=f"a {what}")


def _same(pin: Pin, status: os.stat_result) -> Checksum | None:
    """Compare the pin with what is opened; return the checksum that needed no reading."""
    if pin.size is not None and pin.size != status.st_size:
        raise ObjectChanged(
            f"{pin.location} is not what was recorded",
            subject=str(pin.location),
            expected=f"{pin.size} bytes",
            found=f"{status.st_size} bytes",
        )
    if pin.checksum is None or pin.checksum.algorithm != "stat":
        return None
    token = stat_token(status)
    if token != pin.checksum:
        raise ObjectChanged(
            f"{pin.location} was changed after it was recorded",
            subject=str(pin.location),
            expected=str(pin.checksum),
            found=str(token),
        )
    return token


def _bytes(path: str | Path) -> bytes:
    return os.fsencode(path)
