"""FileStore: local folders, NFS and other mounts, for `file://` URIs and plain paths."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

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
from landfast.stores.batch import in_batches
from landfast.stores.local.content_hash import in_order, is_worth_a_thread, sha256_of_file
from landfast.stores.local.options import FileOptions
from landfast.stores.local.permissions import minimal_permissions
from landfast.stores.local.reader import FileReader, open_file
from landfast.stores.local.walk import (
    GONE,
    Found,
    broken_symlink,
    of_os_error,
    special,
    walk,
)
from landfast.system.cache_folder import cache_folder
from landfast.system.mounts import is_network_device, settle
from landfast.system.stat_cache import StatCache

_KINDS = ("sha256", "stat")
_CAPABILITIES = Capabilities(list_checksums=_KINDS, in_place=True, cacheable=False)


class FileStore:
    """Files by their bytes: sha256 by default, remembered while a file's status does not change."""

    needs = ("cache_dir",)
    option_kinds = OptionKinds(recorded=frozenset({"stat_cache", "symlinks"}))

    permissions = staticmethod(minimal_permissions)

    def __init__(
        self,
        options: Mapping[str, Any] | None = None,
        *,
        client: ClientFactory | None = None,  # noqa: ARG002 - the constructor of every store
        cache_dir: str | os.PathLike[str] | None = None,
    ) -> None:
        self._options = dict(options or {})
        self._set = FileOptions.read(self._options)
        self._cache_dir = cache_folder(cache_dir)
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
        root, (lower, upper) = _bytes(self._set.local(folder.key)), bounds
        found = walk(root, after=lower, before=upper, symlinks=self._set.symlinks)
        if limit is None:
            return Page(batches=in_batches(self._rows(folder, found, kind)))
        with contextlib.closing(found):
            some = list(islice(found, limit + 1))
        page = ObjectBatch.from_rows(self._rows(folder, some[:limit], kind))
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
            info = replace(_info(pin.location, status), checksum=_same(pin, status))
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

    def _rows(
        self, folder: Location, found: Iterable[Found], kind: str | None
    ) -> Iterator[ObjectInfo]:
        def work(item: Found) -> ObjectInfo:
            return self._listed(folder.child(item.name.decode()), item, kind)

        def is_heavy(item: Found) -> bool:
            if kind != "sha256" or item.skip or item.status is None:
                return False
            network = is_network_device(item.status.st_dev) is True
            return is_worth_a_thread(item.status.st_size, network=network)

        try:
            yield from in_order(found, work, is_heavy=is_heavy)
        finally:
            if self._stat_cache is not None:
                self._stat_cache.flush()

    def _listed(self, location: Location, found: Found, kind: str | None) -> ObjectInfo:
        if found.skip or found.status is None:
            return ObjectInfo(location=location, skip=found.skip or GONE)
        try:
            return self._row(location, found.path, found.status, kind)
        except NotFound:
            if Path(os.fsdecode(found.path)).exists():
                raise
            return ObjectInfo(location=location, skip=GONE)

    def _row(
        self, location: Location, path: bytes, status: os.stat_result, kind: str | None
    ) -> ObjectInfo:
        if kind == "sha256":
            sha256, status = sha256_of_file(path, status, self._stat_cache)
            return replace(_info(location, status), checksum=Checksum("sha256", sha256))
        token = _stat_token(status) if kind == "stat" else None
        return replace(_info(location, status), checksum=token)


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
) -> tuple[bytes, bytes | None] | None:
    """Return the bounds as names below the folder; None if nothing can lie between them."""
    prefix = _bytes(folder.key)
    low = b"" if after is None else _bytes(after)
    high = None if before is None else _bytes(before)
    if high is not None and high <= prefix:
        return None
    upper = high[len(prefix) :] if high is not None and high.startswith(prefix) else None
    if low.startswith(prefix):
        return low[len(prefix) :], upper
    return None if low > prefix else (b"", upper)


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
    token = _stat_token(status)
    if token != pin.checksum:
        raise ObjectChanged(
            f"{pin.location} was written to since it was recorded",
            subject=str(pin.location),
            expected=str(pin.checksum),
            found=str(token),
        )
    return token


def _stat_token(status: os.stat_result) -> Checksum:
    return Checksum("stat", f"{status.st_size}-{status.st_mtime_ns}")


def _info(location: Location, status: os.stat_result) -> ObjectInfo:
    return ObjectInfo(
        location=location, size=status.st_size, modified_at=_moment(status.st_mtime_ns)
    )


def _moment(mtime_ns: int) -> datetime | None:
    seconds, rest = divmod(mtime_ns, 1_000_000_000)
    try:
        return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000)
    except (ValueError, OverflowError, OSError):  # a time that no calendar has
        return None


def _bytes(path: str | Path) -> bytes:
    return os.fsencode(path)
