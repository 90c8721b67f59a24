"""A database whose registry may not be there yet: what records makes it, what reads does not."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, TypeVar

from landfast.errors import Conflict, NotFound
from landfast.registry.database.engine import Database, Transaction
from landfast.registry.database.single import Row, Single
from landfast.registry.values import RegistryInfo

T = TypeVar("T")


class Find(Protocol):
    """Says what registry a database holds."""

    def __call__(self, database: Database, *, create: bool) -> RegistryInfo:
        """Return it, made if there is none and `create`; else raise `NotFound`."""
        ...


class LazyDatabase:
    """A database whose registry is looked for, and made if that is asked for, when it is first needed.

    As long as it is not there an empty one, `blank`, is asked; without that asking is `NotFound`.
    """

    def __init__(
        self, database: Database, find: Find, blank: Callable[[], Database] | None = None
    ) -> None:
        self.url = database.url
        self._database = database
        self._find = find
        self._info: RegistryInfo | None = None
        self._make_blank = blank
        self._blank: Database | None = None
        database.on_replaced = self._look_again

    def open(self, *, create: bool = False) -> Database:
        """Find out what is there, once, and return its database; `NotFound` if nothing is, and it is not to be made."""
        if self._info is None:
            self._info = self._find(self._database, create=create)
        return self._database

    @property
    def is_there(self) -> bool:
        """Whether somebody has made it: until then who follows the feed has nothing to hear."""
        with contextlib.suppress(NotFound):
            return bool(self.open())
        return False

    @property
    def info(self) -> RegistryInfo:
        """What the registry says of itself."""
        self.open()
        assert self._info is not None
        return self._info

    def read(self, body: Callable[[Transaction], T]) -> T:
        """Run `body` on one consistent view."""
        return self._open_or_blank().read(body)

    def write(self, body: Callable[[Transaction], T], *, create: bool = False) -> T:
        """Run `body` in a transaction; with `create` the registry is made for it."""
        database = self.open(create=True) if create else self._open_or_blank()
        return database.write(body)

    def send(self, statement: Single, given: Mapping[str, Any]) -> Row | None:
        """Run one statement of PostgreSQL that records something; the registry is made for it."""
        return self.open(create=True).send(statement, given)

    def stream(
        self,
        fetch: Callable[[Transaction, Any, int], list[T]],
        cursor: Callable[[T], Any],
        *,
        start: Any = None,
        limit: int | None = None,
    ) -> Iterator[T]:
        """Yield rows page by page; see `Database.stream`."""
        return self._open_or_blank().stream(fetch, cursor, start=start, limit=limit)

    def refresh(self) -> None:
        """Find out again what is there, for who has it open for long: it may be gone, or upgraded by a newer client.

        Raises:
            LandfastError: As opening it does.
        """
        if self._info is not None:
            self._info = self._find(self._database, create=False)

    def _look_again(self) -> None:
        """Go on with another file in the place of the registry's, if it is the same registry: a restored backup."""
        before = self._info
        found = self._find(self._database, create=False)
        if before is not None and found.id != before.id:
            raise Conflict(
                f"the file of the registry {self.url} was replaced by another registry's",
                subject=str(self.url),
                expected=f"the registry {before.id}",
                found=f"the registry {found.id}",
                hint="Start this process again to use the registry that is there now.",
            )
        self._info = found

    def close(self) -> None:
        """Close connections; the registry may be used again afterwards."""
        self._database.close()

    def _open_or_blank(self) -> Database:
        try:
            return self.open()
        except NotFound:
            if self._make_blank is None:
                raise
        if self._blank is None:
            self._blank = self._make_blank()
        return self._blank
