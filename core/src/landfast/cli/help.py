"""How help looks: commands under headings, whole summaries, an example, and a command's own options first."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from typing import Any, TypeVar

import click

from landfast.cli.logs import fail_as_json
from landfast.schemas import output_schema, read_schema

# Options that every command has, by their first spelling.
COMMON = ("--json", "--json-schema", "--quiet", "--debug", "--registry", "--project", "--entity")
_AS_JSON = "landfast.as_json"
_Wrapped = TypeVar("_Wrapped", bound=Callable[..., Any])
_WHOLE = 1_000  # characters: no summary is cut


class HelpCommand(click.Command):
    """A command whose help shows an example, then its own options, then those that every command has.

    Args:
        example: One call that a reader can copy, or several lines of it.
        settings: What click's command takes.
    """

    def __init__(self, *arguments: Any, example: str, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.example = example

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what it does, and the example."""
        super().format_help_text(ctx, formatter)
        with formatter.section("Example"):
            for line in self.example.splitlines():
                formatter.write(f"{'':{formatter.current_indent}}{line}\n")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command's own options, then the common ones."""
        own: list[tuple[str, str]] = []
        common: list[tuple[str, str]] = []
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                (common if is_common(parameter) else own).append(record)
        for heading, records in (("Options", own), ("Options of every command", common)):
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)


class HelpGroup(click.Group):
    """A group whose help says of each command, in a whole sentence, what it does."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names of all commands, in the order in which they were added."""
        return list(self.commands)

    def sections(self, ctx: click.Context) -> Mapping[str, Sequence[str]]:
        """Return the names of commands, by heading."""
        return {"Commands": self.list_commands(ctx)}

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, below their headings."""
        width = max(len(name) for names in self.sections(ctx).values() for name in names)
        for heading, names in self.sections(ctx).items():
            with formatter.section(heading):
                formatter.write_dl(
                    [(name.ljust(width), self._summary(ctx, name)) for name in names]
                )

    def _summary(self, ctx: click.Context, name: str) -> str:
        command = self.get_command(ctx, name)
        return command.get_short_help_str(_WHOLE) if command is not None else ""


class LazyGroup(HelpGroup):
    """A group whose commands are imported when they are called, in an order that a reader needs them.

    Args:
        places: Heading -> command -> the module below `landfast.cli` whose function has the command's name.
        settings: What click's group takes.
    """

    def __init__(
        self, *arguments: Any, places: Mapping[str, Mapping[str, str]], **settings: Any
    ) -> None:
        super().__init__(*arguments, **settings)
        self._places = places
        self._modules = {name: place for names in places.values() for name, place in names.items()}

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Remember whether JSON is asked for, though the command's own words may be wrong."""
        ctx.meta[_AS_JSON] = "--json" in takewhile(lambda word: word != "--", args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Call a command; with ``--json`` a wrong call is one JSON object too."""
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            if not ctx.meta[_AS_JSON]:
                raise
            fail_as_json(error)

    def sections(self, ctx: click.Context) -> Mapping[str, Sequence[str]]:  # noqa: ARG002
        """Return the names of commands, by heading."""
        return {heading: list(names) for heading, names in self._places.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names of all commands, without importing one."""
        return list(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command."""
        if cmd_name not in self._modules:
            return None
        module = importlib.import_module(f"landfast.cli.{self._modules[cmd_name]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command


def is_common(parameter: click.Parameter) -> bool:
    """Tell whether every command has this option."""
    return parameter.opts[0] in {*COMMON, "--help", "-h"}


def _output_schema(context: click.Context) -> Any:
    words = context.command_path.removeprefix(f"{context.find_root().command_path} ")
    schema = output_schema(words)
    if schema is None:
        raise click.UsageError(f"landfast {words} prints no JSON of its own", context)
    return schema


def _prints_schema(
    name: str, what: str, read: Callable[[click.Context], Any]
) -> Callable[[_Wrapped], _Wrapped]:
    """Return an option that prints a JSON Schema and ends."""

    def show(context: click.Context, _: click.Parameter, is_given: bool) -> None:
        if is_given:
            click.echo(json.dumps(read(context), indent=2, ensure_ascii=False))
            context.exit()

    return click.option(
        name,
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=show,
        help=f"Print the JSON Schema of {what}, and end.",
    )


config_schema_option = _prints_schema(
    "--config-schema", "snapshots.yaml, which editors use", lambda _: read_schema("snapshots")
)
schema_option = _prints_schema("--json-schema", "what --json prints", _output_schema)
