"""The store seam: list pages, stat and open objects in one kind of place.

The contract that `landfast.testing.StoreSuite` checks over every implementation:

- A store reads and never writes, but for the marks by which it holds versions of objects (`stores/holds.py`).
- Every method sends **at most one request** unless it says otherwise, so that retrying, counting and
  rate limiting can be wrappers (`stores/retrying.py`, ...) and no store needs code for them.  The
  provider library's own retries are off.
- Size, checksum, etag and version id of an `ObjectInfo` come from the same response.
- Provider exceptions stop here: `NotFound`, `AccessDenied` (names the missing permission),
  `Unavailable` (worth a retry), `ObjectChanged` (a condition failed, or the reply is another object
  than the one asked for), `InvalidInput` (cannot work), `MissingExtra`.  Messages and causes hold no secret.
- A store is safe to use from many threads, survives `fork` (connections are reopened), and pickles
  by its options: clients are made anew, on first use.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import KW_ONLY, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from landfast.errors import ObjectChanged, Unavailable
from landfast.model.checksum import Checksum
from landfast.model.location import Location
from landfast.model.storage.holds import HoldKind
from landfast.model.storage.requests import Operations
from landfast.stores.batch import ObjectBatch, ObjectInfo, rows_of

# All that a store is written with, so that its author imports from here only.
__all__ = [
    "MOST_EMPTY_PAGES",
    "Capabilities",
    "ChecksumKind",
    "ClientFactory",
    "Kind",
    "ListRequest",
    "ObjectBatch",
    "ObjectInfo",
    "OptionKinds",
    "Page",
    "Pin",
    "PresignRequest",
    "Presigner",
    "Reader",
    "Store",
    "Versioning",
    "first_row",
    "locate_by_listing",
    "wrong_range",
]

# Deleted objects can make pages of a listing empty, but not this many after each other.
MOST_EMPTY_PAGES = 1_000

# ``None`` asks for the store's default, ``False`` for no checksum at all.
ChecksumKind = str | Literal[False] | None


class Versioning(StrEnum):
    """Whether a place keeps what is overwritten."""

    ENABLED = "enabled"
    SUSPENDED = "suspended"
    OFF = "off"
    UNKNOWN = "unknown"  # asking is not allowed, or the server does not say
    NONE = "none"  # this kind of store has no versions


class Kind(StrEnum):
    """What a location without a final slash turns out to be."""

    OBJECT = "object"
    FOLDER = "folder"
    BOTH = "both"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a store can do; nobody outside asks for its scheme.

    Args:
        listing: Whether a folder can be listed; else every reference is one object.
        versions: Whether `list_page(versions=True)` works and reads by version id do.
        list_checksums: Kinds that list rows can carry, the default kind first.
        stat_checksums: Kinds that only `stat` can tell, one request an object.
        read_checksums: Kinds of these that read every byte of the object, where its server does not tell.
        content_tokens: Whether the default checksum is a content token.
        pinned_listing: Whether plain rows of current objects carry version ids (GCS generations), so
            that listing every version is not needed to pin.
        in_place: Whether `path` answers.
        cacheable: Whether downloads should be kept in the blob cache.
        versioning_command: What turns on versioning, for a person to run, with ``{bucket}`` in it.
        seeks: Whether a listing that begins `after` a key is answered at once, however many keys are before it.
        stable_order: Whether pages come in UTF-8 byte order of the key.
        clock: Whose time counts where there is no `endpoint`: a URL, with ``{scheme}`` and ``{host}`` of the location.
        lists_restores: Whether list rows tell that an archived object was restored; else only `stat` does.
        inventories: Whether the provider writes inventories of its buckets (`stores.inventory`).
        operations: What the provider calls its requests.
        ranges: Whether an object is as well read in several ranges at once as in one reply.
        presigns: Whether it may have the method `presign` of `Presigner`.
        holds: Kinds of holds that the store can put on versions of objects, the default first (`stores.holds`).
        cors_setting: What lets pages of another origin read a bucket, with ``{bucket}`` and ``{origin}`` in it.
    """

    listing: bool = True
    versions: bool = False
    list_checksums: tuple[str, ...] = ()
    stat_checksums: tuple[str, ...] = ()
    read_checksums: tuple[str, ...] = ()
    content_tokens: bool = True
    pinned_listing: bool = False
    in_place: bool = False
    cacheable: bool = True
    versioning_command: str = ""
    seeks: bool = False
    stable_order: bool = True
    clock: str = ""
    lists_restores: bool = True
    operations: Operations = field(default_factory=Operations)
    ranges: bool = False
    presigns: bool = False
    inventories: bool = False
    holds: tuple[HoldKind, ...] = ()
    cors_setting: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionKinds:
    """What the options of a store's class are, as its attribute `option_kinds`.

    Whoever may log writes the options of a source, and others read with them.  So of a record only those
    are taken that send nothing of the reader's anywhere; all else comes from the reader's own settings.

    Args:
        recorded: Those that may be taken from a record.
        identity: Those that say who asks; with one of them a recorded `anonymous` does not count.
        endpoint: The name of the one that says where to ask; ``""`` if there is none.
    """

    recorded: frozenset[str] = frozenset()
    identity: frozenset[str] = frozenset()
    endpoint: str = ""


