"""VersionOperator: what operators that work on one recorded version are told of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import landfast

from landfast_provider.assets import with_inlet
from landfast_provider.operators.base import PartitionOperator
from landfast_provider.task_run import to_name

if TYPE_CHECKING:
    from airflow.sdk import Asset


class VersionOperator(PartitionOperator):
    """An operator on a version.

    Args:
        artifact: The artifact, templated: ``nlp/corpus``, ``nlp/corpus:prod``, the ``.output`` of another
            operator, or an asset. Without a version the triggering event decides, then the newest event, then
            the registry.
        kwargs: As for `PartitionOperator`: partition, a key instead of ``~PARTITION``.
    """

    template_fields: Sequence[str] = (*PartitionOperator.template_fields, "artifact")

    def __init__(self, *, artifact: str | Asset, **kwargs: Any) -> None:
        super().__init__(**with_inlet(artifact, kwargs))
        self.artifact = artifact

    @classmethod
    def with_ports(cls, options: dict[str, Any]) -> dict[str, Any]:
        """Return the options, the artifact among the inlets."""
        return with_inlet(options.get("artifact"), options)

    @property
    def wanted(self) -> landfast.ArtifactName:
        """The artifact, and its partition and version as far as they are said."""
        return to_name(self.artifact).in_partition(self.key)
