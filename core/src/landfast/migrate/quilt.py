"""Quilt's packages: their revisions in a registry, on this machine or in a bucket, each a manifest of JSON lines.

`.quilt/named_packages/NAMESPACE/PACKAGE/TIMESTAMP` holds the hash of a revision, `.quilt/packages/HASH` its manifest.
A hash is that of all that a manifest says of its content, so a damaged manifest is noticed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from landfast.errors import Conflict, InvalidInput, NotFound
from landfast.migrate import rows
from landfast.migrate.base import PeerPlace, PeerVersion
from landfast.migrate.shelf import LocalShelf, Shelf, open_shelf, read
from landfast.migrate.text_files import found_file, json_lines, not_a
from landfast.model.checksum import Checksum
from landfast.model.manifest import ManifestEntry
from landfast.pins.checksums import SHA256_CHUNKED

_POINTERS, _MANIFESTS = ".quilt/named_packages/", ".quilt/packages/"
_POINTER = re.compile(r"\.quilt/named_packages/([^/]+)/([^/]+)/(\d{1,12}|latest)\Z")
_HASH = re.compile(r"[0-9a-f]{64}\Z")
_KIND = "a manifest of Quilt"
_VERSION = "v0"

Row = Mapping[str, Any]


def versions(place: PeerPlace) -> Iterator[PeerVersion]:
    """Yield the revisions of all packages of a registry, or the one of a manifest by itself."""
    if "://" not in place.path and found_file(place.path).is_file():
        file = found_file(place.path)
        yield _revision(LocalShelf(file.parent), file.name, place.named(str(file)))
        return
    shelf = open_shelf(place.path, place.stores)
    packages: dict[str, dict[str, str]] = defaultdict(dict)
    for pointer in shelf.names(_POINTERS):
        if found := _POINTER.match(pointer):
            packages[f"{found[1]}/{found[2]}"][found[3]] = pointer
    if not packages:
        raise NotFound(
            f"{place.path} holds no packages of Quilt",
            subject=place.path,
            expected=f"{_POINTERS}NAMESPACE/PACKAGE/TIMESTAMP",
        )
    for name, pointers in packages.items():
        yield from _revisions(shelf, name, pointers)


def _revisions(shelf: Shelf, name: str, pointers: Mapping[str, str]) -> Iterator[PeerVersion]:
    """Yield the revisions of a package in the order of time, and last the one that `latest` names, if it went back."""
    newest = None
    for stamp in sorted((each for each in pointers if each.isdigit()), key=int):
        newest = _hash(shelf, pointers[stamp])
        made = datetime.fromtimestamp(int(stamp), UTC)
        found = _revision(shelf, _MANIFESTS + newest, name)
        yield replace(found, label=f"{stamp}-{newest[:8]}", created_at=made)
    latest = _hash(shelf, pointers["latest"]) if "latest" in pointers else newest
    if latest != newest and latest is not None:
        yield replace(_revision(shelf, _MANIFESTS + latest, name), label=f"latest-{latest[:8]}")


def _hash(shelf: Shelf, pointer: str) -> str:
    text = read(shelf, pointer, 1_024).decode("ascii", errors="replace").strip()
    if not _HASH.match(text):
        raise not_a(f"{shelf}/{pointer}", "a pointer of Quilt", text[:80])
    return text


def _revision(shelf: Shelf, manifest: str, name: str) -> PeerVersion:
    """Return a revision; its manifest is only read as far as its head says."""
    file = f"{shelf}/{manifest}"
    head = _head(shelf, manifest, file)
    found = Path(manifest).name
    top_hash = found if _HASH.match(found) else None
    said = rows.mapping_of(file, "metadata", head.get("user_meta"))
    message = head.get("message")
    return PeerVersion(
        name=name,
        label=(top_hash or hashlib.sha256(file.encode()).hexdigest())[:12],
        description=message if isinstance(message, str) else "",
        metadata=said,
        facts={"top_hash": top_hash} if top_hash else {},
        rows=lambda: _checked(json_lines(shelf.chunks(manifest), file), file, top_hash),
        read=_entry,
    )


def _head(shelf: Shelf, manifest: str, file: str) -> Mapping[str, Any]:
    lines = json_lines(shelf.chunks(manifest), file)
    head = next(lines, None)
    if not isinstance(head, dict):
        raise not_a(file, _KIND, "no object in its first line")
    if head.get("version") != _VERSION:
        raise InvalidInput(
            f"{file} is a manifest of another version",
            subject=file,
            expected=_VERSION,
            found=ascii(head.get("version"))[:80],
        )
    return head


def _checked(lines: Iterator[Any], file: str, top_hash: str | None) -> Iterator[Row]:
    """Yield the entries, and compare what they say together with the hash that is the name of the manifest."""
    head = next(lines)
    head.pop("top_hash", None)
    running = hashlib.sha256(_canonical(head))
    for line in lines:
        if not isinstance(line, dict):
            raise not_a(file, _KIND, "a line that is no object")
        if not line.get("physical_keys"):
            continue  # metadata of a folder
        hashed = {name: line.get(name) for name in ("hash", "logical_key", "meta", "size")}
        running.update(_canonical(hashed))
        yield line
    if top_hash is not None and running.hexdigest() != top_hash:
        raise Conflict(
            f"{file} is not what its name says",
            subject=file,
            expected=top_hash,
            found=running.hexdigest(),
            hint="It is damaged or cut off; take it from another registry.",
        )


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _entry(row: Row) -> ManifestEntry:
    path = rows.path_of(row.get("logical_key"))
    keys = row["physical_keys"]
    if not isinstance(keys, list) or len(keys) != 1:
        raise rows.refuse(path, "it has several places, but Quilt reads only one")
    location, version_id = rows.quoted_location(path, keys[0])
    return ManifestEntry(
        path=path,
        size=rows.size_of(path, row.get("size"), required=True),
        checksum=_checksum(path, rows.mapping_of(path, "hash", row.get("hash"))),
        uri=location.uri,
        version_id=version_id,
    )


def _checksum(path: str, said: Mapping[str, Any]) -> Checksum:
    match said.get("type"):
        case "SHA256":
            return rows.hash_of(path, "sha256", said.get("value"))
        case "sha2-256-chunked":
            return Checksum(SHA256_CHUNKED, _base64(path, said.get("value"), 32)[0])
        case "CRC64NVME":
            return Checksum("crc64nvme", _base64(path, said.get("value"), 8)[1].hex())
        case other:
            raise rows.refuse(
                path, f"it has a hash of a kind that is not known, {ascii(other)[:80]}"
            )


def _base64(path: str, value: object, length: int) -> tuple[str, bytes]:
    text = rows.text_of(path, "hash", value) or ""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if len(data) != length:
        raise rows.refuse(path, f"its hash is not {length} bytes in Base64")
    return text, data
