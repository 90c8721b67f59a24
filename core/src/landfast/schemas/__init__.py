"""JSON Schemas (2020-12) of what commands print and of what `snapshots.yaml` may say, as files beside this one.

`output.json` has every shape that a command prints with ``--json`` in its ``$defs``, and that of each command below
its words, such as ``landfast show``; what a failed command prints is ``Error``. `snapshots.json` is for editors.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

_REFERENCE = "#/$defs/"


def read_schema(name: str) -> dict[str, Any]:
    """Read one of the schemas.

    Args:
        name: ``output`` or ``snapshots``.

    Example:
        >>> read_schema("output")["$schema"]
        'https://json-schema.org/draft/2020-12/schema'
    """
    text = files(__name__).joinpath(f"{name}.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def output_schema(command: str) -> dict[str, Any] | None:
    """Return a schema of what a command prints with ``--json``, with all that it refers to; None if it prints none.

    Args:
        command: Its words, without the program: ``registry info``.

    Example:
        >>> output_schema("registry info")["$ref"]
        '#/$defs/landfast registry info'
    """
    whole = read_schema("output")
    shapes = whole["$defs"]
    root = f"landfast {command}"
    if root not in shapes:
        return None
    needed, waiting = {}, [root]
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed[name] = shapes[name]
            waiting.extend(references(shapes[name]))
    return {
        "$schema": whole["$schema"],
        "title": f"What `{root}` prints with --json",
        "$ref": _REFERENCE + root,
        "$defs": {name: shape for name, shape in shapes.items() if name in needed},
    }


def references(schema: Any) -> Iterator[str]:
    """Yield the names of the definitions that a schema refers to.

    Example:
        >>> list(references({"items": {"$ref": "#/$defs/Entry"}}))
        ['Entry']
    """
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield schema["$ref"].removeprefix(_REFERENCE)
        for value in schema.values():
            yield from references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from references(value)
