"""Report: one S3 Inventory report, found and checked; what is in its files is read by `files`.

A report lies at ``DESTINATION-PREFIX/SOURCE-BUCKET/CONFIG-ID/YYYY-MM-DDTHH-MMZ/``: `manifest.json` names the data
files, `manifest.checksum` has the MD5 of `manifest.json`.  See "Locating your inventory list" of the Amazon S3 User
Guide, https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from landfast.errors import Conflict, InvalidInput, NotFound
from landfast.model.location import Location
from landfast.stores.base import ListRequest, Pin, Store
from landfast.stores.opener import Stores
from landfast.stores.pager import Pager

_MANIFEST = "/manifest.json"
_CHECKSUM = "/manifest.checksum"
_REPORT = re.compile(r"(?:.*/)?(\d{4}-\d\d-\d\dT\d\d-\d\dZ)/manifest\.(json|checksum)\Z", re.DOTALL)
_ARN = re.compile(r"arn:[^:]*:s3:::(.+)\Z")
_WORD = re.compile(r"(?<!^)(?=[A-Z])")
FORMATS = ("CSV", "ORC", "Parquet")


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """A file of a report: where it lies, its bytes, and the MD5 of them."""

    location: Location
    size: int | None
    md5: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One report.

    Args:
        uri: Of its `manifest.json`.
        bucket: That it lists.
        as_of: When the bucket was begun to be listed, UTC.
        format: Of its files, one of `FORMATS`.
        columns: Of CSV, which has no header: by their names in the other formats.
        files: The files.
    """

    uri: str
    bucket: str
    as_of: datetime
    format: str
    columns: tuple[str, ...]
    files: tuple[DataFile, ...]


def open_report(uri: str, stores: Stores) -> Report:
    """Open a report by its `manifest.json`, or the newest complete one of a folder.

    Raises:
        NotFound: If it does not exist.
        Conflict: If `manifest.json` is not what its checksum says, or no manifest.
    """
    location = Location.parse(uri)
    store = stores.at(location, {})
    if not location.key.endswith(_MANIFEST):
        location = _newest(location.as_folder(), store)
    text = read(store, location)
    _check(text, store, location)
    return _parse(text, location)


def read(store: Store, location: Location) -> bytes:
    """Return all bytes of a small object."""
    with store.open(Pin(location=location)) as reader:
        return b"".join(reader)


def _newest(folder: Location, store: Store) -> Location:
    """Return the manifest of the newest report that has its checksum: before that it is not complete."""
    found: dict[str, dict[str, Location]] = {}
    for row in Pager(store, ListRequest(folder, checksum=False)).rows():
        below = row.location.key[len(folder.key) :]
        if below.startswith(("data/", "hive/")):
            break  # of one configuration: its reports stand before them
        matched = _REPORT.match(below)
        if matched:
            found.setdefault(matched[1], {})[matched[2]] = row.location
    complete = [at for at, parts in found.items() if parts.keys() == {"json", "checksum"}]
    if not complete:
        raise NotFound(
            f"{folder} has no complete inventory report",
            subject=str(folder),
            expected="YYYY-MM-DDTHH-MMZ/manifest.json and manifest.checksum below it",
            found=f"{len(found)} without both" if found else None,
            hint="Give the folder of the inventory's configuration; the first report comes within 48 hours.",
        )
    return found[max(complete)]["json"]


def _check(text: bytes, store: Store, location: Location) -> None:
    key = location.key.removesuffix(_MANIFEST) + _CHECKSUM
    said = read(store, Location(scheme=location.scheme, authority=location.authority, key=key))
    found = hashlib.md5(text, usedforsecurity=False).hexdigest()
    expected = said.decode(errors="replace").strip().lower()
    if found != expected:
        raise Conflict(
            f"{location} is not what its manifest.checksum says",
            subject=str(location),
            expected=f"MD5 {expected[:64]}",
            found=f"MD5 {found}",
            hint="It may be just being written; use another report.",
        )


def _parse(text: bytes, location: Location) -> Report:
    try:
        said = json.loads(text)
        moment = datetime.fromtimestamp(int(said["creationTimestamp"]) / 1000, UTC)
        report = Report(
            uri=location.without_secrets()[0].uri,
            bucket=str(said["sourceBucket"]),
            as_of=moment,
            format=str(said["fileFormat"]),
            columns=_columns(str(said["fileSchema"])),
            files=tuple(_file(each, said, location) for each in said["files"]),
        )
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise Conflict(
            f"{location} is not a manifest of an S3 Inventory report",
            subject=str(location),
            expected="sourceBucket, creationTimestamp, fileFormat, fileSchema, files",
            found=f"{type(error).__name__}: {error}",
        ) from None
    if report.format not in FORMATS:
        raise InvalidInput(
            f"{location} has files of another format",
            subject=str(location),
            expected=", ".join(FORMATS),
            found=report.format,
        )
    return report


def _columns(schema: str) -> tuple[str, ...]:
    """Name the columns of CSV: ``Bucket, VersionId, ETag`` are ``bucket``, ``version_id``, ``e_tag``."""
    return tuple(_WORD.sub("_", name.strip()).lower() for name in schema.split(","))


def _file(each: dict[str, Any], said: dict[str, Any], location: Location) -> DataFile:
    matched = _ARN.match(str(said["destinationBucket"]))
    bucket = matched[1] if matched else str(said["destinationBucket"])
    return DataFile(
        location=Location(scheme=location.scheme, authority=bucket, key=str(each["key"])),
        size=None if each.get("size") is None else int(each["size"]),
        md5=each.get("MD5checksum"),
    )
