"""`landfast verify --aliases`: how what aliases name stands, and what of it changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import click

from landfast.cli.common import Output
from landfast.model.storage.drift import AliasVerdict, exit_code


def tell_aliases(out: Output, found: Sequence[AliasVerdict]) -> NoReturn:
    """Print them and end; what kept one from being looked at is raised after that."""
    out.answer([one.to_dict() for one in found], map(_line, found))
    for one in found:
        if one.error is not None:
            raise one.error
    raise click.exceptions.Exit(exit_code(found))


def _line(found: AliasVerdict) -> str:
    told = f"{found.version} ({', '.join(found.aliases)}): "
    if found.error is not None:
        return f"{told}not looked at: {found.summary}"
    if found.change is None or found.change.verdict is None:
        return f"{told}{found.verdict}: {found.summary}"
    before, place = found.change.verdict.previous, found.change.position
    return f"{told}{before} -> {found.verdict}: {found.summary} (change {place})"
