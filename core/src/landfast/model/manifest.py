"""ManifestEntry: of a file its path, size and checksum, and where it is pinned; and what a manifest says of all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from landfast.model.blob_uri import is_managed
from landfast.model.checksum import Checksum
from landfast.model.location import Location
from landfast.model.times import format_time

Identity = tuple[str, int | None, str | None, str | None, str | None, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestEntry:
    """One file of an artifact version.

    `path`, `size` and `checksum` identify the content; the other fields pin the bytes.

    Args:
        path: The logical path in the artifact: any non-empty text, never normalized.
        size: Size in bytes; None if the store does not report it.
        checksum: A content token or a validator; None if recorded with ``checksum=False``.
        uri: URI of the object, without secrets and without the pin.
        version_id: S3 VersionId or GCS generation; ``"null"`` is recorded but pins nothing.
        etag: The ETag of the same response, without quotes for S3, verbatim for HTTP.
        modified_at: Last modification, UTC, as the store reports it.
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
        return self.version_id not in {None, "null"} or is_managed(self.uri)

    @property
    def identity(self) -> Identity:
        """Input of the content digest: path, size, algorithm, value, own URI, own pin.

        A content token identifies the content by itself. A validator identifies it only together with its URI.
        Without any token, the version id identifies it, or else the modification time. See docs/format.md.
        """
        token = self.checksum
        if token is None:
            return (self.path, self.size, None, None, self.uri, self._own_pin())
        own_uri = None if token.is_content_token else self.uri
        return (self.path, self.size, token.algorithm, token.value, own_uri, None)

    @property
    def pins(self) -> tuple[str, str | None, str | None]:
        """Input of the pin digest besides the path: URI, version id (never ``"null"``), ETag."""
        version_id = None if self.version_id == "null" else self.version_id
        return (self.uri, version_id, self.etag)

    @property
    def pinned_uri(self) -> str:
        """URI of the object, with its pin if a URI of this scheme can carry a pin.

        Example:
            >>> ManifestEntry(path="a", size=1, checksum=None, uri="s3://b/a", version_id="x1").pinned_uri
            's3://b/a?versionId=x1'
        """
        if self.version_id in {None, "null"}:
            return self.uri
        return Location.parse(self.uri, pins=False).pinned_uri(str(self.version_id))

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
    """Facts about a manifest that need no read of its rows.

    Args:
        digest: The content digest, ``lf1:`` and 64 hexadecimal digits.
        pin_digest: The digest of the pins, ``lp1:`` and 64 hexadecimal digits.
        count: Number of entries.
        size: Bytes of all entries; an entry of unknown size counts as 0.
        unverified: Entries without any token.
        unpinned: Entries whose bytes are lost if somebody overwrites the object at the source.
    """

    digest: str
    pin_digest: str
    count: int
    size: int
    unverified: int = 0
    unpinned: int = 0
