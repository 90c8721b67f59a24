"""artifact_asset: an artifact as a Prefect asset."""

from __future__ import annotations

from collections.abc import Sequence

import landfast
from prefect.assets import Asset, AssetProperties

from prefect_landfast.names import asset_key, collection_page, full_name


@landfast.renamed({"name": "artifact"})
def artifact_asset(
    artifact: str,
    *,
    description: str | None = None,
    owners: Sequence[str] | None = None,
    url: str | None = None,
) -> Asset:
    """Return the asset of an artifact: one for the collection, whatever its versions and partitions.

    A version is what a materialization of the asset records, as metadata of its event.

    Args:
        artifact: ``[[entity/]project/]collection``; the rest from the settings of this place.
        description: Of the asset, at most 2,500 characters.
        owners: Who answers for it.
        url: A page about it; else its page below `LANDFAST_UI_URL`.

    Raises:
        landfast.InvalidInput: If `artifact` is none.

    Example:
        >>> artifact_asset("vision/flowers").key
        'landfast://default/vision/flowers'
    """
    full = full_name(artifact)
    given = {
        "name": f"{full.project}/{full.collection}",
        "description": description,
        "url": url or collection_page(full),
        "owners": None if owners is None else list(owners),
    }
    # What is not given stays as it was declared elsewhere.
    said = {key: value for key, value in given.items() if value is not None}
    return Asset(key=asset_key(full), properties=AssetProperties.model_validate(said))