@dataclass(frozen=True, slots=True)
class ListRequest:
    """One page of a listing that is asked for.

    Args:
        location: A folder (final slash or empty key), or what keys begin with.
        versions: Also noncurrent versions and delete markers, with version ids on every row.
        checksum: The kind wanted, one of `Capabilities.list_checksums`, None or False.
        token: From `Page.next`; then `after` is ignored.
        after: Only keys after this one (UTF-8 byte order).
        before: Only keys before this one; the store may also return more, the caller cuts.
        limit: Rows wanted on the page; None asks for as many as the server gives.
    """

    location: Location
    _: KW_ONLY
    versions: bool = False
    checksum: ChecksumKind = None
    token: str | None = None
    after: str | None = None
    before: str | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One reply of a listing.

    Args:
        batches: Objects in UTF-8 byte order of their keys; of one key, the newest version first.
            May be lazy where listing costs no requests (`file`).
        next: Opaque text with which the next page is asked for; None if the server says this is the last.
        is_full: Whether the page holds as many rows as the server gives at most, or does not say
            clearly that it is the last. Such a page without `next` is probed by the caller, with `tail` or `after`.
        is_sorted: False where this place has no order, though the store has (`Capabilities.stable_order`);
            `after`, `before` and `limit` may then be left to the caller.
        tail: What asks, in the place of `next`, for all that comes after the page's last row, where the place
            can tell that better than by the key.
    """

    batches: Iterable[ObjectBatch]
    next: str | None = None
    is_full: bool = False
    is_sorted: bool = True
    tail: str | None = None

    @property
    def rows(self) -> Iterator[ObjectInfo]:
        """The objects one by one."""
        return rows_of(self.batches)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """What exactly to read.

    Args:
        location: The object.
        version_id: Read this version; None or ``"null"`` reads conditionally on `etag`.
        etag: Condition, and what the reply is compared with.
        size: What the reply's size is compared with; None skips it.
        checksum: What the reply's checksum headers are compared with, where there are any of the
            same algorithm.
        current: Whether the current object is read, without asking for `version_id`; the reply is
            compared with that all the same.
        end: The offset behind the last byte that is wanted, below `size`; a store may send more.
    """

    location: Location
    version_id: str | None = None
    etag: str | None = None
    size: int | None = None
    checksum: Checksum | None = None
    current: bool = False
    end: int | None = None

    def span(self, start: int) -> str | None:
        """Return the `Range` to ask for, from an offset on; None for the whole object.

        Example:
            >>> Pin(location=Location.parse("s3://b/k"), end=20).span(10)
            'bytes=10-19'
        """
        last = "" if self.end is None else self.end - 1
        return f"bytes={start}-{last}" if start or last != "" else None


class Reader(Protocol):
    """An open reply; iterating yields chunks of bytes."""

    info: ObjectInfo
    """What the reply says of itself; `size` is that of the whole object."""

    start: int
    """Offset of the first byte that comes, 0 where the server ignored the range."""

    def __iter__(self) -> Iterator[bytes]:
        """Yield chunks of at most 1 MiB; a cut connection raises `Unavailable`, never ends early."""
        ...


@runtime_checkable
class Store(Protocol):
    """Objects of one scheme, seen with one set of options and credentials."""

    @property
    def endpoint(self) -> str | None:
        """The effective endpoint if it is not the provider's own; without secrets."""
        ...

    def capabilities(self) -> Capabilities:
        """Tell what this store can do; no request."""
        ...

    def versioning(self, location: Location) -> Versioning:
        """Ask whether overwritten objects are kept; a refused question is `UNKNOWN`, not an error."""
        ...

    def locate(self, location: Location) -> Kind:
        """Tell whether a location without final slash is an object, a folder, or both.

        At most two list requests, where a page is not empty; an exact key sorts first, so one tells
        that it is there.
        """
        ...

    def list_page(self, request: ListRequest) -> Page:
        """List objects whose key starts with `request.location.key`, one page.

        Raises:
            InvalidInput: If the store does not list, or `versions` is not supported here
                (also for replies such as 405 and 501: the caller falls back to current objects).
            AccessDenied: If listing is not permitted; `details["permission"]` names the action.
        """
        ...

    def stat(
        self, location: Location, *, version_id: str | None = None, checksum: ChecksumKind = None
    ) -> ObjectInfo:
        """Describe one object, or one version of it.

        Raises:
            NotFound: If there is none; for a version, naming it.
            Unverifiable: If `checksum` was asked for by kind and the store has none of it.
        """
        ...

    def open(self, pin: Pin, *, start: int = 0) -> AbstractContextManager[Reader]:
        """Open the recorded bytes for reading, from offset `start`.

        The reply's version id, etag and size are compared with the pin before the first chunk: some
        servers ignore what they were asked for.

        Raises:
            NotFound: If the version or object is gone; `details["version_id"]`, if one was asked for.
            ObjectChanged: If the condition failed, the reply is another object, or with a `start`
                another range than the one asked for: the caller then reads from the first byte.
        """
        ...

    def path(self, location: Location) -> Path | None:
        """Return the local path of the object in place, or None."""
        ...


