"""A registry that may not be there yet: what records makes it, what reads does not."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Protocol

from landfast.errors import NotFound
from landfast.registry.base import RegistryInfo
from landfast.registry.engine import Database


class Find(Protocol):
    """Says what registry a database holds."""

    def __call__(self, database: Database, *, create: bool) -> RegistryInfo:
        """Return it, made if there is none and `create`; else raise `NotFound`."""
        ...


class LateDatabase:
    """A database whose registry is looked for when it is first needed.

    Args:
        database: Where it is.
        find: Finds out what is there, and makes it if told to.
        blank: Makes an empty one that is asked as long as it is not there; None makes asking `NotFound`.
    """

    def __init__(
        self, database: Database, find: Find, blank: Callable[[], Database] | None = None
    ) -> None:
        self._unopened = database
        self._find = find
        self._info: RegistryInfo | None = None
        self._make_blank = blank
        self._blank: Database | None = None

    def open(self, *, create: bool = False) -> Database:
        """Find out what is there, once, and return its database.

        Raises:
            NotFound: If nothing is there, and it is not to be made.
        """
        if self._info is None:
            self._info = self._find(self._unopened, create=create)
        return self._unopened

    @property
    def _database(self) -> Database:
        try:
            return self.open()
        except NotFound:
            if self._make_blank is None:
                raise
        if self._blank is None:
            self._blank = self._make_blank()
        return self._blank

    @property
    def is_there(self) -> bool:
        """Whether somebody has made it: until then who follows the feed has nothing to hear."""
        with contextlib.suppress(NotFound):
            return bool(self.open())
        return False

    @property
    def info(self) -> RegistryInfo:
        """What it says of itself."""
        self.open()
        assert self._info is not None
        return self._info

    def close(self) -> None:
        """Close connections; the registry may be used again afterwards."""
        self._unopened.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self._unopened.url)!r})"
