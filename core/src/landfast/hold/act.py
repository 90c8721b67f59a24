"""Act: hold what a version needs, and release what none needs any more.

Every step is in the registry before the request that it leads to: what a killed process did is found and finished.
Of each object the mark is read right before it is set.  One that is on already is somebody else's, unless the registry
says that we were about to set it.
"""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta

from landfast.errors import NotFound, ObjectChanged, Unverifiable
from landfast.hold.look import GONE, WORKERS, wanted
from landfast.hold.needs import COPY, PORTION, Need, request_of
from landfast.hold.own import OwnStore
from landfast.hold.places import Asking, Places, operations
from landfast.model.storage.holds import (
    HeldObject,
    HoldKind,
    HoldReport,
    HoldState,
    ObjectVersion,
)
from landfast.model.storage.plan import PlanDraft
from landfast.pins.sets import PinSets
from landfast.registry.holds.holds import Holds
from landfast.registry.holds.request import Worker
from landfast.stores.base import Store
from landfast.stores.holds import HoldMark
from landfast.system.progress import Report, silent

LEASE = timedelta(seconds=60)
"""How long others leave alone what a worker claimed; half of it is left for requests that are slow to arrive."""

_WAIT_S = 0.5

FindStore = Callable[[HeldObject], Store]
_Free = tuple[HeldObject, Need, HoldMark]


def new_worker() -> Worker:
    """Return a worker that nobody else is."""
    name = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    return Worker(name=name, lease=LEASE)


@dataclass(slots=True)
class _Count:
    held: int = 0
    kept: int = 0
    foreign: int = 0
    released: int = 0


