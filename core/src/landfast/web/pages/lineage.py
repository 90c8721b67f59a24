"""Lineage: what a version was made from and what was made from it, as a drawing and as a table."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from landfast.errors import InvalidInput
from landfast.model.lineage import Direction, Side
from landfast.model.times import format_time
from landfast.model.version import VersionRecord
from landfast.query.neighbourhood import (
    Hops,
    Neighbourhood,
    neighbourhood,
    parse_expand,
    run_node,
    version_node,
    write_expand,
)
from landfast.registry.values import NeighbourRequest
from landfast.web.graph import draw_lineage, path_between
from landfast.web.query import Query, Window
from landfast.web.view import Site, View

_MOST_HOPS = 20
MOST_EXPANDED = 60


def lineage(site: Site, query: Query) -> View:
    """Draw the lineage of a version: `up` and `down` hops, `expand`ed nodes, `as_of` a time, `declared` uses.

    `direction` (both, up, down) leaves one side out, `selected` a node to show the path to, and `page` turns the
    table of all edges that touch what is drawn.
    """
    until, direction = query.moment("as_of"), query.choice("direction", "both", "up", "down")
    hops = Hops(
        up=0 if direction == "down" else query.number("up", 1, most=_MOST_HOPS),
        down=0 if direction == "up" else query.number("down", 1, most=_MOST_HOPS),
        expand=_expanded(query),
        until=until,
        declared=query.choice("declared", "0", "1") == "1",
    )
    registry = site.client.registry
    root = _root(site, query, until)
    around = neighbourhood(registry, root, hops)
    selected = query.text("selected")
    path = path_between(around, selected)
    data = {
        "name": str(root.name),
        "collection": str(root.name.bare()),
        "partition": root.name.partition,
        "version": f"v{root.index}",
        "created_at": format_time(root.created_at),
        "is_after": until is not None and root.created_at > until,
        "as_of": None if until is None else format_time(until),
        "up": query.number("up", 1, most=_MOST_HOPS),
        "down": query.number("down", 1, most=_MOST_HOPS),
        "direction": direction,
        "declared": hops.declared,
        "expand": write_expand(hops.expand),
        "can_expand": len(hops.expand) < MOST_EXPANDED,
        "selected": selected if path else "",
        "is_cut": around.is_cut,
        "graph": draw_lineage(around, hops, path),
        "table": _table(site, around, hops, query.window()),
    }
    return View(template="lineage.html", data=data, title=f"Lineage of {root.name.collection}")


def _root(site: Site, query: Query, until: datetime | None) -> VersionRecord:
    registry, name = site.client.registry, query.version()
    if until is not None and not query.text("version"):
        return registry.as_of(name.bare(), until)
    return registry.get(name, deleted=True)


def _expanded(query: Query) -> dict[tuple[str, Side], int]:
    text = query.text("expand")
    found = parse_expand(text)
    if found is None or len(found) > MOST_EXPANDED:
        raise InvalidInput(
            "the parameter 'expand' does not name nodes of a lineage",
            subject="expand",
            expected=f"at most {MOST_EXPANDED} words such as 12u or rabcd2345d2, with dots between them",
            found=repr(text[:40]),
        )
    return found


def _table(site: Site, around: Neighbourhood, hops: Hops, window: Window) -> dict[str, Any]:
    """A page of all edges that touch a version or run of the drawing, those that it leaves out too."""
    overview = site.client.registry.overview
    wanted = NeighbourRequest(
        versions=tuple(version.id for version in around.versions.values()),
        runs=tuple(run.id for run in around.runs.values()),
        directions=tuple(Direction) if hops.declared else (Direction.USED, Direction.LOGGED),
        until=hops.until,
    )
    found, total = overview.edges_touching(wanted, start=window.start, size=window.size)
    runs = overview.runs_by_id([run for run, _ in found])
    return {
        "edges": [
            {
                **edge.to_dict(),
                "run": run,
                "run_name": runs[run].name or str(edge.run),
                "system": edge.run.system,
                "run_node": _drawn(run_node(run), around),
                "version_node": _drawn(version_node(edge.version_id), around),
            }
            for run, edge in found
        ],
        "page": window.to_dict(total),
    }


def _drawn(node: str, around: Neighbourhood) -> str | None:
    return node if node in around.versions or node in around.runs else None
