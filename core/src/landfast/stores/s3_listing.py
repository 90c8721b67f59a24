"""List pages of S3: the request, its opaque token, and the reply as rows.

boto3's own parsing of a page costs ten times as much as reading it and loses the order between
versions and delete markers, so the body is read here.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from urllib.parse import unquote_plus
from xml.etree import ElementTree as ET

from landfast.clouds.s3_replies import bare_etag
from landfast.clouds.s3_wire import ListWire
from landfast.errors import InvalidInput, LandfastError, Unavailable
from landfast.model.checksum import Checksum
from landfast.model.location import Location
from landfast.stores.base import ListRequest, ObjectBatch, ObjectInfo, Page

PAGE_SIZE = 1000
ETAG = "s3-etag"
FOLDER_MARKER = "folder marker"
ARCHIVED_CLASSES = frozenset({"GLACIER", "DEEP_ARCHIVE"})

_ROOTS = frozenset({"ListBucketResult", "ListVersionsResult"})


@dataclass(frozen=True, slots=True)
class Listing:
    """One page that is asked for.

    Args:
        request: As the caller has it.
        restores: Whether rows tell that an archived object was restored.
    """

    request: ListRequest
    restores: bool = False

    @property
    def location(self) -> Location:
        """The folder."""
        return self.request.location

    @property
    def size(self) -> int:
        """Rows asked for; without an order all are needed, so as many as there can be."""
        if self.request.limit is None or self.has_no_order:
            return PAGE_SIZE
        return max(1, min(self.request.limit, PAGE_SIZE))

    @property
    def has_no_order(self) -> bool:
        """Whether this is a directory bucket: no order, no start, and prefixes are whole folders."""
        return is_directory_bucket(self.location.authority)

    @property
    def prefix(self) -> str:
        """What the server is asked for; in a directory bucket the folder that holds it."""
        key = self.location.key
        return key[: key.rfind("/") + 1] if self.has_no_order else key

    @property
    def operation(self) -> str:
        """The client's method."""
        return "list_object_versions" if self.request.versions else "list_objects_v2"

    def parameters(self) -> dict[str, Any]:
        """Return the arguments of the client's method."""
        asked: dict[str, Any] = {
            "Bucket": self.location.authority,
            "Prefix": self.prefix,
            "MaxKeys": self.size,
            "EncodingType": "url",
        }
        if self.restores:
            asked["OptionalObjectAttributes"] = ["RestoreStatus"]
        if self.request.token is not None:
            asked |= self._read_token(self.request.token)
        elif self.request.after is not None and not self.has_no_order:
            asked["KeyMarker" if self.request.versions else "StartAfter"] = self.request.after
        return asked

    def _read_token(self, token: str) -> dict[str, str]:
        allowed = (
            {"KeyMarker", "VersionIdMarker"}
            if self.request.versions
            else {"ContinuationToken", "StartAfter"}
        )
        try:
            found = json.loads(token)
            if set(found) <= allowed and found:
                return {name: str(value) for name, value in found.items()}
        except (ValueError, TypeError):
            pass
        raise InvalidInput(
            f"{token!r} is no page token of {self.location}", expected="what `Page.next` gave"
        )


def is_directory_bucket(name: str) -> bool:
    """Tell a directory bucket (S3 Express One Zone), or an access point of one, by its name."""
    return name.endswith(("--x-s3", "--xa-s3"))


def list_page(wire: ListWire, listing: Listing, more: dict[str, Any]) -> Page:
    """Ask for a page and read it."""
    return read_page(wire.get(listing.operation, listing.parameters() | more), listing)


def read_page(body: bytes, listing: Listing) -> Page:
    """Read the XML of a page.

    Raises:
        Unavailable: If it is no XML.
        InvalidInput: If it is another kind of reply than was asked for.
    """
    root = _parse(body, listing)
    decode = _decoder(root.findtext("EncodingType"))
    try:
        return _page(root, listing, decode)
    except LandfastError:
        raise
    except (KeyError, ValueError) as error:
        found = f"{type(error).__name__}: {error}"
    raise _unreadable(listing, found)


def _page(root: ET.Element, listing: Listing, decode: Callable[[str], str]) -> Page:
    rows = list(_rows(root, listing, decode))
    counted, following = len(rows), _next(root, listing, decode, rows)
    kept = [row for row in rows if _is_inside(row, listing)]
    if listing.has_no_order:
        return Page(batches=[ObjectBatch.from_rows(kept)], next=following, is_sorted=False)
    if (
        len(kept) < counted
        and listing.request.before is not None
        and rows[-1].location.key >= listing.request.before
    ):
        return Page(batches=[ObjectBatch.from_rows(kept)])
    served = int(root.findtext("MaxKeys") or 0) or listing.size
    is_full = counted > 0 and (counted >= min(served, listing.size) or not _says_last(root))
    return Page(
        batches=[ObjectBatch.from_rows(kept)],
        next=following,
        is_full=is_full,
        tail=_tail(listing, rows),
    )


