"""FileOptions: what can be set for `file://`, checked before it is used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, get_args

from landfast.errors import InvalidInput
from landfast.stores.local.walk import Symlinks


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOptions:
    """What can be set for `file://`.

    Args:
        stat_cache: Whether hashes of unchanged files are remembered in the cache folder; None, the default,
            where every later write is sure to show in a file's times, True also in memory and on network mounts.
        symlinks: ``follow`` them, files and folders, or ``skip`` them and say so.
        path_map: Recorded folders and where they are mounted here: ``{"/mnt/a": "/data/a"}``.
    """

    stat_cache: bool | None = None
    symlinks: Symlinks = "follow"
    path_map: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, options: Mapping[str, Any]) -> FileOptions:
        """Check options; `InvalidInput` if one is unknown or has an impossible value."""
        known = {item.name for item in fields(cls)}
        if unknown := sorted(options.keys() - known):
            raise InvalidInput(
                f"file:// has no option {unknown[0]!r}",
                subject=unknown[0],
                expected=", ".join(sorted(known)),
            )
        made = cls(**options)
        if made.symlinks not in get_args(Symlinks):
            raise InvalidInput(
                "symlinks= is wrong", expected="'follow' or 'skip'", found=repr(made.symlinks)
            )
        for there, here in made.path_map.items():
            if not (there.startswith("/") and here.startswith("/")):
                raise InvalidInput(
                    "path_map= is wrong", expected="absolute paths", found=f"{there!r}: {here!r}"
                )
        return made

    def local(self, key: str) -> Path:
        """Return where a recorded path lies on this machine, by the longest folder of the map."""
        if "\0" in key:
            raise InvalidInput(f"{key!r} is not a path", subject=repr(key))
        best, mapped = "", key
        for there, here in self.path_map.items():
            folder = there.rstrip("/") + "/"
            if (key + "/").startswith(folder) and len(folder) > len(best):
                best, mapped = folder, here.rstrip("/") + "/" + key[len(folder) :]
        return Path(mapped)
