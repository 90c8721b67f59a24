"""Graph: a neighbourhood of the lineage as boxes and curves, with what each says and where it leads."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from landfast.html.filters import count_text
from landfast.html.sizes import size_text
from landfast.model.lineage import Direction, Side
from landfast.model.run import RunRecord
from landfast.model.version import VersionRecord
from landfast.query.neighbourhood import (
    MOST_LEVELS,
    Cluster,
    Hops,
    Neighbourhood,
    write_expand,
)
from landfast.redaction import visible
from landfast.web import links
from landfast.web.layout import draw

_VERSION, _RUN, _CLUSTER = (200.0, 48.0), (190.0, 48.0), (166.0, 34.0)
_LETTERS = 22

Pair = tuple[str, str]


def draw_lineage(around: Neighbourhood, hops: Hops, path: Sequence[str]) -> dict[str, Any]:
    """Lay a neighbourhood out.

    Args:
        around: What is drawn.
        hops: What was asked for.
        path: Nodes to bring out.

    Returns:
        Size of the drawing, its nodes and its edges, as JSON can hold them.
    """
    clusters = {f"c{index}": cluster for index, cluster in enumerate(around.clusters)}
    said = {node: _version(version) for node, version in around.versions.items()}
    said |= {node: _run(run) for node, run in around.runs.items()}
    said |= {node: _cluster(cluster, hops) for node, cluster in clusters.items()}
    sizes = {node: _SIZES[facts["kind"]] for node, facts in said.items()}
    pairs = _pairs(around)
    kinds = list(pairs.values()) + ["cluster"] * len(clusters)
    ends = [*pairs]
    for node, cluster in clusters.items():
        ends.append((node, cluster.of) if cluster.side is Side.UP else (cluster.of, node))
    drawing = draw(sizes, ends)
    on_path = set(pairwise(path))
    return {
        "width": round(drawing.width),
        "height": round(drawing.height),
        "nodes": [
            {
                "id": node,
                **facts,
                "x": drawing.boxes[node].x,
                "y": drawing.boxes[node].y,
                "width": drawing.boxes[node].width,
                "height": drawing.boxes[node].height,
                "is_root": node == around.root,
                "is_on_path": node in path,
                "hidden": {str(side): around.hidden.get((node, side), 0) for side in Side},
                "less": _without(hops, node),
            }
            for node, facts in said.items()
        ],
        "edges": [
            {
                "source": source,
                "target": target,
                "kind": kind,
                "path": curve,
                "is_on_path": (source, target) in on_path or (target, source) in on_path,
            }
            for (source, target), kind, curve in zip(ends, kinds, drawing.curves, strict=True)
        ],
    }


_SIZES = {"version": _VERSION, "run": _RUN, "cluster": _CLUSTER}


def path_between(around: Neighbourhood, selected: str) -> list[str]:
    """Return the nodes from the root to another one, along the arrows or against them where that is possible.

    Returns:
        The shortest such path, both ends included; any shortest one if the arrows turn on all; empty if none.
    """
    out, back = defaultdict(list), defaultdict(list)
    for source, target in _pairs(around):
        out[source].append(target)
        back[target].append(source)
    both = {node: out[node] + back[node] for node in {*out, *back}}
    for beside in (out, back, both):
        if found := _shortest(beside, around.root, selected):
            return found
    return []


def _shortest(beside: Mapping[str, Sequence[str]], start: str, end: str) -> list[str]:
    came: dict[str, str | None] = {start: None}
    waiting = deque([start])
    while waiting and end not in came:
        node = waiting.popleft()
        for other in beside.get(node, ()):
            if other not in came:
                came[other] = node
                waiting.append(other)
    path, node_or_none = [], end if end in came else None
    while node_or_none is not None:
        path.append(node_or_none)
        node_or_none = came[node_or_none]
    return path[::-1]


def _pairs(around: Neighbourhood) -> dict[Pair, str]:
    """The arrows: from what was used to the run, from the run to what it logged; with what the run did."""
    found: dict[Pair, str] = {}
    for run, edge in reversed(around.edges):
        version = str(edge.version_id)
        is_output = edge.direction is Direction.LOGGED
        found[(run, version) if is_output else (version, run)] = str(edge.direction)
    return found


def _version(version: VersionRecord) -> dict[str, Any]:
    name = version.name
    whole = f"{name.collection}~{name.partition}" if name.partition else name.collection
    summary = version.summary
    facts = [f"v{version.index}", size_text(summary.size), count_text(summary.count, "file")]
    return {
        "kind": "version",
        "title": _short(whole),
        "text": _short(" · ".join(facts), 34),
        "whole": visible(str(name)),
        "name": str(name),
        "is_deleted": version.deleted_at is not None,
        "aliases": list(version.aliases),
        "run": None,
        "system": None,
        "status": None,
        "link": None,
        "side": None,
        "of": None,
        "count": None,
    }


def _run(run: RunRecord) -> dict[str, Any]:
    step = run.key.node or run.job_type
    title = run.name or (step and f"{step} {run.key.part}".strip()) or run.key.run_id
    text = " · ".join(part for part in (run.key.system, step if step != title else "") if part)
    return {
        "kind": "run",
        "title": _short(title, 14),
        "text": _short(text, 22),
        "whole": visible(f"{run.name or run.key} ({run.key.system}, {run.status})"),
        "name": None,
        "is_deleted": False,
        "aliases": [],
        "run": run.id,
        "system": run.key.system,
        "status": str(run.status),
        "link": links.elsewhere(run.link),
        "side": None,
        "of": None,
        "count": None,
    }


def _cluster(cluster: Cluster, hops: Hops) -> dict[str, Any]:
    is_of_runs = not cluster.of.startswith("r")
    label = cluster.group[-1] if not is_of_runs and cluster.group else ""
    if is_of_runs:
        label = " · ".join(part for part in cluster.group if part)
    noun = "run" if is_of_runs else "version"
    more = count_text(cluster.count, f"more {noun}")
    asked = hops.expand.get((cluster.of, cluster.side), 0)
    return {
        "kind": "cluster",
        "title": _short(f"+{cluster.count:,} {label or noun + 's'}", 21),
        "text": "",
        "whole": visible(f"{more} {label}".strip()),
        "name": None,
        "is_deleted": False,
        "aliases": [],
        "run": None,
        "system": cluster.group[0] if is_of_runs and cluster.group else None,
        "status": None,
        "link": None,
        "side": str(cluster.side) if asked < MOST_LEVELS - 1 else None,
        "of": cluster.of,
        "count": cluster.count,
    }


def _without(hops: Hops, node: str) -> str | None:
    """What is expanded but for a node; None if that is not."""
    rest = {side: times for side, times in hops.expand.items() if side[0] != node}
    return write_expand(rest) if len(rest) < len(hops.expand) else None


def _short(text: str, most: int = _LETTERS) -> str:
    shown = visible(text)
    return shown if len(shown) <= most else shown[: most - 1] + "…"
