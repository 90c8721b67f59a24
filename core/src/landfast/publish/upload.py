"""Uploading: store files in the registry's store, announced to garbage collection first."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from landfast.blobs.base import BlobStore
from landfast.registry.registry import Registry

T = TypeVar("T")
R = TypeVar("R")

# So many blobs are announced in one transaction: nobody else writes to SQLite meanwhile.
_AT_ONCE = 500
_WORKERS = 8


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file and the name of its bytes."""

    path: Path
    sha256: str
    size: int


def upload(registry: Registry, blobs: BlobStore, path: Path, sha256: str, size: int) -> None:
    """Store a file under its sha256, announced to garbage collection first.

    A blob that is there already is only announced, unless it was condemned meanwhile, or its bytes are not
    the file's.
    """
    upload_all(registry, blobs, [LocalFile(path, sha256, size)])


def upload_all(registry: Registry, blobs: BlobStore, files: Sequence[LocalFile]) -> None:
    """Store files as `upload` does each, announced in one transaction; equal ones once."""
    named = {file.sha256: file for file in files}
    condemned = registry.record_blobs({file.sha256: file.size for file in named.values()})

    def store(file: LocalFile) -> None:
        if file.sha256 in condemned or not blobs.holds(file.sha256, file.path):
            blobs.put(file.path, file.sha256)

    in_parallel(store, named.values())


def in_batches(items: Iterable[T]) -> Iterator[list[T]]:
    """Cut what needs blobs into parts, each announced in one transaction."""
    rest = iter(items)
    while batch := list(itertools.islice(rest, _AT_ONCE)):
        yield batch


def in_parallel(act: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Act on each by a pool of threads; after the first error no other is begun."""
    many = list(items)
    if len(many) < 2:
        return [act(item) for item in many]
    with ThreadPoolExecutor(min(_WORKERS, len(many)), thread_name_prefix="landfast-blobs") as pool:
        try:
            return list(pool.map(act, many))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
