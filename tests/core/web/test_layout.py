"""The layout of a lineage: what holds of every graph, and how much it may cost."""

import random
import re
import threading
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from landfast.web.layout import Box, Drawing, draw, rank, spread

SIZE = (200.0, 48.0)

GRAPHS = st.integers(0, 14).flatmap(
    lambda count: st.tuples(
        st.just(count),
        st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=50)
        if count
        else st.just([]),
    )
)


def drawn(count: int, pairs: list[tuple[int, int]]) -> Drawing:
    sizes = {str(node): (150.0 + node % 3 * 25, 30.0 + node % 2 * 20) for node in range(count)}
    return draw(sizes, [(str(source), str(target)) for source, target in pairs])


def overlap(one: Box, other: Box) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


@given(GRAPHS)
def test_ranks_rise_along_every_edge_but_those_that_close_a_cycle(
    graph: tuple[int, list[tuple[int, int]]],
) -> None:
    count, pairs = graph
    ranks, backwards = rank(count, pairs)
    assert all(place >= 0 for place in ranks)
    for source, target in pairs:
        if source != target:
            is_back = (source, target) in backwards
            assert (ranks[source] < ranks[target]) is not is_back
            assert ranks[source] != ranks[target]


@given(GRAPHS)
def test_a_graph_without_cycles_has_no_edge_that_leads_back(
    graph: tuple[int, list[tuple[int, int]]],
) -> None:
    count, pairs = graph
    _, backwards = rank(count, [(min(pair), max(pair)) for pair in pairs])
    assert not backwards


@given(GRAPHS)
def test_no_two_nodes_overlap_and_all_lie_in_the_drawing(
    graph: tuple[int, list[tuple[int, int]]],
) -> None:
    drawing = drawn(*graph)
    boxes = list(drawing.boxes.values())
    assert len(boxes) == graph[0]
    for index, box in enumerate(boxes):
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= drawing.width
        assert box.y + box.height <= drawing.height
        assert not any(overlap(box, other) for other in boxes[:index])


@given(GRAPHS)
def test_each_curve_leads_from_its_source_to_its_target(
    graph: tuple[int, list[tuple[int, int]]],
) -> None:
    drawing = drawn(*graph)
    for (source, target), curve in zip(graph[1], drawing.curves, strict=True):
        if source == target:
            assert curve == ""
            continue
        numbers = [float(number) for number in re.findall(r"-?[0-9]+", curve)]
        for box, x, y in (
            (drawing.boxes[str(source)], numbers[0], numbers[1]),
            (drawing.boxes[str(target)], numbers[-2], numbers[-1]),
        ):
            assert min(abs(x - box.x), abs(x - box.x - box.width)) <= 1
            assert abs(y - box.y - box.height / 2) <= 1


@given(GRAPHS)
def test_a_graph_always_gets_the_same_drawing(graph: tuple[int, list[tuple[int, int]]]) -> None:
    assert drawn(*graph) == drawn(*graph)


@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(0, 100)), max_size=30))
def test_places_are_in_order_and_far_enough_apart(rows: list[tuple[float, float]]) -> None:
    wanted, apart = [row[0] for row in rows], [row[1] for row in rows]
    places = spread(wanted, apart)
    for (upper, lower), distance in zip(pairwise(places), apart[1:], strict=True):
        assert lower - upper >= distance - 1e-6


def test_what_nobody_is_in_the_way_of_stands_where_it_is_wanted() -> None:
    assert spread([1.0, 50.0, 99.0], [0.0, 10.0, 10.0]) == [1.0, 50.0, 99.0]


def test_a_tree_is_drawn_without_crossings() -> None:
    edges = [(f"{n}", f"{2 * n + bit}") for n in range(1, 16) for bit in (1, 0)]
    drawing = draw({str(node): SIZE for node in range(1, 32)}, edges)
    ends = [(drawing.boxes[a], drawing.boxes[b]) for a, b in edges]
    for one_source, one_target in ends:
        for source, target in ends:
            if one_source.x == source.x and one_source.y < source.y:
                assert one_target.y < target.y


def dense(chance: float) -> tuple[dict[str, tuple[float, float]], list[tuple[str, str]]]:
    chosen = random.Random(7)
    nodes = {f"{layer}.{place}": SIZE for layer in range(20) for place in range(50)}
    edges = [
        (f"{layer}.{source}", f"{layer + 1}.{target}")
        for layer in range(19)
        for source in range(50)
        for target in range(50)
        if chosen.random() < chance
    ]
    return nodes, edges


def tangled(count: int) -> tuple[dict[str, tuple[float, float]], list[tuple[str, str]]]:
    chosen = random.Random(3)
    edges = [(str(chosen.randrange(1000)), str(chosen.randrange(1000))) for _ in range(count)]
    return {str(node): SIZE for node in range(1000)}, edges


@pytest.mark.parametrize(
    "graph",
    [lambda: dense(0.036), lambda: dense(1.0), lambda: tangled(40_000)],
    ids=["1,700 edges", "all edges of 20 layers of 50", "40,000 edges and cycles"],
)
def test_another_thread_runs_while_a_dense_graph_is_laid_out(
    graph: Callable[[], tuple[dict[str, tuple[float, float]], list[tuple[str, str]]]],
) -> None:
    nodes, edges = graph()
    turns, is_done = [0], threading.Event()

    def turn() -> None:
        while not is_done.is_set():
            turns[0] += 1
            threading.Event().wait(0)

    other = threading.Thread(target=turn)
    other.start()
    try:
        before = turns[0]
        drawing = draw(nodes, edges)
        assert turns[0] > before
    finally:
        is_done.set()
        other.join()
    assert len(drawing.boxes) == 1000


@settings(max_examples=5, deadline=None)
@given(st.integers(1, 400))
def test_a_chain_and_its_shortcuts_have_a_bounded_number_of_bends(step: int) -> None:
    nodes = {str(node): SIZE for node in range(1000)}
    edges = [(str(node), str(node + 1)) for node in range(999)]
    edges += [
        (str(node), str(later)) for node in range(1000) for later in range(node + 1, 1000, step)
    ]
    drawing = draw(nodes, edges[:20_000])
    assert sum(curve.count("H") for curve in drawing.curves) <= 4_000
