"""Mirror: read the registry's change feed on from a cursor, as observations of the assets that follow it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import dagster as dg
import landfast

from dagster_landfast import compat, feed, identity, observing
from dagster_landfast.cursors import Cursor
from dagster_landfast.feed import LATEST
from dagster_landfast.heard import Heard, Part
from dagster_landfast.metadata import CHANGE, version_metadata
from dagster_landfast.prefix import PARTITION, PLACEHOLDER
from dagster_landfast.records import ARTIFACT, DIGEST, POSITION
from dagster_landfast.registry_asset import ALIAS, by_alias
from dagster_landfast.resource import LandfastResource

# Changes of artifacts that no asset follows are read as well; so many are enough for one tick.
_MOST_READ = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """An asset, and the artifact that it follows.

    Args:
        asset_key: The asset.
        name: The artifact; a partition in it is the only one.
        alias: What is followed.
        partitions_def: Of the asset.
        template: How the artifact's partition is made of Dagster's key.
        metadata: Of its definition.
    """

    asset_key: dg.AssetKey
    name: landfast.ArtifactName
    alias: str = LATEST
    partitions_def: dg.PartitionsDefinition[Any] | None = None
    template: str = PLACEHOLDER
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, spec: dg.AssetSpec) -> Followed:
        """Return what an observable asset of ours follows."""
        text = {key: identity.text_of(spec.metadata.get(key)) for key in (ALIAS, PARTITION)}
        return cls(
            asset_key=spec.key,
            name=identity.artifact_name(spec.key, spec.metadata),
            alias=text[ALIAS] or LATEST,
            partitions_def=spec.partitions_def,
            template=text[PARTITION] or PLACEHOLDER,
            metadata=spec.metadata,
        )

    def in_use(self, client: landfast.Client) -> Followed:
        """Return it under the name that the registry knows."""
        name = identity.name_in_use(client, self.asset_key, self.metadata)
        return replace(self, name=name)

    @property
    def id(self) -> str:
        """What it is in a cursor: another one if the asset follows something else."""
        return f"{self.asset_key.to_user_string()} {self.name}:{self.alias}"

    def part(self, partition: str) -> Part | None:
        """Return what a partition of the artifact is in Dagster; None if it can be none of this asset's."""
        if self.partitions_def is None:
            return (self.asset_key, None) if partition == self.name.partition else None
        key = self.partition_key(partition)
        return None if key is None else (self.asset_key, key)

    def partition_key(self, partition: str) -> str | None:
        """Return Dagster's key of a partition of the artifact; None if it can not be one of this asset's."""
        before, _, after = self.template.partition(PLACEHOLDER)
        end = len(partition) - len(after)
        if not (partition.startswith(before) and partition.endswith(after) and end > len(before)):
            return None
        return partition[len(before) : end]


