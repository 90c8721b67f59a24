"""Object: which versions contain it, and which runs logged or used them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import islice
from typing import Any

from landfast.errors import LandfastError
from landfast.model.lineage import Direction, Neighbour
from landfast.model.manifest import ManifestEntry
from landfast.model.run import RunRecord
from landfast.model.times import format_time
from landfast.model.version import VersionRecord
from landfast.model.version_facts import VersionFacts
from landfast.query.lineage import object_in
from landfast.registry.values import NeighbourRequest
from landfast.web.query import Query, Window
from landfast.web.view import Site, View

# A manifest is opened for each.
_SIZE = 20
_RUNS = 8


def object_page(site: Site, query: Query) -> View:
    """Show which versions hold the object `uri`, at any pin or at `version_id`; a form, if no `uri` is given.

    A page looks into the next versions whose sources may hold it, newest first; `page` turns them.
    """
    uri, version_id = query.text("uri").strip(), query.text("version_id")
    window = Window(number=query.number("page", 1, least=1, most=10**4), size=_SIZE)
    data: dict[str, Any] = {"uri": uri, "version_id": version_id, "searched": None}
    if uri:
        data["searched"] = _search(site, uri, version_id or None, window)
    return View(template="object.html", data=data, title="Object")


def _search(site: Site, uri: str, version_id: str | None, window: Window) -> dict[str, Any]:
    candidates = site.client.registry.containing(uri)
    near = list(islice(candidates, window.start, window.start + window.size + 1))
    found, unread = [], []
    for version in near[: window.size]:
        try:
            entry = object_in(
                site.client.registry,
                site.client.context.manifest_of,
                version,
                uri,
                version_id=version_id,
            )
        except LandfastError as error:
            unread.append({"name": str(version.name), "problem": error.problem})
            continue
        if entry is not None:
            found.append((version, entry))
    return {
        "looked_into": len(near[: window.size]),
        "matches": _matches(site, found),
        "unread": unread,
        "page": window.to_dict(None, has_more=len(near) > window.size),
    }


def _matches(
    site: Site, found: Sequence[tuple[VersionRecord, ManifestEntry]]
) -> list[dict[str, Any]]:
    overview = site.client.registry.overview
    wanted = NeighbourRequest(
        versions=tuple(version.id for version, _ in found), directions=tuple(Direction), each=_RUNS
    )
    near = defaultdict(list)
    for each in overview.neighbours(wanted):
        near[each.edge.version_id].append(each)
    ids = [each.run_id for runs in near.values() for each in runs]
    records = overview.runs_by_id(ids)
    return [
        {
            "version": _facts(version),
            "entry": {
                "path": entry.path,
                "size": entry.size,
                "uri": entry.uri,
                "version_id": entry.version_id,
            },
            "runs": [_run(each, records[each.run_id]) for each in near[version.id]],
            "more_runs": near[version.id][0].total - len(near[version.id])
            if near[version.id]
            else 0,
        }
        for version, entry in found
    ]


def _run(near: Neighbour, record: RunRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "key": str(record.key),
        "name": record.name,
        "system": record.key.system,
        "direction": str(near.edge.direction),
        "at": format_time(near.edge.at),
    }


def _facts(version: VersionRecord) -> dict[str, Any]:
    facts = VersionFacts(version)
    return {
        "name": facts.qualified_name,
        "type": facts.type,
        "aliases": list(facts.aliases),
        "created_at": format_time(facts.created_at),
    }
