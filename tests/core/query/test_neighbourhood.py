"""The neighbourhood of a version: whatever the graph, nothing is counted twice and nothing is forgotten."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.lineages import Recorder
from landfast.model.lineage import Direction, Side
from landfast.query.neighbourhood import (
    MOST_LEVELS,
    Hops,
    Neighbourhood,
    neighbourhood,
    parse_expand,
    run_node,
    version_node,
    write_expand,
)
from landfast.registry.opener import open_registry

EDGES = st.lists(st.tuples(st.integers(0, 9), st.booleans(), st.integers(0, 9)), max_size=40)


def beside(around: Neighbourhood, node: str, side: Side) -> set[str]:
    """What is drawn on one side of a node."""
    found = set()
    for run, edge in around.edges:
        version = version_node(edge.version_id)
        is_output = edge.direction is Direction.LOGGED
        upper, lower = (run, version) if is_output else (version, run)
        if node == lower and side is Side.UP:
            found.add(upper)
        if node == upper and side is Side.DOWN:
            found.add(lower)
    return found


@settings(max_examples=25, deadline=None)
@given(EDGES, st.integers(0, 3), st.integers(0, 3), st.data())
def test_what_is_drawn_and_what_is_hidden_are_all(
    edges: list[tuple[int, bool, int]], up: int, down: int, data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder:
        registry = open_registry(f"sqlite:///{Path(folder)}/registry.db")
        recorder = Recorder(registry)
        versions = [recorder.log(f"c{number % 2}") for number in range(10)]
        runs = [recorder.run(f"r{number}", node=f"n{number % 2}") for number in range(10)]
        there: dict[tuple[str, Side], set[str]] = {}
        for run, is_output, version in edges:
            record = recorder.log_again if is_output else recorder.use
            record(runs[run], versions[version])
            ends = run_node(runs[run].id), version_node(versions[version].id)
            upper, lower = ends if is_output else ends[::-1]
            there.setdefault((upper, Side.DOWN), set()).add(lower)
            there.setdefault((lower, Side.UP), set()).add(upper)
        nodes = [run_node(run.id) for run in runs] + [version_node(each.id) for each in versions]
        sides = st.tuples(st.sampled_from(nodes), st.sampled_from(list(Side)))
        expand = data.draw(st.dictionaries(sides, st.integers(1, 3), max_size=6))
        around = neighbourhood(registry, versions[0], Hops(up=up, down=down, expand=expand))
        registry.close()
    assert not around.is_cut
    for node in (*around.versions, *around.runs):
        for side in Side:
            drawn = beside(around, node, side)
            gathered = sum(
                each.count for each in around.clusters if (each.of, each.side) == (node, side)
            )
            hidden = around.hidden.get((node, side), 0) + gathered
            assert len(drawn) + hidden == len(there.get((node, side), ()))
            assert drawn <= there.get((node, side), set())


@given(
    st.dictionaries(
        st.tuples(
            st.one_of(
                st.integers(0, 2**63 - 1).map(str), st.from_regex(r"r[2-9a-z]{8}", fullmatch=True)
            ),
            st.sampled_from(list(Side)),
        ),
        st.integers(1, MOST_LEVELS),
    )
)
def test_what_is_expanded_is_read_as_it_was_written(expand: dict[tuple[str, Side], int]) -> None:
    assert parse_expand(write_expand(expand)) == expand


def test_a_word_that_is_repeated_is_once_more() -> None:
    assert parse_expand("12u.rabcd2345d.12u") == {
        ("12", Side.UP): 2,
        ("rabcd2345", Side.DOWN): 1,
    }


@pytest.mark.parametrize(
    "text", ["12", "u", "x12u", "12u0", "-1u", "1 2u", "r-u", "१u", "1" * 20 + "u"]
)
def test_other_words_are_none(text: str) -> None:
    assert parse_expand(text) is None


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    parse_expand(text)
