"""Neighbourhood: the lineage around a version hop by hop, some of each node's neighbours and counts of the rest.

`lineage` walks all of it; this is for looking around, and is bounded whatever the registry holds: a version that a
hundred thousand runs used shows a few of them, and says how many there are.  Nodes are written as short texts,
versions by their number in the registry (``12``), runs by their short id (``rabcd2345``): a run's has a letter first.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from landfast.model.lineage import Direction, Edge, Neighbour, Side
from landfast.model.run import RunRecord
from landfast.model.version import VersionRecord
from landfast.registry.registry import Registry
from landfast.registry.values import NeighbourRequest

Group = tuple[str, ...]

# What is asked for the first time, and how much more each time again.
_OF_GROUP, _EACH, _MORE = 6, 12, 5
MOST_LEVELS = 4
MOST_NODES = 400
MOST_CLUSTERS = 100
_MOST_EDGES = 3_000
# Of all nodes of a hop, for what is alike among their neighbours.
_LOOKED_AT = 10_000
_NOT_ON_THE_WAY = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Hops:
    """How far to look.

    Args:
        up: Hops up from the version; one is a run and the versions that it used.
        down: Hops down.
        expand: How often more was asked for of a side of a node; of one at the rim, its first hop.
        until: Only edges up to this moment, registry time; None is the present.
        declared: Whether dependencies count too that were only declared.
    """

    up: int = 1
    down: int = 1
    expand: Mapping[tuple[str, Side], int] = field(default_factory=dict)
    until: datetime | None = None
    declared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Neighbours of a node that are not shown one by one.

    Args:
        of: The node.
        side: Which of its sides.
        group: What they have in common: the name of a collection, or system, step and type of job; empty for all
            others together.
        count: How many there are.
    """

    of: str
    side: Side
    group: Group
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbourhood:
    """What is around a version.

    Args:
        root: Its node.
        versions: By node, nearest first.
        runs: By node.
        edges: Between these; with the node of the run.
        clusters: What is not shown of nodes that were looked around.
        hidden: How many neighbours of a side of a node are neither shown nor in a cluster.
        is_cut: Whether more was asked for than is shown.
    """

    root: str
    versions: Mapping[str, VersionRecord]
    runs: Mapping[str, RunRecord]
    edges: Sequence[tuple[str, Edge]]
    clusters: Sequence[Cluster]
    hidden: Mapping[tuple[str, Side], int]
    is_cut: bool


def neighbourhood(registry: Registry, root: VersionRecord, hops: Hops) -> Neighbourhood:
    """Return what is around a version.

    Each hop costs a constant number of queries, whatever the number of nodes and edges in it.

    Args:
        registry: Where the edges are.
        root: The version.
        hops: How far to look.
    """
    walk = _Walk(registry, hops)
    walk.begin(root)
    while walk.waiting:
        walk.step()
    return _Picture(registry, hops, walk).finished(root)


def version_node(version_id: int) -> str:
    """Return how a version is written as a node."""
    return str(version_id)


def run_node(run_id: str) -> str:
    """Return how a run is written as a node."""
    return f"r{run_id}"


