"""What the loopback server keeps: one generation of one object, and how the JSON API shows it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import google_crc32c

Json = dict[str, Any]

WRITABLE = (
    "cacheControl",
    "contentDisposition",
    "contentEncoding",
    "contentLanguage",
    "contentType",
    "customTime",
    "eventBasedHold",
    "metadata",
    "storageClass",
    "temporaryHold",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """One immutable generation; `deleted_us` is set once it is noncurrent."""

    bucket: str
    name: str
    data: bytes = field(repr=False)
    generation: int
    updated_us: int
    metageneration: int = 1
    deleted_us: int | None = None
    component_count: int | None = None
    settings: Mapping[str, Any]
    md5: str
    crc32c: str

    @property
    def etag(self) -> str:
        """Return what GCS sends: generation and metageneration as a small protobuf message."""
        message = b"\x08" + _varint(self.generation) + b"\x10" + _varint(self.metageneration)
        return base64.b64encode(message).decode()

    @property
    def hashes(self) -> dict[str, str]:
        """Return the digests that GCS knows; a composite object has no MD5."""
        known = {"crc32c": self.crc32c}
        return known if self.component_count else known | {"md5Hash": self.md5}


def digests(data: bytes) -> tuple[str, str]:
    """Return (md5, crc32c) of `data`, base64 as the JSON API writes them."""
    md5 = hashlib.md5(data, usedforsecurity=False).digest()
    crc32c = google_crc32c.value(data).to_bytes(4, "big")
    return base64.b64encode(md5).decode(), base64.b64encode(crc32c).decode()


def writable(metadata: Mapping[str, Any]) -> Json:
    """Return the properties of a request body that a caller may set."""
    return {key: metadata[key] for key in WRITABLE if metadata.get(key) is not None}


def timestamp(microseconds: int) -> str:
    """Write an instant as RFC 3339 in UTC with milliseconds, as the JSON API does."""
    moment = datetime.fromtimestamp(microseconds / 1_000_000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def object_resource(stored: StoredObject, base_url: str) -> Json:
    """Return the `storage#object` resource of one generation."""
    path = f"b/{stored.bucket}/o/{quote(stored.name, safe='')}"
    created = timestamp(stored.generation)
    resource: Json = {
        "kind": "storage#object",
        "id": f"{stored.bucket}/{stored.name}/{stored.generation}",
        "selfLink": f"{base_url}/storage/v1/{path}",
        "mediaLink": f"{base_url}/download/storage/v1/{path}"
        f"?generation={stored.generation}&alt=media",
        "name": stored.name,
        "bucket": stored.bucket,
        "generation": str(stored.generation),
        "metageneration": str(stored.metageneration),
        "storageClass": "STANDARD",
        "size": str(len(stored.data)),
        "etag": stored.etag,
        "timeCreated": created,
        "timeStorageClassUpdated": created,
        "timeFinalized": created,
        "updated": timestamp(stored.updated_us),
        **stored.hashes,
        **stored.settings,
    }
    if stored.component_count:
        resource["componentCount"] = stored.component_count
    if stored.deleted_us is not None:
        resource["timeDeleted"] = timestamp(stored.deleted_us)
    return resource


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(encoded) + bytes([number])
