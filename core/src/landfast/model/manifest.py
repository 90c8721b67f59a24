"""ManifestEntry: of a file its path, size and checksum, and where it is pinned; and what a manifest says of all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from landfast.errors import InvalidInput
from landfast.model.checksum import Checksum

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