@dataclass(slots=True)
class _Walk:
    """Breadth first, over sides of nodes that are to be looked at, with the hops that are left from there."""

    registry: Registry
    hops: Hops
    nodes: dict[str, None] = field(default_factory=dict)
    waiting: dict[tuple[str, Side], int] = field(default_factory=dict)
    looked: dict[tuple[str, Side], list[tuple[str, Neighbour]]] = field(default_factory=dict)
    is_cut: bool = False

    def begin(self, root: VersionRecord) -> None:
        self._meet(version_node(root.id), {Side.UP: self.hops.up, Side.DOWN: self.hops.down})

    def step(self) -> None:
        """Look at all sides that wait: a query for each kind of node, side and level."""
        now, self.waiting = self.waiting, {}
        alike: dict[tuple[bool, Side, int], list[str]] = defaultdict(list)
        for node, side in now:
            self.looked[node, side] = []
            alike[_is_run(node), side, self._level(node, side, now[node, side])].append(node)
        for (is_run, side, level), nodes in alike.items():
            for near in self.registry.overview.neighbours(
                self._request(is_run, side, level, nodes)
            ):
                version, run = version_node(near.edge.version_id), run_node(near.run_id)
                node, other = (run, version) if is_run else (version, run)
                self.looked[node, side].append((other, near))
                # The run in between costs nothing: a hop leads from version to version.
                left = now[node, side] - 1 if is_run else max(now[node, side], 0)
                self._meet(other, {side: left})

    def _level(self, node: str, side: Side, left: int) -> int:
        """How much is shown there: once if it is on the way, and once more as often as it was asked for."""
        is_on_the_way = left > 0 or (left == 0 and _is_run(node))
        return min(self.hops.expand.get((node, side), 0) + is_on_the_way, MOST_LEVELS)

    def _request(
        self, is_run: bool, side: Side, level: int, nodes: Sequence[str]
    ) -> NeighbourRequest:
        times = _MORE ** (level - 1)
        return NeighbourRequest(
            versions=() if is_run else tuple(map(int, nodes)),
            runs=tuple(node[1:] for node in nodes) if is_run else (),
            directions=side.directions(of_runs=is_run, declared=self.hops.declared),
            until=self.hops.until,
            of_group=_OF_GROUP * times,
            each=min(_EACH * times, MOST_NODES),
            among=max(_LOOKED_AT // len(nodes), _EACH * times),
        )

    def _meet(self, node: str, left: Mapping[Side, int]) -> None:
        """Show a node, if there is room, and look at its sides that are asked for."""
        if node not in self.nodes:
            if len(self.nodes) >= MOST_NODES:
                self.is_cut = True
                return
            self.nodes[node] = None
        for side in Side:
            hops = left.get(side, _NOT_ON_THE_WAY)
            if self._level(node, side, hops) and (node, side) not in self.looked:
                self.waiting[node, side] = max(self.waiting.get((node, side), hops), hops)


@dataclass(slots=True)
class _Picture:
    """What was met, with all that is between, and how much is not shown."""

    registry: Registry
    hops: Hops
    walk: _Walk
    shown: dict[tuple[str, Side], set[str]] = field(default_factory=lambda: defaultdict(set))

    def finished(self, root: VersionRecord) -> Neighbourhood:
        overview, nodes = self.registry.overview, self.walk.nodes
        by_number = overview.versions([int(node) for node in nodes if not _is_run(node)])
        by_id = overview.runs_by_id([node[1:] for node in nodes if _is_run(node)])
        versions = {node: by_number[int(node)] for node in nodes if not _is_run(node)}
        runs = {node: by_id[node[1:]] for node in nodes if _is_run(node)}
        request = NeighbourRequest(
            versions=tuple(by_number),
            runs=tuple(by_id),
            directions=tuple(Direction)
            if self.hops.declared
            else (Direction.USED, Direction.LOGGED),
            until=self.hops.until,
            each=_MOST_EDGES,
        )
        edges = [(run_node(run), edge) for run, edge in overview.edges_between(request)]
        for run, edge in edges:
            version = version_node(edge.version_id)
            is_output = edge.direction is Direction.LOGGED
            self.shown[run, Side.DOWN if is_output else Side.UP].add(version)
            self.shown[version, Side.UP if is_output else Side.DOWN].add(run)
        hidden = self._hidden(overview.neighbour_totals(request))
        groups = {n: _version_group(version) for n, version in versions.items()}
        groups |= {n: _run_group(run) for n, run in runs.items()}
        clusters = self._clusters(hidden, groups)
        return Neighbourhood(
            root=version_node(root.id),
            versions=versions,
            runs=runs,
            edges=edges,
            clusters=clusters,
            hidden=hidden,
            is_cut=self.walk.is_cut or len(edges) == _MOST_EDGES,
        )

    def _hidden(
        self, totals: Mapping[tuple[int | str, Direction], int]
    ) -> dict[tuple[str, Side], int]:
        found: Counter[tuple[str, Side]] = Counter()
        for (end, direction), total in totals.items():
            is_run = isinstance(end, str)
            node = run_node(end) if isinstance(end, str) else version_node(end)
            is_down = (direction is Direction.LOGGED) is is_run
            found[node, Side.DOWN if is_down else Side.UP] += total
        found.subtract({side: len(nodes) for side, nodes in self.shown.items()})
        return {side: count for side, count in found.items() if count > 0}

    def _clusters(
        self, hidden: dict[tuple[str, Side], int], groups: Mapping[str, Group]
    ) -> list[Cluster]:
        """Gather what is hidden beside nodes that were looked at, by group; it is taken out of `hidden`."""
        found: list[Cluster] = []
        for (node, side), near in self.walk.looked.items():
            left = hidden.get((node, side), 0)
            if not left:
                continue
            there = Counter(groups[other] for other in self.shown[node, side])
            totals = {groups[other]: each.group_total for other, each in near if other in groups}
            parts = {group: total - there[group] for group, total in totals.items()}
            parts = {group: min(count, left) for group, count in parts.items() if count > 0}
            if rest := left - sum(parts.values()):
                parts[()] = rest
            if len(found) + len(parts) > MOST_CLUSTERS:
                self.walk.is_cut = True
                continue
            found += [
                Cluster(of=node, side=side, group=group, count=count)
                for group, count in parts.items()
                if count > 0
            ]
            del hidden[node, side]
        return found


def _is_run(node: str) -> bool:
    return node.startswith("r")


def _version_group(version: VersionRecord) -> Group:
    name = version.name
    return (name.entity or "", name.project or "", name.collection)


def _run_group(run: RunRecord) -> Group:
    return (run.key.system, run.key.node, run.job_type)


def parse_expand(text: str) -> dict[tuple[str, Side], int] | None:
    """Read what `write_expand` wrote, a word that is repeated as once more; None if it is something else."""
    found: Counter[tuple[str, Side]] = Counter()
    for word in filter(None, text.split(".")):
        match = _WORD.fullmatch(word)
        if match is None:
            return None
        side = Side.UP if match["side"] == "u" else Side.DOWN
        found[match["node"], side] += int(match["times"] or 1)
    return {side: min(times, MOST_LEVELS) for side, times in found.items()}


def write_expand(expand: Mapping[tuple[str, Side], int]) -> str:
    """Write what is expanded as a short text for an address, such as ``12u.rabcd2345d2``."""
    return ".".join(
        f"{node}{side[0]}{times if times > 1 else ''}" for (node, side), times in expand.items()
    )


_WORD = re.compile(
    r"(?P<node>[0-9]{1,19}|r[0-9a-z]{1,16})(?P<side>[ud])(?P<times>[1-9]?)", re.ASCII
)
