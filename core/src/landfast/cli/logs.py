"""Logs: what a command says on standard error, notes and errors, as lines for people or as JSON for programs."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NoReturn

import click

from landfast.errors import (
    AccessDenied,
    Conflict,
    ExpiresSoon,
    InvalidInput,
    LandfastError,
    LimitExceeded,
    MissingExtra,
    NotFound,
    NotLogged,
    ObjectChanged,
    Unavailable,
    Unverifiable,
)
from landfast.redaction import redact, visible

VARIABLE = "LANDFAST_LOG_FORMAT"

EXIT_CODES: dict[type[LandfastError], int] = {
    InvalidInput: 2,
    NotFound: 10,
    Conflict: 11,
    ObjectChanged: 12,
    AccessDenied: 13,
    LimitExceeded: 14,
    Unavailable: 15,
    Unverifiable: 16,
    MissingExtra: 17,
    ExpiresSoon: 18,
    NotLogged: 11,
}


def say(
    text: str,
    *,
    level: str = "info",
    shown: str | None = None,
    as_json: bool = False,
    **facts: Any,
) -> None:
    """Say a sentence on standard error.

    Args:
        text: For programs, and for people unless `shown` is given.
        level: ``info``, ``warning`` or ``error``.
        shown: For people.
        as_json: Whether a program reads it, though logs are for people: the facts and the text in one JSON object.
        facts: Further fields of the JSON line.
    """
    if _is_json():
        click.echo(_line(level, text, facts), err=True)
    elif as_json:
        click.echo(json.dumps({"message": text, **facts}, ensure_ascii=True, default=str), err=True)
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


class ErrorsAsLines:
    """Turn errors into one line, or one JSON object, and an exit code."""

    def __init__(self, *, debug: bool) -> None:
        self._debug = debug

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        if (
            error is None
            or self._debug
            or isinstance(error, click.exceptions.Exit | click.ClickException)
        ):
            return
        if isinstance(error, LandfastError):
            fail_for(error)
        if isinstance(error, KeyboardInterrupt):
            line = "interrupted; what was stored is complete, nothing half-done is visible"
            fail(line, 130, error=type(error).__name__)
        if isinstance(error, BrokenPipeError):
            sys.stderr.close()
            sys.exit(0)
        if isinstance(error, OSError):
            fail(redact(str(error)), 1, error=type(error).__name__)
        if isinstance(error, Exception):
            line = f"unexpected {type(error).__name__}: {redact(str(error))}. Run it again with --debug and report it."
            fail(line, 1, error=type(error).__name__)


_ARGUMENT = re.compile(r"\b([a-z]+(?:_[a-z]+)*)=('[^']*'|\"[^\"]*\"|\w+)?")
_SAID_TWICE = re.compile(r"(--[a-z-]+) \(\1\)")


def _spelling(context: click.Context | None) -> Callable[[str], str]:
    """Return what writes the arguments in a hint as options of the command that was typed."""
    if context is None:
        return str
    options = {
        long[2:].replace("-", "_"): long
        for option in context.command.params
        for long in option.opts
        if long.startswith("--")
    }

    def spell(found: re.Match[str]) -> str:
        long, value = options.get(found[1]), (found[2] or "").strip("'\"")
        if long is None:
            return found[0]
        return long if value in {"", "True"} else f"{long} {'none' if value == 'False' else value}"

    def written(hint: str) -> str:
        once = _SAID_TWICE.sub(r"\1", _ARGUMENT.sub(spell, hint))
        return once.replace("landfast.UNLIMITED", "'unlimited'")

    return written


def _spelled(error: LandfastError, spell: Callable[[str], str]) -> str:
    """Return the message with its hint in the spelling of the command line."""
    if error.hint is None:
        return str(error)
    return str(error).replace(visible(error.hint), spell(error.hint))


def _facts(error: LandfastError, spell: Callable[[str], str]) -> dict[str, Any]:
    hint = None if error.hint is None else spell(error.hint)
    return {
        "subject": error.subject,
        "expected": error.expected,
        "found": error.found,
        "hint": hint,
    }


def exit_code(error: LandfastError) -> int:
    """Return the exit code of an error's family."""
    return next((code for family, code in EXIT_CODES.items() if isinstance(error, family)), 1)


_NOT_SAID = dict.fromkeys(("subject", "expected", "found", "hint"))


def fail(line: str, code: int, *, error: str, **facts: Any) -> NoReturn:
    """Say one line on standard error, with ``--json`` as one JSON object, and exit.

    Args:
        line: What went wrong.
        code: The exit code.
        error: The kind of error.
        facts: Fields of the object.
    """
    context = click.get_current_context(silent=True)
    facts = {"error": error, "exit_code": code, **_NOT_SAID, **facts}
    as_json = context is not None and bool(context.params.get("as_json"))
    say(line, level="error", shown="landfast: " + line, as_json=as_json, **facts)
    sys.exit(code)


def fail_for(error: LandfastError) -> NoReturn:
    """Say an error in the spelling of the command that was typed, and exit with the code of its family."""
    spell = _spelling(click.get_current_context(silent=True))
    name = type(error).__name__
    fail(_spelled(error, spell), exit_code(error), error=name, **_facts(error, spell))


def fail_as_json(error: click.ClickException) -> NoReturn:
    """Say what was wrong with a call as one JSON object, and exit."""
    kind = "UsageError" if isinstance(error, click.UsageError) else type(error).__name__
    facts: dict[str, Any] = {"error": kind, "exit_code": error.exit_code, **_NOT_SAID}
    say(error.format_message(), level="error", as_json=True, **facts)
    sys.exit(error.exit_code)
