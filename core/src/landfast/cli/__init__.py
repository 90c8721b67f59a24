"""The command line: every command is a thin call into `Client`.

Commands live in modules of their own and are imported when they are called, so that ``landfast --help`` and
completion stay fast.
"""

from __future__ import annotations

import importlib
from typing import Any

import click

# Command -> module; the function in it has the command's name, with `_` for `-`, and `_` after a keyword.
_COMMANDS = {
    "artifact": "artifact",
    "cache": "cache",
    "changes": "history",
    "completion": "completion",
    "demo": "demo",
    "diff": "diff",
    "doctor": "doctor",
    "gc": "gc",
    "get": "get",
    "history": "history",
    "import": "imports",
    "lineage": "lineage",
    "ls": "ls",
    "openlineage": "feed.openlineage",
    "promote": "edit",
    "put": "put",
    "registry": "registry",
    "rm": "edit",
    "run": "run",
    "show": "show",
    "snapshot": "snapshot",
    "sql": "sql",
    "tag": "edit",
    "ui": "ui",
    "undelete": "edit",
    "verify": "verify",
    "watch": "feed.watch",
}


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"landfast.cli.{_COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Exit codes: 0 fine; 1 unexpected; 2 wrong call; 3, 4, 5 verify found drift, loss, doubt; "
    "6 registry check found loss; 10 not found; 11 conflict; 12 object changed; 13 access denied; "
    "14 limit exceeded; 15 unavailable; 16 unverifiable; 17 missing extra.",
)
@click.version_option(package_name="landfast")
def main(**_: Any) -> None:
    """Record exactly which bytes a pipeline read and wrote, without moving them."""
