"""Source: what a version was scanned from, and Skipped: what the scan left out, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One reference of a version as it is recorded, without secrets.

    Args:
        uri: The reference without secrets; a folder ends in ``/``.
        name: Path in the artifact for the entries; ``""`` is the root.
        include: Globs of paths to keep; empty keeps all.
        exclude: Globs of paths to leave out, even if `include` matches them.
        checksum: Requested kind; None is the store's default, ``"none"`` is ``checksum=False``.
        endpoint: The effective endpoint of the store, such as ``http://minio:9000``; None is the provider's own.
        options: Non-secret options: region, profile, requester_pays, anonymous, ...
        stripped: Names of secret query parameters that were not recorded.
        versioning: ``enabled``, ``suspended``, ``off``, ``unknown`` or ``none``.
        inventory: Inventory that listed the objects: a report, or a snapshot of a table; None if the bucket was listed.
        as_of: Time of the inventory, UTC, such as ``2026-05-01T03:00:00Z``.
    """

    uri: str
    name: str = ""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    checksum: str | None = None
    endpoint: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    stripped: tuple[str, ...] = ()
    versioning: str = "none"
    inventory: str | None = None
    as_of: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Describe the source, without fields that have their default value."""
        facts = {
            "uri": self.uri,
            "name": self.name,
            "include": list(self.include),
            "exclude": list(self.exclude),
            "checksum": self.checksum,
            "endpoint": self.endpoint,
            "options": self.options,
            "stripped": list(self.stripped),
            "versioning": self.versioning,
            "inventory": self.inventory,
            "as_of": self.as_of,
        }
        return {key: value for key, value in facts.items() if value}


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """Number of objects that a scan left out for one reason, with a few examples.

    Args:
        reason: ``folder marker``, ``excluded``, ``not included``, ``symlink``, ...; or a glob that
            matched nothing.
        count: Number of objects; 0 for a glob that matched nothing.
        examples: Paths of at most ten of these objects.
    """

    reason: str
    count: int
    examples: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Describe the objects that were left out."""
        return {"reason": self.reason, "count": self.count, "examples": list(self.examples)}
