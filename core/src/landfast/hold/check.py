"""Check holds: rows that no version needs, what was begun or ended and is not done, and what stores say otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from landfast.errors import NotFound
from landfast.hold.look import WORKERS
from landfast.hold.needs import PORTION, request_of
from landfast.hold.places import Asking
from landfast.hold.reach import Reach
from landfast.model.storage.hold_check import HoldProblem, HoldVerdict
from landfast.model.storage.holds import HeldObject
from landfast.registry.registry import Registry
from landfast.system.portions import portions

if TYPE_CHECKING:
    from landfast.stores.opener import Stores


def check_holds(registry: Registry, stores: Stores, *, ask: bool = False) -> Iterator[HoldProblem]:
    """Yield what is wrong with the holds of a registry.

    Args:
        registry: Whose holds.
        stores: Opens where objects lie.
        ask: Whether to ask stores of each object version that we hold, one request each.

    Raises:
        AccessDenied: If you have no permission to ask for it.
    """
    holds = registry.holds
    names: dict[int, str] = {}
    for record in holds.records():
        names[record.version_id] = str(record.version)
        if record.ending:
            yield HoldProblem(verdict=HoldVerdict.ENDING, version=str(record.version))
        elif not record.complete:
            yield HoldProblem(verdict=HoldVerdict.UNFINISHED, version=str(record.version))
    for row in holds.left_alone():
        yield _problem(HoldVerdict.LEFT, row, "")
    if ask:
        yield from _asked(registry, stores, names)


def _asked(registry: Registry, stores: Stores, names: dict[int, str]) -> Iterator[HoldProblem]:
    """Ask stores of each object version that we hold."""
    asking, reach = Asking(), Reach(registry, stores)

    def look(row: HeldObject) -> HoldVerdict | None:
        try:
            is_on = asking.get(reach.store_of(row), request_of(row.object)).on
        except NotFound:
            return HoldVerdict.GONE
        return None if is_on else HoldVerdict.LOST

    with ThreadPoolExecutor(WORKERS, thread_name_prefix="landfast-hold") as pool:
        for some in portions(registry.holds.held(), PORTION):
            for row, verdict in zip(some, pool.map(look, some), strict=True):
                if verdict is not None:
                    yield _problem(verdict, row, names.get(row.version, ""))


def _problem(verdict: HoldVerdict, row: HeldObject, version: str) -> HoldProblem:
    held = row.object
    return HoldProblem(verdict=verdict, version=version, uri=held.uri, version_id=held.version_id)
