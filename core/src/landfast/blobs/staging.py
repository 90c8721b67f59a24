"""StagingStore: what a blob store may be able to do more, where it lies on a disk of this machine."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

from landfast.blobs.base import LocalFile
from landfast.system.staging import Staging


@runtime_checkable
class StagingStore(Protocol):
    """A blob store that takes over files that were written beside its places, without reading them again."""

    def staging(self) -> AbstractContextManager[Staging]:
        """Make a folder for bytes to come, which is removed in the end."""
        ...

    def put_staged(
        self, files: Sequence[LocalFile], staging: Staging, *, again: Collection[str] = ()
    ) -> None:
        """Store files as `BlobStore.put_all` does; of what is staged the bytes are moved, not copied."""
        ...
