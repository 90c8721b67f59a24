"""Read what HEAD and GET replies of S3 say about an object."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from landfast.clouds.s3_replies import bare_etag, total_size
from landfast.errors import Unverifiable
from landfast.model.checksum import Checksum
from landfast.model.location import Location
from landfast.model.storage.archive import ArchiveFact, ArchiveState
from landfast.stores.base import ChecksumKind, ObjectInfo

ETAG = "s3-etag"
FOLDER_MARKER = "folder marker"
ARCHIVED_CLASSES = frozenset({"GLACIER", "DEEP_ARCHIVE"})
# What the store moves between tiers by itself; two of them are archives.
TIERED_CLASSES = frozenset({"INTELLIGENT_TIERING"})

_MD5 = re.compile(r"[0-9a-f]{32}\Z")
_EXPIRY = re.compile(r'expiry-date="([^"]+)"')
_DIRECTORY = re.compile(r"--x-s3\Z")

# Kinds that the provider may keep beside the ETag, and where replies have them.
PROVIDER_CHECKSUMS = {"sha256": "ChecksumSHA256", "crc64nvme": "ChecksumCRC64NVME"}


def describe(reply: Mapping[str, Any], location: Location, kind: ChecksumKind) -> ObjectInfo:
    """Return what a HeadObject or GetObject says of its object, with the checksum wanted; None is the ETag.

    `Unverifiable` if the provider keeps no checksum of this kind over the whole object.
    """
    etag, extra = bare_etag(reply.get("ETag")), provider_checksums(reply)
    if etag and _is_md5(reply, location, etag):
        extra["md5"] = etag
    size, modified = total_size(reply), reply.get("LastModified")
    archived = archive_fact(reply)
    return ObjectInfo(
        location=location.unpinned(),
        size=size,
        checksum=_checksum(reply, location, kind, etag, extra),
        etag=etag,
        version_id=reply.get("VersionId"),
        modified_at=modified.astimezone(UTC) if modified else None,
        is_archived=archived.is_archived,
        archive=archived.state,
        restored_until=archived.until,
        skip=FOLDER_MARKER if size == 0 and location.key.endswith("/") else "",
        extra=extra or None,
    )


def _checksum(
    reply: Mapping[str, Any],
    location: Location,
    kind: ChecksumKind,
    etag: str | None,
    extra: Mapping[str, str],
) -> Checksum | None:
    if kind is False:
        return None
    if kind in {None, ETAG}:
        return Checksum(ETAG, etag) if etag else None
    if kind in extra:
        return Checksum(str(kind), extra[str(kind)])
    parts = reply.get("ChecksumType") == "COMPOSITE" and PROVIDER_CHECKSUMS[str(kind)] in reply
    raise Unverifiable(
        f"{location} has no {kind} checksum of its own",
        subject=str(location),
        expected=f"an object that was uploaded with {kind}",
        found="a checksum of the checksums of its parts" if parts else "none",
        hint="Leave checksum= away (the ETag is recorded), or copy the object onto itself"
        f" with --checksum-algorithm {str(kind).upper()}.",
    )


def provider_checksums(reply: Mapping[str, Any]) -> dict[str, str]:
    """Return the reply's checksums over the whole object, in hexadecimal, by algorithm."""
    if reply.get("ChecksumType") == "COMPOSITE":
        return {}
    found = {}
    for algorithm, name in PROVIDER_CHECKSUMS.items():
        value = reply.get(name)
        # A composite value ends in the number of parts; some servers leave its type out.
        if value and "-" not in value:
            try:
                found[algorithm] = base64.b64decode(value, validate=True).hex()
            except binascii.Error:
                continue
    return found


def _is_md5(reply: Mapping[str, Any], location: Location, etag: str) -> bool:
    """Whether the ETag is an MD5: of one piece, not under KMS or a customer's key, in no directory bucket."""
    is_sealed = "kms" in (reply.get("ServerSideEncryption") or "")
    is_other = (
        is_sealed or reply.get("SSECustomerAlgorithm") or _DIRECTORY.search(location.authority)
    )
    return _MD5.match(etag) is not None and not is_other


def archive_fact(reply: Mapping[str, Any]) -> ArchiveFact:
    """Return how the object of a reply lies in an archive."""
    restore = reply.get("Restore") or ""
    if 'ongoing-request="true"' in restore:
        return ArchiveFact(state=ArchiveState.RESTORING)
    if 'ongoing-request="false"' in restore:
        return ArchiveFact(state=ArchiveState.RESTORED, until=_until(restore))
    if reply.get("ArchiveStatus"):
        return ArchiveFact(state=ArchiveState.SUNK)
    if reply.get("StorageClass") in ARCHIVED_CLASSES:
        return ArchiveFact(state=ArchiveState.ARCHIVED)
    return ArchiveFact()


def _until(restore: str) -> datetime | None:
    """Read until when a restored copy stays: ``expiry-date="Fri, 21 Dec 2012 00:00:00 GMT"``."""
    found = _EXPIRY.search(restore)
    try:
        return parsedate_to_datetime(found[1]).astimezone(UTC) if found else None
    except ValueError:
        return None
