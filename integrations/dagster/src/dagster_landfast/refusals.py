"""What Dagster gets wrong when it is given such an asset, refused with the reason before it happens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import dagster as dg
import landfast

from dagster_landfast.identity import ARTIFACT

_MAKE_ONE = "Make it with artifact_asset() or observable_prefix_asset()."


def observed_specs(assets: Iterable[Any]) -> list[dg.AssetSpec]:
    """Return the specs of observable assets of ours.

    Args:
        assets: What `artifact_asset` and `observable_prefix_asset(s)` returned, or other observable assets
            whose metadata says ``landfast/artifact``.

    Raises:
        InvalidInput: If one is something else: Dagster would show what is below it as stale, or never run it.
    """
    specs = [spec for asset in assets for spec in _specs(asset)]
    if not specs:
        raise landfast.InvalidInput("there is no asset to observe", expected="at least one")
    return specs


def _specs(asset: Any) -> Iterable[dg.AssetSpec]:
    if isinstance(asset, dg.AssetSpec):
        raise _refused(
            asset.key.to_user_string(),
            found="a plain AssetSpec",
            reason="Dagster takes what is below an observed plain asset for stale at once, "
            f"and its automation never runs it. {_MAKE_ONE}",
        )
    if isinstance(asset, dg.SourceAsset) and asset.is_observable:
        return [
            _named(
                dg.AssetSpec(
                    asset.key, metadata=asset.metadata, partitions_def=asset.partitions_def
                )
            )
        ]
    if not isinstance(asset, dg.AssetsDefinition):
        raise _refused(
            str(asset),
            found=type(asset).__name__,
            reason="Give the definition itself, not its key.",
        )
    names = ", ".join(sorted(key.to_user_string() for key in asset.keys))
    if asset.is_materializable:
        raise _refused(
            names,
            found="an asset that Dagster materializes",
            reason="Of materializations and observations of one asset Dagster believes the "
            "materialization, also if the observation is newer: log through the asset itself "
            "(LandfastReferenceIOManager, log_reference).",
        )
    if not asset.is_executable:
        raise _refused(
            names,
            found="an external asset that is not observable",
            reason="Dagster's automation never runs what is below an observed plain asset. "
            + _MAKE_ONE,
        )
    return [_named(spec) for spec in asset.specs]


def _named(spec: dg.AssetSpec) -> dg.AssetSpec:
    if ARTIFACT not in spec.metadata:
        name = spec.key.to_user_string()
        raise _refused(
            name,
            found="an observable asset that does not say which artifact it is",
            reason="Its own observations have other data versions, so everything below would be stale "
            f'in turns. {_MAKE_ONE} Or give it metadata={{"{ARTIFACT}": ...}} if they are content digests.',
        )
    return spec


def _refused(name: str, *, found: str, reason: str) -> landfast.InvalidInput:
    return landfast.InvalidInput(
        f"{name} can not be observed by Landfast",
        subject=name,
        expected="an observable asset of an artifact",
        found=found,
        hint=reason,
    )
