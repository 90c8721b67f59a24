"""LandfastConfigOperator: record what an entry of snapshots.yaml describes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from landfast_provider import assets
from landfast_provider.operators.base import LandfastOperator
from landfast_provider.operators.snapshot import LandfastSnapshotOperator

if TYPE_CHECKING:
    import landfast

# By hand, by a partitioned run (Airflow 3.2), else the day of the run.
PARTITION_KEY = (
    "{{ params.partition_key or (dag_run.partition_key | default('')) "
    "or (logical_date or dag_run.run_after) | ds }}"
)


class LandfastConfigOperator(LandfastSnapshotOperator):
    """Do what `LandfastSnapshotOperator` does, as `landfast.load_snapshots` read it; see `snapshot_dags`.

    Args:
        config: What is to be recorded.
        partition_key: Fills ``{partition_key}`` in it, templated; not looked at where it has none.
        kwargs: As for `LandfastSnapshotOperator`.
    """

    template_fields: Sequence[str] = (*LandfastOperator.template_fields, "partition_key")

    def __init__(
        self, *, config: landfast.SnapshotConfig, partition_key: str | None = None, **kwargs: Any
    ) -> None:
        places = [place.uri for place in config.uris]
        super().__init__(artifact=config.name, uri=places, **kwargs)
        self.config = config
        self.partition_key = partition_key
        self._given_key = partition_key

    def record(self, client: landfast.Client) -> landfast.ArtifactVersion:
        """Scan the places and log what is there."""
        key = assets.partition_key(self._given_key, self.partition_key)
        return client.snapshot(self.config, partition_key=key)
