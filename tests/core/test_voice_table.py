"""The table of what integrations let people say is whole, and is what docs/orchestrators.md tells."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from kit import voice

PAGE = Path(__file__).parents[2] / "docs" / "orchestrators.md"
ADAPTERS = ("dagster", "prefect", "airflow")
CELL = re.compile(r"`([\w.]+)")


def told() -> dict[str, dict[str, set[str]]]:
    """Return the names that the page has for each verb in each orchestrator."""
    table = PAGE.read_text(encoding="utf-8").partition("| verb |")[1:]
    lines = [line for line in "".join(table).partition("\n\n")[0].splitlines() if "---" not in line]
    head, *body = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert [name.lower() for name in head[1:]] == list(ADAPTERS)
    return {
        verb: dict(zip(ADAPTERS, (set(CELL.findall(cell)) for cell in cells), strict=True))
        for verb, *cells in body
    }


def test_the_page_has_a_row_for_each_verb_and_names_each_callable() -> None:
    page = told()
    missing = [
        f"{row.verb}, {row.adapter}: {name}"
        for row in voice.rows()
        if (name := row.target.rpartition(":")[2].rpartition(".")[2])
        not in {each.rpartition(".")[2] for each in page.get(row.verb, {}).get(row.adapter, set())}
    ]
    assert not missing


def test_every_verb_is_in_each_orchestrator() -> None:
    page = told()
    assert {row.verb for row in voice.rows()} <= page.keys()
    silent = [
        (verb, name) for verb, cells in page.items() for name, said in cells.items() if not said
    ]
    assert not silent


@pytest.mark.parametrize("row", voice.rows(), ids=lambda row: row.target)
def test_a_reason_is_given_for_what_is_there(row: voice.Row) -> None:
    assert row.adapter in ADAPTERS
    assert not row.own.keys() & voice.shared().keys()
    assert row.otherwise.keys() <= voice.shared().keys()
    assert all(len(reason) > 5 for reason in (*row.own.values(), *row.otherwise.values()))


def test_the_check_sees_another_name_order_and_default() -> None:
    def verb(
        artifact: str, *, tags: str = "", type: str | None = None, place: str = "x"
    ) -> None: ...

    import sys

    vars(sys.modules[__name__])["verb"] = verb
    row = voice.Row(
        adapter="dagster", verb="log", target=f"{__name__}:verb", own={"gone": "a word"}
    )
    assert voice.problems(row) == [
        "place: not in the table, nor said to be dagster's own",
        "gone: there is none any more",
        "order artifact, tags, type: expected artifact, type, tags",
        "tags='': expected nothing",
    ]