@dataclass(slots=True, kw_only=True)
class Mirror:
    """One tick of the sensor.

    Args:
        resource: Of the registry.
        followed: The assets.
        instance: Dagster's, which knows the partitions that were added at run time.
        most_events: The most to tell of in this tick.
    """

    resource: LandfastResource
    followed: Sequence[Followed]
    instance: dg.DagsterInstance
    most_events: int
    notes: list[str] = field(default_factory=list)
    _new: dict[str, list[str]] = field(default_factory=dict)
    _heard: Heard = field(init=False)

    def __post_init__(self) -> None:
        client = self.resource.client
        self._heard = Heard(self.instance, feed.registry_of(client))
        self.followed = [each.in_use(client) for each in self.followed]

    def advance(self, text: str | None) -> tuple[list[dg.AssetObservation], Cursor]:
        """Return the next events and where to go on: first what there is of new assets, then the feed."""
        client = self.resource.client
        cursor = Cursor.read(text, registry=feed.registry_of(client), head=feed.head_of(client))
        # Of an asset that is dropped and comes back, what happened in between is told as its state.
        still = {each.id for each in self.followed}
        cursor = replace(
            cursor, begun={each: head for each, head in cursor.begun.items() if each in still}
        )
        events: list[dg.AssetObservation] = []
        for each in self.followed:
            if each.id not in cursor.begun and len(events) < self.most_events:
                cursor = self._begin(each, cursor, events)
        if len(events) < self.most_events:
            cursor = self._follow(cursor, events)
        return events, cursor

    def partitions_to_add(
        self,
    ) -> list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest]:
        """Return the requests for partitions that Dagster does not know yet."""
        return [dg.AddDynamicPartitionsRequest(name, keys) for name, keys in self._new.items()]

    def _begin(self, each: Followed, cursor: Cursor, events: list[dg.AssetObservation]) -> Cursor:
        """Tell what there is of an asset and Dagster does not know, as far as this tick has room."""
        look = feed.Look(self.resource.client)
        if cursor.telling != each.id:
            cursor = replace(cursor, telling=each.id, after=None, head=look.head)
        current = dict(self._current(each, cursor.after))
        parts = [each.part(partition) for partition in current]
        self._heard.read({part: () for part in parts if part is not None})
        for partition, version in current.items():
            if len(events) >= self.most_events:
                return cursor
            # Positions of what the asset followed before mean nothing: only what came while we look is newer.
            events += self._told(
                each,
                version.full_name,
                version.digest,
                look.position(version, each.alias),
                how="what there is",
                since=look.head + 1,
            )
            cursor = replace(cursor, after=partition)
        begun = {**cursor.begun, each.id: cursor.head}
        return replace(cursor, begun=begun, telling="", after=None, head=0)

    def _current(
        self, each: Followed, after: str | None
    ) -> Iterator[tuple[str, landfast.ArtifactVersion]]:
        client = self.resource.client
        name = client.resolve_name(each.name)
        partitions = feed.partitions_of(client, replace(name, partition=""))
        for partition in sorted(partitions):
            if after is None or partition > after:
                version: landfast.ArtifactVersion | None = partitions[partition]
                if each.alias != LATEST:
                    version = by_alias(client, replace(name, partition=partition), each.alias)
                if version is not None:
                    yield partition, version

    def _follow(self, cursor: Cursor, events: list[dg.AssetObservation]) -> Cursor:
        """Tell of the changes after the cursor; the state of every asset has been told of before."""
        if not cursor.registry:
            return cursor
        changes = list(self.resource.client.changes(after=cursor.position, limit=_MOST_READ))
        followed = self._following(changes, cursor)
        pending: dict[Part, list[landfast.Change]] = {}
        for change in changes:
            for each in followed[change.position]:
                part = each.part(change.version.partition)
                if part is not None:
                    pending.setdefault(part, []).append(change)
        self._heard.read(pending)
        for change in changes:
            if len(events) >= self.most_events:
                break
            by = f" by {change.run}" if change.run else ""
            for each in followed[change.position]:
                events += self._told(
                    each,
                    change.version,
                    change.digest,
                    change.id,
                    how=f"{change.kind}{by}",
                    since=change.position,
                )
            cursor = replace(cursor, position=change.position)
        return cursor

    def _following(
        self, changes: Sequence[landfast.Change], cursor: Cursor
    ) -> dict[int, list[Followed]]:
        """Return the assets that follow what each change moved, by its position."""
        wanted: dict[tuple[landfast.ArtifactName, str], list[Followed]] = {}
        for each in self.followed:
            collection = replace(self.resource.client.resolve_name(each.name), partition="")
            wanted.setdefault((collection, each.alias), []).append(each)
        return {
            change.position: [
                each
                for each in wanted.get(
                    (replace(change.version.bare(), partition=""), change.alias), ()
                )
                if change.position > cursor.begun[each.id]
            ]
            for change in changes
        }

    def _told(
        self,
        each: Followed,
        name: landfast.ArtifactName,
        digest: str,
        position: str,
        *,
        how: str,
        since: int,
    ) -> list[dg.AssetObservation]:
        """Return the event for a version; none if Dagster knows it, or it is of a partition that the asset has not."""
        part = each.part(name.partition)
        if part is None or self._heard.knows(part, name, digest, since):
            return []
        if part[1] is not None and not self._has(each, part[1]):
            return []
        self._heard.tell(part, name, digest, int(position.rpartition(":")[2]))
        said = {CHANGE: dg.MetadataValue.md(how)}
        try:
            shown = version_metadata(self.resource, self.resource.client.get(name), change=said)
        except landfast.NotFound:
            # It was deleted since; the feed tells what followed.
            shown = {
                ARTIFACT: dg.MetadataValue.text(str(name)),
                DIGEST: dg.MetadataValue.text(digest),
            }
        shown |= {POSITION: dg.MetadataValue.text(position)}
        return [observing.event(each.asset_key, part[1], digest, shown)]

    def _has(self, each: Followed, key: str) -> bool:
        partitions = each.partitions_def
        assert partitions is not None
        with compat.loading_partitions(self.instance):
            if partitions.has_partition_key(key):
                return True
        if not isinstance(partitions, dg.DynamicPartitionsDefinition) or not partitions.name:
            return False
        if not compat.is_partition_key(key):
            self.notes.append(f"{each.asset_key.to_user_string()}: {key!r} can not be a partition")
            return False
        new = self._new.setdefault(partitions.name, [])
        if key not in new:
            new.append(key)
        return True
