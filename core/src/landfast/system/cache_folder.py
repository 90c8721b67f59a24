"""The cache folder: one place for what can be thrown away and made again."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder(explicit: str | os.PathLike[str] | None = None) -> Path:
    """Return the cache folder: as given, else ``LANDFAST_CACHE_DIR``, else the user's; not made yet."""
    chosen = explicit or os.environ.get("LANDFAST_CACHE_DIR")
    if chosen:
        return Path(chosen).expanduser().absolute()
    from platformdirs import user_cache_path

    return user_cache_path("landfast", appauthor=False)
