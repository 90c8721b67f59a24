"""What commands print with `--json`, held to the schemas that the package ships, whichever test calls them.

The shipped schemas let readers ignore keys that they do not know; here a key that no schema has is a failure.
"""

from __future__ import annotations

import copy
import functools
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import click
from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator, FormatChecker, ValidationError, validators
from jsonschema.protocols import Validator
from landfast.cli import main
from landfast.schemas import output_schema, read_schema

# Commands that print a line for each event, as it happens.
LINES = {"watch", "openlineage"}
# What follows these words is another program's.
_FOREIGN = {"--", "--exec"}
# These end a command before it does anything.
_OTHER = {"--help", "-h", "--json-schema", "--debug"}

formats = FormatChecker(formats=())


def _is_moment(text: object) -> bool:
    return not isinstance(text, str) or (bool(datetime.fromisoformat(text)) and text.endswith("Z"))


formats.checks("date-time", raises=ValueError)(_is_moment)


def shapes_in(command: str, answer: object) -> set[str]:
    """Return the names of the shapes that an answer has, after it was found to fit.

    Args:
        command: Words of the command, or ``Error``.
        answer: One JSON value.
    """
    validator, seen = _validator(command)
    seen.clear()
    validator.validate(answer)
    return set(seen)


@functools.cache
def _validator(command: str) -> tuple[Validator, set[str]]:
    schema = read_schema("output") | {"$ref": "#/$defs/Error"}
    if command != "Error":
        found = output_schema(command)
        assert found is not None, f"landfast {command} prints JSON and has no schema"
        schema = found
    closed = copy.deepcopy(schema)
    for shape in closed["$defs"].values():
        if "properties" in shape:
            shape["additionalProperties"] = False
    seen: set[str] = set()

    def follow(
        validator: Validator, reference: str, instance: object, _: object
    ) -> Iterator[ValidationError]:
        name = reference.removeprefix("#/$defs/")
        errors = list(validator.descend(instance, closed["$defs"][name], schema_path=name))
        if not errors:
            seen.add(name)
        yield from errors

    kind = validators.extend(Draft202012Validator, {"$ref": follow})
    return kind(closed, format_checker=formats), seen


def command_of(words: Sequence[str]) -> str:
    """Return the words of the command that a call names: ``registry info`` of ``registry info --json``."""
    group: click.Command = main
    path: list[str] = []
    for word in words:
        if not isinstance(group, click.Group):
            break
        below = group.get_command(click.Context(group), word)
        if below is None:
            break
        group = below
        path.append(word)
    return " ".join(path)


def check_call(words: Sequence[str], result: Result) -> set[str]:
    """Hold what a call printed to its schema, and return the names of its shapes; of other calls nothing."""
    own = list(itertools.takewhile(lambda word: word not in _FOREIGN, words))
    command = command_of(own)
    if "--json" not in own or _OTHER & set(own):
        return set()
    found: set[str] = set()
    printed = result.stdout.strip()
    if printed and output_schema(command) is not None:
        answers = printed.splitlines() if command in LINES else [printed]
        for answer in answers:
            found |= shapes_in(command, json.loads(answer))
    said = result.stderr.strip().splitlines()
    if result.exit_code == 1 and isinstance(result.exception, Exception) and not said:
        return found  # an exception that the test lets through
    assert not (said and said[-1].startswith("landfast: ")), f"an error in lines: {said[-1]}"
    if said and said[-1].startswith('{"message"'):
        found |= shapes_in("Error", json.loads(said[-1]))
        assert result.exit_code == json.loads(said[-1])["exit_code"]
    return found


@contextmanager
def checked_answers() -> Iterator[None]:
    """Check every call of the command line that a test makes in its own process."""
    invoke: Callable[..., Result] = CliRunner.invoke

    def checked(self: CliRunner, cli: click.Command, args: Any = None, **given: Any) -> Result:
        result = invoke(self, cli, args, **given)
        if cli is main and args is not None and not isinstance(args, str):
            check_call([str(word) for word in args], result)
        return result

    CliRunner.invoke = checked  # type: ignore[assignment,method-assign]
    try:
        yield
    finally:
        CliRunner.invoke = invoke  # type: ignore[method-assign]
