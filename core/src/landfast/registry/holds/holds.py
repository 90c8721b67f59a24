"""Holds: the verbs of who has object versions held, each one transaction.

docs/adr tells why nothing is ever held by us that the registry does not know: every step is written down before the
request that it leads to, and undone only after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeVar

from landfast.model.storage.holds import (
    HeldObject,
    HoldRecord,
    HoldState,
    ObjectVersion,
    VersionHolds,
)
from landfast.registry.database.lazy import LazyDatabase
from landfast.registry.holds import objects, records
from landfast.registry.holds.request import Claim, HoldStart, Parting, Worker

_Row = TypeVar("_Row", HoldRecord, HeldObject)


class Holds:
    """Remembers which versions are held, and what that takes.

    Args:
        database: Of the registry.
    """

    def __init__(self, database: LazyDatabase) -> None:
        self._database = database

    def begin(self, start: HoldStart) -> None:
        """Say that a version is to be held, before anything is asked of a store; again, it goes on.

        Raises:
            Conflict: If it is deleted.
        """
        self._database.write(lambda tx: records.begin(tx, start))

    def complete(self, version_id: int, holder: str) -> bool:
        """Say that everything is held that can be; False if the hold was ended meanwhile."""
        return self._database.write(lambda tx: records.complete(tx, version_id, holder))

    def end(self, version_id: int, holder: str | None = None) -> int:
        """Say that a version need not be held any more, in one name or in any; return how many holds that ends."""
        return self._database.write(lambda tx: records.end(tx, [version_id], holder))

    def clear(self, version_id: int) -> None:
        """Forget the ended holds of a version that is held in another name, or has nothing to be released."""
        self._database.write(lambda tx: records.clear(tx, version_id))

    def is_live(self, version_id: int) -> bool:
        """Whether anybody still wants the version to be held."""
        return self._database.read(lambda tx: records.is_live(tx, version_id))

    def of_version(self, version_id: int) -> VersionHolds:
        """Return what is held of a version."""
        return self._database.read(lambda tx: records.of_version(tx, version_id))

    def of_versions(self, version_ids: Sequence[int]) -> Mapping[int, Sequence[HoldRecord]]:
        """Return who wants versions to be held, by id of the version; what nobody wants held is left out."""
        return self._database.read(lambda tx: records.of_versions(tx, version_ids))

    def count_below(self, version_id: int, root: str) -> int:
        """Count the object versions that a version needs below an address, such as the registry's own store."""
        return self._database.read(lambda tx: objects.count_below(tx, version_id, root))

    def records(self) -> Iterator[HoldRecord]:
        """Yield every hold, the oldest first."""
        return self._pages(records.page)

    def ending(self) -> Iterator[HoldRecord]:
        """Yield holds that are to be released."""
        return self._pages(records.ending_page)

    def unfinished(self) -> Iterator[HoldRecord]:
        """Yield holds that were begun and are not whole."""
        return self._pages(records.unfinished_page)

    # -- object versions ----------------------------------------------------------------------

    def claim(self, version_id: int, wanted: Sequence[ObjectVersion], worker: Worker) -> Claim:
        """Say that a version needs object versions, and that the worker acts on those not held by us yet."""
        return self._database.write(lambda tx: objects.claim(tx, version_id, wanted, worker))

    def settle(self, worker: Worker, states: Mapping[int, HoldState]) -> None:
        """Set states of what the worker acts on; what others took over meanwhile stays as it is."""
        if states:
            self._database.write(lambda tx: objects.settle(tx, worker, states))

    def drop(self, worker: Worker, version_id: int, ids: Iterable[int]) -> None:
        """Say that a version cannot have object versions held after all."""
        if some := list(ids):
            self._database.write(lambda tx: objects.drop(tx, worker, version_id, some))

    def part_with(self, version_id: int, worker: Worker, size: int) -> Parting:
        """Say that a version needs some of its object versions no longer, and take those that nobody needs."""
        return self._database.write(lambda tx: objects.part_with(tx, version_id, worker, size))

    def left_over(self, worker: Worker, size: int) -> list[HeldObject]:
        """Take over what another worker was about to release and did not come to tell."""
        return self._database.write(lambda tx: objects.left_over(tx, worker, size))

    def forget(self, worker: Worker, ids: Iterable[int]) -> None:
        """Forget object versions that the worker has released."""
        if some := list(ids):
            self._database.write(lambda tx: objects.forget(tx, worker, some))

    def let_go(self, worker: Worker) -> None:
        """Let others act at once on what the worker did not come to."""
        self._database.write(lambda tx: objects.let_go(tx, worker))

    def held_among(self, sha256s: Sequence[str]) -> set[str]:
        """Return which of some object versions, by their sha256, are held by this registry."""
        return self._database.read(lambda tx: objects.held_among(tx, sha256s))

    def held(self) -> Iterator[HeldObject]:
        """Yield every object version that this registry holds."""
        return self._pages(objects.held_page)

    def left_alone(self) -> Iterator[HeldObject]:
        """Yield what is ours, needed by no version, and acted on by nobody."""
        return self._pages(objects.left_page)

    def objects(self, version_id: int) -> Iterator[HeldObject]:
        """Yield the object versions that a version needs."""
        return self._pages(partial(objects.page, version_id=version_id))

    def _pages(self, page: Callable[..., list[_Row]]) -> Iterator[_Row]:
        """Yield what a question of `records` or `objects` answers, page by page of ids."""
        return self._database.stream(
            lambda tx, after, size: page(tx, after=after, size=size), lambda row: row.id, start=0
        )
