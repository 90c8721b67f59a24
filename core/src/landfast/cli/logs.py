"""Logs: what a command says on standard error, as lines for people or as JSON for a collector of logs."""

from __future__ import annotations

import json
import logging
import os
from datetime import UTC, datetime
from typing import Any

import click

from landfast.errors import InvalidInput
from landfast.redaction import redact, visible

VARIABLE = "LANDFAST_LOG_FORMAT"


def say(text: str, *, level: str = "info", shown: str | None = None, **facts: Any) -> None:
    """Say a sentence on standard error.

    Args:
        text: For programs, and for people unless `shown` is given.
        level: ``info``, ``warning`` or ``error``.
        shown: For people.
        facts: Further fields of the JSON line.
    """
    if _is_json():
        click.echo(_line(level, text, facts), err=True)
    else:
        click.echo(visible(text if shown is None else shown), err=True)


def configure() -> None:
    """Let what libraries log be JSON too, where that is asked for.

    Raises:
        InvalidInput: If `LANDFAST_LOG_FORMAT` is neither ``text`` nor ``json``.
    """
    if os.environ.get(VARIABLE, "text") not in {"text", "json", ""}:
        raise InvalidInput(
            f"{VARIABLE} is no format",
            subject=VARIABLE,
            expected="text or json",
            found=os.environ[VARIABLE],
        )
    if _is_json():
        handler = logging.StreamHandler()
        handler.setFormatter(_Formatter())
        logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def _is_json() -> bool:
    return os.environ.get(VARIABLE) == "json"


def _line(level: str, text: str, facts: dict[str, Any]) -> str:
    context = click.get_current_context(silent=True)
    command = {} if context is None else {"command": context.command_path}
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    said = {"time": now, "level": level, **command, "message": text, **facts}
    return json.dumps(said, ensure_ascii=True, default=str)


class _Formatter(logging.Formatter):
    """Writes a record as one line."""

    def format(self, record: logging.LogRecord) -> str:
        facts = {"logger": record.name}
        if record.exc_info:
            facts["traceback"] = redact(self.formatException(record.exc_info))
        return _line(record.levelname.lower(), redact(record.getMessage()), facts)
