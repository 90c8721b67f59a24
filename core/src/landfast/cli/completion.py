"""`landfast completion`: the script that completes commands in a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from landfast.cli.help import HelpCommand


@click.command("completion", cls=HelpCommand, example='eval "$(landfast completion bash)"')
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion_command(shell: str) -> None:
    """Print the completion script for SHELL.

    In ~/.bashrc or ~/.zshrc: eval "$(landfast completion bash)"; in fish: landfast completion fish | source.
    """
    from landfast.cli import main

    completion = get_completion_class(shell)
    assert completion is not None
    click.echo(completion(main, {}, "landfast", "_LANDFAST_COMPLETE").source())
