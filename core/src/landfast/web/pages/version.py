"""A version: what was recorded, from where, by which run, and whether it can be had again."""

from __future__ import annotations

from typing import Any

from landfast.errors import LandfastError
from landfast.model.times import format_time
from landfast.version import ArtifactVersion
from landfast.web.query import Query
from landfast.web.view import Site, View


def version(site: Site, query: Query) -> View:
    """Show a version; `version` is ``vN``, an alias or a digest, `partition` the key."""
    record = site.client.registry.get(query.version(), deleted=True)
    found = ArtifactVersion(record, site.client.context)
    data = {
        **found.to_dict(),
        "expires_at": None if found.ttl is None else format_time(found.created_at + found.ttl),
        "not_restorable": why_not_restorable(found),
        "made_by": _made_by(found),
    }
    return View(template="version.html", data=data, title=found.name)


def why_not_restorable(found: ArtifactVersion) -> list[str]:
    """Say what stands against getting these bytes again after an overwrite, source by source."""
    if found.is_restorable:
        return []
    reasons = []
    for source in found.sources:
        if source.versioning in {"off", "suspended"}:
            reasons.append(
                f"{source.uri}: versioning is {source.versioning}, so an overwrite loses these bytes"
            )
        elif source.versioning == "none":
            reasons.append(f"{source.uri}: the store keeps nothing that is overwritten")
    unpinned = found.record.summary.unpinned
    if unpinned and not reasons:
        reasons.append(f"{unpinned} of its files were recorded without a version id")
    return reasons


def _made_by(found: ArtifactVersion) -> dict[str, Any] | None:
    try:
        run = found.logged_by()
    except LandfastError:
        return None
    return None if run is None else run.to_dict()
