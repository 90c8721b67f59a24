"""ManifestCache: manifests of a remote store as local files, bounded, so that reading needs no network."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from landfast.blobs.base import BlobStore

# A manifest that was asked for so recently may be open in some process; it is never removed.
_IN_USE_S = 3600.0
_MAX_BYTES = 2 * 1024**3


class ManifestCache:
    """Keep manifest blobs under their sha256, in ``manifests/`` of the cache folder; the least used go first."""

    def __init__(self, folder: Path, *, max_bytes: int = _MAX_BYTES) -> None:
        self._folder = folder / "manifests"
        self._max_bytes = max_bytes

    def path(self, sha256: str, blobs: BlobStore) -> Path:
        """Return the manifest as a local file, fetched and verified if it is not here."""
        path = self._folder / sha256[:2] / sha256
        try:
            os.utime(path)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            blobs.fetch(sha256, path)
            self._prune()
        return path

    def _prune(self) -> None:
        now = time.time()
        files = []
        for path in self._folder.glob("*/*"):
            with contextlib.suppress(FileNotFoundError):
                facts = path.stat()
                files.append((facts.st_mtime, facts.st_size, path))
        total = sum(size for _, size, _ in files)
        for used_at, size, path in sorted(files):
            if total <= self._max_bytes or now - used_at < _IN_USE_S:
                return
            path.unlink(missing_ok=True)
            total -= size