def _tail(listing: Listing, rows: list[ObjectInfo]) -> str | None:
    """Return where a list of versions goes on after its last row; by its key alone some servers begin with it.

    ``null`` is no such place: nothing comes after it in Swift.
    """
    if not rows or not listing.request.versions or rows[-1].version_id in {None, "null"}:
        return None
    return json.dumps({"KeyMarker": rows[-1].location.key, "VersionIdMarker": rows[-1].version_id})


def _says_last(root: ET.Element) -> bool:
    """Tell whether a page that is not truncated says so, and nothing that contradicts it."""
    ways_on = ("NextContinuationToken", "NextKeyMarker")
    is_told = (root.findtext("IsTruncated") or "").strip().lower() == "false"
    return is_told and not any(root.findtext(name) for name in ways_on)


def _is_inside(row: ObjectInfo, listing: Listing) -> bool:
    key = row.location.key
    if listing.has_no_order:
        return key.startswith(listing.location.key) and key > (listing.request.after or "")
    if listing.request.before is not None and key >= listing.request.before:
        return False
    return (
        listing.request.token is not None
        or listing.request.after is None
        or key > listing.request.after
    )


def _parse(body: bytes, listing: Listing) -> ET.Element:
    try:
        root = ET.fromstring(body)  # noqa: S314 - expat limits entities itself
    except ET.ParseError as error:
        raise _unreadable(listing, f"{error}") from None
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


def _unreadable(listing: Listing, found: str) -> Unavailable:
    where = str(listing.location)
    return Unavailable(f"the server's list of {where} is not readable", subject=where, found=found)


def _decoder(encoding: str | None) -> Callable[[str], str]:
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


def _rows(root: ET.Element, listing: Listing, decode: Callable[[str], str]) -> Iterator[ObjectInfo]:
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
    return ObjectInfo(
        location=Location(scheme="s3", authority=listing.location.authority, key=key),
        size=size,
        checksum=Checksum(ETAG, etag) if etag and listing.request.checksum is not False else None,
        etag=etag,
        version_id=found.get("VersionId") if listing.request.versions else None,
        modified_at=_moment(found.get("LastModified")),
        is_latest=found.get("IsLatest", "true").lower() == "true",
        is_delete_marker=is_marker,
        is_archived=found.get("StorageClass") in ARCHIVED_CLASSES and not _is_restored(item),
        skip=FOLDER_MARKER if size == 0 and key.endswith("/") else "",
    )


def _is_restored(item: ET.Element) -> bool:
    """Whether a copy of an archived object can be read for a while."""
    return item.findtext("RestoreStatus/IsRestoreInProgress") == "false"


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def _next(
    root: ET.Element,
    listing: Listing,
    decode: Callable[[str], str],
    rows: list[ObjectInfo],
) -> str | None:
    if (root.findtext("IsTruncated") or "").strip().lower() != "true":
        return None
    continuation, marker = root.findtext("NextContinuationToken"), root.findtext("NextKeyMarker")
    token: dict[str, str | None] = {}
    if not listing.request.versions and continuation:
        token = {"ContinuationToken": continuation}
    elif listing.request.versions and marker:
        token = _marker(root, marker, decode, rows)
    elif rows and listing.request.versions:
        token = {"KeyMarker": rows[-1].location.key, "VersionIdMarker": rows[-1].version_id}
    elif rows and not listing.has_no_order:
        token = {"StartAfter": rows[-1].location.key}
    else:
        raise Unavailable(
            f"the server's list of {listing.location} has no end and no way on",
            subject=str(listing.location),
        )
    following = json.dumps({name: value for name, value in token.items() if value})
    if following == listing.request.token:
        raise Unavailable(
            f"the server's list of {listing.location} goes in a circle",
            subject=str(listing.location),
        )
    return following


def _marker(
    root: ET.Element, marker: str, decode: Callable[[str], str], rows: list[ObjectInfo]
) -> dict[str, str | None]:
    """Return where a list of versions goes on.

    Swift says ``null`` for the version, and nothing comes after that; it also leaves the key unencoded.
    So where the marker is the last row's key, that row's own version id counts.  Only a server that tells
    versions and delete markers apart knows better which of its rows was the last.
    """
    named = root.findtext("NextVersionIdMarker")
    if not rows or rows[-1].location.key not in {marker, decode(marker)}:
        return {"KeyMarker": decode(marker), "VersionIdMarker": named}
    last = rows[-1]
    ids = {row.version_id for row in rows if row.location.key == last.location.key} - {"null"}
    version = named if named in ids else last.version_id
    return {"KeyMarker": last.location.key, "VersionIdMarker": version}