@runtime_checkable
class Presigner(Protocol):
    """A store whose objects a browser can read by an address that it signs."""

    def presign(self, pin: Pin, request: PresignRequest) -> str | None:
        """Return an address that reads exactly one version of an object for a while; no request of its bytes.

        Args:
            pin: With a version id.
            request: How long, and how the bytes are to be labelled.

        Returns:
            None where these credentials cannot sign.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PresignRequest:
    """How an address is to be signed.

    Args:
        seconds: How long it is good for.
        media_type: What the reply is to say that the bytes are.
    """

    seconds: int
    media_type: str


def wrong_range(uri: str, asked: int, found: object) -> ObjectChanged:
    """Build the error for a reply to a range that is another one, or does not say which it is."""
    return ObjectChanged(
        f"{uri} was sent from a byte that differs from the requested byte",
        subject=uri,
        expected=f"from byte {asked}",
        found="no range in the reply" if found is None else f"from byte {found}",
        differs="range",
    )


# Makes a provider client: called without arguments on the worker, once per process; picklable.
ClientFactory = Any


def locate_by_listing(store: Store, location: Location) -> Kind:
    """Locate with list requests, for stores whose keys are flat.

    The first key that starts with ``data`` tells whether ``data`` itself is an object; the first that
    starts with ``data/`` whether there is a folder.
    """
    first = first_row(store, location)
    is_object = first is not None and first.location.key == location.key
    if first is None:
        return Kind.MISSING
    if not is_object and first.location.key.startswith(location.key + "/"):
        return Kind.FOLDER
    folder = first_row(store, location.as_folder())
    if is_object:
        return Kind.OBJECT if folder is None else Kind.BOTH
    return Kind.MISSING if folder is None else Kind.FOLDER


def first_row(store: Store, location: Location) -> ObjectInfo | None:
    """Return the first row of a listing; None if there is none."""
    token = None
    for _ in range(MOST_EMPTY_PAGES):
        request = ListRequest(location, checksum=False, limit=1, token=token)
        page = store.list_page(request)
        row, token = next(page.rows, None), page.next
        if row is not None or token is None:
            return row
    raise Unavailable(
        f"the server's list of {location} has no end",
        subject=str(location),
        expected="objects, or the end",
        found=f"{MOST_EMPTY_PAGES:,} empty pages that promise more",
        is_lasting=True,
    )
