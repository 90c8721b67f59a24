"""Shelf: files of another tool below a folder of this machine or of a bucket, by their names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from landfast.errors import InvalidInput, NotFound
from landfast.migrate.text_files import found_file
from landfast.model.location import Location
from landfast.stores.base import ListRequest, Pin, Store
from landfast.stores.opener import Stores
from landfast.stores.pager import Pager

_CHUNK = 1 << 16
# Of a file that holds a hash, or a listing of a folder.
_MOST_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class LocalShelf:
    """Files below a folder of this machine."""

    folder: Path

    def names(self, below: str) -> Iterator[str]:
        """Yield the names of the files below a folder, with it, in order."""
        found = (path for path in (self.folder / below).rglob("*") if path.is_file())
        yield from sorted(str(path.relative_to(self.folder)) for path in found)

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of a file; `NotFound` if there is none."""
        path = self.folder / name
        if not path.is_file():
            raise NotFound(f"{path} does not exist", subject=str(path))
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk

    def __str__(self) -> str:
        return str(self.folder)


@dataclass(frozen=True, slots=True)
class BucketShelf:
    """Objects below a folder of a bucket."""

    store: Store
    folder: Location

    def names(self, below: str) -> Iterator[str]:
        """Yield the names of the objects below a folder, with it, in order."""
        request = ListRequest(self.folder.child(below), checksum=False)
        try:
            for row in Pager(self.store, request).rows():
                yield row.location.key.removeprefix(self.folder.key)
        except NotFound:
            return

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of an object; `NotFound` if there is none."""
        with self.store.open(Pin(location=self.folder.child(name))) as reader:
            yield from reader

    def __str__(self) -> str:
        return str(self.folder)


Shelf = LocalShelf | BucketShelf


def open_shelf(path: str, stores: Stores) -> Shelf:
    """Open a folder of this machine or, by its URI, of a bucket."""
    if "://" not in path:
        return LocalShelf(found_file(path))
    location = Location.parse(path, pins=False).as_folder()
    if path.startswith("file:"):
        return LocalShelf(Path(location.key))
    return BucketShelf(stores.at(location), location)


def read(shelf: Shelf, name: str, most: int = _MOST_BYTES) -> bytes:
    """Return all bytes of a small file."""
    found = bytearray()
    for chunk in shelf.chunks(name):
        found += chunk
        if len(found) > most:
            raise InvalidInput(
                f"{shelf}/{name} is too large to be read",
                subject=name,
                expected=f"at most {most:,} bytes",
            )
    return bytes(found)
