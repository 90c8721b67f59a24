"""Walk a folder of an fsspec filesystem in byte order of the keys; nothing is left out in silence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from landfast.errors import InvalidInput, NotFound
from landfast.model.location import Location
from landfast.stores.fsspec.files import Filesystems

Info = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What lies at a key, a folder's with a final slash, and why it is no entry."""

    location: Location
    info: Info
    skip: str = ""

    @property
    def order(self) -> bytes:
        """The UTF-8 bytes of the key."""
        return self.location.key.encode()


def walk(
    files: Filesystems, folder: Location, *, after: bytes = b"", before: bytes | None = None
) -> Iterator[Found]:
    """Yield what lies below a folder with a final slash, between two keys; nothing if there is none.

    fsspec's own `find` leaves out, without a word, folders that it fails to list; here they are errors.
    """
    for found in sorted(_children(files, folder), key=lambda child: child.order):
        order = found.order
        if before is not None and order >= before:
            return
        if found.location.is_folder and not found.skip:
            if order > after or after.startswith(order):
                yield from walk(files, found.location, after=after, before=before)
        elif order > after:
            yield found


def _children(files: Filesystems, folder: Location) -> Iterator[Found]:
    base = files.path(folder).strip("/")
    for info in _listing(files, folder):
        name = str(info["name"])
        below = name.strip("/") if not base else _below(base, name.lstrip("/"))
        if below is None:
            raise InvalidInput(
                f"the listing of {folder} contains a name that is not in this folder",
                subject=str(folder),
                expected=f"names below {base}/",
                found=name,
            )
        if below.strip("/"):
            yield _found(folder, below, info)


def _listing(files: Filesystems, folder: Location) -> list[Info]:
    filesystem, path = files.at(folder), files.path(folder).rstrip("/")
    try:
        return files.ask(folder, lambda: list(filesystem.ls(path, detail=True)))
    except NotFound:
        return []  # gone, or never there: the objects are not there either


def _below(base: str, name: str) -> str | None:
    """Return the part of a name below a folder; empty for the folder itself."""
    if name.rstrip("/") == base:
        return ""
    return name[len(base) + 1 :] if name.startswith(base + "/") else None


def _found(folder: Location, below: str, info: Info) -> Found:
    kind, is_link = info.get("type"), bool(info.get("islink"))
    if kind == "directory" and not is_link:
        return Found(location=folder.child(below.rstrip("/") + "/"), info=info)
    skip = ""
    if is_link:
        skip = "symlink"  # a listing tells what it is, not what it leads to
    elif kind != "file":
        skip = f"type {kind}"
    elif below.endswith("/"):
        skip = "folder marker"
    return Found(location=folder.child(below), info=info, skip=skip)