@dataclass(slots=True)
class Acting:
    """One worker that holds and releases.

    Args:
        holds: Of the registry.
        asking: Sends the requests.
        worker: In whose name object versions are claimed.
    """

    holds: Holds
    asking: Asking = field(default_factory=Asking)
    worker: Worker = field(default_factory=new_worker)
    _count: _Count = field(default_factory=_Count)
    _proven: set[tuple[int, str, str]] = field(default_factory=set)

    # -- hold ---------------------------------------------------------------------------------

    def hold(
        self,
        version_id: int,
        name: str,
        pins: PinSets,
        kind: HoldKind | None,
        places: Places,
        report: Report = silent,
        own: OwnStore | None = None,
    ) -> HoldReport:
        """Hold every object version that a version needs and that can be held, as far as its bucket tells.

        Raises:
            AccessDenied: If a store refuses; what is held by then is known, and the next call goes on.
            Unverifiable: If a server said that it holds, and does not.
        """
        draft = places.draft
        total, done = len(pins.newest) + (len(own.manifests) if own else 0), 0
        try:
            with ThreadPoolExecutor(WORKERS, thread_name_prefix="landfast-hold") as pool:
                for portion in wanted(pins, kind, own, self.asking):
                    self._hold_all(version_id, _holdable(portion, places), pool, draft)
                    done += len(portion)
                    report(done, total)
        finally:
            self.holds.let_go(self.worker)
        return self._report("hold", name, draft)

    def _hold_all(
        self, version_id: int, wanted: dict[str, Need], pool: ThreadPoolExecutor, draft: PlanDraft
    ) -> None:
        while wanted:
            deadline = self._deadline()
            objects = [need.object for need in wanted.values() if need.object is not None]
            claim = self.holds.claim(version_id, objects, self.worker)
            mine = [(row, wanted[row.object.sha256]) for row in claim.mine]
            self._count.kept += claim.held
            left = self._put_on(version_id, mine, pool, deadline, draft)
            waiting = claim.busy | left
            wanted = {sha256: need for sha256, need in wanted.items() if sha256 in waiting}
            if claim.busy:
                time.sleep(_WAIT_S)

    def _put_on(
        self,
        version_id: int,
        mine: Sequence[tuple[HeldObject, Need]],
        pool: ThreadPoolExecutor,
        deadline: float,
        draft: PlanDraft,
    ) -> frozenset[str]:
        """Read the marks, write down what was seen, set those that are free; return what time did not suffice for."""
        seen = dict(zip((row.id for row, _ in mine), pool.map(self._read, mine), strict=True))
        missing = [(row, need) for row, need in mine if seen[row.id] is None]
        for _, need in missing:
            draft.blame(GONE, uri=need.uri)
        self.holds.drop(self.worker, version_id, [row.id for row, _ in missing])
        on = {row.id: _on_already(row) for row, _ in mine if (m := seen[row.id]) and m.on}
        free = [(row, need, m) for row, need in mine if (m := seen[row.id]) and not m.on]
        intended = {row.id: HoldState.INTENDED for row, _, _ in free}
        self.holds.settle(self.worker, {**on, **intended})
        states: dict[int, HoldState] = {}
        try:
            self._prove_first(free, states, deadline)
            rest = [one for one in free if one[0].id not in states]
            list(pool.map(lambda one: self._try(one, states, deadline), rest))
        finally:
            self.holds.settle(self.worker, dict(states))
        done = {row for row, state in states.items() if state is HoldState.HELD}
        self._count.held += len(done) + sum(s is HoldState.HELD for s in on.values())
        self._count.foreign += sum(state is HoldState.FOREIGN for state in on.values())
        return frozenset(row.object.sha256 for row, _, _ in free if row.id not in done)

    def _prove_first(
        self, free: Sequence[_Free], states: dict[int, HoldState], deadline: float
    ) -> None:
        """Read back the first hold of each bucket: there are servers that say yes and do nothing."""
        for one in free:
            row, need, _ = one
            place = Places.place_of(need)
            if place in self._proven or not self._try(one, states, deadline):
                continue
            if not self.asking.get(need.store, need.request).on:
                states[row.id] = HoldState.INTENDED
                raise Unverifiable(
                    f"{need.uri} is not held, but the server confirmed the hold",
                    subject=need.uri,
                    expected=f"a {need.request.kind} that reads back",
                    hint=f"This server does not know holds. {COPY}",
                )
            self._proven.add(place)

    def _try(self, one: _Free, states: dict[int, HoldState], deadline: float) -> bool:
        """Hold an object version that was free, unless time is over, or somebody was quicker."""
        row, need, mark = one
        if time.monotonic() > deadline:
            return False
        try:
            self.asking.put(need.store, need.request, HoldMark(on=True, seen=mark.seen))
        except ObjectChanged:
            states[row.id] = HoldState.ASKED  # what is there now may be theirs
            return False
        states[row.id] = HoldState.HELD
        return True

    def _read(self, one: tuple[HeldObject, Need]) -> HoldMark | None:
        _, need = one
        try:
            return self.asking.get(need.store, need.request)
        except NotFound:
            return None

    # -- release ------------------------------------------------------------------------------

    def release(self, version_id: int, name: str, find: FindStore) -> HoldReport:
        """Release what a version needs no longer and no other version does.

        Raises:
            AccessDenied: If a store refuses; the registry knows what is left, and the next call goes on.
        """
        try:
            with ThreadPoolExecutor(WORKERS, thread_name_prefix="landfast-hold") as pool:
                while True:
                    deadline = self._deadline()
                    parting = self.holds.part_with(version_id, self.worker, PORTION)
                    self._count.kept += parting.kept
                    self._count.foreign += parting.foreign
                    self._put_off(parting.mine, find, pool, deadline)
                    if not parting.seen:
                        break
                    if parting.busy == parting.seen:
                        time.sleep(_WAIT_S)
            self.holds.clear(version_id)
        finally:
            self.holds.let_go(self.worker)
        return self._report("release", name)

    def sweep(self, find: FindStore) -> int:
        """Release what others were about to and did not come to; return how many object versions."""
        before = self._count.released
        try:
            with ThreadPoolExecutor(WORKERS, thread_name_prefix="landfast-hold") as pool:
                while True:
                    deadline = self._deadline()
                    left = self.holds.left_over(self.worker, PORTION)
                    if not left:
                        break
                    self._put_off(left, find, pool, deadline)
        finally:
            self.holds.let_go(self.worker)
        return self._count.released - before

    def _put_off(
        self,
        rows: Iterable[HeldObject],
        find: FindStore,
        pool: ThreadPoolExecutor,
        deadline: float,
    ) -> None:
        gone: list[int] = []

        def put(row: HeldObject) -> None:
            if time.monotonic() < deadline:
                self._take_off(find(row), row.object)
                gone.append(row.id)

        try:
            list(pool.map(put, rows))
        finally:
            self.holds.forget(self.worker, gone)
            self._count.released += len(gone)

    def _take_off(self, store: Store, held: ObjectVersion) -> None:
        """Take our mark away; an object version that is gone all the same needs none."""
        asked, seen = request_of(held), ""
        try:
            if operations(store, asked).says_all:
                seen = self.asking.get(store, asked).seen
            self.asking.put(store, asked, HoldMark(on=False, seen=seen))
        except NotFound:
            return

    # -- both ---------------------------------------------------------------------------------

    def _deadline(self) -> float:
        return time.monotonic() + self.worker.lease.total_seconds() / 2

    def _report(self, act: str, name: str, draft: PlanDraft | None = None) -> HoldReport:
        count = self._count
        return HoldReport(
            act=act,
            version=name,
            held=count.held,
            kept=count.kept,
            foreign=count.foreign,
            released=count.released,
            requests=self.asking.tally.counts,
            problems=() if draft is None else draft.plan().problems,
        )


def _holdable(portion: Iterable[Need], places: Places) -> dict[str, Need]:
    """Return what can be held, each object version once."""
    return {
        need.object.sha256: need
        for need in portion
        if need.object is not None and places.is_open(need)
    }


def _on_already(row: HeldObject) -> HoldState:
    """Tell whose a mark is that is on: ours, if we were about to set it or to take it away."""
    ours = {HoldState.INTENDED, HoldState.RELEASING}
    return HoldState.HELD if row.state in ours else HoldState.FOREIGN
