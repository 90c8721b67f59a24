"""Measure how long a lineage takes to lay out: as lineages are, and as dense as somebody may make one.

    python benchmarks/lineage_layout.py [--repeat 3]

CPU seconds of this machine, the median of the repeats. A layout of 1,000 nodes has to stay below half a second.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time

from landfast.web.layout import draw

MOST_S = 0.5
_SIZE = (200.0, 48.0)
_Graph = tuple[dict[str, tuple[float, float]], list[tuple[str, str]]]


def lineage_like(count: int) -> _Graph:
    """Each node was made from one or two of those shortly before it."""
    chosen = random.Random(1)  # noqa: S311 - a graph, no secret
    edges = []
    for node in range(1, count):
        parents = {chosen.randrange(max(0, node - 30), node) for _ in range(1 + (node % 8 == 0))}
        edges += [(str(parent), str(node)) for parent in sorted(parents)]
    return {str(node): _SIZE for node in range(count)}, edges


def layered(layers: int, width: int, chance: float) -> _Graph:
    """Each node leads to many of the next layer."""
    chosen = random.Random(1)  # noqa: S311 - a graph, no secret
    edges = [
        (f"{layer}.{source}", f"{layer + 1}.{target}")
        for layer in range(layers - 1)
        for source in range(width)
        for target in range(width)
        if chosen.random() < chance
    ]
    return {f"{layer}.{place}": _SIZE for layer in range(layers) for place in range(width)}, edges


def tangled(count: int, edge_count: int) -> _Graph:
    """Edges between any two nodes, with cycles everywhere."""
    chosen = random.Random(1)  # noqa: S311 - a graph, no secret
    nodes = [str(node) for node in range(count)]
    return dict.fromkeys(nodes, _SIZE), [
        (chosen.choice(nodes), chosen.choice(nodes)) for _ in range(edge_count)
    ]


def main() -> None:
    """Print a row for each shape of graph."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    given = parser.parse_args()
    shapes = {
        "lineage-like": lineage_like(1_000),
        "dense layers, thin": layered(12, 83, 0.0225),
        "dense layers, each to most of the next": layered(20, 50, 0.85),
        "cycles everywhere": tangled(1_000, 40_000),
        "one node with 999 neighbours": (
            {str(node): _SIZE for node in range(1_000)},
            [("0", str(node)) for node in range(1, 1_000)],
        ),
    }
    print(f"lay out a lineage, at most {MOST_S} s CPU")
    for title, (sizes, edges) in shapes.items():
        spent = []
        for _ in range(given.repeat):
            before = time.process_time()
            draw(sizes, edges)
            spent.append(time.process_time() - before)
        found = statistics.median(spent)
        said = "" if found <= MOST_S else "   TOO SLOW"
        print(f"  {title:<40}{len(sizes):6,} nodes{len(edges):8,} edges{found:8.3f} s CPU{said}")


if __name__ == "__main__":
    main()
