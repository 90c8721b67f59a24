"""List pages of S3: the request is sent, and the reply made a page.

boto3's own parsing of a page costs ten times as much as reading it and loses the order between
versions and delete markers, so the body is read here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as ET

from landfast.clouds.s3_wire import ListWire
from landfast.errors import Unavailable
from landfast.stores.base import ObjectBatch, Page
from landfast.stores.s3 import parse, tree
from landfast.stores.s3.request import Listing, unreadable


def list_page(wire: ListWire, listing: Listing, more: dict[str, Any]) -> Page:
    """Ask for a page and read it."""
    return read_page(wire.get(listing.operation, listing.parameters() | more), listing)


def read_page(body: bytes, listing: Listing) -> Page:
    """Read the XML of a page.

    Raises:
        Unavailable: If it is no XML, or has other rows than a list.
        InvalidInput: If it is another kind of reply than was asked for.
    """
    batch, root = parse.parse(body, listing) or tree.parse(body, listing)
    following = _next(root, listing, batch)
    kept, request = _inside(batch, listing), listing.request
    if listing.has_no_order:
        return Page(batches=[kept], next=following, is_sorted=False)
    is_cut = len(kept) < len(batch) and request.before is not None
    if is_cut and batch.key_at(-1) >= str(request.before):
        return Page(batches=[kept])
    is_full = len(batch) > 0 and (len(batch) >= _most(root, listing) or not _says_last(root))
    return Page(batches=[kept], next=following, is_full=is_full, tail=_tail(listing, batch))


def _most(root: ET.Element, listing: Listing) -> int:
    """Return how many rows a page of this server has at most."""
    said = root.findtext("MaxKeys") or "0"
    try:
        return min(int(said) or listing.size, listing.size)
    except ValueError:
        raise unreadable(listing, f"MaxKeys {said!r}") from None


def _tail(listing: Listing, batch: ObjectBatch) -> str | None:
    """Return where a list of versions goes on after its last row; by its key alone some servers begin with it.

    ``null`` is no such place: nothing comes after it in Swift.
    """
    if not len(batch) or not listing.request.versions or _last_id(batch) in {None, "null"}:
        return None
    return json.dumps({"KeyMarker": batch.key_at(-1), "VersionIdMarker": _last_id(batch)})


def _last_id(batch: ObjectBatch) -> str | None:
    found: str | None = batch["version_id"][-1].as_py()
    return found


def _says_last(root: ET.Element) -> bool:
    """Tell whether a page that is not truncated says so, and nothing that contradicts it."""
    ways_on = ("NextContinuationToken", "NextKeyMarker")
    is_told = (root.findtext("IsTruncated") or "").strip().lower() == "false"
    return is_told and not any(root.findtext(name) for name in ways_on)


def _inside(batch: ObjectBatch, listing: Listing) -> ObjectBatch:
    """Return the rows that were asked for; some servers do not know of all bounds."""
    import pyarrow.compute as pc

    keys, request = batch["key"], listing.request
    if listing.has_no_order:
        batch = batch.where(pc.starts_with(keys, request.location.key))
        return batch.where(pc.greater(batch["key"], request.after or ""))
    if request.before is not None:
        batch = batch.where(pc.less(keys, request.before))
    if request.token is None and request.after is not None:
        batch = batch.where(pc.greater(batch["key"], request.after))
    return batch


def _next(
    root: ET.Element,
    listing: Listing,
    batch: ObjectBatch,
) -> str | None:
    if (root.findtext("IsTruncated") or "").strip().lower() != "true":
        return None
    continuation, marker = root.findtext("NextContinuationToken"), root.findtext("NextKeyMarker")
    token: dict[str, str | None] = {}
    if not listing.request.versions and continuation:
        token = {"ContinuationToken": continuation}
    elif listing.request.versions and marker:
        token = _marker(root, marker, batch)
    elif len(batch) and listing.request.versions:
        token = {"KeyMarker": batch.key_at(-1), "VersionIdMarker": _last_id(batch)}
    elif len(batch) and not listing.has_no_order:
        token = {"StartAfter": batch.key_at(-1)}
    else:
        raise Unavailable(
            f"the server's list of {listing.location} has no end and no next page",
            subject=str(listing.location),
        )
    following = json.dumps({name: value for name, value in token.items() if value})
    if following == listing.request.token:
        raise Unavailable(
            f"the server's list of {listing.location} goes in a circle",
            subject=str(listing.location),
        )
    return following


def _ids_of_last(batch: ObjectBatch) -> Iterator[str | None]:
    """Yield the version ids of the last key."""
    last = batch.key_at(-1)
    for row in range(len(batch) - 1, -1, -1):
        if batch.key_at(row) != last:
            return
        yield batch["version_id"][row].as_py()


def _marker(root: ET.Element, marker: str, batch: ObjectBatch) -> dict[str, str | None]:
    """Return where a list of versions goes on.

    Swift says ``null`` for the version, and nothing comes after that; it also leaves the key unencoded.
    So where the marker is the last row's key, that row's own version id counts.  Only a server that tells
    versions and delete markers apart knows better which of its rows was the last.
    """
    named = root.findtext("NextVersionIdMarker")
    decoded = tree.decoder(root.findtext("EncodingType"))(marker)
    if not len(batch) or batch.key_at(-1) not in {marker, decoded}:
        return {"KeyMarker": decoded, "VersionIdMarker": named}
    last = batch.key_at(-1)
    ids = set(_ids_of_last(batch)) - {"null"}
    version = named if named in ids else _last_id(batch)
    return {"KeyMarker": last, "VersionIdMarker": version}
