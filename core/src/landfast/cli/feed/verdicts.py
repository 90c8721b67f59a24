"""`landfast verify --aliases`, `--config`: how what aliases name stands, and what of it changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import click

from landfast.cli.common import Output
from landfast.cli.logs import exit_code as error_code
from landfast.client import Client
from landfast.errors import LandfastError
from landfast.model.storage.drift import AliasVerdict, exit_code
from landfast.model.storage.verify_rule import VerifyRule


def tell_aliases(out: Output, found: Sequence[AliasVerdict]) -> NoReturn:
    """Print them and end; what kept one from being looked at is raised after that."""
    out.answer([one.to_dict() for one in found], map(_line, found))
    for one in found:
        if one.error is not None:
            raise one.error
    raise click.exceptions.Exit(exit_code(found))


def tell_rules(
    out: Output, client: Client, rules: Iterable[VerifyRule], *, any_endpoint: bool
) -> NoReturn:
    """Look at what rules name, print it and end; one that fails does not stop the others."""
    results: list[dict[str, Any]] = []
    lines: list[str] = []
    code = 0
    for rule in rules:
        done = look(client, rule, any_endpoint=any_endpoint)
        results += done.results
        lines += done.lines
        code = code or done.exit_code
    out.answer(results, lines)
    raise click.exceptions.Exit(code)


@dataclass(frozen=True, slots=True)
class Look:
    """What one rule found: as JSON and as lines, and the exit code."""

    results: list[dict[str, Any]]
    lines: list[str]
    exit_code: int


def look(client: Client, rule: VerifyRule, *, any_endpoint: bool = False) -> Look:
    """Look at what a rule of snapshots.yaml names."""
    try:
        found = client.verify_aliases(*rule.names, aliases=rule.aliases, any_endpoint=any_endpoint)
    except LandfastError as error:
        kind, aliases = type(error).__name__, list(rule.aliases)
        told = {"name": rule.name, "aliases": aliases, "error": kind, "message": str(error)}
        return Look([told], [f"failed     verify of {rule.label}: {error}"], error_code(error))
    errors = [one.error for one in found if one.error is not None]
    code = error_code(errors[0]) if errors else exit_code(found, rule.fail_on)
    return Look(
        [one.to_dict() for one in found], [f"{'verify':<10} {_line(one)}" for one in found], code
    )


def _line(found: AliasVerdict) -> str:
    told = f"{found.version} ({', '.join(found.aliases)}): "
    if found.error is not None:
        return f"{told}not looked at: {found.summary}"
    if found.change is None or found.change.verdict is None:
        return f"{told}{found.verdict}: {found.summary}"
    before, place = found.change.verdict.previous, found.change.position
    return f"{told}{before} -> {found.verdict}: {found.summary} (change {place})"
