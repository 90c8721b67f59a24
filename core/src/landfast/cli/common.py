"""What every command has: options for registry and output, and errors as one line."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import click

from landfast.cli import logs
from landfast.cli.help import HelpCommand, schema_option
from landfast.client import Client
from landfast.errors import InvalidInput
from landfast.html.sizes import size_text
from landfast.model.names import ArtifactName
from landfast.model.run import RunStatus
from landfast.model.storage.plan import Plan
from landfast.own_run import joined_or_new
from landfast.redaction import visible
from landfast.settings import load_settings

# Of a plan that says what stands in the way.
EXIT_BLOCKED = 7


@dataclass(frozen=True, slots=True)
class Output:
    """Where a command's answer goes: text for people, or one JSON value for programs."""

    as_json: bool
    quiet: bool

    def answer(self, value: Any, lines: Iterable[str]) -> None:
        """Print the JSON value, or the lines."""
        if self.as_json:
            click.echo(_json(value))
        elif not self.quiet:
            for line in lines:
                click.echo(visible(line))

    def stream(
        self,
        head: Mapping[str, Any],
        name: str,
        values: Iterable[Any],
        lines: Iterable[str],
        **more: Iterable[Any],
    ) -> None:
        """Print a JSON object that ends with a list, value by value, and then with more of them, or the lines."""
        if not self.as_json:
            self.answer(None, lines)
            return
        click.echo(_json(head).removesuffix("\n}"), nl=False)
        for title, listed in {name: values, **more}.items():
            click.echo(f',\n  "{title}": [', nl=False)
            before = ""
            for value in listed:
                shown = _json(value).replace("\n", "\n    ")
                click.echo(f"{before}\n    {shown}", nl=False)
                before = ","
            click.echo("\n  ]" if before else "]", nl=False)
        click.echo("\n}")

    def listing(self, names: Iterable[str]) -> None:
        """Print names as they are, each ended by a NUL byte, which no name holds."""
        stream = sys.stdout.buffer  # click would take escape sequences out
        for name in names:
            stream.write(name.encode() + b"\0")

    def table(self, value: Any, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Print the JSON value, or aligned columns."""
        self.answer(value, [] if self.as_json else columns(header, rows))

    def nothing(self, noun: str, client: Client, elsewhere: Sequence[str]) -> None:
        """Say where one looked in vain, and where there is something."""
        settings = client.settings
        place = f"no {noun} in the project {settings.entity}/{settings.project}"
        there = f"there are some in {', '.join(elsewhere)}; give --project, or --all-projects"
        self.note(f"{place}; {there if elsewhere else 'nor in any other of this entity'}")

    def note(self, text: str) -> None:
        """Say a sentence on standard error."""
        if not self.quiet:
            logs.say(text)


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def columns(header: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Align rows under a header; one row is one line, whatever the cells hold."""
    texts = [list(header), *([visible(str(cell)) for cell in row] for row in rows)]
    widths = [max(len(row[place]) for row in texts) for place in range(len(header))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in texts
    ]


def command(
    name: str, *, example: str, cls: type[HelpCommand] = HelpCommand, **settings: Any
) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a command whose function takes `client` and `out` before its own parameters.

    Args:
        name: What is typed.
        example: A call that a reader can copy.
        cls: A command of another kind.
        settings: What click's command takes.
    """

    def make(function: Callable[..., Any]) -> click.Command:
        @click.option("--json", "as_json", is_flag=True, help="Print one JSON value.")
        @schema_option
        @click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors.")
        @click.option("--debug", is_flag=True, help="Show tracebacks of errors.")
        @click.option(
            "--registry", "url", metavar="URL", help="Registry; else LANDFAST_REGISTRY_URL."
        )
        @click.option("--project", help="Default project of names.")
        @click.option("--entity", help="Default entity of names.")
        @functools.wraps(function)
        def run(
            *,
            as_json: bool,
            quiet: bool,
            debug: bool,
            url: str | None,
            project: str | None,
            entity: str | None,
            **arguments: Any,
        ) -> None:
            out = Output(as_json, quiet)
            with logs.ErrorsAsLines(debug=debug):
                logs.configure()
                settings_now = load_settings(registry_url=url, project=project, entity=entity)
                client = Client(
                    settings=settings_now, run=joined_or_new(settings_now.run, "cli"), note=out.note
                )
                _run(function, client, out, arguments)

        decorate: Callable[[Callable[..., Any]], click.Command] = click.command(
            name, cls=cls, example=example, **settings
        )
        return decorate(run)

    return make


def _run(
    function: Callable[..., Any], client: Client, out: Output, arguments: dict[str, Any]
) -> None:
    try:
        function(client, out, **arguments)
    except BaseException as error:
        if not (isinstance(error, SystemExit | click.exceptions.Exit)):
            client.finish_own_run(RunStatus.FAILED)
        raise
    else:
        client.finish_own_run(RunStatus.FINISHED)
    finally:
        client.close()


def partition_option(
    *arguments: str, metavar: str = "NAME"
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add ``--partition``, which the named arguments take over, as if they said ``~PARTITION``."""

    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        @click.option("--partition", metavar="KEY", help=f"Partition of {metavar}.")
        @functools.wraps(function)
        def call(*given: Any, partition: str | None, **values: Any) -> Any:
            if partition is not None:
                values |= {one: _in_partition(values[one], partition) for one in arguments}
            return function(*given, **values)

        return call

    return add


def _in_partition(name: str | None, partition: str) -> str:
    if name is None:
        raise InvalidInput("--partition needs a NAME", subject="--partition")
    return str(ArtifactName.parse(name).in_partition(partition))


def moved_option(option: str, to: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add an option that is gone: it says which command does the same today."""

    def refuse(context: click.Context, parameter: click.Parameter, is_given: bool) -> None:
        if is_given:
            raise click.UsageError(f"{parameter.opts[0]} is a command now: {to}", context)

    return click.option(option, is_flag=True, hidden=True, expose_value=False, callback=refuse)


def log_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a version that is logged: its type, names, notes, and how it is scanned."""
    options = (
        click.option("--type", "-t", "kind", help="Type of the collection [default: dataset]."),
        click.option(
            "--alias",
            "-a",
            "aliases",
            multiple=True,
            metavar="ALIAS",
            help="Move this alias to the version; may be repeated.",
        ),
        click.option(
            "--tag", "tags", multiple=True, metavar="TAG", help="Add this tag; may be repeated."
        ),
        click.option("--description", "-d", help="Description of the version, if it is new."),
        click.option(
            "--metadata", metavar="JSON", help='A JSON object, such as \'{"split": "train"}\'.'
        ),
        click.option(
            "--ttl-days", type=float, metavar="DAYS", help="Days until the version expires."
        ),
        click.option("--no-latest", is_flag=True, help="Do not move `latest`: for backfills."),
        click.option(
            "--plan",
            is_flag=True,
            help="Print what the command would request, in numbers, and do nothing.",
        ),
        workers_option,
    )
    function = scan_options(function)
    for option in reversed(options):
        function = option(function)
    return function


def scan_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a scan: filters, limit, checksum."""
    options = (
        click.option(
            "--include",
            multiple=True,
            metavar="GLOB",
            help="Keep only these paths; may be repeated.",
        ),
        click.option(
            "--exclude",
            multiple=True,
            metavar="GLOB",
            help="Leave these paths out, even if --include names them; may be repeated.",
        ),
        click.option(
            "--max-objects",
            metavar="N",
            help="Fail if there are more entries; or 'unlimited' [default: 10000].",
        ),
        click.option(
            "--checksum",
            metavar="KIND",
            help="What identifies a file: sha256, crc64nvme, stat, or 'none'.",
        ),
        click.option(
            "--symlinks",
            type=click.Choice(["follow", "skip"]),
            help="What to do with symbolic links of local files [default: follow].",
        ),
        click.option(
            "--inventory",
            metavar="URI",
            help="Take objects from the bucket's inventory: a folder of reports, a manifest.json, iceberg://...",
        ),
        click.option(
            "--allow-empty",
            is_flag=True,
            help="Record a missing or empty prefix as an empty version.",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


workers_option = click.option(
    "--workers",
    type=click.IntRange(1),
    metavar="N",
    help="Processes that list a large folder [default: 1].",
)


def human_size(size: int | None) -> str:
    """Write bytes for a person."""
    return size_text(size, unknown="?")


def show_plans(out: Output, plans: Sequence[Plan]) -> NoReturn:
    """Print several as `show_plan` prints one."""
    lines = (line for plan in plans for line in plan.lines())
    out.answer([plan.to_dict() for plan in plans], lines)
    raise click.exceptions.Exit(0 if all(plan.ok for plan in plans) else EXIT_BLOCKED)


def show_plan(out: Output, plan: Plan) -> NoReturn:
    """Print a plan and end; with problems in it the exit code is not 0."""
    out.answer(plan.to_dict(), plan.lines())
    raise click.exceptions.Exit(0 if plan.ok else EXIT_BLOCKED)
