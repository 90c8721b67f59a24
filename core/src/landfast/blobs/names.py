"""Names and layout of blobs: the same below every folder, bucket and prefix."""

from __future__ import annotations

import re

from landfast.errors import Conflict, InvalidInput, NotFound
from landfast.model.blob_uri import blob_uri

FOLDER = "blobs/sha256/"
LABEL = "landfast-store.json"
CHUNK_BYTES = 1 << 20

_HEX = re.compile(r"[0-9a-f]{64}\Z")
_KEY = re.compile(r"blobs/sha256/([0-9a-f]{2})/(\1[0-9a-f]{62})\Z")


def check_sha256(sha256: str) -> str:
    """Return `sha256` if it can name a blob, 64 lower-case hexadecimal digits, else raise `InvalidInput`."""
    if not _HEX.match(sha256):
        raise InvalidInput(
            f"{sha256!r} does not name a blob",
            subject=sha256,
            expected="64 lower-case hexadecimal digits",
        )
    return sha256


def blob_key(sha256: str) -> str:
    """Return where a blob lies below the root of its store: ``blobs/sha256/ab/abcd...``."""
    return f"{FOLDER}{check_sha256(sha256)[:2]}/{sha256}"


def sha256_of_key(key: str) -> str | None:
    """Return the blob that lies at `key` below the root, or None if nothing of ours does."""
    match = _KEY.match(key)
    return match[2] if match else None


def no_blob(sha256: str, url: str) -> NotFound:
    """Build the error for a blob that is not there."""
    return NotFound(
        f"blob {sha256} is not in the store {url}",
        subject=blob_uri(sha256),
        hint="Log the content again, which stores it again, or restore it from a backup; `landfast registry check` "
        "tells what else is missing. Nothing but `landfast gc` may delete from the store.",
        sha256=sha256,
    )


def wrong_source(source: str, expected: str, found: str) -> InvalidInput:
    """Build the error for a file whose bytes have not the name that they are given."""
    return InvalidInput(
        f"{source} cannot be stored under that name",
        subject=source,
        expected=f"sha256 {expected}",
        found=f"sha256 {found}",
        hint="The file changed after it was hashed: run it again.",
    )


def damaged_blob(sha256: str, url: str, found: str) -> Conflict:
    """Build the error for a stored blob whose bytes have not its name."""
    return Conflict(
        f"blob {sha256} in the store {url} is damaged",
        subject=blob_uri(sha256),
        expected=f"sha256 {sha256}",
        found=found,
        hint="Restore it from a backup, or log the content again; in a bucket delete the blob first: "
        "not all damage shows without reading it.",
        sha256=sha256,
    )
