"""Asset events: what they say of a version, and when they are due."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import landfast
from airflow.sdk import Asset

from landfast_provider.assets import ArtifactAsset, DeclaredAsset, EmittedAsset, name_of
from landfast_provider.run_key import SYSTEM, deployment

log = logging.getLogger(__name__)

# What Airflow's database has room for.
MOST_KEY_CHARACTERS = 250
# Of so many partitions that one task told of, each event says all versions.
MOST_SAID = 50


def version_of_event(event: Any) -> landfast.ArtifactName | None:
    """Return the version that an asset event speaks of; None if it speaks of none.

    One of many that a task emitted for partitions says the partition alone, whose latest version is meant.
    """
    said = _said(event)
    uri = said.get("uri")
    if isinstance(uri, str) and uri.startswith("landfast://"):
        return landfast.ArtifactName.parse(uri)
    key = partition_of_event(event)
    if key is None or "partitions" not in said:
        return None
    return replace(name_of(Asset(event.asset.uri)), partition=key)


def partition_of_event(event: Any) -> str | None:
    """Return the partition key that Airflow itself gives an event; None before 3.2, and for an event without one."""
    key = getattr(event, "partition_key", None)
    return key if isinstance(key, str) else None


def position_of_event(event: Any, registry_id: str) -> int | None:
    """Return the position of the change that an asset event tells; None if it tells none of this registry."""
    return landfast.Change.position_of(str(_said(event).get("change") or ""), registry_id)


def _said(event: Any) -> dict[str, Any]:
    extra = event.extra or {}
    if extra.get("from_trigger"):  # a watcher's
        extra = extra.get("payload")
    if not isinstance(extra, dict):
        return {}
    of_key = (extra.get("partitions") or {}).get(partition_of_event(event))
    return of_key or extra


def consumer(asset: Asset) -> str:
    """Return the name under which the registry remembers what this Airflow was told of an asset."""
    return f"{SYSTEM} {deployment()} {asset.uri}"


def add_event(context: Mapping[str, Any], asset: ArtifactAsset, extra: dict[str, Any]) -> bool:
    """Emit an event of an asset as the task succeeds; say whether one of its outlets allows it.

    Of a partition there are two, each for its own readers: Airflow starts DAGs with a partitioned timetable by an
    event with a key alone, and all others by one without.  A run that has a key itself starts the former only.

    Args:
        context: Of the task.
        asset: The asset.
        extra: What the event says, by `landfast.ArtifactVersion.facts`.
    """
    events, task = context["outlet_events"], context["ti"].task
    # Of the asset itself there will be an event anyway: one is enough.
    if has_concrete(task.outlets, asset):
        events[asset].extra.update(extra)
        return True
    if asset.on_change not in task.outlets:
        return False
    own, key = partition_of_run(context), extra["partition"]
    is_routed = bool(key) and key != own and _can_route(events[asset], key)
    if is_routed:
        # An alias takes no keys: the asset becomes an outlet, now that it has something to tell.
        emitted = EmittedAsset(name=asset.name, uri=asset.uri, group=asset.group)
        task.outlets = [*(each for each in task.outlets if each != emitted), emitted]
        _add_partition(events[asset], extra)
    if own is None or not is_routed:
        events[asset.on_change].add(asset, extra=extra)
    return True


def partition_of_run(context: Mapping[str, Any]) -> str | None:
    """Return the partition key of the DAG run; None before Airflow 3.2, and for a run without one."""
    key = getattr(context.get("dag_run"), "partition_key", None)
    return key if isinstance(key, str) else None


def _can_route(accessor: Any, key: str) -> bool:
    """Tell whether Airflow takes a key: since 3.2, if it is no longer than its column."""
    if not hasattr(accessor, "add_partitions"):
        return False
    if key.strip() and len(key) <= MOST_KEY_CHARACTERS:
        return True
    log.warning("Airflow takes no partition such as %.40r: its event has no key", key)
    return False


def _add_partition(accessor: Any, extra: dict[str, Any]) -> None:
    """Add a partition to an asset's events, which share what they say: of several it is by key."""
    said, key = accessor.extra, extra["partition"]
    if not accessor.partition_keys - {key}:
        said.update(extra)
    else:
        known = said.pop("partitions", None)
        if known is None:
            known = {said["partition"]: _pinned(said)}
        known[key] = _pinned(extra)
        said.clear()
        # Each event keeps them all: of very many partitions, each says its key alone.
        is_many = len(accessor.partition_keys | {key}) > MOST_SAID
        said["partitions"] = {} if is_many else known
    accessor.add_partitions(key)


def _pinned(extra: dict[str, Any]) -> dict[str, Any]:
    return {name: extra[name] for name in ("uri", "change") if name in extra}


def has_concrete(outlets: Sequence[Any], asset: ArtifactAsset) -> bool:
    """Whether the asset itself is an outlet, so that every success emits an event."""
    own = (DeclaredAsset, EmittedAsset)
    uris = [getattr(each, "uri", None) for each in outlets if not isinstance(each, own)]
    return asset.uri in uris
