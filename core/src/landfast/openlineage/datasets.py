"""Datasets: a collection is one, a version of it is a facet, and where its bytes lie is another name for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openlineage.client.event_v2 import InputDataset, OutputDataset, StaticDataset
from openlineage.client.facet_v2 import (
    dataset_version_dataset,
    input_statistics_input_dataset,
    output_statistics_output_dataset,
    symlinks_dataset,
)

from landfast.errors import InvalidInput
from landfast.model.location import Location
from landfast.model.names import LATEST
from landfast.openlineage.facets import (
    PRODUCER,
    LandfastAliasDatasetFacet,
    LandfastVersionDatasetFacet,
)

if TYPE_CHECKING:
    from landfast.model.names import ArtifactName
    from landfast.model.version import Change, VersionRecord

_OWN_SCHEMES = {"blob", "landfast"}


def identity(name: ArtifactName) -> dict[str, str]:
    """Return namespace and name of a dataset: ``landfast://entity`` and ``project/collection[~partition]``."""
    entity, _, rest = str(name.bare()).partition("/")
    return {"namespace": f"landfast://{entity}", "name": rest}


def used(record: VersionRecord) -> InputDataset:
    """Describe a version as an input."""
    statistics = input_statistics_input_dataset.InputStatisticsInputDatasetFacet(
        size=record.summary.size, fileCount=record.summary.count, producer=PRODUCER
    )
    return InputDataset(
        **identity(record.name),
        facets=_facets(record),
        inputFacets={"inputStatistics": statistics},
    )


def logged(record: VersionRecord) -> OutputDataset:
    """Describe a version as an output."""
    statistics = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
        size=record.summary.size, fileCount=record.summary.count, producer=PRODUCER
    )
    return OutputDataset(
        **identity(record.name),
        facets=_facets(record),
        outputFacets={"outputStatistics": statistics},
    )


def changed(change: Change, record: VersionRecord) -> StaticDataset:
    """Describe what an alias names now; the version of the dataset is what `latest` names."""
    previous = change.previous
    facets = _facets(record) if change.alias == LATEST else {}
    facets["landfast_alias"] = LandfastAliasDatasetFacet(
        id=change.id,
        kind=str(change.kind),
        alias=change.alias,
        version=f"v{change.version.index}",
        previous=None if previous is None else f"v{previous.index}",
        producer=PRODUCER,
    )
    return StaticDataset(**identity(change.version), facets=facets)


def _facets(record: VersionRecord) -> dict[str, Any]:
    summary, name = record.summary, record.name
    facets: dict[str, Any] = {
        "version": dataset_version_dataset.DatasetVersionDatasetFacet(
            datasetVersion=f"v{name.index}", producer=PRODUCER
        ),
        "landfast_version": LandfastVersionDatasetFacet(
            uri=name.uri,
            index=record.index,
            digest=summary.digest,
            type=record.type,
            partition=name.partition,
            fileCount=summary.count,
            size=summary.size,
            unverified=summary.unverified,
            producer=PRODUCER,
        ),
    }
    places = [place for source in record.sources if (place := physical(source.uri))]
    if places:
        facets["symlinks"] = symlinks_dataset.SymlinksDatasetFacet(
            identifiers=[
                symlinks_dataset.Identifier(namespace=namespace, name=name, type="LOCATION")
                for namespace, name in dict.fromkeys(places)
            ],
            producer=PRODUCER,
        )
    return facets


def physical(uri: str) -> tuple[str, str] | None:
    """Return namespace and name by which OpenLineage calls a place, as Spark's events do; None if it is ours.

    Example:
        >>> physical("s3://bucket/datasets/mnist/")
        ('s3://bucket', 'datasets/mnist')
        >>> physical("file:///data/points/")
        ('file', '/data/points')
    """
    try:
        place = Location.parse(uri)
    except InvalidInput:
        return None
    kind = place.scheme
    if kind in _OWN_SCHEMES:
        return None
    if kind == "file":
        return "file", place.key.rstrip("/") or "/"
    # Whatever stands behind a question mark of a web address may let in who has it.
    path = place.key.partition("?")[0] if place.is_url else place.key
    host = place.authority.rpartition("@")[2] if place.is_url else place.authority
    return f"{kind}://{host}", path.strip("/") or "/"
