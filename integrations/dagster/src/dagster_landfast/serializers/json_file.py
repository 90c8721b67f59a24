"""JSON: dictionaries, lists, text, numbers, booleans and None."""

from __future__ import annotations

import json
from pathlib import Path
from typing import IO, Any, ClassVar


class JsonSerializer:
    """Plain values, with sorted keys; what JSON would change (tuples, keys that are no text) is refused."""

    name: ClassVar[str] = "json"
    extension: ClassVar[str] = "json"
    accepts: ClassVar[str] = "dict, list, str, int, float, bool (JSON)"

    def takes(self, value: object) -> bool:
        """Tell whether JSON gives it back equal."""
        try:
            return _is_plain(value)
        except RecursionError:
            return False

    def write(self, value: Any, path: Path) -> None:
        """Write it as text, one key a line."""
        path.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="utf-8")

    def read(self, stream: IO[bytes], wanted: Any = Any) -> Any:  # noqa: ARG002 - Dagster checks the type
        """Return the value."""
        return json.load(stream)


def _is_plain(value: object) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, str | int | float)
