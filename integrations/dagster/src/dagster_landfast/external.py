"""observable_prefix_asset: external data as an asset whose data version is the digest of its content.

Dagster gets staleness and automation right for *observable* assets only: that is what these functions make.
Whenever such an asset is observed, its place is listed and logged, as `landfast snapshot` does; a new version
appears only if the content changed.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import dagster as dg
import landfast

from dagster_landfast import compat, observing
from dagster_landfast.finding import resource_of
from dagster_landfast.identity import Key
from dagster_landfast.prefix import Prefix, Uri
from dagster_landfast.reference_io import LandfastReferenceIOManager

_OBSERVED_IO = "landfast_observed_io"
# One for all observed assets: definitions may not have two under one key.
_MANAGER = LandfastReferenceIOManager()
_PLAIN = re.compile(r"[A-Za-z0-9]+(_[A-Za-z0-9]+)*\Z")


def observable_prefix_asset(
    key: Key,
    uri: Uri,
    *,
    resource_key: str | None = None,
    **options: Any,
) -> dg.AssetsDefinition:
    """Declare external data as an observable asset.

    Args:
        key: Of the asset.
        uri: The place; with ``{partition_key}`` in it for an asset with partitions.
        resource_key: Of the `LandfastResource`; None is the one of the definitions, else the environment's.
        options: As in `Prefix`: artifact, include, exclude, max_objects, partitions_def, lookback, cron, ...

    Raises:
        InvalidInput: If they do not go together.

    Example:
        >>> import dagster as dg
        >>> flowers = observable_prefix_asset("raw/flowers", "s3://vendor/flowers/", cron="0 6 * * *")
        >>> orders = observable_prefix_asset(
        ...     "raw/orders",
        ...     "s3://vendor/orders/dt={partition_key}/",
        ...     partitions_def=dg.DailyPartitionsDefinition("2026-01-01"),
        ...     lookback=7,
        ... )
    """
    prefix = Prefix(key, uri, **options)
    return observable_prefix_assets([prefix], resource_key=resource_key)


def observable_prefix_assets(
    prefixes: Sequence[Prefix],
    *,
    name: str | None = None,
    resource_key: str | None = None,
) -> dg.AssetsDefinition:
    """Declare several places as observable assets that one step observes; each can be observed alone.

    If one of them can not be listed, the others are observed all the same, and the step fails.

    Args:
        prefixes: The places; all with the same partitions, or none with any.
        name: Of the step; None is made of the keys.
        resource_key: Of the `LandfastResource`; None is the one of the definitions, else the environment's.

    Raises:
        InvalidInput: If there are none, or their partitions differ.
    """
    _check_alike(prefixes)

    def observe(context: dg.AssetExecutionContext) -> Iterator[dg.ObserveResult]:
        resource = resource_of(context)
        errors: list[Exception] = []
        for prefix in prefixes:
            if prefix.asset_key not in context.selected_asset_keys:
                continue
            try:
                if prefix.partitions_def is None:
                    yield observing.observe_whole(resource, context, prefix)
                    continue
                for event in observing.observe_partitions(resource, context, prefix):
                    context.log_event(event)
                yield compat.observed_by_hand(prefix.asset_key)
            except landfast.LandfastError as error:
                errors.append(error)
        observing.raise_first(errors)

    return observed_assets(
        [prefix.spec() for prefix in prefixes],
        observe,
        name=name,
        resource_key=resource_key,
    )


def observed_assets(
    specs: Sequence[dg.AssetSpec],
    observe: Callable[[dg.AssetExecutionContext], Iterator[dg.ObserveResult]],
    *,
    name: str | None,
    resource_key: str | None,
) -> dg.AssetsDefinition:
    """Join specs and the function that observes them into observable assets.

    Args:
        specs: Of the assets.
        observe: Takes the context; yields `ObserveResult`, and logs events of partitions itself.
        name: Of the step; None is made of the keys.
        resource_key: What `observe` needs.
    """

    # Dagster does not read an annotation that is a text, as all are in this file.
    def compute(context):  # type: ignore[no-untyped-def]
        yield from observe(context)

    with warnings.catch_warnings():
        # Dagster's decorator is beta; that is for us to follow, not for our users to hear.
        warnings.simplefilter("ignore", dg.BetaWarning)
        made: dg.AssetsDefinition = dg.multi_observable_source_asset(
            # Else Dagster's default one would look for a pickle of what it never stored.
            specs=[spec.with_io_manager_key(_OBSERVED_IO) for spec in specs],
            name=name or step_name([spec.key for spec in specs]),
            can_subset=True,
            resource_defs={_OBSERVED_IO: _MANAGER},
            required_resource_keys={resource_key} if resource_key else set(),
        )(compute)
    return made


def step_name(keys: Sequence[dg.AssetKey], what: str = "observe") -> str:
    """Return a name for what is done to some assets, another one for other keys."""
    segments = [segment for key in keys for segment in key.path]
    name = f"{what}__" + "__".join(keys[0].path)
    if len(keys) == 1 and all(_PLAIN.match(segment) for segment in segments):
        return name
    told = hashlib.sha256(repr([key.path for key in keys]).encode()).hexdigest()[:8]
    return re.sub(r"[^A-Za-z0-9_]", "_", name) + f"__{told}"


def _check_alike(prefixes: Sequence[Prefix]) -> None:
    if not prefixes:
        raise landfast.InvalidInput("there is no prefix to observe", expected="at least one")
    first = prefixes[0]
    for prefix in prefixes:
        if prefix.partitions_def != first.partitions_def:
            names = [each.asset_key.to_user_string() for each in (first, prefix)]
            raise landfast.InvalidInput(
                f"{names[0]} and {names[1]} have different partitions, so one step can not observe both",
                subject=names[1],
                expected="the same partitions_def",
                hint="Call observable_prefix_assets once for each of them.",
            )
