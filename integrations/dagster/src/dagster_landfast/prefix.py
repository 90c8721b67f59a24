"""Prefix: a place that somebody else writes, as an asset that Dagster only observes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import KW_ONLY, dataclass, field, replace
from datetime import timedelta
from typing import Any, Literal, TypeAlias

import dagster as dg
import landfast

from dagster_landfast import identity

Uri: TypeAlias = str | Sequence[str | landfast.SnapshotUri] | Callable[[str], str]

# Key of a definition's metadata: how the artifact's partition is made of Dagster's key, where it differs.
PARTITION = "landfast/partition"
PLACEHOLDER = "{partition_key}"

_KINDS = {"s3": "s3", "gs": "gcs"}
# Fields that `snapshots.yaml` has too, by their names there: tags, metadata and description are the asset's here.
_ALIKE = (
    "partition type include exclude max_objects checksum allow_empty inventory options aliases ttl"
)
_OF_THE_FILE = {name: name for name in _ALIKE.split()} | {
    "artifact": "name",
    "version_tags": "tags",
    "version_metadata": "metadata",
    "version_description": "description",
}


@dataclass(frozen=True, slots=True)
class Prefix:
    """A place to observe: what it is called, what is in it, when to look.

    Args:
        key: Of the asset; ``/`` in a text separates segments.
        uri: The place, or several that become one version; with ``{partition_key}`` in it for an asset
            with partitions, or a function from the partition key to the place.
        artifact: ``[[entity/]project/]collection``; None is the key, as it is written.
        partition: Partition of the artifact, a text with ``{partition_key}``; None is Dagster's key.
        type: Of the collection; None is its type, ``dataset`` for a new one.
        include: Globs of paths below the place to keep.
        exclude: Globs of paths to leave out; exclude wins.
        max_objects: The most entries of each place; None is the setting, `landfast.UNLIMITED` lifts it.
        checksum: A kind such as ``"sha256"``; None is the store's default, False records none.
        allow_empty: Whether a missing or empty place is content like any other, and not an error.
        inventory: Where the bucket's inventory lies; None lists the bucket.
        options: For the store: endpoint, region, profile, role, anonymous, ...
        aliases: To move to the version.
        version_tags: To add to the version.
        version_metadata: JSON object, of the version.
        version_description: Of a new version.
        ttl: How long a new version is kept; None keeps it.
        partitions_def: The partitions.
        lookback: Look at the last so many partitions only; None looks at all.
        record_unchanged: Whether a partition whose content Dagster knows already is an event all the same;
            in a run for one partition that somebody asked for it always is.
        cron: Five fields of cron: when the automation daemon observes it; of time windows, the newest one and
            `lookback`.  Nothing is observed before a sensor is on that evaluates it: `build_automation_sensor`, or
            Dagster's default one, which is stopped at first.
        cron_timezone: Of `cron`.
        automation_condition: Instead of `cron`.
        group_name: Of the asset.
        description: Of the asset.
        metadata: Of the asset's definition.
        tags: Of the asset.
        kinds: Of the asset; None is that of the place, such as ``s3``.
        owners: Of the asset.

    Raises:
        InvalidInput: If they do not go together, naming the asset.
    """

    key: identity.Key
    uri: Uri = field(repr=False)  # it may be signed
    _: KW_ONLY
    artifact: str | None = None
    type: str | None = None
    partition: str | None = None
    aliases: Sequence[str] = ()
    version_tags: Sequence[str] = ()
    version_metadata: Mapping[str, Any] = field(default_factory=dict)
    version_description: str | None = None
    ttl: timedelta | None = None
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    max_objects: int | None = None
    checksum: str | Literal[False] | None = None
    allow_empty: bool = False
    inventory: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    partitions_def: dg.PartitionsDefinition[Any] | None = None
    lookback: int | None = None
    record_unchanged: bool = False
    cron: str | None = None
    cron_timezone: str = "UTC"
    automation_condition: dg.AutomationCondition[Any] | None = None
    group_name: str | None = None
    description: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    kinds: AbstractSet[str] | None = None
    owners: Sequence[str] = ()

    def __post_init__(self) -> None:
        self._check_partitions()
        if self.cron is not None and self.automation_condition is not None:
            raise self._wrong("has cron and automation_condition", "one of them")

    def _check_partitions(self) -> None:
        is_partitioned = self.partitions_def is not None
        needs_key = callable(self.uri) or self.snapshot().needs_partition_key
        if needs_key != is_partitioned:
            raise self._wrong(
                "has partitions_def, but no partition in its URI"
                if is_partitioned
                else "has a partition in its URI, but no partitions_def",
                "both or neither: uri='s3://bucket/dt={partition_key}/', partitions_def=...",
            )
        if self.lookback is not None and (not is_partitioned or self.lookback < 1):
            raise self._wrong(f"has lookback={self.lookback}", "partitions_def, and at least 1")

    def _wrong(self, problem: str, expected: str) -> landfast.InvalidInput:
        name = self.asset_key.to_user_string()
        return landfast.InvalidInput(f"{name} {problem}", subject=name, expected=expected)

    @classmethod
    def of_snapshot(cls, config: landfast.SnapshotConfig, **given: Any) -> Prefix:
        """Return the prefix that an entry of ``snapshots.yaml`` describes.

        Args:
            config: The entry.
            given: As in `Prefix`, to say what the file does not; `key` is the artifact's name.
        """
        described = {
            "key": config.name,
            "uri": tuple(config.uris),
            "description": config.description,
            "cron": None if "automation_condition" in given else config.schedule,
            **{ours: getattr(config, theirs) for ours, theirs in _OF_THE_FILE.items()},
        }
        return cls(**{**described, **given})

    @property
    def asset_key(self) -> dg.AssetKey:
        """The key as Dagster has it."""
        return identity.key_of(self.key)

    @property
    def name(self) -> landfast.ArtifactName:
        """The artifact, without a partition."""
        if self.artifact is None:
            return identity.external_name(self.asset_key)
        return identity.artifact_name(self.asset_key, {identity.ARTIFACT: self.artifact})

    def in_use(self, client: landfast.Client) -> Prefix:
        """Return it under the name that the registry knows: that of an earlier release, where it has that alone."""
        if self.artifact is not None:
            return self
        name = identity.name_in_use(client, self.asset_key, self._identity())
        return replace(self, artifact=str(replace(name, partition="")))

    def spec(self) -> dg.AssetSpec:
        """Return the asset's definition."""
        condition = self.automation_condition
        if self.cron is not None:
            condition = dg.AutomationCondition.on_cron(self.cron, self.cron_timezone)
        return dg.AssetSpec(
            self.asset_key,
            description=self.description,
            metadata={**self._identity(), **self.metadata},
            group_name=self.group_name,
            automation_condition=condition,
            tags=dict(self.tags),
            kinds=set(self._kinds()),
            owners=list(self.owners),
            partitions_def=self.partitions_def,
        )

    def snapshot(self, partition_key: str | None = None) -> landfast.SnapshotConfig:
        """Return what is to be logged, of one partition if a key is given."""
        config = self._config(partition_key)
        if partition_key is None:
            return config
        filled = config.for_partition(str(partition_key))
        if self.partition in {None, PLACEHOLDER}:
            return replace(filled, partition=identity.partition(partition_key))
        return filled

    def _config(self, partition_key: str | None) -> landfast.SnapshotConfig:
        said = {theirs: getattr(self, ours) for ours, theirs in _OF_THE_FILE.items()}
        said |= {"name": str(self.name), "uris": self._places(partition_key)}
        return landfast.SnapshotConfig(**said, is_filled=callable(self.uri))

    def _places(self, partition_key: str | None) -> tuple[landfast.SnapshotUri, ...]:
        if callable(self.uri):
            made = self.uri(partition_key) if partition_key is not None else "file:///"
            return (landfast.SnapshotUri(uri=made),)
        given = [self.uri] if isinstance(self.uri, str) else self.uri
        return tuple(
            landfast.SnapshotUri(uri=place) if isinstance(place, str) else place for place in given
        )

    def _identity(self) -> dict[str, str]:
        said = {identity.ARTIFACT: str(self.name)}
        former = identity.collection_of(self.asset_key)
        if self.artifact is None and former != str(self.name):
            said[identity.FORMER] = former
        if self.partition is None or self.partition == PLACEHOLDER:
            return said
        if self.partitions_def is None:
            return said | {identity.ARTIFACT: str(replace(self.name, partition=self.partition))}
        return said | {PARTITION: self.partition}

    def _kinds(self) -> AbstractSet[str]:
        if self.kinds is not None:
            return self.kinds
        schemes = {place.uri.partition("://")[0] for place in self._places(None)}
        return {_KINDS[scheme] for scheme in schemes if scheme in _KINDS}
