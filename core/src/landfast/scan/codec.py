"""Passing: shards and what they found as JSON text, for orchestrators that hand on text and no pickles."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from landfast.errors import InvalidInput
from landfast.manifests.held import HeldManifest
from landfast.manifests.writer import WrittenManifest
from landfast.model.location import Location
from landfast.model.manifest import ManifestSummary
from landfast.model.reference import Reference
from landfast.model.source import Skipped, Source
from landfast.scan.listing import ScanWindow
from landfast.scan.merging import ShardScan
from landfast.scan.plan import ScanPlan, Shard

_KIND = "__landfast__"
_KINDS = (
    *(Shard, ScanPlan, ScanWindow, Reference, Location, Source),
    *(ShardScan, Skipped, WrittenManifest, ManifestSummary),
)
_BY_NAME: dict[str, Any] = {kind.__name__: kind for kind in _KINDS} | {"Path": Path}


def dumps(part: Shard | ShardScan) -> str:
    """Write a part as JSON, without the secrets that a pickle of it would leave out too."""
    return json.dumps(_encoded(part), separators=(",", ":"))


def loads(text: str, kind: type[Any]) -> Any:
    """Read what `dumps` wrote.

    Raises:
        InvalidInput: If the text is something else.
    """
    try:
        part = _decoded(json.loads(text))
    except (ValueError, TypeError, KeyError, RecursionError):
        part = None
    if not isinstance(part, kind):
        raise InvalidInput(
            f"the text is no {kind.__name__}",
            subject=kind.__name__,
            expected=f"what {kind.__name__}.to_json() wrote, with this version of landfast",
        )
    return part


def _encoded(value: Any) -> Any:
    if isinstance(value, ScanPlan):
        value = copy.copy(value)  # goes the way of a pickle, which drops secrets
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
