"""OpenLineage: artifacts as datasets, with the version that was read or written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import landfast

from landfast_provider.assets import name_of

if TYPE_CHECKING:
    from airflow.sdk import Asset


def lineage(
    used: Iterable[landfast.ArtifactVersion], logged: Iterable[landfast.ArtifactVersion]
) -> Any:
    """Describe what a task used and logged, as the OpenLineage provider wants it; None without it."""
    try:
        from airflow.providers.openlineage.extractors import OperatorLineage
    except ImportError:
        return None
    return OperatorLineage(
        inputs=[_dataset(version.full_name, version.version) for version in dict.fromkeys(used)],
        outputs=[_dataset(version.full_name, version.version) for version in dict.fromkeys(logged)],
    )


def convert_asset(asset: Asset, lineage_context: Any) -> Any:  # noqa: ARG001
    """Return the dataset of an artifact's asset; Airflow asks for it by the asset's scheme.

    What `use_artifact` and `log_reference` tell Airflow's lineage collector has the version in its extra.
    """
    return _dataset(name_of(asset), str(asset.extra.get("version") or ""))


def _dataset(name: landfast.ArtifactName, version: str) -> Any:
    from openlineage.client.event_v2 import Dataset
    from openlineage.client.facet_v2 import dataset_version_dataset

    if not version:
        return Dataset(**_identity(name))
    facet = dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=version)
    return Dataset(**_identity(name), facets={"version": facet})


def _identity(name: landfast.ArtifactName) -> dict[str, Any]:
    entity, _, kept = str(name.bare()).partition("/")
    return {"namespace": f"landfast://{entity}", "name": kept}
