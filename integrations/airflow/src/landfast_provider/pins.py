"""Pins: which version a task reads, and what decided it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import landfast

from landfast_provider.assets import artifact_asset
from landfast_provider.events import version_of_event
from landfast_provider.version_compat import by_time, newest_first

# So many partitions are named in an error.
_NAMED = 10


class PinSource(StrEnum):
    """What decided which version is read, first to last."""

    EXPLICIT = "explicit"
    EARLIER_TRY = "earlier try"
    TRIGGERING_EVENT = "triggering event"
    INLET_EVENT = "inlet event"
    REGISTRY = "registry"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """What a task reads.

    Args:
        name: The version; with `REGISTRY` the artifact, whose latest is meant.
        source: What decided.
    """

    name: landfast.ArtifactName
    source: PinSource


def find_pin(
    context: Mapping[str, Any],
    named: str | landfast.ArtifactName,
    *,
    earlier: Mapping[str, str] | None = None,
) -> Pin:
    """Decide which version of an artifact a task reads.

    A name that says a version is that version.  Else an earlier try of the same task instance decides, then
    the newest event that triggered the DAG run, then the newest event of an inlet, then the registry.

    Args:
        context: Of the task.
        named: The artifact, with or without a version.
        earlier: What earlier tries read: URI of the version by name.

    Raises:
        InvalidInput: If events of several partitions triggered the run and none of them is named, or if no event
            decides and the artifact is not among the task's `inlets`.
    """
    name = landfast.full_name(named)
    if name.picks_version:
        return Pin(name=name, source=PinSource.EXPLICIT)
    if earlier and str(name) in earlier:
        read = landfast.ArtifactName.parse(earlier[str(name)])
        return Pin(name=read, source=PinSource.EARLIER_TRY)
    triggering = triggering_events(context, name)
    if triggering is not None:
        versions = [version for event in triggering if (version := speaks_of(event, name))]
        if versions:
            require_one({version.partition for version in versions}, name)
            return Pin(name=versions[-1], source=PinSource.TRIGGERING_EVENT)
    inlet = _newest_of_inlets(context, name, triggered=triggering is not None)
    if inlet is not None:
        return Pin(name=inlet, source=PinSource.INLET_EVENT)
    return Pin(name=name, source=PinSource.REGISTRY)


def require_one(partitions: Collection[str], name: landfast.ArtifactName) -> None:
    """Refuse to choose one of several partitions.

    Raises:
        InvalidInput: If there are several.
    """
    if len(partitions) <= 1:
        return
    keys = ", ".join(repr(key) for key in sorted(partitions)[:_NAMED])
    more = "" if len(partitions) <= _NAMED else f" and {len(partitions) - _NAMED} more"
    raise landfast.InvalidInput(
        f"{len(partitions)} partitions of {name} triggered this run, and one version was asked for",
        subject=str(name),
        expected="one partition, or a caller that reads several",
        found=keys + more,
        hint=f"Read them all: use_artifacts({str(name)!r}); or name one: {name}~PARTITION.",
    )


def triggering_events(context: Mapping[str, Any], name: landfast.ArtifactName) -> list[Any] | None:
    """Return the events of the artifact that triggered the run, oldest first; None if none did."""
    events = context["triggering_asset_events"]
    found: dict[Any, Any] = {}
    for asset in _assets(name):
        try:
            found |= {id(event): event for event in events[asset]}
        except KeyError:
            continue
    return by_time(found.values()) if found else None


def _newest_of_inlets(
    context: Mapping[str, Any], name: landfast.ArtifactName, *, triggered: bool
) -> landfast.ArtifactName | None:
    inlets, declared = context["inlet_events"], False
    for asset in _assets(name):
        try:
            events = inlets[asset]
        except KeyError:
            continue
        declared = True
        for event in newest_first(events):
            version = speaks_of(event, name)
            if version is not None:
                return version
    if not declared and not triggered:
        raise landfast.InvalidInput(
            f"nothing says which version of {name} to read",
            subject=str(name),
            expected=f"a run triggered by it, or inlets=[artifact_asset({str(name)!r})] on the task",
            found="neither",
            hint=f"Declare it in the task's inlets, or say the version, such as {name}:latest.",
        )
    return None


def _assets(name: landfast.ArtifactName) -> Iterable[Any]:
    """Return the assets whose events speak of a name: its own and, of a partition, the collection's."""
    yield artifact_asset(name)
    if name.partition:
        yield artifact_asset(replace(name, partition=""))


def speaks_of(event: Any, name: landfast.ArtifactName) -> landfast.ArtifactName | None:
    """Return the version that an event speaks of, if it is one of a name's: any partition's, if it says none."""
    version = version_of_event(event)
    if version is None or (name.partition and version.partition != name.partition):
        return None
    return version if replace(version.bare(), partition="") == replace(name, partition="") else None
