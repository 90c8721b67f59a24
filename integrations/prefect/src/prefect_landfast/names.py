"""Full names: what a short name means here, and the key of an artifact as a Prefect asset."""

from __future__ import annotations

from dataclasses import replace

import landfast


def full_name(name: str, *, partition: str | None = None) -> landfast.ArtifactName:
    """Return a collection's full name, with project and entity of this place's settings.

    Args:
        name: ``[[entity/]project/]collection[~PARTITION]``.
        partition: A partition key instead of ``~PARTITION``.

    Raises:
        landfast.InvalidInput: If `name` is none.

    Example:
        >>> str(full_name("vision/flowers:v3"))
        'default/vision/flowers'
    """
    full = landfast.full_name(name).bare()
    return full if partition is None else replace(full, partition=partition)


def asset_key(name: landfast.ArtifactName) -> str:
    """Return the key of a collection as an asset: its URI, without version and partition.

    Example:
        >>> asset_key(full_name("vision/flowers~2026-05:v3"))
        'landfast://default/vision/flowers'
    """
    return replace(name, partition="").collection_uri


def collection_page(name: landfast.ArtifactName) -> str | None:
    """Return the web page of a collection; None unless `LANDFAST_UI_URL` says where pages are."""
    base = landfast.load_settings().ui_url
    return base and f"{base.rstrip('/')}/{name.entity}/{name.project}/{name.collection}"
