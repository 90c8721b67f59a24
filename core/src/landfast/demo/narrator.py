"""Narrator: says at each step what happened and which command does it by hand, and keeps the claims."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict, dataclass
from typing import Any

import click


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A sentence of the demo, the ``landfast`` arguments that answer it with ``--json``, and what that has to hold."""

    text: str
    command: tuple[str, ...]
    expect: dict[str, Any]


class Narrator:
    """Prints the story as text, or the claims as one JSON value at the end."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._step = 0
        self.claims: list[Claim] = []

    def step(self, title: str) -> None:
        """Begin a step."""
        self._step += 1
        self.say(click.style(f"\n{self._step}. {title}", bold=True))

    def say(self, text: str) -> None:
        """Say a sentence."""
        if not self._as_json:
            click.echo(text)

    def by_hand(self, *command: str) -> None:
        """Name the command that does what the step did."""
        self.say("   by hand:  landfast " + shlex.join(command))

    def claim(self, text: str, *command: str, **expect: Any) -> None:
        """Say something that a command can check."""
        self.claims.append(Claim(text=text, command=command, expect=expect))
        self.say(f"   {text}")
        self.say("   check:    landfast " + shlex.join(command))

    def end(self, environment: dict[str, str], root: str, *, is_serving: bool) -> None:
        """Print the claims, or how to look around."""
        if self._as_json:
            told = {
                "root": root,
                "environment": environment,
                "claims": [asdict(claim) for claim in self.claims],
            }
            click.echo(json.dumps(told, indent=2))
            return
        click.echo("\nEverything is in " + root + ". To look around, or to check any line above:\n")
        for name, value in environment.items():
            click.echo(f"export {name}={shlex.quote(value)}")
        if not is_serving:
            click.echo(
                "\nThe S3 server stops now; `landfast demo --serve` keeps it running for the last two checks."
            )
