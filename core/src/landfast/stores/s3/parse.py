"""Read a list page as columns, straight from its bytes.

Rows of one page are written alike: one regular expression, made after one of them, has to match every byte of
them all, else the page is read by `tree`, which is also the oracle of this module's tests.  What stands around
the rows is read as XML in any case.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from string import hexdigits
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import unquote_to_bytes
from xml.etree import ElementTree as ET

from landfast.manifests.masks import null_where
from landfast.model.location import Location
from landfast.model.storage.archive import ArchiveState
from landfast.stores.batch import ObjectBatch, object_schema
from landfast.stores.s3 import tree
from landfast.stores.s3.objects import ARCHIVED_CLASSES, ETAG, FOLDER_MARKER, TIERED_CLASSES
from landfast.stores.s3.request import Listing

if TYPE_CHECKING:
    import pyarrow as pa

# Printable ASCII that XML has no meaning for; in keys all else is percent-encoded.
_TEXT = rb"[ -%'-;=?-~]"
# Owners are not encoded. The bytes of U+FFFE and its like, which no XML may hold, are left out.
_ANY = rb"[ -%'-;=?-~\x80-\xee\xf0-\xf4]*"
# Stands for the gap between elements, where there is one.
_GAP = b"\0"
# How servers write the quotes of an ETag: in one way.
_QUOTES = (b"&quot;", b"&#34;", b'"')
# What most rows say alike is matched and not kept: it is no text then, as what is not there.
_TOLD = {
    b"Key": rb"(%s++)" % _TEXT,
    b"VersionId": rb"(%s++)" % _TEXT,
    b"IsLatest": rb"(?:true|(false))",
    b"LastModified": rb"((?!0000)[-0-9T:.]{19,26}Z)",
    b"ETag": rb"([!#-%'-;=?-~]++)",
    b"Size": rb"([0-9]{1,18})",
    b"StorageClass": rb"(?:STANDARD|([A-Z0-9_]+))",
}
# Whatever has them has them in each row; a page where that is not so is read by `tree`.
_ALWAYS = frozenset({b"Key", b"VersionId", b"IsLatest", b"LastModified"})
_IGNORED = {
    b"Owner": b"\0(?:<ID>%s+</ID>\0|)(?:<DisplayName>%s+</DisplayName>\0|)" % (_ANY, _ANY),
    b"ChecksumAlgorithm": rb"[A-Z0-9]*+",
    b"ChecksumType": rb"[A-Z_]*+",
    b"Type": rb"[A-Za-z]*+",
}
_OWNER = re.compile(b"<Owner>(%s)</Owner>" % _IGNORED[b"Owner"].replace(_GAP, rb"[ \n\t]*"))
_INSIDE_OWNER = frozenset({b"ID", b"DisplayName"})
# What only some objects have.
_RARE = (b"<ChecksumType>", b"<ChecksumAlgorithm>")
_NAME = re.compile(rb"<(\w+)")
_ARCHIVED, _TIERED = (
    frozenset(name.encode() for name in names) for names in (ARCHIVED_CLASSES, TIERED_CLASSES)
)
_SPACE = re.compile(rb">[ \n\t]")
_ROWS = b"<LandfastRows/>"

# An element that a row has not is None.
Columns: TypeAlias = "dict[bytes, list[Any]]"


def parse(body: bytes, listing: Listing) -> tuple[ObjectBatch, ET.Element] | None:
    """Return the rows of a page, and what stands around them; None if there is anything unusual in it.

    Raises:
        Unavailable: If what stands around the rows is no XML.
        InvalidInput: If it is another kind of reply than was asked for.
    """
    import pyarrow as pa

    tags = (b"Version", b"DeleteMarker") if listing.request.versions else (b"Contents",)
    first = re.search(rb"<(?:%s)>" % b"|".join(tags), body)
    if first is None:
        return None
    start = end = first.start()
    for tag in tags:
        end = max(end, body.rfind(b"</%s>" % tag, end) + len(tag) + 3)
    around = body[:start] + _ROWS + body[end:]
    columns = None if b"<!" in around else _columns(body[start:end], tags)
    if columns is None:
        return None
    root = tree.root_of(around, listing)
    rest = [element.tag for element in root]
    if "LandfastRows" not in rest or not {"Contents", "Version", "DeleteMarker"}.isdisjoint(rest):
        return None
    try:
        batch = _batch(columns, root.findtext("EncodingType") == "url", listing)
        body.isascii() or body.decode()
    except (pa.ArrowInvalid, UnicodeDecodeError):
        return None
    return None if batch is None else (batch, root)


def _columns(rows: bytes, tags: tuple[bytes, ...]) -> Columns | None:
    """Return the texts of rows by element; None if a single byte is unlike in the row that is the pattern."""
    sample = _sample(rows, tags)
    names = tuple(name for name in _NAME.findall(sample)[1:] if name not in _INSIDE_OWNER)
    if not set(names) <= {*_TOLD, *_IGNORED} or len(set(names)) < len(names) or b"Key" not in names:
        return None
    gap = rb"[ \n\t]*" if _SPACE.search(sample) else b""
    quote = next((quote for quote in _QUOTES if b"<ETag>" + quote in sample), b"")
    pieces = _pattern(tags, names, gap, quote, _owner(sample)).split(rows)
    told = [b"", b"tag", *(name for name in names if name in _TOLD)]
    found: Columns = {name: pieces[at :: len(told)] for at, name in enumerate(told)}
    # Between the matches, before the first and behind the last, is nothing.
    return None if any(found.pop(b"")) else found


def _sample(rows: bytes, tags: Sequence[bytes]) -> bytes:
    """Return a row and one byte more, if possible a row with what only some have."""
    rare = [place for element in _RARE if (place := rows.find(element)) >= 0]
    for tag in tags:
        opening, closing = b"<%s>" % tag, b"</%s>" % tag
        start = rows.find(opening, max(0, rows.rfind(opening, 0, min(rare, default=0))))
        if start >= 0:
            return rows[start : rows.find(closing, start) + len(closing) + 1]
    return b""


def _owner(sample: bytes) -> bytes:
    """Return whose the sample is, which is mostly whose all rows are; nothing if it is written in another way."""
    found = _OWNER.search(sample)
    return found[1] if found else b""


@lru_cache(maxsize=64)
def _pattern(
    tags: tuple[bytes, ...], names: tuple[bytes, ...], gap: bytes, quote: bytes, owner: bytes
) -> re.Pattern[bytes]:
    # Of versions and delete markers, the rarer ones are told.
    opening, closing = b"%s()" % tags[0], tags[0]
    if len(tags) > 1:
        opening, closing = b"(?:%s|(%s))" % tags, b"(?(1)%s|%s)" % tags[::-1]
    parts = [b"<%s>\0" % opening]
    for name in names:
        text = (_TOLD | _IGNORED)[name]
        if name == b"Owner" and owner:
            text = b"(?:%s|%s)" % (re.escape(owner), text)
        around = quote if name == b"ETag" else b""
        element = b"<%s>%s%s%s</%s>\0" % (name, around, text, around, name)
        # An empty branch costs a quarter of the time of a question mark behind a group.
        form = b"(?:%s)*" if name == b"ChecksumAlgorithm" else b"(?:%s|)"
        parts.append(element if name in _ALWAYS else form % element)
    return re.compile(b"".join([*parts, b"</%s>" % closing, _GAP]).replace(_GAP, gap))


def _batch(columns: Columns, is_encoded: bool, listing: Listing) -> ObjectBatch | None:
    import pyarrow as pa
    import pyarrow.compute as pc

    raw = columns[b"Key"]
    keys = _decoded(raw) if is_encoded else raw
    if keys is None:
        return None
    count = len(raw)
    # What matched is ASCII, which nobody needs to look at again to know that it is text.
    key = pa.array(keys, pa.string()) if keys is not raw else _ascii(raw)
    if listing.request.versions and not _is_sorted(key):
        return None
    nothing, no = pa.nulls(count, pa.string()), pa.repeat(pa.scalar(False), count)

    def text(name: bytes) -> pa.Array:
        return _ascii(columns[name]) if name in columns else nothing

    def among(name: bytes, *values: bytes) -> pa.Array:
        if set(values).isdisjoint(columns.get(name, ())):
            return no
        return pa.array([value in values for value in columns[name]], pa.bool_())

    size, etag = text(b"Size").cast(pa.int64()), text(b"ETag")
    is_deleted = among(b"tag", b"DeleteMarker")
    if is_deleted is not no:
        size, etag = (null_where(is_deleted, column) for column in (size, etag))
    is_marker = pc.and_(pc.fill_null(pc.equal(size, 0), False), pc.ends_with(key, "/"))
    place = Location(scheme="s3", authority=listing.location.authority, key="")
    token = nothing if listing.request.checksum is False else etag
    is_archived, is_tiered = (among(b"StorageClass", *names) for names in (_ARCHIVED, _TIERED))
    archive = nothing
    if is_archived is not no or is_tiered is not no:
        state = pc.if_else(is_tiered, str(ArchiveState.TIERED), pa.scalar(None, pa.string()))
        archive = pc.if_else(is_archived, str(ArchiveState.ARCHIVED), state)
    arrays = [
        key,
        pc.binary_join_element_wise(place.uri, key, ""),
        size,
        pc.if_else(pc.is_valid(token), ETAG, pa.scalar(None, pa.string())),
        token,
        text(b"VersionId") if listing.request.versions else nothing,
        etag,
        text(b"LastModified").cast(pa.timestamp("us", tz="UTC")),
        pc.invert(among(b"IsLatest", b"false")),
        is_deleted,
        is_archived,
        archive,
        pa.nulls(count, object_schema().field("restored_until").type),
        pc.if_else(is_marker, FOLDER_MARKER, ""),
        pa.nulls(count, object_schema().field("extra").type),
    ]
    return ObjectBatch(pa.RecordBatch.from_arrays(arrays, schema=object_schema()), place)


def _ascii(texts: list[bytes]) -> pa.Array:
    import pyarrow as pa

    return pa.array(texts, pa.binary()).view(pa.string())


def _is_sorted(keys: pa.Array) -> bool:
    import pyarrow.compute as pc

    return bool(pc.less_equal(keys[:-1], keys[1:]).true_count == max(0, len(keys) - 1))


# Two bytes that no UTF-8 has: between two keys, and for a percent sign that is meant.
_BETWEEN, _PERCENT = b"\xff", b"\xfe"
_NO_TEXT = re.compile(rb"%[fF][eEfF]")
_ESCAPES = {
    f"%{high}{low}".encode(): bytes([int(high + low, 16)])
    for high in hexdigits
    for low in hexdigits
} | {b"%25": _PERCENT}
_MOST_ESCAPES = 64


def _decoded(keys: list[bytes]) -> list[bytes] | None:
    """Undo the percent-encoding of all keys at once; None if one of them is no text.

    The keys of a page have few different escapes, often one: each is replaced wherever it stands.
    """
    joined = _BETWEEN.join(keys).replace(b"+", b" ")
    if b"%" not in joined and b" " not in joined:
        return keys
    if _NO_TEXT.search(joined):
        return None
    for _ in range(_MOST_ESCAPES):
        place = joined.find(b"%")
        if place < 0:
            break
        escape = joined[place : place + 3]
        joined = joined.replace(escape, _ESCAPES.get(escape, _PERCENT + escape[1:]))
    else:
        joined = unquote_to_bytes(joined)
    decoded = joined.replace(_PERCENT, b"%").split(_BETWEEN)
    return decoded if len(decoded) == len(keys) else None
