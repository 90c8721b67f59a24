"""`landfast run`: runs and their edges; and a run around a command of any kind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

import click

from landfast.cli.common import Output, command
from landfast.cli.help import HelpGroup
from landfast.client import Client
from landfast.errors import InvalidInput
from landfast.model.run import RunStatus
from landfast.own_run import joined_or_new

_LOOK_S = 0.5
_KILLED = 128  # a shell's exit code of what a signal ended: this and the signal's number


@click.group("run", cls=HelpGroup)
def run_command() -> None:
    """List and show runs, and run a command as one."""


@command("ls", example="landfast run ls --limit 5")
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


@command("show", example="landfast run show 0198c2f4")
@click.argument("run_id")
def show_command(client: Client, out: Output, run_id: str) -> None:
    """Show what a run used and logged."""
    run = client.run(run_id)
    edges = client.registry.edges(runs=[run.key])
    head = f"{run.id}  {run.key}  {run.status}" + (f"  {run.link}" if run.link else "")
    lines = (f"  {edge.direction}  {edge.version}" for edge in edges)
    dicts = (edge.to_dict() for edge in edges)
    out.stream(run.to_dict(), "edges", dicts, chain([head], lines))


@command(
    "exec",
    example="landfast run exec --name nightly-train -- python train.py --epochs 5",
    context_settings={"allow_interspersed_args": False},
)
@click.option("--name", help="Display name [default: that of the program].")
@click.option("--job-type", default="", help="Such as train or release.")
@click.option("--link", metavar="URL", help="A page about the run elsewhere: of a CI job, say.")
@click.option("--id", "run_id", help="Give the same id to meet the same run again, when retried.")
@click.argument("program", metavar="COMMAND", nargs=-1, required=True, type=click.UNPROCESSED)
def exec_command(
    client: Client,
    out: Output,  # noqa: ARG001
    program: tuple[str, ...],
    name: str | None,
    job_type: str,
    link: str | None,
    run_id: str | None,
) -> None:
    """Run COMMAND as one run, which every `landfast` and every client in it joins through LANDFAST_RUN.

    It does not start a shell: use `bash -c '...'` if you need one. The run fails if the command fails, and
    the exit code is that of the command. If LANDFAST_RUN already names a run, the command joins that run,
    unless you give --id.
    """
    if shutil.which(program[0]) is None:
        raise InvalidInput(
            f"there is no program {program[0]!r}",
            subject=program[0],
            hint="Give a path or a program on the PATH, and its arguments as words of their own.",
        )
    joined = client.settings.run if run_id is None else None
    bound = client.with_defaults(run=joined_or_new(joined, "shell", run_id))
    shown = name or ("" if joined else Path(program[0]).name)
    bound.begin_run(name=shown, job_type=job_type, link=link)
    code = _call(program, bound.run_env())
    if joined is None:
        bound.finish_run(RunStatus.FAILED if code else RunStatus.FINISHED)
    sys.exit(code)


def _call(program: Sequence[str], variables: Mapping[str, str]) -> int:
    """Run a program with more variables, hand on what ends us, and return its exit code."""
    child: subprocess.Popen[bytes] | None = None
    early: list[int] = []  # what came before there was a child to hand it on to

    def hand_on(number: int, _: object) -> None:
        if child is None:
            early.append(number)
        else:
            child.send_signal(number)

    # A terminal sends Ctrl-C to both: the program decides what it means.
    interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
    end = signal.signal(signal.SIGTERM, hand_on)
    try:
        child = subprocess.Popen(  # noqa: S603
            program,
            env={**os.environ, **variables},
            preexec_fn=lambda: signal.signal(signal.SIGINT, interrupt) and None,  # noqa: PLW1509
        )
        for number in early:
            child.send_signal(number)
        # A signal that comes just before a call that waits forever would not be seen until that ends.
        waiting = threading.Thread(target=child.wait, daemon=True)
        waiting.start()
        while waiting.is_alive():
            waiting.join(_LOOK_S)
        code = child.wait()
    finally:
        signal.signal(signal.SIGTERM, end)
        signal.signal(signal.SIGINT, interrupt)
    return code if code >= 0 else _KILLED - code


run_command.add_command(ls_command)
run_command.add_command(show_command)
run_command.add_command(exec_command)
