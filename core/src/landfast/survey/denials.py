"""Denials: places that may not be looked at, each named once."""

from __future__ import annotations

import threading

from landfast.errors import AccessDenied
from landfast.model.verdict import Denial


class Denials:
    """Collects denials from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[tuple[str, str | None], Denial] = {}

    def add(self, uri: str, error: AccessDenied) -> None:
        """Take a place that may not be looked at; the first error about it and a permission stays."""
        permission = error.details.get("permission")
        denial = Denial(uri=uri, permission=permission, message=str(error))
        with self._lock:
            self._found.setdefault((uri, permission), denial)

    def all(self) -> tuple[Denial, ...]:
        """Return them, in the order in which they came."""
        with self._lock:
            return tuple(self._found.values())
