"""LocalBlobStore: blobs in a folder, which may be on a shared mount."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import time
import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO

from landfast.blobs.base import BlobInfo, LocalFile
from landfast.blobs.names import (
    CHUNK_BYTES,
    FOLDER,
    LABEL,
    blob_key,
    damaged_blob,
    no_blob,
    sha256_of_key,
    wrong_source,
)
from landfast.errors import AccessDenied, NotFound
from landfast.model.location import Location
from landfast.system.disk_errors import disk_errors, of_os_error
from landfast.system.durability import sync_folders
from landfast.system.open_folder import OpenFolder
from landfast.system.ordered_work import OrderedWork
from landfast.system.parallel import in_parallel
from landfast.system.staging import Staging

# A temporary file this old belongs to a writer that was killed.
_ABANDONED_S = 24 * 3600
# Up to so many are made durable one by one; more, together.
_FEW = 4
# Below this a thread costs more than it wins, except where each file waits for its disk.
_WORTH_A_THREAD = 1 << 20
_FOLDER_NAME = re.compile(r"[0-9a-f]{2}")


class LocalBlobStore:
    """Blobs in a folder, made for the first: ``blobs/sha256/ab/abcd...``, read-only files that appear whole.

    A blob is written beside its place, forced to disk, and renamed; a killed writer leaves at most a
    file in ``blobs/tmp``, which a later writer removes after a day.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self._url = Location(scheme="file", authority="", key=f"{self._root}").uri

    @property
    def url(self) -> str:
        """The folder as a ``file://`` URL."""
        return self._url

    def put(self, source: Path, sha256: str) -> None:
        """Store the file's bytes under their name; a blob that holds them is only refreshed in age."""
        place = self._place(sha256)
        with disk_errors(source, "read"):
            file = source.open("rb")
        with file, disk_errors(self._root, "write a blob below"):
            if not (self.holds(sha256, source) and self._refresh(place)):
                self._write(file, str(source), place, sha256)

    def put_all(self, files: Sequence[LocalFile], *, again: Collection[str] = ()) -> None:
        """Store files with different names, durable together.

        All bytes are on their disk before the first has its name, and all names are before this returns: by two
        calls for the whole filesystem, where there is such a call, and else file by file.
        """
        wanted = self._wanted(files, again)
        if len(wanted) <= _FEW:
            for file in wanted:
                self.put(file.path, file.sha256)
            return
        with self.staging() as staging:
            self._take_over(wanted, staging)

    @contextlib.contextmanager
    def staging(self) -> Iterator[Staging]:
        """Make a folder for bytes to come, on the disk of the blobs; it is removed in the end."""
        with disk_errors(self._root, "write a blob below"):
            folder = self._temporary()
            folder.mkdir()
            try:
                with OpenFolder.of(folder) as opened:
                    yield Staging(opened)
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def put_staged(
        self, files: Sequence[LocalFile], staging: Staging, *, again: Collection[str] = ()
    ) -> None:
        """Store files as `put_all` does; of what is staged the bytes are moved, not copied."""
        if wanted := self._wanted(files, again):
            self._take_over(wanted, staging)

    def _wanted(self, files: Sequence[LocalFile], again: Collection[str]) -> list[LocalFile]:
        return [file for file in files if file.sha256 in again or not self._has(file)]

    def _has(self, file: LocalFile) -> bool:
        place = f"{self._root}/{blob_key(file.sha256)}"
        return os.path.exists(place) and self.holds(file.sha256, file.path)  # noqa: PTH110

    def _take_over(self, files: Sequence[LocalFile], staging: Staging) -> None:
        """Give files their places, once the bytes of all are durable; and make these durable too."""
        left = [file for file in files if not staging.has(file.sha256)]
        copied = OrderedWork().run(
            left, partial(_stage, staging), is_heavy=lambda file: file.size >= _WORTH_A_THREAD
        )
        for _ in copied:
            pass
        with disk_errors(self._root, "write a blob below"):
            self._name(staging, [file.sha256 for file in files])

    def _name(self, staging: Staging, sha256s: Sequence[str]) -> None:
        is_few = len(sha256s) <= _FEW
        if is_few or not staging.opened.sync_all():
            in_parallel(_sync_file, [staging.path(sha256) for sha256 in sha256s])
        top = f"{self._root}/{FOLDER}"
        Path(top).mkdir(parents=True, exist_ok=True)
        folders = [f"{top}{name}" for name in sorted({sha256[:2] for sha256 in sha256s})]
        for folder in folders:
            with contextlib.suppress(FileExistsError):
                os.mkdir(folder)  # noqa: PTH102 - for each batch there are hundreds
        for sha256 in sha256s:
            os.replace(staging.path(sha256), f"{top}{sha256[:2]}/{sha256}")  # noqa: PTH105
        if is_few or not staging.opened.sync_all():
            sync_folders([*map(Path, folders), Path(top)])

    def holds(self, sha256: str, source: Path) -> bool:  # noqa: ARG002 - its name says its bytes
        """Tell whether the blob is there with the bytes of its name: read them."""
        if self.path(sha256) is None:
            return False
        try:
            with self._reading(sha256), self._place(sha256).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == sha256
        except (NotFound, AccessDenied):
            return False

    def _write(self, file: BinaryIO, source: str, place: Path, sha256: str) -> None:
        part = self._temporary()
        try:
            found = _copy(file, part, mode=0o444, sync=True)
            if found != sha256:
                raise wrong_source(source, sha256, found)
            place.parent.mkdir(parents=True, exist_ok=True)
            part.replace(place)
        finally:
            part.unlink(missing_ok=True)
        sync_folders([place.parent, place.parent.parent])

    def fetch(self, sha256: str, target: Path) -> None:
        """Write the blob to `target`, verified; the file appears whole."""
        place = self._place(sha256)
        part = target.with_name(f".{target.name[:200]}.{uuid.uuid4().hex}.part")
        with self._reading(sha256), place.open("rb") as file:
            try:
                with disk_errors(target, "write"):
                    found = _copy(file, part, mode=0o666, sync=True)
                    if found != sha256:
                        raise damaged_blob(sha256, self._url, f"sha256 {found}")
                    part.replace(target)
            finally:
                part.unlink(missing_ok=True)

    def open(self, sha256: str, *, start: int = 0) -> Iterator[bytes]:
        """Yield the blob's bytes from offset `start` in chunks of at most 1 MiB."""
        place = self._place(sha256)
        return self._chunks(sha256, place, start)

    def _chunks(self, sha256: str, place: Path, start: int) -> Iterator[bytes]:
        with self._reading(sha256), place.open("rb") as file:
            file.seek(start)
            while chunk := file.read(CHUNK_BYTES):
                yield chunk

    def stat(self, sha256: str) -> BlobInfo | None:
        """Describe a blob; None if it is not there."""
        try:
            with self._reading(sha256):
                status = self._place(sha256).stat()
        except NotFound:
            return None
        return _info(sha256, status)

    def stat_all(self, sha256s: Iterable[str]) -> dict[str, BlobInfo]:
        """Describe those that are there of some blobs."""
        root, found = str(self._root), {}
        with disk_errors(self._root, "look at blobs in"):
            for sha256 in sha256s:
                try:
                    status = os.stat(f"{root}/{blob_key(sha256)}")  # noqa: PTH116 - a fifth of the time
                except FileNotFoundError:
                    continue
                found[sha256] = _info(sha256, status)
        return found

    def list(self) -> Iterator[BlobInfo]:
        """Yield every blob, by name."""
        top = self._root / FOLDER
        for folder in filter(_FOLDER_NAME.fullmatch, _names(top)):
            for name in _names(top / folder):
                if sha256_of_key(f"{FOLDER}{folder}/{name}") == name and (info := self.stat(name)):
                    yield info

    def delete(self, sha256: str) -> None:
        """Remove a blob; a missing one is no error."""
        place = self._place(sha256)
        with disk_errors(place, "delete"):
            place.unlink(missing_ok=True)

    def path(self, sha256: str) -> Path | None:
        """Return the local path of a blob, if it is there."""
        place = self._place(sha256)
        with disk_errors(place, "look at"):
            return place if place.exists() else None

    def label(self) -> bytes | None:
        """Return what the store says of itself; None if nobody has labelled it."""
        with disk_errors(self._root, "read the label of"):
            try:
                return (self._root / LABEL).read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                return None

    def set_label(self, data: bytes, *, new: bool) -> None:
        """Label the store; with `new`, a label that is there already stays."""
        place = self._root / LABEL
        with disk_errors(self._root, "write a label in"):
            part = self._temporary()
            try:
                part.write_bytes(data)
                if not new:
                    part.replace(place)
                else:
                    _appear(part, place)
            finally:
                part.unlink(missing_ok=True)

    def _place(self, sha256: str) -> Path:
        return self._root / blob_key(sha256)

    def _refresh(self, place: Path) -> bool:
        # One of another user cannot be touched: write it anew.
        with contextlib.suppress(OSError):
            os.utime(place)
            return True
        return False

    def _temporary(self) -> Path:
        folder = self._root / "blobs" / "tmp"
        folder.mkdir(parents=True, exist_ok=True)
        oldest = time.time() - _ABANDONED_S
        for name in _names(folder):
            with contextlib.suppress(OSError):
                if (folder / name).stat().st_mtime < oldest:
                    _remove(folder / name)
        return folder / uuid.uuid4().hex

    @contextlib.contextmanager
    def _reading(self, sha256: str) -> Iterator[None]:
        with disk_errors(self._root, f"read blob {sha256} in"):
            try:
                yield
            except FileNotFoundError:
                raise no_blob(sha256, self._url) from None

    def __repr__(self) -> str:
        return f"LocalBlobStore({str(self._root)!r})"


