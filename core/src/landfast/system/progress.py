"""Progress of long work: a line on a terminal, silence in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Called with what is done so far and the total; a total of None is not known.
Report = Callable[[int, int | None], None]


def silent(done: int, total: int | None) -> None:
    """Report nothing."""


@contextmanager
def progress(title: str, *, unit: str = "objects", shown: bool | None = None) -> Iterator[Report]:
    """Show progress on standard error, of ``objects`` or ``bytes``; None shows it if that is a terminal."""
    if not (sys.stderr.isatty() if shown is None else shown):
        yield silent
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    count = DownloadColumn() if unit == "bytes" else MofNCompleteColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), count, TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
