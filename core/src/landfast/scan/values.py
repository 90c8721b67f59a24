"""What a scan hands on: its plan, the shards of it, and what each of them found; as pickle or as JSON text.

None of them carries a secret to another process: a worker brings its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Self

from landfast.errors import InvalidInput
from landfast.manifests.held import HeldManifest
from landfast.manifests.table_file import WrittenManifest
from landfast.model.location import Location
from landfast.model.manifest import ManifestSummary
from landfast.model.reference import UNLIMITED, Reference
from landfast.model.source import Skipped, Source
from landfast.redaction import is_secret_parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanWindow:
    """A range of keys below the folder: above `after`, up to and including `upto`; None is open."""

    after: str | None = None
    upto: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanPlan:
    """The result of the first look at a reference, and the plan of its lists.

    Args:
        reference: The reference as given. A pickle of the plan leaves out its secrets; a worker uses its own
            credentials.
        location: The object, or the folder with its final slash.
        is_object: Whether the place is a single object.
        list_versions: Whether the scan must list all object versions to find version ids.
        max_objects: Maximum number of entries in all shards together.
        source: The source that the version will record.
        windows: Key ranges, disjoint and in order; each is one shard.
        notes: Notes for the user before the scan, one sentence each.
    """

    reference: Reference = field(repr=False)
    location: Location
    is_object: bool
    list_versions: bool
    max_objects: int
    source: Source
    windows: tuple[ScanWindow, ...] = (ScanWindow(),)
    notes: tuple[str, ...] = ()

    def public(self) -> ScanPlan:
        """Return the plan without secrets, so that you can pass it on; a worker uses its own credentials."""
        location = self.location.without_secrets()[0]
        reference = replace(
            self.reference,
            uri=None if self.reference.uri is None else location.uri,
            options=public_options(self.reference.options),
        )
        return replace(self, reference=reference, location=location)

    def __reduce__(self) -> tuple[Any, ...]:
        public = self.public()
        return _rebuilt, tuple(getattr(public, each.name) for each in fields(public))

    @property
    def shards(self) -> tuple[Shard, ...]:
        """The shards to pass to `scan_shard`, in order."""
        return tuple(
            Shard(plan=replace(self, windows=()), number=number, window=window)
            for number, window in enumerate(self.windows)
        )


class AsJson:
    """What an orchestrator that hands on text can hand on."""

    __slots__ = ()

    def to_json(self) -> str:
        """Return JSON without secrets: those that a pickle also leaves out."""
        return json.dumps(_encoded(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read the output of `to_json`.

        Raises:
            InvalidInput: If the text is something else.
        """
        try:
            part = _decoded(json.loads(text))
        except (ValueError, TypeError, KeyError, RecursionError):
            part = None
        if not isinstance(part, cls):
            raise InvalidInput(
                f"the text is no {cls.__name__}",
                subject=cls.__name__,
                expected=f"what {cls.__name__}.to_json() wrote, with this version of landfast",
            )
        return part


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard(AsJson):
    """One key range of a plan.

    A pickle of it and its JSON contain no secrets; a worker uses its own credentials.

    Args:
        plan: Plan that the shard belongs to.
        number: Position in the plan, from 0.
        window: Key range of the shard.
    """

    plan: ScanPlan
    number: int
    window: ScanWindow


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardScan(AsJson):
    """The result of one shard: a sorted manifest, and the objects that were left out.

    Args:
        manifest: Manifest of the entries, as a file; in memory if there are few.
        sources: Source of the plan; for an adopted version, also the references that were scanned for that version.
        uses: Registry keys of versions whose entries were copied.
        skipped: Objects that were left out, by reason.
        matched: Globs that matched a path, in the format of `model.globs.labels`.
        notes: Notes for the user about the scan, one sentence each.
        max_objects: Maximum number of entries, from the plan.
        allow_empty: Whether to accept a missing or empty prefix, from the reference.
    """

    manifest: WrittenManifest | HeldManifest
    sources: tuple[Source, ...]
    uses: tuple[int, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    matched: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    max_objects: int = UNLIMITED
    allow_empty: bool = False


def public_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what may be recorded of the options of a reference."""
    return {
        key: value
        for key, value in options.items()
        if isinstance(value, str | int | float | bool | None) and not is_secret_parameter(key)
    }


def _rebuilt(*values: Any) -> ScanPlan:
    return ScanPlan(**dict(zip((each.name for each in fields(ScanPlan)), values, strict=True)))


_KIND = "__landfast__"
_KINDS = (
    *(Shard, ScanPlan, ScanWindow, Reference, Location, Source),
    *(ShardScan, Skipped, WrittenManifest, ManifestSummary),
)
_BY_NAME: dict[str, Any] = {kind.__name__: kind for kind in _KINDS} | {"Path": Path}


def _encoded(value: Any) -> Any:
    if isinstance(value, ScanPlan):
        value = value.public()
    if isinstance(value, HeldManifest):
        value = value.written
    if is_dataclass(value) and type(value) in _KINDS:
        inner = {f.name: _encoded(getattr(value, f.name)) for f in fields(value) if f.init}
        return {_KIND: type(value).__name__, **inner}
    if isinstance(value, Path):
        return {_KIND: "Path", "path": str(value)}
    if isinstance(value, Mapping):
        return {key: _encoded(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_encoded(inner) for inner in value]
    return value


def _decoded(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(_decoded, value))
    if not isinstance(value, dict):
        return value
    inner = {key: _decoded(item) for key, item in value.items() if key != _KIND}
    kind = value.get(_KIND)
    if kind is None:
        return inner
    return Path(inner["path"]) if kind == "Path" else _BY_NAME[kind](**inner)
