"""Publishing: log references and drafts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from landfast.client.scanning import Scanning
from landfast.errors import InvalidInput, LandfastError, NotFound
from landfast.model.lineage import Direction
from landfast.model.names import LATEST, ArtifactName
from landfast.model.reference import Reference
from landfast.version import ArtifactVersion, Named

if TYPE_CHECKING:
    from landfast.artifact import Artifact
    from landfast.manifests.held import HeldManifest
    from landfast.manifests.writer import WrittenManifest
    from landfast.model.snapshot_config import SnapshotConfig
    from landfast.registry.values import LogOutcome, LogRequest
    from landfast.scan.merging import ShardScan


class Publishing(Scanning):
    """The log verbs of a client."""

    def log(
        self,
        name: Named,
        *references: str | Path | Reference,
        type: str | None = None,
        partition: str | None = None,
        aliases: Sequence[str] = (),
        tags: Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
        description: str | None = None,
        ttl: timedelta | None = None,
        move_latest: bool = True,
        **scan: Any,
    ) -> ArtifactVersion:
        """Scan references and log what is there; a new version only if the content changed.

        Args:
            name: ``[[entity/]project/]collection[~PARTITION]``.
            references: URIs, paths, or `Reference` objects.
            type: None is the collection's type, ``dataset`` for a new collection.
            partition: The partition key, instead of ``~PARTITION``.
            aliases: To move to the version; `latest` is implied.
            tags: To add to the version.
            metadata: JSON object; of the version if it is new, on the observation always.
            description: Of the version if it is new.
            ttl: How long the version is kept if it is new.
            move_latest: False for backfills.
            scan: As in `Artifact.add_reference`: checksum, max_objects, include, exclude, allow_empty, options, shards.

        Returns:
            The version; `.created` and `.changed` tell what happened.
        """
        from landfast.artifact import Artifact

        if not references:
            raise InvalidInput(
                "log() needs at least one reference", hint="client.log(name, 's3://bucket/prefix/')"
            )
        full = self.name(name)
        kind = type or self.known_type(full) or "dataset"
        draft = Artifact(
            str(full), kind, description, metadata, partition=partition, ttl=ttl, client=self._whole
        )
        for reference in references:
            draft.add_reference(reference, **scan)
        return self.log_artifact(draft, aliases=aliases, tags=tags, move_latest=move_latest)

    def log_artifact(
        self,
        draft: Artifact,
        *,
        aliases: Sequence[str] = (),
        tags: Sequence[str] = (),
        direction: Direction | None = Direction.LOGGED,
        move_latest: bool = True,
    ) -> ArtifactVersion:
        """Log a draft; from then on it forwards to its version.

        Raises:
            Conflict: If the collection has another type, or the draft is logged already.
            InvalidInput: If nothing was added to it.
        """
        from landfast.publish.log import publish

        draft.bind(self._whole)
        self._remark(draft.scans)
        request, manifest = self._request(draft, aliases, tags, direction, move_latest)
        # Before the version, so that no version lacks its lineage if this process is killed in between.
        self._record_copied([draft])
        outcome = publish(
            self.registry, self.owned_blobs, request, manifest, find=draft.find_managed
        )
        return self._became(draft, outcome)

    def log_all(
        self,
        drafts: Iterable[Artifact],
        *,
        aliases: Sequence[str] = (),
        tags: Sequence[str] = (),
        direction: Direction | None = Direction.LOGGED,
        move_latest: bool = True,
    ) -> list[ArtifactVersion]:
        """Log many drafts, such as the partitions of a data set; as `log_artifact` does each.

        What changed is logged one by one.  All that is as it was is one transaction, and no manifest is
        written for it.

        Args:
            drafts: Each with a name or a partition of its own.
            aliases: To move to each version; `latest` is implied.
            tags: To add to each version.
            direction: As in `log_artifact`.
            move_latest: False for backfills.

        Returns:
            The version of each draft, in order.

        Raises:
            LandfastError: The first error, the others as notes; every other draft is logged all the same, as
                its `is_logged` tells.
        """
        from landfast.publish.log import Unpublished, publish_all

        drafts = list(drafts)
        self._remark([scan for draft in drafts for scan in draft.scans])
        many = []
        for draft in drafts:
            draft.bind(self._whole)
            request, manifest = self._request(draft, aliases, tags, direction, move_latest)
            many.append(Unpublished(request=request, manifest=manifest, find=draft.find_managed))
        self._record_copied(drafts)
        versions, errors = [], []
        outcomes = publish_all(self.registry, self.owned_blobs, many)
        for draft, outcome in zip(drafts, outcomes, strict=True):
            if isinstance(outcome, LandfastError):
                errors.append(outcome)
            else:
                versions.append(self._became(draft, outcome))
        if errors:
            for other in errors[1:]:
                errors[0].add_note(f"also: {other}")
            raise errors[0]
        return versions

    def _remark(self, scans: Sequence[ShardScan]) -> None:
        """Say what is worth knowing of what was scanned, once for all of it."""
        from landfast.scan import merging

        for remark in merging.remarks(scans):
            self._note(remark)

    def _request(
        self,
        draft: Artifact,
        aliases: Sequence[str],
        tags: Sequence[str],
        direction: Direction | None,
        move_latest: bool,
    ) -> tuple[LogRequest, WrittenManifest | HeldManifest]:
        from landfast.registry.values import LogRequest
        from landfast.scan import merging

        manifest = draft.merged()
        request = LogRequest(
            name=self.name(draft.draft_name),
            type=draft.type,
            summary=manifest.summary,
            sources=merging.merged_sources(draft.scans),
            skipped=merging.merged_skips(draft.scans),
            metadata=draft.metadata,
            description=draft.description,
            aliases=tuple(alias for alias in aliases if alias != LATEST),
            tags=tuple(tags),
            ttl_seconds=None if draft.ttl is None else int(draft.ttl.total_seconds()),
            run=self._ensure_run(),
            direction=direction,
            ticket=draft.ticket,
            move_latest=move_latest,
        )
        return request, manifest

    def _record_copied(self, drafts: Iterable[Artifact]) -> None:
        """Record as used the versions whose entries drafts have copied."""
        used = dict.fromkeys(key for draft in drafts for scan in draft.scans for key in scan.uses)
        if used:
            self.registry.add_edges(self._ensure_run(), Direction.USED, list(used))

    def _became(self, draft: Artifact, outcome: LogOutcome) -> ArtifactVersion:
        version = ArtifactVersion(
            outcome.version,
            self._whole,
            created=outcome.created,
            changed=outcome.changed,
            change=outcome.change,
        )
        draft.became(version)
        return version

    def new_draft(self, named: Named) -> Artifact:
        """Return a draft that starts from a version's entries."""
        from landfast.artifact import Artifact

        version = self.get(named)
        draft = Artifact(
            str(version.full_name.bare()),
            version.type,
            version.description,
            version.metadata,
            client=self._whole,
        )
        draft.add_reference(version.uri, max_objects=max(1, version.file_count))
        return draft

    def copy_into(self, place: str, local_path: str | Path) -> str:
        """Copy a file into a folder or bucket of yours, under the sha256 of its bytes.

        Nothing there is ever overwritten: other bytes have another address, and equal bytes are left as they are.

        Args:
            place: A folder, ``file:///FOLDER``, ``s3://BUCKET/PREFIX`` or ``gs://BUCKET/PREFIX``.
            local_path: The file.

        Returns:
            Where it lies, a URI to reference: ``PLACE/blobs/sha256/ab/abcd...``.

        Raises:
            InvalidInput: If files cannot be copied to such a place.
            Conflict: If it is the store of a registry, whose garbage collection would take them.
            NotFound: If there is no such file, or no bucket.
            AccessDenied: Naming the missing permission.
        """
        from landfast.publish.log import copy_into
        from landfast.store_label import check_no_store

        blobs = self._blobs_at(place)
        check_no_store(blobs)
        return copy_into(blobs, Path(local_path))

    def known_type(self, name: ArtifactName) -> str | None:
        """Return the type of a collection; None if there is no such collection."""
        try:
            return self.registry.collection(name).type
        except NotFound:
            return None

    def log_scans(
        self, name: Named, scans: Sequence[ShardScan], *, ticket: int | None = None, **log: Any
    ) -> ArtifactVersion:
        """Log what all shards of one plan found, as one version.

        Args:
            name: As in `log`.
            scans: One result of `scan_shard` for every shard.
            ticket: From `registry.ticket()`, drawn before `plan`; None draws one now.
            log: type, partition, metadata, description, ttl, aliases, tags, move_latest as in `log`.
        """
        from landfast.artifact import Artifact

        full = self.name(name)
        kind = log.pop("type", None) or self.known_type(full) or "dataset"
        made = {key: log.pop(key, None) for key in ("description", "metadata", "partition", "ttl")}
        draft = Artifact(str(full), kind, client=self._whole, **made)
        draft.add_scans(scans, ticket=ticket)
        return self.log_artifact(draft, **log)

    def snapshot(
        self, config: SnapshotConfig, *, partition_key: str | None = None
    ) -> ArtifactVersion:
        """Log what a snapshot of `snapshots.yaml` describes.

        Args:
            config: From `landfast.load_snapshots`.
            partition_key: Fills ``{partition_key}`` in its URIs and partition.

        Raises:
            InvalidInput: If it needs a partition key and none is given.
        """
        filled = config.for_partition(partition_key)
        return self.log(
            filled.name,
            *filled.references(),
            type=filled.type,
            partition=filled.partition,
            aliases=filled.aliases,
            tags=filled.tags,
            metadata=filled.metadata,
            description=filled.description,
            ttl=filled.ttl,
        )
