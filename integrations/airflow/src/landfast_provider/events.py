"""Asset events: what they say of a version, and when they are due."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import landfast

from landfast_provider.assets import ArtifactAsset, DeclaredAsset
from landfast_provider.run_key import SYSTEM, deployment

if TYPE_CHECKING:
    from airflow.sdk import Asset


def event_extra(
    version: landfast.ArtifactVersion, change: landfast.Change | None
) -> dict[str, Any]:
    """Return what an asset event says of a version: JSON, without secrets.

    Args:
        version: What the consumer is to read.
        change: The change that is announced; its id is the same for everyone who announces it.
    """
    extra = {
        "uri": version.uri,
        "name": version.qualified_name,
        "version": version.version,
        "digest": version.digest,
        "entries": version.file_count,
        "bytes": version.size,
    }
    if version.partition:
        extra["partition"] = version.partition
    return extra if change is None else {**extra, "change": change.id}


def version_of_event(event: Any) -> landfast.ArtifactName | None:
    """Return the version that an asset event speaks of; None if it speaks of none."""
    uri = _said(event).get("uri")
    if not isinstance(uri, str) or not uri.startswith("landfast://"):
        return None
    return landfast.ArtifactName.parse(uri)


def position_of_event(event: Any, registry_id: str) -> int | None:
    """Return the position of the change that an asset event tells; None if it tells none of this registry."""
    of, _, position = str(_said(event).get("change") or "").rpartition(":")
    return int(position) if of == registry_id and position.isdecimal() else None


def _said(event: Any) -> dict[str, Any]:
    extra = event.extra or {}
    if extra.get("from_trigger"):  # a watcher's
        extra = extra.get("payload")
    return extra if isinstance(extra, dict) else {}


def consumer(asset: Asset) -> str:
    """Return the name under which the registry remembers what this Airflow was told of an asset."""
    return f"{SYSTEM} {deployment()} {asset.uri}"


def add_event(
    outlet_events: Any, outlets: Sequence[Any], asset: ArtifactAsset, extra: dict[str, Any]
) -> bool:
    """Emit an event of an asset as the task succeeds; say whether one of its outlets allows it.

    Args:
        outlet_events: Of the task's context.
        outlets: Of the task.
        asset: The asset.
        extra: What the event says.
    """
    # Of the asset itself there will be an event anyway: one is enough.
    if has_concrete(outlets, asset):
        outlet_events[asset].extra.update(extra)
        return True
    if asset.on_change in outlets:
        outlet_events[asset.on_change].add(asset, extra=extra)
        return True
    return False


def has_concrete(outlets: Sequence[Any], asset: ArtifactAsset) -> bool:
    """Whether the asset itself is an outlet, so that every success emits an event."""
    uris = [getattr(each, "uri", None) for each in outlets if not isinstance(each, DeclaredAsset)]
    return asset.uri in uris
