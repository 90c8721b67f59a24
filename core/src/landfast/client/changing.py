"""Changing: aliases, tags, descriptions, deletion, garbage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from types import EllipsisType
from typing import TYPE_CHECKING, Any

from landfast.client.access import Access
from landfast.model.names import LATEST, ArtifactName
from landfast.version import ArtifactVersion, Named

if TYPE_CHECKING:
    from landfast.model.garbage import GarbageReport


class Changing(Access):
    """The verbs of a client that edit the registry."""

    def promote(self, named: Named, alias: str) -> ArtifactVersion:
        """Move an alias to a version."""
        record, _ = self.registry.promote(self._picked(named), alias, run=self._ensure_run())
        return ArtifactVersion(record, self._whole)

    def remove_alias(self, named: Named, alias: str) -> None:
        """Take an alias away; `latest` cannot be."""
        self.registry.remove_alias(self.name(named).bare(), alias)

    def update(
        self,
        named: Named,
        *,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        ttl: timedelta | EllipsisType | None = ...,
        add_tags: Iterable[str] = (),
        remove_tags: Iterable[str] = (),
    ) -> ArtifactVersion:
        """Edit a version's description, metadata, TTL and tags; content never changes."""
        record = self.registry.update(
            self._picked(named),
            description=description,
            metadata=None if metadata is None else dict(metadata),
            ttl_seconds=ttl
            if ttl is None or isinstance(ttl, EllipsisType)
            else int(ttl.total_seconds()),
            add_tags=add_tags,
            remove_tags=remove_tags,
        )
        return ArtifactVersion(record, self._whole)

    def delete(self, named: Named, *, delete_aliases: bool = False) -> ArtifactVersion:
        """Soft-delete a version; the objects it refers to are never touched.

        Raises:
            Conflict: If aliases name it and `delete_aliases` is False.
        """
        return ArtifactVersion(
            self.registry.delete(self._picked(named), delete_aliases=delete_aliases), self._whole
        )

    def _picked(self, named: Named) -> ArtifactName:
        name = self.name(named)
        return name if name.picks_version else replace(name, alias=LATEST)

    def gc(self, *, grace: timedelta = timedelta(days=1), dry_run: bool = True) -> GarbageReport:
        """Expire versions past their TTL and remove blobs that nothing names.

        Args:
            grace: Blobs younger than this stay: a writer may be about to name them.
            dry_run: Only report.
        """
        from landfast.services.gc import collect_garbage

        return collect_garbage(
            self.registry, self.blobs, self.manifest_of, grace=grace, dry_run=dry_run
        )
