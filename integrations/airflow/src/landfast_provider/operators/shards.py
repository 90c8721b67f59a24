"""Operators that scan one large place on many workers, by dynamic task mapping."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import landfast
from airflow.sdk import TaskGroup

from landfast_provider.assets import artifact_asset
from landfast_provider.operators.base import LandfastOperator
from landfast_provider.operators.place import PlaceOperator
from landfast_provider.operators.snapshot import LandfastSnapshotOperator

if TYPE_CHECKING:
    from airflow.sdk import Asset


class LandfastPlanOperator(PlaceOperator):
    """Cut the keys of a place into ranges, for `LandfastScanOperator` to be mapped over.

    Args:
        artifact: The artifact that the scan is for; its latest version gives even cuts.
        uri: The place, templated.
        shards: How many ranges to cut.
        kwargs: As for `PlaceOperator`: include, exclude, checksum, max_objects (of all shards together), allow_empty.

    Returns:
        One text for each shard, as XCom.
    """

    template_fields: Sequence[str] = (*PlaceOperator.template_fields, "artifact", "uri")

    def __init__(
        self,
        *,
        artifact: str,
        uri: str,
        shards: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(uri=uri, **kwargs)
        self.artifact = artifact
        self.shards = shards

    def execute(self, context: Mapping[str, Any]) -> list[str]:
        """Draw a ticket, then plan: a scan is as old as its first request."""
        client = self.begin(context).client
        ticket = client.ticket()
        reference = landfast.Reference.of(self.uri, **self.scan_options())
        plan = client.plan(reference, shards=self.shards, near=self.artifact)
        return [_packed(ticket, self.artifact, shard) for shard in plan.shards]


class LandfastScanOperator(LandfastOperator):
    """Scan one shard and put what was found into the registry's store.

    Args:
        shard: One text of `LandfastPlanOperator`.
        kwargs: As for `LandfastOperator`.

    Returns:
        A text for `LandfastCommitOperator`, as XCom; it does not grow with the number of objects.
    """

    template_fields: Sequence[str] = (*LandfastOperator.template_fields, "shard")

    def __init__(self, *, shard: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shard = shard

    def execute(self, context: Mapping[str, Any]) -> str:
        """Scan the shard."""
        packed = json.loads(self.shard)
        shard = landfast.Shard.from_json(packed["part"])
        scan = self.begin(context).client.scan_shard(shard, near=packed["artifact"])
        self.log.info("Shard %d holds %d objects", shard.number, scan.manifest.summary.count)
        return _packed(packed["ticket"], packed["artifact"], scan)


class LandfastCommitOperator(LandfastSnapshotOperator):
    """Log what all shards of a plan found as one version, as `LandfastSnapshotOperator` does.

    Args:
        artifact: As for `LandfastSnapshotOperator`.
        scans: The ``.output`` of the mapped `LandfastScanOperator`.
        kwargs: partition, type, on_unchanged, aliases, tags, metadata, description, ttl and move_latest as for
            `LandfastSnapshotOperator`.
    """

    template_fields: Sequence[str] = (*LandfastSnapshotOperator.template_fields, "scans")

    def __init__(self, *, artifact: str | Asset, scans: Any, **kwargs: Any) -> None:
        super().__init__(artifact=artifact, uri=(), **kwargs)
        self.scans = scans

    def record(self, client: landfast.Client) -> landfast.ArtifactVersion:
        """Join the shards."""
        packed = [json.loads(text) for text in _texts(self.scans)]
        scans = [landfast.ShardScan.from_json(one["part"]) for one in packed]
        ticket = min(one["ticket"] for one in packed)
        return client.log_scans(self.asset.artifact, scans, ticket=ticket, **self.version_options())


def sharded_snapshot(
    group_id: str,
    *,
    artifact: str | Asset,
    uri: str,
    shards: int,
    pool: str | None = None,
    scan: Mapping[str, Any] | None = None,
    connections: Mapping[str, Any] | None = None,
    **commit: Any,
) -> LandfastCommitOperator:
    """Plan, scan in mapped tasks, and commit one version; its digest is that of an unsharded snapshot.

    Args:
        group_id: Of the task group that holds the three tasks.
        artifact: As for `LandfastSnapshotOperator`.
        uri: The place, templated.
        shards: How many tasks scan it.
        pool: The pool of the scanning tasks, which bounds how many list at once.
        scan: include, exclude, checksum, max_objects and allow_empty, as for `LandfastPlanOperator`.
        connections: landfast_conn_id, aws_conn_id and gcp_conn_id of all three.
        commit: As for `LandfastCommitOperator`.

    Returns:
        The last task; its ``.output`` is the version's URI.

    Example:
        >>> sharded_snapshot(  # doctest: +SKIP
        ...     "logs", artifact="web/logs", uri="s3://bucket/logs/", shards=8
        ... )
    """
    by = dict(connections or {})
    name = str(artifact_asset(artifact).artifact)
    with TaskGroup(group_id):
        plan = LandfastPlanOperator(
            task_id="plan", artifact=name, uri=uri, shards=shards, **(scan or {}), **by
        )
        pooled = {"pool": pool} if pool else {}
        scans = LandfastScanOperator.partial(task_id="scan", **pooled, **by).expand(
            shard=plan.output
        )
        return LandfastCommitOperator(
            task_id="commit", artifact=artifact, scans=scans.output, **commit, **by
        )


def _packed(ticket: int, artifact: str, part: landfast.Shard | landfast.ShardScan) -> str:
    return json.dumps({"ticket": ticket, "artifact": artifact, "part": part.to_json()})


def _texts(scans: str | Iterable[str]) -> list[str]:
    return [scans] if isinstance(scans, str) else list(scans)
