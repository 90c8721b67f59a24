"""Layout: a layered drawing of a graph: ranks by longest path, order by barycenter sweeps, places, curves.

Own code, because it has to be bounded: a crafted lineage must not stop a server.  Everything is linear in nodes and
edges but for sorting; what is not, the number of sweeps and of bends in long edges, has a budget.  It is pure Python,
so other threads run meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

_COLUMN_GAP = 54.0
_ROW_GAP = 16.0
_BEND_GAP = 9.0
_MARGIN = 12.0
_MOST_BENDS = 4_000
_MOST_SWEEPS = 12
# Edges that are looked at in all sweeps together.
_SWEEP_BUDGET = 90_000


@dataclass(frozen=True, slots=True)
class Box:
    """Where a node is drawn: its upper left corner and its size, in units of the drawing."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A laid-out graph.

    Args:
        width: Of all.
        height: Of all.
        boxes: Of the nodes.
        curves: Of the edges in their order, as SVG paths from source to target; ``""`` for one from a node to itself.
    """

    width: float
    height: float
    boxes: Mapping[str, Box]
    curves: Sequence[str]


def draw(sizes: Mapping[str, tuple[float, float]], edges: Sequence[tuple[str, str]]) -> Drawing:
    """Lay a graph out from left to right; the same graph always gets the same drawing.

    Args:
        sizes: Width and height of each node.
        edges: Pairs of nodes, source first. Cycles are legal: an edge that closes one is drawn backwards.
    """
    names = list(sizes)
    number = {name: index for index, name in enumerate(names)}
    pairs = [(number[source], number[target]) for source, target in edges]
    ranks, backwards = rank(len(names), pairs)
    layers = _Layers.of(ranks, [(b, a) if (a, b) in backwards else (a, b) for a, b in pairs])
    layers.order()
    return _Places(layers, [sizes[name] for name in names]).drawing(names, pairs)


def rank(
    count: int, pairs: Sequence[tuple[int, int]]
) -> tuple[list[int], frozenset[tuple[int, int]]]:
    """Return the rank of each node, above those of all that lead to it, and the edges that lead back."""
    out: list[list[int]] = [[] for _ in range(count)]
    for source, target in dict.fromkeys(pairs):
        if source != target:
            out[source].append(target)
    backwards = _backwards(out)
    for source, target in backwards:
        out[source].remove(target)
        out[target].append(source)
    return _longest(out), backwards


def _longest(out: Sequence[Sequence[int]]) -> list[int]:
    """Return how far each node is from where nothing leads to, by the longest path; there are no cycles."""
    waiting = [0] * len(out)
    for target in (target for targets in out for target in targets):
        waiting[target] += 1
    starts = [node for node, count in enumerate(waiting) if not count]
    ranks, done = [0] * len(out), starts[:]
    for node in done:
        for target in out[node]:
            ranks[target] = max(ranks[target], ranks[node] + 1)
            waiting[target] -= 1
            if not waiting[target]:
                done.append(target)
    for node in starts:
        # It stands beside what it leads to, not at the far end.
        if out[node]:
            ranks[node] = min(ranks[target] for target in out[node]) - 1
    return ranks


def _backwards(out: Sequence[Sequence[int]]) -> frozenset[tuple[int, int]]:
    """Return the edges that close a cycle, as a walk meets them that begins where nothing leads to."""
    led_to = {target for targets in out for target in targets}
    starts = sorted(range(len(out)), key=lambda node: node in led_to)
    open_nodes, seen, found = set[int](), set[int](), set[tuple[int, int]]()
    for start in starts:
        if start in seen:
            continue
        seen.add(start)
        open_nodes.add(start)
        path = [(start, iter(out[start]))]
        while path:
            node, rest = path[-1]
            target = next(rest, None)
            if target is None:
                open_nodes.discard(node)
                path.pop()
            elif target in open_nodes:
                found.add((node, target))
            elif target not in seen:
                seen.add(target)
                open_nodes.add(target)
                path.append((target, iter(out[target])))
    return frozenset(found)


@dataclass(slots=True)
class _Layers:
    """Nodes and bends of long edges, layer by layer in their order; bends are numbered after the nodes.

    Args:
        count: Nodes.
        rows: The vertices of each layer.
        before: Neighbours of each vertex one layer to the left.
        after: Neighbours one layer to the right.
        bends: Of each long edge, by the edge from left to right.
    """

    count: int
    rows: list[list[int]]
    before: list[list[int]]
    after: list[list[int]]
    bends: dict[tuple[int, int], list[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, ranks: Sequence[int], pairs: Iterable[tuple[int, int]]) -> _Layers:
        made = cls(len(ranks), [[] for _ in range(max(ranks, default=-1) + 1)], [], [])
        for node, place in enumerate(ranks):
            made._add(node, place)
        distinct = {pair for pair in pairs if pair[0] != pair[1]}
        # Short ones first: where the budget ends, the longest edges are drawn straight across.
        for pair in sorted(distinct, key=lambda pair: (ranks[pair[1]] - ranks[pair[0]], pair)):
            left, right = ranks[pair[0]], ranks[pair[1]]
            if right - left - 1 > _MOST_BENDS + made.count - len(made.before):
                break
            bends = [made._add(len(made.before), place) for place in range(left + 1, right)]
            made.bends[pair] = bends
            for source, target in pairwise([pair[0], *bends, pair[1]]):
                made.after[source].append(target)
                made.before[target].append(source)
        return made

    def _add(self, vertex: int, place: int) -> int:
        self.rows[place].append(vertex)
        self.before.append([])
        self.after.append([])
        return vertex

    @property
    def sweeps(self) -> int:
        """How many sweeps there is time for."""
        return max(1, min(_MOST_SWEEPS, _SWEEP_BUDGET // (1 + sum(map(len, self.after)))))

    def order(self) -> None:
        """Bring neighbours near each other, so that few edges cross: the best of some sweeps to and fro."""
        self._follow()
        place = [0] * len(self.before)
        for row in self.rows:
            _number(row, place)
        best, fewest = [row[:] for row in self.rows], self._crossings(place)
        for sweep in range(self.sweeps):
            if not fewest:
                break
            near = self.before if sweep % 2 == 0 else self.after
            for row in self.rows if sweep % 2 == 0 else reversed(self.rows):
                middle = {
                    vertex: sum(map(place.__getitem__, near[vertex])) / len(near[vertex])
                    if near[vertex]
                    else place[vertex]
                    for vertex in row
                }
                row.sort(key=middle.__getitem__)
                _number(row, place)
            crossings = self._crossings(place)
            if crossings < fewest:
                best, fewest = [row[:] for row in self.rows], crossings
        self.rows = best

    def _follow(self) -> None:
        """Order each layer as a walk along the edges meets its vertices: of a tree, no edges cross then."""
        met: dict[int, None] = {}
        for start in range(self.count):
            stack = [start]
            while stack:
                vertex = stack.pop()
                if vertex not in met:
                    met[vertex] = None
                    stack += [
                        each
                        for each in (*reversed(self.after[vertex]), *reversed(self.before[vertex]))
                        if each not in met
                    ]
        turn = {vertex: index for index, vertex in enumerate(met)}
        for row in self.rows:
            row.sort(key=turn.__getitem__)

    def _crossings(self, place: Sequence[int]) -> int:
        """Count the pairs of edges that cross."""
        found = 0
        for row, next_row in pairwise(self.rows):
            ends = _Tally(len(next_row))
            for vertex in row:
                targets = [place[target] for target in self.after[vertex]]
                found += sum(map(ends.beyond, targets))
                for target in targets:
                    ends.add(target)
        return found


class _Tally:
    """How many ends lie beyond a place of a layer: a tree of partial sums (Fenwick).

    Args:
        size: Places.
    """

    def __init__(self, size: int) -> None:
        self._sums = [0] * (size + 1)
        self._all = 0

    def add(self, place: int) -> None:
        self._all += 1
        at = place + 1
        while at < len(self._sums):
            self._sums[at] += 1
            at += at & -at

    def beyond(self, place: int) -> int:
        found, at = self._all, place + 1
        while at:
            found -= self._sums[at]
            at &= at - 1
        return found


def _number(row: Iterable[int], place: list[int]) -> None:
    for index, vertex in enumerate(row):
        place[vertex] = index


@dataclass(slots=True)
class _Places:
    """Where the vertices of ordered layers stand.

    Args:
        layers: In their order.
        sizes: Of the nodes.
    """

    layers: _Layers
    sizes: Sequence[tuple[float, float]]
    middle: list[float] = field(default_factory=list)
    columns: list[tuple[float, float]] = field(default_factory=list)  # left and right side

    def drawing(self, names: Sequence[str], pairs: Sequence[tuple[int, int]]) -> Drawing:
        self._set_columns()
        self._set_middles()
        boxes = {}
        column_of = {}
        for (left, right), row in zip(self.columns, self.layers.rows, strict=True):
            for vertex in row:
                column_of[vertex] = (left, right)
                if vertex < self.layers.count:
                    width, height = self.sizes[vertex]
                    x, y = (left + right - width) / 2, self.middle[vertex] - height / 2
                    boxes[vertex] = Box(round(x, 1), round(y, 1), width, height)
        curves = [self._curve(boxes, column_of, source, target) for source, target in pairs]
        return Drawing(
            width=self.columns[-1][1] + _MARGIN if self.columns else 2 * _MARGIN,
            height=max((box.y + box.height for box in boxes.values()), default=_MARGIN) + _MARGIN,
            boxes={name: boxes[index] for index, name in enumerate(names)},
            curves=curves,
        )

    def _height(self, vertex: int) -> float:
        return self.sizes[vertex][1] if vertex < self.layers.count else 0.0

    def _set_columns(self) -> None:
        left = _MARGIN
        for row in self.layers.rows:
            widths = [self.sizes[vertex][0] for vertex in row if vertex < self.layers.count]
            width = max(widths, default=0.0)
            self.columns.append((left, left + width))
            left += width + _COLUMN_GAP

    def _set_middles(self) -> None:
        """Put each vertex as near to the middle of its neighbours as its layer's order allows."""
        layers = self.layers
        self.middle = [0.0] * len(layers.before)
        gaps = [self._gaps(row) for row in layers.rows]
        for row, apart in zip(layers.rows, gaps, strict=True):
            for vertex, at in zip(row, accumulate(apart), strict=True):
                self.middle[vertex] = at
        rounds: list[tuple[bool, bool]] = [(True, False), (False, True)]
        rounds = (rounds * _MOST_SWEEPS)[: max(2, layers.sweeps // 2)]
        for is_before, is_after in [*rounds, (True, True)]:
            turns = list(zip(layers.rows, gaps, strict=True))
            for row, apart in turns if is_before else reversed(turns):
                wanted = [self._wanted(vertex, is_before, is_after) for vertex in row]
                for vertex, at in zip(row, spread(wanted, apart), strict=True):
                    self.middle[vertex] = at
        tops = (
            self.middle[vertex] - self._height(vertex) / 2 for vertex in range(len(self.middle))
        )
        lift = _MARGIN - min(tops, default=0.0)
        self.middle = [at + lift for at in self.middle]

    def _gaps(self, row: Sequence[int]) -> list[float]:
        """How far each vertex has to be from the one above it, middle to middle."""
        apart = [0.0]
        for upper, lower in pairwise(row):
            is_bend = upper >= self.layers.count and lower >= self.layers.count
            gap = _BEND_GAP if is_bend else _ROW_GAP
            apart.append((self._height(upper) + self._height(lower)) / 2 + gap)
        return apart[: len(row)]

    def _wanted(self, vertex: int, is_before: bool, is_after: bool) -> float:
        before = self.layers.before[vertex] if is_before else []
        after = self.layers.after[vertex] if is_after else []
        near = len(before) + len(after)
        if not near:
            return self.middle[vertex]
        places = self.middle.__getitem__
        return (sum(map(places, before)) + sum(map(places, after))) / near

    def _curve(
        self,
        boxes: Mapping[int, Box],
        column_of: Mapping[int, tuple[float, float]],
        source: int,
        target: int,
    ) -> str:
        if source == target:
            return ""
        is_back = column_of[source] > column_of[target]
        left, right = (target, source) if is_back else (source, target)
        points = [(boxes[left].x + boxes[left].width, self.middle[left])]
        for bend in self.layers.bends.get((left, right), ()):
            points += [(x, self.middle[bend]) for x in column_of[bend]]
        points.append((boxes[right].x, self.middle[right]))
        return _path(points[::-1] if is_back else points)


def _path(points: Sequence[tuple[float, float]]) -> str:
    """Write a curve through the gaps between columns, straight across each column that it passes."""
    (x, y), *rest = points
    said = [f"M{x:.0f} {y:.0f}"]
    for index, (next_x, next_y) in enumerate(rest):
        if index % 2:
            said.append(f"H{next_x:.0f}")
        else:
            half = (x + next_x) / 2
            said.append(f"C{half:.0f} {y:.0f} {half:.0f} {next_y:.0f} {next_x:.0f} {next_y:.0f}")
        x, y = next_x, next_y
    return "".join(said)


def spread(wanted: Sequence[float], apart: Sequence[float]) -> list[float]:
    """Return places in order and at least so far apart, as near as possible to where they are wanted.

    Least squares: without the distances this is isotonic regression, solved by pooling neighbours that are in
    each other's way.

    Args:
        wanted: Where each would stand.
        apart: The least distance of each from the one before it; the first does not count.

    Example:
        >>> spread([0.0, 0.0, 50.0], [0.0, 10.0, 10.0])
        [-5.0, 5.0, 50.0]
    """
    offsets = list(accumulate(apart))
    pools: list[tuple[float, int]] = []
    for place, offset in zip(wanted, offsets, strict=True):
        total, count = place - offset, 1
        while pools and pools[-1][0] * count > total * pools[-1][1]:
            above = pools.pop()
            total, count = total + above[0], count + above[1]
        pools.append((total, count))
    levels = [total / count for total, count in pools for _ in range(count)]
    return [level + offset for level, offset in zip(levels, offsets, strict=True)]
