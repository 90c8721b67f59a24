"""`landfast history` and `landfast changes`: observations of a collection, and the change feed."""

from __future__ import annotations

import click

from landfast.cli.common import Output, command, partition_option
from landfast.client import Client
from landfast.model.version import Change


@command("history", example="landfast history vision/mnist --limit 20")
@click.argument("name")
@click.option("--limit", type=click.IntRange(min=1), help="The most observations.")
@partition_option("name")
def history_command(client: Client, out: Output, name: str, limit: int | None) -> None:
    """List every observation of NAME, newest first.

    Each row has the time, the run, and the version that it found.
    """
    found = client.history(name, limit=limit)
    rows = [
        (
            f"{o.at:%F %T}",
            str(o.version).rpartition("/")[2],
            "created" if o.created else "returned" if o.moved_latest else "unchanged",
            o.run or "-",
        )
        for o in found
    ]
    out.table([o.to_dict() for o in found], ("AT (UTC)", "VERSION", "WHAT", "RUN"), rows)


@command("changes", example="landfast changes vision/mnist --after 120")
@click.argument("name", required=False)
@click.option(
    "--after", type=click.IntRange(min=0), default=0, help="Only changes after this position."
)
@click.option("--limit", type=click.IntRange(min=1), help="The most changes.")
@click.option("--verdicts", is_flag=True, help="Also list changed verdicts of `verify --aliases`.")
@partition_option("name")
def changes_command(
    client: Client,
    out: Output,
    name: str | None,
    after: int,
    limit: int | None,
    verdicts: bool,
) -> None:
    """List each time `latest` or another alias moved, oldest first: the change feed."""
    _ = (
        client.registry.info
    )  # a follower waits for a registry that is not there yet; a person hears of it
    found = list(client.changes(after=after, limit=limit, name=name, verdicts=verdicts))
    rows = [(c.position, f"{c.at:%F %T}", c.kind, c.alias, c.version, _before(c)) for c in found]
    out.table(
        [c.to_dict() for c in found],
        ("POSITION", "AT (UTC)", "KIND", "ALIAS", "VERSION", "BEFORE"),
        rows,
    )


def _before(change: Change) -> str:
    if change.verdict is not None:
        return f"{change.verdict.previous}, now {change.verdict.verdict}"
    return str(change.previous or "-")
