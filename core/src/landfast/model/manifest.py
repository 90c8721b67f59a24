"""ManifestEntry and Manifest: for every file its path, size and checksum, and where it is pinned."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain

from landfast.errors import InvalidInput, NotFound
from landfast.model.checksum import Checksum
from landfast.model.digest import content_digest
from landfast.model.folders import FolderTotal

Identity = tuple[str, int | None, str | None, str | None, str | None, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestEntry:
    """One file of an artifact version.

    `path`, `size` and `checksum` are identity; the rest pins the bytes.

    Args:
        path: The logical path under the artifact, any non-empty text; never normalised.
        size: Bytes; None where the store does not tell.
        checksum: A content token or a validator; None if recorded with ``checksum=False``.
        uri: Where the object lies, without secrets and without the pin.
        version_id: S3 VersionId or GCS generation; ``"null"`` is recorded but pins nothing.
        etag: The ETag of the same response, without quotes for S3, verbatim for HTTP.
        modified_at: Last modification, UTC, as the store tells it.
    """

    path: str
    size: int | None
    checksum: Checksum | None
    uri: str
    version_id: str | None = None
    etag: str | None = None
    modified_at: datetime | None = None

    @property
    def is_pinned(self) -> bool:
        """Whether the store can return these bytes after the object is overwritten."""
        return self.version_id not in {None, "null"} or self.uri.startswith("blob:")

    @property
    def identity(self) -> Identity:
        """What the content digest sees: path, size, algorithm, value, own URI, own pin.

        A content token speaks for itself.  A validator speaks only of its URI; without any token
        the version id, else the modification time, has to tell.  See docs/format.md.
        """
        token = self.checksum
        if token is None:
            return (self.path, self.size, None, None, self.uri, self._own_pin())
        own_uri = None if token.is_content_token else self.uri
        return (self.path, self.size, token.algorithm, token.value, own_uri, None)

    @property
    def pins(self) -> tuple[str, str | None, str | None]:
        """What the pin digest sees beside the path: URI, version id (never ``"null"``), ETag."""
        version_id = None if self.version_id == "null" else self.version_id
        return (self.uri, version_id, self.etag)

    def is_same_row(self, other: ManifestEntry) -> bool:
        """Whether both digests see no difference: the same object, seen twice."""
        return self.identity == other.identity and self.pins == other.pins

    def _own_pin(self) -> str | None:
        if self.version_id is not None and self.version_id != "null":
            return f"version:{self.version_id}"
        return None if self.modified_at is None else f"modified:{format_time(self.modified_at)}"

    @property
    def sort_key(self) -> bytes:
        """The UTF-8 bytes of the path, the order of every manifest."""
        return self.path.encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestSummary:
    """What is known of a manifest without reading its rows.

    Args:
        digest: The content digest, ``lf1:`` and 64 hexadecimal digits.
        pin_digest: The digest of the pins, ``lp1:`` and 64 hexadecimal digits.
        count: Number of entries.
        size: Their bytes; entries of unknown size count as 0.
        unverified: Entries without any token.
        unpinned: Entries that an overwrite at the source would lose.
    """

    digest: str
    pin_digest: str
    count: int
    size: int
    unverified: int = 0
    unpinned: int = 0


class Manifest(ABC):
    """The entries of one version, sorted by path; read as a stream.

    Implementations read from memory or from a Parquet blob; none needs to be whole in memory.
    """

    @property
    @abstractmethod
    def summary(self) -> ManifestSummary:
        """Digests, count and bytes."""

    @abstractmethod
    def entries(self, prefix: str = "") -> Iterator[ManifestEntry]:
        """Yield the entries whose path starts with `prefix`, sorted by path."""

    @abstractmethod
    def folders(self, prefix: str = "", *, depth: int | None = None) -> Iterator[FolderTotal]:
        """Yield the roll-up of the folders whose path starts with `prefix`, sorted by path.

        Args:
            prefix: ``""`` yields every folder, the whole manifest (path ``""``) first.
            depth: Only folders this deep; ``prefix.count("/") + 1`` asks for the direct children
                of the folder `prefix`.
        """

    @abstractmethod
    def get(self, path: str) -> ManifestEntry:
        """Return the entry at exactly `path`.

        Raises:
            NotFound: If there is none.
        """

    def check(self) -> None:  # noqa: B027 - one in memory computes its summary from its entries
        """Recompute what the manifest says of its entries from all of them, where it was only read.

        Raises:
            Conflict: If digests, counts or folders are not those of the entries.
        """

    @property
    def digest(self) -> str:
        """The content digest."""
        return self.summary.digest

    @property
    def pin_digest(self) -> str:
        """The digest of the pins."""
        return self.summary.pin_digest

    @property
    def size(self) -> int:
        """Bytes of all entries together."""
        return self.summary.size

    def subtree_digest(self, prefix: str) -> str:
        """Return the content digest that the folder `prefix` would have if logged alone.

        Args:
            prefix: A folder such as ``"dt=2026-05-01/"``; a missing final slash is added, and ``""``
                is the whole manifest.

        Raises:
            NotFound: If no entry lies below it.
        """
        folder = prefix if prefix.endswith("/") or not prefix else prefix + "/"
        below = relative_to(self.entries(folder), folder)
        first = next(below, None)
        if first is None and folder:
            raise NotFound(
                f"no entry of the manifest lies below {folder!r}",
                subject=folder,
                hint="List what there is with `landfast ls`.",
            )
        return content_digest(chain([] if first is None else [first], below))

    def __len__(self) -> int:
        return self.summary.count

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[ManifestEntry]:
        return self.entries()


def relative_to(entries: Iterable[ManifestEntry], folder: str) -> Iterator[ManifestEntry]:
    """Yield `entries` with the leading `folder` taken off their paths."""
    for entry in entries:
        if len(entry.path) > len(folder):
            yield replace(entry, path=entry.path[len(folder) :])


def format_time(moment: datetime) -> str:
    """Write a moment as UTC with microseconds: ``2026-05-03T08:15:30.000000Z``.

    Raises:
        InvalidInput: If it has no time zone.
    """
    if moment.tzinfo is None:
        raise InvalidInput(
            f"the time {moment.isoformat()} has no zone", subject=moment.isoformat(), expected="UTC"
        )
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
