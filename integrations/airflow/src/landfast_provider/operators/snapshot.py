"""LandfastSnapshotOperator: record what is at a place now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

import landfast

from landfast_provider.assets import ArtifactAsset, artifact_asset, outlets_of
from landfast_provider.events import has_concrete
from landfast_provider.operators.base import PartitionOperator
from landfast_provider.operators.place import PlaceOperator
from landfast_provider.version_compat import AirflowSkipException

if TYPE_CHECKING:
    from airflow.sdk import Asset

OnUnchanged = Literal["no_event", "event", "skip"]


class LandfastSnapshotOperator(PlaceOperator, PartitionOperator):
    """Scan a place and log it as a version of an artifact, a new one only if the content changed.

    Its asset gets an event if the content changed, by default only then; consumers are scheduled on
    ``artifact_asset(NAME)``.  A retry after a crash announces the change that the crashed try recorded.

    Args:
        artifact: ``[[entity/]project/]collection``, or its asset; literal, because it is the task's outlet.
        uri: One place or several, templated: ``"s3://bucket/dt={{ ds }}/"``.
        type: Type of the artifact; None is the collection's, ``dataset`` for a new one.
        on_unchanged: ``no_event``; ``event`` emits one on every success; ``skip`` skips this task, and so its
            downstream tasks.
        aliases: To move to the version.
        tags: To add to the version.
        metadata: JSON object, templated.
        description: Of a new version.
        ttl: How long a new version is kept.
        move_latest: False for backfills: leaves `latest`, and so consumers, alone.
        kwargs: As for `PlaceOperator`: include, exclude, checksum, max_objects, allow_empty; and `PartitionOperator`:
            partition, such as ``"{{ ds }}"``: each has versions and `latest` of its own.

    Returns:
        The version's URI, as XCom.

    Example:
        >>> LandfastSnapshotOperator(  # doctest: +SKIP
        ...     task_id="snapshot", artifact="nlp/corpus", uri="s3://bucket/corpus/"
        ... )
    """

    template_fields: Sequence[str] = (
        *PlaceOperator.template_fields,
        *PartitionOperator.template_fields,
        *("uri", "aliases", "tags", "metadata", "description"),
    )

    def __init__(
        self,
        *,
        artifact: str | Asset,
        uri: str | Sequence[str | landfast.Reference],
        type: str | None = None,
        on_unchanged: OnUnchanged = "no_event",
        aliases: Sequence[str] = (),
        tags: Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
        description: str | None = None,
        ttl: timedelta | None = None,
        move_latest: bool = True,
        **kwargs: Any,
    ) -> None:
        landfast.check_choice("on_unchanged", on_unchanged, OnUnchanged)
        self.asset = artifact_asset(artifact)
        kwargs["outlets"] = _outlets(self.asset, kwargs.get("outlets") or ())
        super().__init__(uri=uri, **kwargs)
        self.type = type
        self.on_unchanged = on_unchanged
        self.aliases = aliases
        self.tags = tags
        self.metadata = metadata
        self.description = description
        self.ttl = ttl
        self.move_latest = move_latest

    @classmethod
    def with_ports(cls, options: dict[str, Any]) -> dict[str, Any]:
        """Return the options, the artifact's asset among the outlets."""
        if "artifact" not in options:
            return options
        outlets = _outlets(artifact_asset(options["artifact"]), options.get("outlets") or ())
        return {**options, "outlets": outlets}

    def execute(self, context: Mapping[str, Any]) -> str:
        """Scan, log, and announce what changed."""
        run = self.begin(context)
        version = run.took(self.record(run.client))
        always = self.on_unchanged == "event"
        if not run.announce(self.asset, version, always=always) and self.on_unchanged == "skip":
            raise AirflowSkipException(f"{version.qualified_name} is unchanged")
        return self.answer(version)

    def record(self, client: landfast.Client) -> landfast.ArtifactVersion:
        """Scan and log."""
        single = isinstance(self.uri, str | landfast.Reference)
        places = [self.uri] if single else self.uri
        return client.log(
            self.asset.artifact,
            *places,
            **self.scan_options(),
            **self.version_options(),
        )

    def version_options(self) -> dict[str, Any]:
        """Return what is said of the version, not of the scan."""
        return {
            "type": self.type,
            "partition": self.key,
            "aliases": tuple(self.aliases),
            "tags": tuple(self.tags),
            "metadata": self.metadata,
            "description": self.description,
            "ttl": self.ttl,
            "move_latest": self.move_latest,
        }


def _outlets(asset: ArtifactAsset, more: Sequence[Any]) -> list[Any]:
    """Return the outlets: the asset, such that only a change emits an event, and what the user adds.

    Raises:
        InvalidInput: If the user adds the asset itself, of which Airflow emits an event on every success.
    """
    if has_concrete(more, asset):
        raise landfast.InvalidInput(
            f"{asset.uri} is among the outlets of its own snapshot",
            subject=asset.uri,
            hint='Leave it out: the operator emits its events; on_unchanged="event" emits one each time.',
        )
    own = outlets_of(asset)
    return [*(outlet for outlet in more if outlet not in own), *own]


__all__ = ["LandfastSnapshotOperator", "OnUnchanged"]
