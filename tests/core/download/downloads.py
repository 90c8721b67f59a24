"""What tests of downloads say of a folder, and how they read one entry."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from landfast.cache import BlobCache
from landfast.download.open import open_entry
from landfast.download.run import DownloadReport
from landfast.pins.sets import PinSets
from landfast.stores.opener import Stores

Download = Callable[..., DownloadReport]
MEBIBYTE = 1 << 20


def tree(root: Path) -> dict[str, bytes]:
    """Read every file below a folder but the marker's."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.relative_to(root).parts[0] != ".landfast"
    }


def read(scan: Any, path: str, stores: Stores, cache: BlobCache | None = None) -> bytes:
    pins = PinSets([(scan.manifest, scan.sources)], stores)
    with open_entry(pins, scan.manifest.get(path), cache=cache) as stream:
        return stream.read()
