"""Uploading: store a file in the registry's store, announced to garbage collection first."""

from __future__ import annotations

from pathlib import Path

from landfast.blobs.base import BlobStore
from landfast.registry.registry import Registry


def upload(registry: Registry, blobs: BlobStore, path: Path, sha256: str, size: int) -> None:
    """Store a file under its sha256, announced to garbage collection first.

    A blob that is there already is only announced, unless it was condemned meanwhile, or its bytes are not
    the file's.
    """
    condemned = registry.record_blobs({sha256: size})
    if condemned or not blobs.holds(sha256, path):
        blobs.put(path, sha256)
