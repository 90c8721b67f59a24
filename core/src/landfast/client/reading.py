"""Reading: versions by name, history, the change feed, diff and lineage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from landfast.client.runs import Runs
from landfast.errors import AccessDenied, Conflict, NotFound
from landfast.model.lineage import Direction
from landfast.model.run import RunKey, RunRecord
from landfast.registry.values import ChangeFilter
from landfast.version import ArtifactVersion, Named

if TYPE_CHECKING:
    from landfast.manifests.base import Manifest
    from landfast.manifests.reader import ManifestFile
    from landfast.model.diff import ManifestDiff
    from landfast.model.lineage import Edge, Lineage, ObjectLineage
    from landfast.model.version import Change, CollectionRecord, Observation, PinSet, VersionRecord


class Reading(Runs):
    """The verbs of a client that change nothing but edges."""

    def get(self, named: Named) -> ArtifactVersion:
        """Return a version by name, without an edge; `use` is for pipelines.

        Args:
            named: ``mnist`` (its latest), ``mnist:v3``, ``mnist:prod``, ``mnist@lf1:...``, a ``landfast://`` URI.

        Raises:
            NotFound: Naming what is missing, and what there is.
        """
        if isinstance(named, ArtifactVersion):
            return named
        return ArtifactVersion(self.registry.get(self.name(named)), self._whole)

    def use(
        self,
        named: Named,
        *,
        type: str | None = None,
        declared: bool = False,
    ) -> ArtifactVersion:
        """Return a version and record that this run used it.

        Args:
            named: As in `get`.
            type: The type expected.
            declared: Whether the orchestrator only says so and nothing is loaded.

        Raises:
            Conflict: If it has another type.
        """
        version = self.get(named)
        if type is not None and version.type != type:
            raise Conflict(
                f"{version.qualified_name} has another type",
                subject=version.qualified_name,
                expected=type,
                found=version.type,
            )
        self.use_all([version], declared=declared)
        return (
            version
            if version._client_here is self._whole
            else ArtifactVersion(version.record, self._whole)
        )

    def use_all(self, versions: Iterable[ArtifactVersion], *, declared: bool = False) -> None:
        """Record that this run used many versions, in one transaction; as `use` does each.

        Where the registry may only be read, that is said once, and nothing is recorded.

        Args:
            versions: What was used.
            declared: As in `use`.
        """
        direction = Direction.DECLARED if declared else Direction.USED
        ids = [version.record.id for version in versions]
        try:
            self.registry.add_edges(self._ensure_run(), direction, ids)
        except AccessDenied as error:
            if not self._said_unrecorded:
                self._said_unrecorded = True
                self._note(f"what is used here is not recorded: {error}")

    def as_of(self, named: Named, moment: datetime) -> ArtifactVersion:
        """Return what a name's alias (or latest) meant at a moment, registry time."""
        return ArtifactVersion(self.registry.as_of(self.name(named), moment), self._whole)

    def history(self, named: Named, *, limit: int | None = None) -> list[Observation]:
        """Return the observations of a collection's partition, or of one version, newest first."""
        return list(self.registry.observations(self.name(named), limit=limit))

    def versions(self, named: Named, *, deleted: bool = False) -> list[ArtifactVersion]:
        """Return the versions of a collection's partition, newest first."""
        found = self.registry.versions(self.name(named).bare(), deleted=deleted)
        return [ArtifactVersion(record, self._whole) for record in found]

    def collections(self, project: str | None = None) -> list[CollectionRecord]:
        """Return the collections of this client's entity, of one project if given."""
        return list(self.registry.collections(entity=self.settings.entity, project=project))

    def partitions(
        self, named: Named, keys: Iterable[str] | None = None
    ) -> dict[str, ArtifactVersion]:
        """Return the latest version of each partition of a collection, by key.

        Args:
            named: The collection.
            keys: Only these partitions, asked for at once; those that have no version are left out.
        """
        wanted = None if keys is None else list(keys)
        found = self.registry.partitions(self.name(named).bare(), keys=wanted)
        return {key: ArtifactVersion(record, self._whole) for key, record in found}

    def changes(
        self,
        *,
        after: int = 0,
        limit: int | None = None,
        name: Named | None = None,
        partitions: bool = False,
    ) -> Iterator[Change]:
        """Yield the change feed after a position, ascending.

        Args:
            after: The position.
            limit: The most changes.
            name: Only of this collection's partition.
            partitions: Whether `name` means all partitions of its collection.
        """
        full = None if name is None else self.name(name).bare()
        return self.registry.changes(
            ChangeFilter(name=full, partitions=partitions), after=after, limit=limit
        )

    def version_of(self, change: Change) -> ArtifactVersion:
        """Return the version that a change moved to, also one that was deleted since."""
        try:
            return self.get(change.version)
        except NotFound:
            for version in self.versions(change.version, deleted=True):
                if version.full_name == change.version:
                    return version
            raise

    def pending_announcement(self, named: Named, consumer: str) -> Change | None:
        """Return the change of `latest` that a consumer still has to be told, or None."""
        return self.registry.pending_announcement(
            self.name(named).bare(), consumer, run=self._run_key()
        )

    def mark_announced(self, consumer: str, change: Change) -> None:
        """Record that a consumer was told of a change."""
        self.registry.mark_announced(consumer, change)

    def announced_position(self, consumer: str, name: Named | None = None) -> int:
        """Return the position of the newest change that a consumer was told of; 0 if of none.

        Args:
            consumer: Who was told.
            name: Only changes of this collection's partition.
        """
        within = None if name is None else self.name(name).bare()
        return self.registry.announced_position(consumer, within)

    def manifest_of(self, record: VersionRecord) -> ManifestFile:
        """Open the manifest that a version was created with."""
        return self.open_manifest(record.blob)

    def pinned_manifests(self, named: Named) -> list[tuple[PinSet, Manifest]]:
        """Return every manifest of a version, newest pins first."""
        pin_sets = self.registry.pin_sets(self.get(named).record.id)
        return [(pin_set, self.open_manifest(pin_set.blob)) for pin_set in pin_sets]

    def runs_using(self, named: Named) -> list[RunRecord]:
        """Return the runs that used a version, first use first."""
        record = self.get(named).record
        edges = self.registry.edges(versions=[record.id])
        keys = dict.fromkeys(edge.run for edge in edges if edge.direction is not Direction.LOGGED)
        return [self.registry.run(key) for key in keys]

    def uses(self, named: Named) -> list[Edge]:
        """Return who used any version of a collection's partition, first use first; declared uses too.

        Args:
            named: As in `get`; a version in it is not looked at.
        """
        full = self.name(named).bare()
        try:
            found = [record.id for record in self.registry.versions(full, deleted=True)]
        except NotFound:
            return []
        edges = self.registry.edges(versions=found) if found else []
        return [edge for edge in edges if edge.direction is not Direction.LOGGED]

    def latest_uses(self, named: Named, by: RunKey, *, partitions: bool = False) -> Iterator[Edge]:
        """Yield who used or declared a version of a collection's partition, newest first.

        Args:
            named: As in `get`; a version in it is not looked at.
            by: Only runs of its system and deployment, whose run id begins with its run id.
            partitions: Whether all partitions of the collection are meant.
        """
        return self.registry.latest_uses(self.name(named).bare(), by, partitions=partitions)

    def diff(self, old: Named, new: Named) -> ManifestDiff:
        """Return what was added, removed, modified, renamed and repinned from one version to another."""
        from landfast.query.diff import diff

        return diff(self.get(old).manifest, self.get(new).manifest)

    def lineage(self, named: Named, **options: Any) -> Lineage:
        """Return the versions and runs up- and downstream of a version, transitively.

        Args:
            named: As in `get`.
            options: until (a moment), declared.
        """
        from landfast.query.lineage import lineage

        return lineage(self.registry, self.get(named).record, **options)

    def _latest_manifest(self, near: Named | None) -> Manifest | None:
        if near is None:
            return None
        try:
            record = self.registry.get(self.name(near).bare())
        except NotFound:
            return None
        return self.open_manifest(self.registry.pin_sets(record.id)[0].blob)

    def lineage_of_object(self, uri: str, version_id: str | None = None) -> ObjectLineage:
        """Return which versions and runs contain an object.

        Args:
            uri: The object; an explicit pin in it counts as `version_id`.
            version_id: Only this version of the object.
        """
        from landfast.query.lineage import lineage_of_object

        return lineage_of_object(self.registry, self.manifest_of, uri, version_id=version_id)