def _appear(part: Path, place: Path) -> None:
    """Give a whole file its name, unless the name is taken."""
    try:
        place.hardlink_to(part)
    except FileExistsError:
        return
    except OSError:
        # A filesystem without hard links: the name is taken first and filled then.
        with contextlib.suppress(FileExistsError), place.open("xb") as file:
            file.write(part.read_bytes())


def _stage(staging: Staging, file: LocalFile) -> None:
    """Copy a file beside its place."""
    try:
        opened = open(file.place, "rb", buffering=0)  # noqa: PTH123, SIM115 - a third of the time
    except OSError as error:
        raise of_os_error(error, file.path, "read") from None
    with opened:
        chunk = min(CHUNK_BYTES, file.size + 1)
        found = staging.keep(iter(partial(opened.read, chunk), b""))
    if found != file.sha256:
        raise wrong_source(str(file.path), file.sha256, found)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _copy(
    reader: BinaryIO,
    part: Path,
    *,
    mode: int,
    sync: bool = False,
) -> str:
    """Copy to a new file and return the sha256 of what was copied."""
    digest = hashlib.sha256()
    # The mode of creation respects the umask, and this handle may write all the same.
    handle = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, mode)
    try:
        while chunk := reader.read(CHUNK_BYTES):
            digest.update(chunk)
            _write_all(handle, chunk)
        if sync:
            os.fsync(handle)
    finally:
        os.close(handle)
    return digest.hexdigest()


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def _sync_file(path: str) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _names(folder: Path) -> list[str]:
    with disk_errors(folder, "list"):
        try:
            return sorted(entry.name for entry in folder.iterdir())
        except FileNotFoundError:
            return []


def _info(sha256: str, status: os.stat_result) -> BlobInfo:
    modified_at = datetime.fromtimestamp(status.st_mtime, UTC)
    return BlobInfo(sha256=sha256, size=status.st_size, modified_at=modified_at)
