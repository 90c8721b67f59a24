"""A version: what was recorded, from where, by which run, and whether it can be had again."""

from __future__ import annotations

from itertools import islice
from typing import Any

from landfast.errors import NotFound
from landfast.model.times import format_time
from landfast.version import ArtifactVersion
from landfast.web.pages.files import files_at_top
from landfast.web.pages.kept import copies_of, holds_of
from landfast.web.query import Query
from landfast.web.snippets import use_it
from landfast.web.view import Site, View

_LOOKS = 5


def version(site: Site, query: Query) -> View:
    """Show a version; `version` is ``vN``, an alias or a digest, `partition` the key."""
    registry = site.client.registry
    found = ArtifactVersion(registry.get(query.version(), deleted=True), site.client.context)
    others = registry.versions(found.full_name.bare())
    data = {
        **_facts(found),
        "previous": next(
            (f"v{other.index}" for other in others if other.index < found.index), None
        ),
        "made_by": _made_by(found),
        "observations": [
            look.to_dict() for look in islice(registry.observations(found.full_name), _LOOKS)
        ],
        "files_at_top": files_at_top(found),
        "holds": holds_of(found),
        "copies": copies_of(found),
        "verifications": [each.to_dict() for each in found.verifications()],
        "use_it": use_it(found.qualified_name),
    }
    return View(template="version.html", data=data, title=found.name)


def _facts(found: ArtifactVersion) -> dict[str, Any]:
    facts = found.to_dict()
    # What a log returned says of that log; who looks at a version did not log it.
    del facts["created"], facts["changed"]
    summary = found.record.summary
    return {
        **facts,
        "unverified": summary.unverified,
        "unpinned": summary.unpinned,
        "expires_at": None if found.ttl is None else format_time(found.created_at + found.ttl),
        "not_restorable": [] if facts["restorable"] else why_not_restorable(found),
    }


def why_not_restorable(found: ArtifactVersion) -> list[str]:
    """Say what stands against getting these bytes again after an overwrite, source by source."""
    reasons = []
    for source in found.sources:
        if source.versioning in {"off", "suspended"}:
            reasons.append(f"{source.uri}: versioning of the bucket is {source.versioning}")
        elif source.versioning == "none":
            reasons.append(f"{source.uri}: the store does not keep overwritten objects")
    unpinned = found.record.summary.unpinned
    if unpinned:
        files = "1 file was" if unpinned == 1 else f"{unpinned:,} files were"
        reasons.append(f"{files} recorded without an id of the object's version")
    return reasons


def _made_by(found: ArtifactVersion) -> dict[str, Any] | None:
    try:
        run = found.logged_by()
    except NotFound:
        return None
    return None if run is None else run.to_dict()
