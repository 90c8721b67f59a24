"""The database from which a registry is copied: one view of it, in which nobody writes if it moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from sqlalchemy import select

from landfast.errors import Conflict
from landfast.registry.copy.report import TableCopy
from landfast.registry.copy.rows import NewIdentity, copy_rows, count_rows
from landfast.registry.copy.target import Target, be_patient
from landfast.registry.database.engine import Database, Transaction
from landfast.registry.database.url import RegistryUrl
from landfast.registry.holds.objects import disown
from landfast.registry.schema import fence
from landfast.registry.schema.fence import Fence
from landfast.registry.schema.identity import BESIDE
from landfast.registry.schema.lock import lock_schema
from landfast.registry.schema.tables import blobs, registry
from landfast.system.progress import Report

T = TypeVar("T")

_PAGE = 1_000


class Source:
    """A registry that is there, by its URL; close it at the end."""

    def __init__(self, url: str) -> None:
        self._database = Database(RegistryUrl.parse(url))

    def __str__(self) -> str:
        return str(self._database.url)

    def close(self) -> None:
        """Close connections."""
        self._database.close()

    def has_own_store(self) -> bool:
        """Whether its store is the default of a SQLite file, a folder beside it, which nobody named."""
        recorded = self._database.read(
            lambda tx: tx.connection.execute(select(registry.c.store_url)).scalar_one()
        )
        return recorded is None or recorded.startswith(BESIDE)

    def rows(self) -> dict[str, int]:
        """Return how many rows each table has."""
        return self._database.read(count_rows)

    def fence(self) -> Fence | None:
        """Return where it goes, or went."""
        return self._database.read(fence.fence_of)

    def stop_writers(self, target: str) -> Fence:
        """Refuse writes from now on; see `raise_fence`."""
        return fence.raise_fence(self._database, target)

    def finish(self, mine: Fence) -> None:
        """Say that the registry is at the other place now."""
        fence.finish_fence(self._database, mine)

    def let_writers_in(self, mine: Fence) -> None:
        """Take back what `stop_writers` did, unless another copy has put up its own meanwhile."""
        fence.lower_fence(self._database, mine)

    def blob_names(self) -> Iterator[str]:
        """Yield the blobs that it knows, by name."""
        return self._database.stream(
            lambda tx, after, size: list(
                tx.connection.execute(
                    select(blobs.c.sha256)
                    .where(blobs.c.sha256 > after)
                    .order_by(blobs.c.sha256)
                    .limit(size)
                ).scalars()
            ),
            lambda name: name,
            start="",
        )

    def copy_moved(
        self, target: Target, new: NewIdentity, mine: Fence, report: Report
    ) -> list[TableCopy]:
        """Copy the rows behind this process's own fence, which nobody can take away meanwhile.

        Raises:
            Conflict: If another copy has put up its own.
        """

        def copy(tx: Transaction) -> list[TableCopy]:
            lock_schema(tx)
            if fence.fence_of(tx) != mine:
                raise Conflict(
                    f"another copy of the registry {self} was begun, or this one was called off",
                    subject=str(self),
                    hint="Run it again when no other is at work.",
                )
            return self._write(tx, target, new, report)

        # Nothing is written. But SQLite has one lock, which is the writers', and a view of PostgreSQL
        # would be older than the lock for which it waited.
        return self._database.write(copy)

    def copy_view(
        self,
        target: Target,
        new: NewIdentity,
        blobs_of: Callable[[Iterator[str]], None],
        report: Report,
    ) -> list[TableCopy]:
        """Copy the rows as they are at one moment, while writers go on; first `blobs_of` those that they know."""

        def copy(tx: Transaction) -> list[TableCopy]:
            be_patient(tx)
            blobs_of(_names_in(tx))
            # What this registry holds goes on being its own: the other one must never release it.
            return self._write(tx, target, new, report, at_last=disown)

        return self._database.read(copy)

    def _write(
        self,
        tx: Transaction,
        target: Target,
        new: NewIdentity,
        report: Report,
        *,
        at_last: Callable[[Transaction], None] = lambda _: None,
    ) -> list[TableCopy]:
        be_patient(tx)
        tables: list[TableCopy] = []

        def fill(into: Transaction) -> None:
            tables[:] = copy_rows(tx, self._database, into, new, report)
            at_last(into)

        target.write(fill)
        return tables


def _names_in(tx: Transaction) -> Iterator[str]:
    after = ""
    statement = select(blobs.c.sha256).order_by(blobs.c.sha256).limit(_PAGE)
    while page := list(tx.connection.execute(statement.where(blobs.c.sha256 > after)).scalars()):
        yield from page
        after = page[-1]
