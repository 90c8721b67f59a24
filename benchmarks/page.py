"""Write the tables of docs/benchmarks.md and their pictures from `results/`.

python benchmarks/page.py
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chart import Bar, draw
from rows import Row, kept, multiple, number

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "benchmarks.md"
PICTURES = DOCS / "images" / "benchmarks"
BEGIN = "<!-- Below, benchmarks/page.py writes. -->\n"


def main() -> None:
    """Write them, and remove pictures of what is no longer kept."""
    known = kept()
    PICTURES.mkdir(parents=True, exist_ok=True)
    drawn = pictures(known)
    for old in PICTURES.glob("*.svg"):
        if old.name not in drawn:
            old.unlink()
    for name, text in drawn.items():
        (PICTURES / name).write_text(text)
    PAGE.write_text(page(PAGE.read_text(), known))


def page(written: str, known: dict[str, Any]) -> str:
    """Return the page with its lower part made anew."""
    return written.partition(BEGIN)[0] + BEGIN + "\n".join(_tables(known)).rstrip() + "\n"


def pictures(known: dict[str, Any]) -> dict[str, str]:
    """Return the pictures by file name: one of all targets, and one of each group that has ratios."""
    groups = {name: (group["title"], _rows(group)) for name, group in known.items()}
    targets = [bar for _, rows in groups.values() for row in rows if (bar := _of_target(row))]
    axis = "measured as a multiple of its target; left of 1 is met"
    drawn = {"targets.svg": draw("Every target", axis, targets)} if targets else {}
    for name, (title, rows) in groups.items():
        bars = [bar for row in rows if (bar := _of_peer(row))]
        if bars:
            axis = "multiple of the peer or floor; the green mark is the target"
            drawn[f"{name}.svg"] = draw(title, axis, bars)
    return drawn


def _rows(group: dict[str, Any]) -> list[Row]:
    return [Row(**{"measured": None} | facts) for facts in group["rows"]]


def _of_peer(row: Row) -> Bar | None:
    """Draw a row as a multiple of what stands beside it."""
    if row.ratio is None:
        return None
    target = row.ratio_at_most or row.ratio_at_least
    return Bar(
        label=row.what, value=row.ratio, text=multiple(row.ratio), target=target, met=row.met
    )


def _of_target(row: Row) -> Bar | None:
    """Draw a row as a multiple of its target; where more is better, the other way round."""
    value = row.ratio if row.ratio_at_most or row.ratio_at_least else row.measured
    most, least = row.ratio_at_most or row.at_most, row.ratio_at_least or row.at_least
    if not value or not (most or least):
        return None
    share = value / most if most else (least or 0) / value
    return Bar(label=row.what, value=share, text=f"{share:.2g}", met=row.met)


def _tables(known: dict[str, Any]) -> Iterator[str]:
    for machine in sorted({group["machine"] for group in known.values()}):
        yield f"\nMeasured on {machine}.\n"
    drawn = pictures(known)
    if "targets.svg" in drawn:
        yield "![Every target](images/benchmarks/targets.svg)\n"
    for name, group in known.items():
        yield f"## {group['title']}\n"
        if f"{name}.svg" in drawn:
            yield f"![{group['title']}](images/benchmarks/{name}.svg)\n"
        yield "| what | measured | compared with | ratio | target | result |"
        yield "|---|---|---|---|---|---|"
        notes = []
        for row in _rows(group):
            yield _line(row)
            notes += [f"{row.what}: {row.note}"] if row.note and row.measured is not None else []
        yield ""
        for note in notes:
            yield f"- {note}"
        if notes:
            yield ""


def _line(row: Row) -> str:
    if row.measured is None:
        return f"| {row.what} | not runnable here: {row.note} | | | {row.target} | |"
    beside = f"{number(row.beside)}, {row.peer}" if row.beside is not None else ""
    ratio = multiple(row.ratio) if row.ratio is not None else ""
    verdict = {True: "met", False: "**missed**", None: ""}[row.met]
    measured = f"{number(row.measured)} {row.unit}"
    return f"| {row.what} | {measured} | {beside} | {ratio} | {row.target} | {verdict} |"


if __name__ == "__main__":
    main()
