"""Changing: aliases, tags, descriptions, deletion, garbage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from types import EllipsisType
from typing import TYPE_CHECKING, Any

from landfast.client.access import Access
from landfast.errors import InvalidInput, NotFound
from landfast.model.names import LATEST, ArtifactName
from landfast.registry.values import VersionEdit
from landfast.version import ArtifactVersion, Named

if TYPE_CHECKING:
    from landfast.model.garbage import GarbageReport
    from landfast.model.health import RegistryCheck
    from landfast.registry.values import RegistryInfo


class Changing(Access):
    """The verbs of a client that edit the registry."""

    def promote(self, named: Named, alias: str) -> ArtifactVersion:
        """Move an alias to a version."""
        version = self.get(named)  # before the run, which would make a registry where none is
        record, _ = self.registry.promote(version.full_name, alias, run=self._ensure_run())
        return ArtifactVersion(record, self._whole)

    def remove_alias(self, named: Named, alias: str) -> None:
        """Take an alias away; `latest` cannot be.

        Raises:
            Conflict: If `named` says a version, and the alias names another one.
        """
        self.registry.remove_alias(self.name(named), alias)

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
            VersionEdit(
                description=description,
                metadata=None if metadata is None else dict(metadata),
                ttl_seconds=ttl
                if ttl is None or isinstance(ttl, EllipsisType)
                else int(ttl.total_seconds()),
                add_tags=tuple(add_tags),
                remove_tags=tuple(remove_tags),
            ),
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

    def undelete(self, named: Named) -> ArtifactVersion:
        """Make a deleted version live again, as long as `gc` has not taken its manifest and managed files.

        Its aliases do not come back; `latest` names it only if no other version is live.  A time to live
        that is over is taken away.

        Args:
            named: With its number, ``mnist:v3``.

        Raises:
            NotFound: If there is no such version, or its blobs were collected.
            Conflict: If its content was logged again since, as another version.
            InvalidInput: If the name has no number.
        """
        from landfast.publish.undelete import undelete

        name = self.name(named)
        if name.index is None:
            raise InvalidInput(
                f"{name} does not say which deleted version is meant",
                subject=str(name),
                expected="a name with a number, such as mnist:v3",
                hint="`client.versions(name, deleted=True)` lists them.",
            )
        record = undelete(self.registry, self.owned_blobs, self.open_manifest, name)
        return ArtifactVersion(record, self._whole)

    def _picked(self, named: Named) -> ArtifactName:
        name = self.name(named)
        return name if name.picks_version else replace(name, alias=LATEST)

    def gc(self, *, grace: timedelta = timedelta(days=1), dry_run: bool = True) -> GarbageReport:
        """Expire versions past their TTL and remove blobs that nothing names.

        Args:
            grace: Blobs younger than this stay: a writer may be about to name them.  Longer than the age of any
                backup that may be restored.
            dry_run: Only report.

        Raises:
            Conflict: If the store is another registry's, or a copy's.
        """
        from landfast import store_label
        from landfast.upkeep.gc import collect_garbage

        owner = store_label.claim(self.registry, self.blobs, dry_run=dry_run)
        store_label.check_alone(self.registry.info)
        return collect_garbage(
            self.registry,
            self.blobs,
            self.manifest_of,
            grace=grace,
            dry_run=dry_run,
            orphans_since=owner.adopted_at,
        )

    def check_registry(self, *, deep: bool = False) -> RegistryCheck:
        """Compare what live versions need with what the registry's store has.

        Args:
            deep: Whether to read every blob again; else presence and size are taken from a listing.
        """
        from landfast.upkeep.registry_check import check_registry

        return check_registry(self.registry, self.blobs, self.open_manifest, deep=deep)

    def init_registry(self) -> RegistryInfo:
        """Make the registry that this client names, or find that it is there, with its store.

        Raises:
            Conflict: If the registry has another store, or the store belongs to another registry.
            InvalidInput: If PostgreSQL gets no store.
        """
        from landfast import store_label
        from landfast.registry.opener import init_registry, open_registry

        url, store = self.settings.effective_registry_url, self.settings.store_url
        try:
            open_registry(url, create=False, store_url=store).close()
        except NotFound:
            if store is not None:
                store_label.check_unowned(self._blobs_at(store))
            init_registry(url, store)
        store_label.claim(self.registry, self.blobs)
        return self.registry.info

    def adopt_store(self) -> RegistryInfo:
        """Say that the registry's store belongs to it: it was moved, or the store's owner is gone for good."""
        from landfast.store_label import adopt

        adopt(self.registry, self.blobs)
        return self.registry.info

    def fork_registry(self, store_url: str) -> RegistryInfo:
        """Give this registry, which was made by copying another, an id and a store of its own.

        Its blobs are copied there; the store that it was copied with stays as it is.

        Args:
            store_url: ``s3://``, ``gs://`` or a folder that no registry owns.

        Raises:
            Conflict: If the store belongs to another registry.
        """
        from landfast import store_label
        from landfast.registry.opener import fork_registry

        target = self._blobs_at(store_url)
        store_label.copy_blobs(self.registry, self.blobs, target)
        info = fork_registry(self.settings.effective_registry_url, store_url)
        self.registry.close()
        for part in ("registry", "blobs", "owned_blobs", "stores"):
            self.__dict__.pop(part, None)
        store_label.claim(self.registry, self.blobs)
        return info
