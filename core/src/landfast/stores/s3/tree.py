"""Read a list page as XML, whatever its rows are like: namespaces, entities, any order of elements.

Some servers write all versions, then all delete markers; here they are merged.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import pairwise
from urllib.parse import unquote_plus
from xml.etree import ElementTree as ET

from landfast.clouds.s3_replies import bare_etag
from landfast.errors import InvalidInput
from landfast.model.checksum import Checksum
from landfast.model.location import Location
from landfast.model.storage.archive import ArchiveFact, ArchiveState
from landfast.stores.batch import ObjectBatch, ObjectInfo
from landfast.stores.s3.objects import ARCHIVED_CLASSES, ETAG, FOLDER_MARKER, TIERED_CLASSES
from landfast.stores.s3.request import Listing, unreadable

_ROOTS = frozenset({"ListBucketResult", "ListVersionsResult"})
# A row of a page is on the second level, what it says of its owner on the fourth.
_MOST_LEVELS = 8


def parse(body: bytes, listing: Listing) -> tuple[ObjectBatch, ET.Element]:
    """Return the rows of a page, and the page; raises what `read_page` does."""
    root = root_of(body, listing)
    try:
        return ObjectBatch.from_rows(_rows(root, listing)), root
    except (KeyError, ValueError) as error:
        if isinstance(error, InvalidInput):
            raise
        found = f"{type(error).__name__}: {error}"
    raise unreadable(listing, found)


def root_of(body: bytes, listing: Listing) -> ET.Element:
    """Read XML of a page, with the names of its own namespace as they are without one; raises what `read_page` does."""
    try:
        root = ET.fromstring(body)  # noqa: S314 - expat limits entities itself
    except ET.ParseError as error:
        raise unreadable(listing, f"{error}") from None
    level = [root]
    for _ in range(_MOST_LEVELS):
        level = [child for element in level for child in element]
    if level:
        raise unreadable(listing, f"elements inside each other, {_MOST_LEVELS} deep and more")
    namespace, brace, name = root.tag.rpartition("}")
    if brace:
        prefix = namespace + brace
        for element in root.iter():
            element.tag = element.tag.removeprefix(prefix)
    expected = "ListVersionsResult" if listing.request.versions else "ListBucketResult"
    if name == expected:
        return root
    raise InvalidInput(
        f"the server answers another question than for the list of {listing.location}",
        subject=str(listing.location),
        expected=expected,
        found=f"<{name}>",
        unsupported=name in _ROOTS,
    )


def decoder(encoding: str | None) -> Callable[[str], str]:
    """Return what undoes the encoding of keys that a page names."""
    if encoding != "url":
        return str

    def decode(text: str) -> str:
        if "%" not in text and "+" not in text:
            return text
        try:
            return unquote_plus(text, errors="strict")
        except UnicodeDecodeError:
            raise InvalidInput(f"the key {text!r} is not UTF-8", subject=text) from None

    return decode


def _rows(root: ET.Element, listing: Listing) -> Iterator[ObjectInfo]:
    decode = decoder(root.findtext("EncodingType"))
    if not listing.request.versions:
        return (_row(item, listing, decode) for item in root.iterfind("Contents"))
    rows = [_row(item, listing, decode) for item in root if item.tag in {"Version", "DeleteMarker"}]
    if all(one.location.key <= two.location.key for one, two in pairwise(rows)):
        return iter(rows)
    # Some servers write all versions, then all delete markers.
    runs = ([r for r in rows if r.is_delete_marker is kind] for kind in (False, True))
    return heapq.merge(*runs, key=_newest_first)


def _newest_first(row: ObjectInfo) -> tuple[str, bool, float]:
    moment = row.modified_at.timestamp() if row.modified_at else 0.0
    return row.location.key, not row.is_latest, -moment


def _row(item: ET.Element, listing: Listing, decode: Callable[[str], str]) -> ObjectInfo:
    found = {field.tag: field.text or "" for field in item}
    key, is_marker = decode(found["Key"]), item.tag == "DeleteMarker"
    etag = None if is_marker else bare_etag(found.get("ETag"))
    size = None if is_marker or "Size" not in found else int(found["Size"])
    archived = _archive(item, found.get("StorageClass"))
    return ObjectInfo(
        location=Location(scheme="s3", authority=listing.location.authority, key=key),
        size=size,
        checksum=Checksum(ETAG, etag) if etag and listing.request.checksum is not False else None,
        etag=etag,
        version_id=found.get("VersionId") if listing.request.versions else None,
        modified_at=_moment(found.get("LastModified")),
        is_latest=found.get("IsLatest", "true").lower() == "true",
        is_delete_marker=is_marker,
        is_archived=archived.is_archived,
        archive=archived.state,
        restored_until=archived.until,
        skip=FOLDER_MARKER if size == 0 and key.endswith("/") else "",
    )


def _archive(item: ET.Element, storage_class: str | None) -> ArchiveFact:
    """Tell how an object lies in an archive; a copy of it may be there for a while, or on its way."""
    going_on = item.findtext("RestoreStatus/IsRestoreInProgress")
    if storage_class in TIERED_CLASSES and going_on != "true":
        return ArchiveFact(state=ArchiveState.TIERED)
    if going_on == "true":
        return ArchiveFact(state=ArchiveState.RESTORING)
    if storage_class not in ARCHIVED_CLASSES:
        return ArchiveFact()
    if going_on == "false":
        until = _moment(item.findtext("RestoreStatus/RestoreExpiryDate"))
        return ArchiveFact(state=ArchiveState.RESTORED, until=until)
    return ArchiveFact(state=ArchiveState.ARCHIVED)


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None
