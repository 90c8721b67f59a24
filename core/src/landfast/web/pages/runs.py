"""Runs: a list of executions, and one of them with what it used and logged."""

from __future__ import annotations

from typing import Any

from landfast.model.lineage import Direction
from landfast.model.run import RunOverview, RunRecord, RunStatus
from landfast.model.times import format_time
from landfast.registry.values import RunFilter
from landfast.web import links
from landfast.web.query import Query, Window
from landfast.web.view import Site, View

_SIZE = 50


def runs(site: Site, query: Query) -> View:
    """List runs, newest first: by what is given of `system`, `deployment`, `run_id`, `node`, `part`, ...

    Also by `status`, `project`, `entity` and `q` (in name, run id or node).  `run` is `run_id` under another name.
    """
    run_id = query.text("run_id") or query.text("run")
    wanted = RunFilter(
        entity=query.text("entity"),
        project=query.text("project"),
        system=query.text("system"),
        deployment=query.text("deployment"),
        run_ids=_spellings(run_id),
        node=query.text("node"),
        part=_part(query),
        status=query.choice("status", "", *RunStatus),
        text=query.text("q"),
    )
    window, overview = query.window(), site.client.registry.overview
    found = overview.runs(wanted, start=window.start, size=window.size + 1)
    data = {
        "filter": {
            "q": wanted.text,
            "system": wanted.system,
            "status": wanted.status,
            "project": wanted.project,
            "entity": wanted.entity,
            "deployment": wanted.deployment,
            "run_id": run_id,
            "node": wanted.node,
            "part": query.text("part"),
        },
        "systems": overview.systems(),
        "runs": [_row(each) for each in found[: window.size]],
        "page": window.to_dict(None, has_more=len(found) > window.size),
    }
    return View(template="runs.html", data=data, title="Runs")


def run(site: Site, query: Query) -> View:
    """Show the run with the id `run`: `used_page`, `declared_page` and `logged_page` turn its three lists."""
    registry = site.client.registry
    record = registry.run(query.text("run"))
    counts = registry.overview.edge_counts(record.key)
    data = {
        **facts(record),
        "edges": {
            str(direction): _edges(site, record, direction, counts.get(direction, 0), query)
            for direction in Direction
        },
    }
    return View(template="run.html", data=data, title=record.name or f"Run {record.id}")


def facts(record: RunRecord) -> dict[str, Any]:
    """Describe a run; `link` only if a browser may follow it, else it is `unsafe_link`."""
    ended, safe = record.finished_at, links.elsewhere(record.link)
    return {
        **record.to_dict(),
        "run_id": record.key.run_id,
        "node": record.key.node,
        "part": record.key.part,
        "seconds": None if ended is None else (ended - record.started_at).total_seconds(),
        "link": safe,
        "unsafe_link": record.link if record.link and not safe else None,
    }


def _row(each: RunOverview) -> dict[str, Any]:
    return {
        **facts(each.run),
        "edges": {str(direction): each.edges.get(direction, 0) for direction in Direction},
    }


def _edges(
    site: Site, record: RunRecord, direction: Direction, total: int, query: Query
) -> dict[str, Any]:
    window = Window(number=query.number(f"{direction}_page", 1, least=1, most=10**6), size=_SIZE)
    found = site.client.registry.overview.edges_of_run(
        record.key, direction, start=window.start, size=window.size
    )
    return {
        "versions": [{"name": str(edge.version), "at": format_time(edge.at)} for edge in found],
        "page": window.to_dict(total),
    }


def _spellings(run_id: str) -> tuple[str, ...]:
    """An orchestrator may fill a zone such as ``+00:00`` into a link as it is, where a plus sign means a blank."""
    return tuple({run_id: None, run_id.replace(" ", "+"): None}) if run_id else ()


def _part(query: Query) -> str | None:
    """Return the part that is asked for; Airflow's map index of a task that is not mapped is none."""
    part = query.text("part")
    if part == "-1" and query.text("system") == "airflow":
        return ""
    return part or None
