"""Together: scan folders that lie side by side with one listing, cut into one result for each.

Fifty partitions of twenty objects are one page of a listing, but fifty requests one by one.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from operator import itemgetter
from pathlib import Path

from landfast.model.location import Location
from landfast.model.reference import Reference
from landfast.scan.entries import entries
from landfast.scan.listing import Bounds, keep, raw_batches
from landfast.scan.plan import plan as plan_scan
from landfast.scan.plan import sibling
from landfast.scan.shard import record, scan_shard
from landfast.scan.skips import SkipLog
from landfast.scan.values import ScanPlan, ShardScan
from landfast.stores.base import ObjectBatch
from landfast.stores.opener import Stores

# A page of a listing: to list a folder for itself costs one request at least.
_PAGE = 1_000


def lie_together(references: Sequence[Reference], stores: Stores) -> bool:
    """Tell whether one listing can serve all references; no request.

    They have to be folders of one bucket, none inside another, to be scanned in the same way, in a store
    whose listing says all that is recorded.
    """
    if len(references) < 2:
        return False
    if any(
        reference.inventory or (reference.uri or "").startswith("landfast:")
        for reference in references
    ):
        return False
    places = [reference.location for reference in references]
    first = references[0]
    same = all(
        (place.scheme, place.authority) == (places[0].scheme, places[0].authority)
        and place.is_folder
        and (reference.kind, dict(reference.options)) == (first.kind, dict(first.options))
        for place, reference in zip(places, references, strict=True)
    )
    if not same or _is_nested([place.key for place in places]):
        return False
    can = stores.at(places[0], first.options).capabilities()
    return can.listing and not can.in_place and first.kind not in can.stat_checksums


def scan_together(
    references: Sequence[Reference], stores: Stores, folder: Path, *, max_objects: int
) -> tuple[list[ShardScan], tuple[str, ...]]:
    """Scan folders that `lie_together`; return one result for each, in order, and what the user should know.

    The one listing is given up where so much lies between the folders that the rest is listed faster
    one by one: at most, twice the requests are sent that it would have taken.  A folder without
    objects gives an empty result; `merging.check_complete` refuses it.

    Raises:
        LimitExceeded: If a folder holds more than its limit.
    """
    first = plan_scan(references[0], stores, max_objects=max_objects)
    plans = [sibling(first, each, max_objects=max_objects) for each in references]
    targets = [folder / f"together-{number}.parquet" for number in range(len(plans))]
    found: dict[int, ShardScan] = {}
    listing = _Listing(plans, stores)
    for number, rows in listing.by_folder():
        found[number] = _record(plans[number], rows, targets[number])
    for number, plan in enumerate(plans):
        if number in found:
            continue
        if listing.is_complete:
            found[number] = _record(plan, iter(()), targets[number])
        else:
            found[number] = scan_shard(plan.shards[0], stores, targets[number])
    notes = tuple(dict.fromkeys((*first.notes, *listing.notes)))
    return [found[number] for number in range(len(plans))], notes


class _Listing:
    """The rows of the folder above all, by the folder that they lie in."""

    def __init__(self, plans: Sequence[ScanPlan], stores: Stores) -> None:
        ordered = sorted(enumerate(plans), key=lambda item: item[1].location.key.encode())
        self._numbers = [number for number, _ in ordered]
        self._keys = [plan.location.key for _, plan in ordered]
        self._plans = plans
        self._stores = stores
        self.is_complete = False
        self.notes: list[str] = []

    def by_folder(self) -> Iterator[tuple[int, Iterator[ObjectBatch]]]:
        """Yield the number of a plan and its rows; each has to be read before the next is asked for."""
        strays = 0
        for number, parts in itertools.groupby(self._parts(), key=itemgetter(0)):
            batches = (batch for _, batch in parts)
            if number is not None:
                yield number, batches
                continue
            for batch in batches:
                strays += len(batch)
                if strays > _PAGE * len(self._plans):
                    return
        self.is_complete = True

    def _parts(self) -> Iterator[tuple[int | None, ObjectBatch]]:
        """Yield the rows, cut where a folder begins or ends, and whose they are."""
        for batch in self._batches():
            keys, at = batch.keys(), 0
            while at < len(keys):
                number, end = self._owner(keys[at])
                stop = len(keys) if end is None else bisect_left(keys, end, at)
                yield number, batch.slice(at, stop)
                at = stop

    def _batches(self) -> Iterator[ObjectBatch]:
        key = _folder_above(self._keys[0], self._keys[-1])
        plan = self._plans[0]
        location: Location = replace(plan.location, key=key)
        store = self._stores.at(location, plan.reference.options)
        bounds = Bounds(upto=_end_of(self._keys[-1]))
        whole = replace(plan, location=location)
        kind = plan.reference.kind
        return raw_batches(
            whole, bounds, store, lambda: None, checksum=kind, tell=self.notes.append
        )

    def _owner(self, key: str) -> tuple[int | None, str | None]:
        """Return whose a key is, and the key before which this ends; None for nobody's, and for never."""
        place = bisect_right(self._keys, key) - 1
        if place >= 0 and key.startswith(self._keys[place]):
            return self._numbers[place], _end_of(self._keys[place])
        following = self._keys[place + 1 : place + 2]
        return None, following[0] if following else None


def _end_of(folder: str) -> str:
    """Return what stands behind everything in a folder: "0" is what follows "/"."""
    return folder[:-1] + "0"


def _folder_above(first: str, last: str) -> str:
    """Return the deepest folder that holds both; of sorted keys, all between them too."""
    pairs = zip(first.split("/")[:-1], last.split("/")[:-1], strict=False)
    same = itertools.takewhile(lambda pair: pair[0] == pair[1], pairs)
    return "".join(f"{segment}/" for segment, _ in same)


def _record(plan: ScanPlan, found: Iterator[ObjectBatch], target: Path) -> ShardScan:
    skips = SkipLog()
    return record(plan, entries(plan, keep(plan, found, skips)), skips, target)


def _is_nested(keys: Sequence[str]) -> bool:
    # In order, what lies inside a folder follows it at once.
    ordered = sorted(keys)
    return any(below.startswith(above) for above, below in itertools.pairwise(ordered))
