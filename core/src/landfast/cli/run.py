"""`landfast run`: runs and their edges."""

from __future__ import annotations

import click

from landfast.cli.common import Output, command
from landfast.client import Client


@click.group("run")
def run_command() -> None:
    """List runs, and show what they used and logged."""


@command("ls")
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="The most runs."
)
@click.option("--all-projects", is_flag=True, help="Runs of every project.")
def ls_command(client: Client, out: Output, limit: int, all_projects: bool) -> None:
    """List runs, newest first."""
    found = list(
        client.runs(project=None if all_projects else client.settings.project, limit=limit)
    )
    if not found:
        projects = dict.fromkeys(run.project for run in client.runs(limit=1_000))
        out.nothing("run", client, list(projects))
    rows = [(r.id, r.key, r.name, r.job_type, r.status, f"{r.started_at:%F %T}") for r in found]
    out.table(
        [r.to_dict() for r in found],
        ("ID", "RUN", "NAME", "JOB", "STATUS", "STARTED (UTC)"),
        rows,
    )


@command("show")
@click.argument("run_id")
def show_command(client: Client, out: Output, run_id: str) -> None:
    """Show what a run used and logged."""
    run = client.run(run_id)
    edges = client.registry.edges(runs=[run.key])
    value = run.to_dict() | {"edges": [edge.to_dict() for edge in edges]}
    lines = [f"{run.id}  {run.key}  {run.status}" + (f"  {run.link}" if run.link else "")]
    lines += [f"  {edge.direction}  {edge.version}" for edge in edges]
    out.answer(value, lines)


run_command.add_command(ls_command)
run_command.add_command(show_command)
