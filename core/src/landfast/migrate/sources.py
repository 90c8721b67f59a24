"""Where the entries of a foreign manifest lie, as the sources by which a version is verified and found again."""

from __future__ import annotations

import os.path
from dataclasses import dataclass, field, replace

from landfast.model.location import Location
from landfast.model.manifest import ManifestEntry
from landfast.model.source import Source
from landfast.stores.base import Versioning

# A folder is listed to verify what lies in it, so a few objects of one that may hold millions are named each.
_FEW = 16
_MOST_GROUPS = 256


@dataclass(slots=True)
class _Group:
    """Entries whose paths continue one folder in the same way.

    Args:
        root: The folder.
        name: What the paths of its entries begin with.
        common: What all of them begin with below the folder.
        few: Their locations and paths, while they are few.
        count: How many there are.
        is_versioned: Whether one has a version id.
        stripped: Names of secrets that were taken out of their URIs.
    """

    root: Location
    name: str
    common: str
    few: list[tuple[Location, str]] = field(default_factory=list)
    count: int = 0
    is_versioned: bool = False
    stripped: set[str] = field(default_factory=set)

    def add(self, location: Location, path: str, below: str, *, is_versioned: bool) -> None:
        self.count += 1
        self.is_versioned |= is_versioned
        self.common = os.path.commonprefix([self.common, below])  # noqa: RUF071 - keys, not paths
        if self.count <= _FEW:
            self.few.append((location, path))

    def sources(self, endpoint: str | None) -> list[Source]:
        versioning = Versioning.ENABLED if self.is_versioned else Versioning.UNKNOWN
        blank = Source(
            uri="",
            endpoint=endpoint,
            versioning=str(versioning),
            stripped=tuple(sorted(self.stripped)),
        )
        if self.count <= _FEW:
            return [
                replace(blank, uri=where.uri, name="" if path == where.basename else path)
                for where, path in self.few
            ]
        folder = self.common[: self.common.rfind("/") + 1]
        name = f"{self.name}/{folder}".strip("/") if self.name else folder.rstrip("/")
        return [replace(blank, uri=self.root.child(folder).uri, name=name)]


class SourceBuilder:
    """Collects the places of entries as they go by, in bounded memory.

    Args:
        endpoint: Where the other tool read them; None if it does not say.
    """

    def __init__(self, endpoint: str | None = None) -> None:
        self._endpoint = endpoint
        self._groups: dict[tuple[str, str], _Group] = {}

    def add(self, entry: ManifestEntry) -> ManifestEntry:
        """Take an entry, and return it without what may be a secret in its URI."""
        location, stripped = Location.parse(entry.uri, pins=False).without_secrets()
        root, name, below = _split(location, entry.path)
        key = (root.uri, name)
        if key not in self._groups and len(self._groups) >= _MOST_GROUPS:
            # Of objects all over a bucket only the bucket is said.
            root, name, below = replace(location, key=""), "", location.key
            key = (root.uri, name)
        group = self._groups.setdefault(key, _Group(root, name, below))
        group.stripped.update(stripped)
        group.add(location, entry.path, below, is_versioned=entry.is_pinned)
        return replace(entry, uri=location.uri) if stripped else entry

    def build(self) -> tuple[Source, ...]:
        """Return the sources, in the order in which they were met."""
        groups = self._groups.values()
        return tuple(source for group in groups for source in group.sources(self._endpoint))


def _split(location: Location, path: str) -> tuple[Location, str, str]:
    """Return the folder that a path continues, what the path has before that, and what both have in common.

    Example:
        >>> root, name, below = _split(Location.parse("s3://b/data/train/0.png"), "all/train/0.png")
        >>> root.uri, name, below
        ('s3://b/data/', 'all', 'train/0.png')
    """
    keys, parts = location.key.split("/"), path.split("/")
    same = 0
    while same < min(len(keys), len(parts)) and keys[-1 - same] == parts[-1 - same]:
        same += 1
    if not same:
        return replace(location, key=location.key[: location.key.rfind("/") + 1]), path, ""
    below = "/".join(parts[len(parts) - same :])
    root = replace(location, key=location.key.removesuffix(below))
    return root, "/".join(parts[: len(parts) - same]), below
