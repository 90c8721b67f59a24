"""SQL that is compiled once in a process: an engine for each client would compile all of it anew."""

from __future__ import annotations

from typing import Any

from sqlalchemy.util import LRUCache

# What else than its class decides on how a dialect writes a statement: it has asked its server for it.
_OF_THE_SERVER = ("server_version_info", "_backslash_escapes", "default_schema_name")
_CAPACITY = 500


class CompiledStatements(LRUCache[Any, Any]):
    """Compiled statements by what they say, for all dialects that write them alike.

    SQLAlchemy asks by the dialect itself, which each engine has its own of.
    """

    def get(self, key: Any, default: Any = None) -> Any:
        """Return what was compiled for a key, or `default`."""
        return super().get(_alike(key), default)

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(_alike(key))

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(_alike(key), value)


def _alike(key: Any) -> tuple[Any, ...]:
    dialect, *statement = key
    said = (getattr(dialect, name, None) for name in _OF_THE_SERVER)
    return (type(dialect), *said, *statement)


STATEMENTS = CompiledStatements(_CAPACITY)
"""Those of this process."""
