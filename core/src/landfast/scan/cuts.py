"""Cuts: ranges of about the same size, before a folder is listed, for workers that cannot ask each other."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from landfast.manifests.base import Manifest
from landfast.scan.ranges import Grant, Offer, SharedRanges, Thrift, samples
from landfast.scan.values import ScanPlan, ScanWindow
from landfast.stores.base import ListRequest, ObjectBatch, Store
from landfast.stores.pager import Pager

_AT_ONCE = 8


def cut(
    scan: ScanPlan, store: Store, shards: int, previous: Manifest | None
) -> tuple[ScanWindow, ...]:
    """Cut the keys of a folder into at most so many ranges: one if it is a page.

    Evenly by an earlier manifest, without a request; else at keys that the server tells, for a request each, by how
    dense keys are there; where such a request is dear, by the printable characters.
    """
    prefix = f"{scan.source.name}/" if scan.source.name else ""
    if previous is not None and len(previous) >= shards:
        step = -(-len(previous) // shards)
        paths = (path for batch in previous.batches(prefix) for path in batch.paths.to_pylist())
        return _between([path[len(prefix) :] for path in itertools.islice(paths, step, None, step)])
    if store.capabilities().seeks:
        return _found(scan, store, shards)
    printable = [chr(code) for code in range(0x21, 0x7F)]
    return _between([printable[len(printable) * number // shards] for number in range(1, shards)])


def _between(cuts: Sequence[str]) -> tuple[ScanWindow, ...]:
    edges: list[str | None] = [None, *sorted(set(cuts), key=str.encode), None]
    return tuple(ScanWindow(after=after, upto=upto) for after, upto in itertools.pairwise(edges))


def _found(scan: ScanPlan, store: Store, shards: int) -> tuple[ScanWindow, ...]:
    """Look behind keys that are made up, at as many places at once as there are ranges by then."""
    folder = scan.location.key
    whole = Grant(number=0, after=None, upto=None)
    ranges = SharedRanges(folder, whole, most=shards, thrift=Thrift(first=shards, each=2))

    def look(offer: Offer | None) -> tuple[Offer | None, ObjectBatch | None]:
        after = None if offer is None else offer.after
        request = ListRequest(
            scan.location, versions=scan.list_versions, checksum=False, after=after
        )
        pages = Pager(store, request, or_current=lambda _: None)
        page = next(pages.batches(), None)
        is_whole = offer is None and (not pages.is_sorted or page is None or pages.is_done)
        return offer, None if is_whole else page

    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="landfast-cut") as pool:
        found = [look(None)]
        while found:
            for offer, page in found:
                _learn(ranges, offer, page)
            found = list(pool.map(look, ranges.offers()))
    return _between(
        [each.after[len(folder) :] for each in ranges.ordered if each.after is not None]
    )


def _learn(ranges: SharedRanges, offer: Offer | None, page: ObjectBatch | None) -> None:
    number: int | None = 0
    if offer is not None:
        grant = ranges.answer(offer, None if page is None else page.key_at(0))
        number = None if grant is None else grant.number
    if page is not None and number is not None:
        ranges.commit(number, samples(page), len(page))
