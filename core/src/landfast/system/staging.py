"""Staging: whole files under the sha256 of their bytes, in a folder beside where they will stand."""

from __future__ import annotations

import contextlib
import hashlib
import os
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path

from landfast.errors import LandfastError
from landfast.system.disk_errors import of_os_error
from landfast.system.open_folder import OpenFolder

_NEW = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC


class Staging:
    """A folder for bytes that are kept while they are hashed, and so are read once.

    What is in it is neither durable nor announced; whoever made the folder moves files out of it and removes it.
    It is held open, so that a sync tells of what could not be written since.  Safe for many threads.
    """

    def __init__(self, opened: OpenFolder) -> None:
        self.opened = opened
        self.folder = str(opened.path)
        self._is_empty = True

    def path(self, sha256: str) -> str:
        """Return where the bytes of a name are, if they are here."""
        return f"{self.folder}/{sha256}"

    def has(self, sha256: str) -> bool:
        """Tell whether the bytes of a name are here."""
        return not self._is_empty and os.path.exists(self.path(sha256))  # noqa: PTH110

    def keep(self, chunks: Iterable[bytes]) -> str:
        """Keep the bytes and return their sha256; what is there already is the same.

        Raises:
            Unavailable: If the disk is full.
            AccessDenied: If the folder may not be written.
        """
        self._is_empty = False
        try:
            left = iter(chunks)
            first = next(left, b"")
            digest = hashlib.sha256(first)
            if (second := next(left, None)) is None:
                # The name is known before the first byte is written: no file has to be renamed.
                sha256 = digest.hexdigest()
                with contextlib.suppress(FileExistsError):
                    _write(self.path(sha256), [first])
                return sha256
            part = f"{self.folder}/{uuid.uuid4().hex}.part"
            _write(part, _through(digest, first, second, left))
            os.rename(part, self.path(digest.hexdigest()))  # noqa: PTH104
        except OSError as error:
            if isinstance(error, LandfastError):  # of the bytes, or of their file
                raise
            raise of_os_error(error, Path(self.folder), "write a blob below") from None
        return digest.hexdigest()


def _through(
    digest: hashlib._Hash, first: bytes, second: bytes, left: Iterator[bytes]
) -> Iterator[bytes]:
    yield first
    digest.update(second)
    yield second
    for chunk in left:
        digest.update(chunk)
        yield chunk


def _write(place: str, chunks: Iterable[bytes]) -> None:
    """Write a new file; its mode respects the umask, and this handle may write all the same."""
    handle = os.open(place, _NEW, 0o444)
    try:
        for chunk in chunks:
            view = memoryview(chunk)
            while view:
                view = view[os.write(handle, view) :]
    except BaseException:
        # A short file under the name of its bytes would be taken for them.
        with contextlib.suppress(OSError):
            os.unlink(place)  # noqa: PTH108
        raise
    finally:
        os.close(handle)
