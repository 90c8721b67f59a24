"""Contents to log: a word stands for what a scan found."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

from landfast.model.lineage import Direction, Edge
from landfast.model.manifest import ManifestSummary
from landfast.model.names import ArtifactName
from landfast.model.run import RunKey
from landfast.registry.registry import Registry
from landfast.registry.values import LogOutcome, LogRequest, RunStart

NAME = ArtifactName(entity="default", project="vision", collection="mnist")
"""Where the suite logs unless a test says otherwise."""

RUN = RunKey(system="script", deployment="host", run_id="1")
OTHER_RUN = RunKey(system="script", deployment="host", run_id="2")


def hexadecimal(*words: str) -> str:
    """Return a sha256 that stands for the words."""
    return hashlib.sha256("\0".join(words).encode()).hexdigest()


def summary(content: str, pins: str = "p") -> ManifestSummary:
    """Return the summary of a manifest: equal words are equal content, equal pins."""
    return ManifestSummary(
        digest="lf1:" + hexadecimal(content),
        pin_digest="lp1:" + hexadecimal(content, pins),
        count=len(content),
        size=1000 * len(content),
    )


def draft(
    registry: Registry, content: str, *, pins: str = "p", name: ArtifactName = NAME, **given: Any
) -> LogRequest:
    """Return a request whose blob is uploaded, and whose scan began now."""
    blob = _blob(content, pins, name)
    registry.record_blobs({blob: 100})
    return _request(registry, content, pins=pins, name=name, blob=blob, **given)


def drafts(registry: Registry, contents: Iterable[str], *, pins: str = "p") -> Iterator[LogRequest]:
    """Yield a request for each, whose blobs are uploaded at once; each scan begins when its request is taken."""
    blobs = {content: _blob(content, pins, NAME) for content in contents}
    registry.record_blobs(dict.fromkeys(blobs.values(), 100))
    for content, blob in blobs.items():
        yield _request(registry, content, pins=pins, name=NAME, blob=blob)


def _blob(content: str, pins: str, name: ArtifactName) -> str:
    return hexadecimal("blob", str(name), content, pins)


def _request(
    registry: Registry, content: str, *, pins: str, name: ArtifactName, blob: str, **given: Any
) -> LogRequest:
    values: dict[str, Any] = {"type": "dataset", "blob": blob, "name": name, **given}
    if "ticket" not in values:
        values["ticket"] = registry.ticket()
    return LogRequest(summary=summary(content, pins), **values)


def log(registry: Registry, content: str, **given: Any) -> LogOutcome:
    """Log `content`, as `draft` makes it."""
    return registry.log(draft(registry, content, **given))


def begin(registry: Registry, key: RunKey = RUN, **given: Any) -> RunKey:
    """Begin a run where the suite logs."""
    registry.begin_run(RunStart(key=key, entity="default", project="vision", **given))
    return key


def add_edge(registry: Registry, run: RunKey, direction: Direction, version_id: int) -> Edge:
    """Record an edge and return it, as it was recorded first."""
    registry.add_edges(run, direction, [version_id])
    found = registry.edges(versions=[version_id])
    (edge,) = (edge for edge in found if (edge.run, edge.direction) == (run, direction))
    return edge
