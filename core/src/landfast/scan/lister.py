"""Lister: list ranges of a folder, one after the other, for as long as there are any."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from landfast.manifests.batch import EntryBatch
from landfast.scan.entries import entries
from landfast.scan.listing import Bounds, Previous, list_batches, listed_kind
from landfast.scan.parts import Part
from landfast.scan.ranges import Grant, Offer, Ranges, Stopped, samples
from landfast.scan.skips import SkipLog
from landfast.scan.values import ScanPlan
from landfast.stores.base import ListRequest, ObjectBatch, Store
from landfast.stores.pager import Pager


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is listed, for whoever lists a range of it."""

    scan: ScanPlan
    store: Store
    folder: Path
    previous: Previous


def nothing_before() -> None:
    """Return no manifest."""


def list_ranges(job: Job, ranges: Ranges) -> None:
    """List ranges until nothing is left."""
    try:
        while (offer := ranges.offer()) is not None:
            _look(job, ranges, offer)
    except Stopped:
        pass
    except BaseException as error:  # noqa: BLE001 - raised by who waits for the ranges
        ranges.fail(error)


def _look(job: Job, ranges: Ranges, offer: Offer) -> None:
    """Look behind a key that was made up, and list on if the range is cut there."""
    scan, store = job.scan, job.store
    request = ListRequest(
        scan.location,
        versions=scan.list_versions,
        checksum=listed_kind(scan, store),
        after=offer.after,
    )
    pages = Pager(store, request).batches()
    page = next(pages, None)
    grant = ranges.answer(offer, None if page is None else page.key_at(0))
    if page is None or grant is None:
        return
    bounds, skips = SharedBounds(ranges, grant), SkipLog()
    begun = _behind(chain([page], pages), str(grant.after))
    found = list_batches(scan, bounds, store, skips, job.previous, begun)
    target = job.folder / f"range-{uuid.uuid4().hex}.arrow"
    part = Part.write(target, counted(entries(scan, found), ranges), skips)
    ranges.finish(grant.number, bounds.rows, part)


def _behind(pages: Iterator[ObjectBatch], key: str) -> Iterator[ObjectBatch]:
    """Leave out rows up to a key, of which there may be several versions."""
    import pyarrow.compute as pc

    for page in pages:
        kept = page.where(pc.greater(page["key"], key))
        if len(kept):
            yield kept
            break
    yield from pages


def counted(batches: Iterator[EntryBatch], ranges: Ranges) -> Iterator[EntryBatch]:
    """Yield entries once they are counted."""
    for batch in batches:
        ranges.count(len(batch))
        yield batch


class SharedBounds(Bounds):
    """The bounds of a range that others may cut."""

    def __init__(self, ranges: Ranges, grant: Grant) -> None:
        super().__init__(grant.after, grant.upto)
        self._ranges = ranges
        self._number = grant.number

    def commit(self, page: ObjectBatch) -> None:
        """Say that a page was listed, and learn where the range ends."""
        self.upto = self._ranges.commit(self._number, samples(page), len(page))
