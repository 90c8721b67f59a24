"""Look: find out what a hold would do, object version by object version; nothing is held."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from landfast.errors import AccessDenied, NotFound
from landfast.hold.needs import Need, needs
from landfast.hold.own import OwnStore
from landfast.hold.places import Asking, Places, operations
from landfast.model.manifest import ManifestEntry
from landfast.model.storage.holds import HoldKind
from landfast.model.storage.plan import Plan
from landfast.pins.sets import PinSets
from landfast.stores.holds import HoldMark
from landfast.system.progress import Report, silent

WORKERS = 32
GONE = "the recorded version is gone"


def look(
    pins: PinSets,
    kind: HoldKind | None,
    places: Places,
    known: Callable[[list[str]], set[str]],
    report: Report = silent,
    own: OwnStore | None = None,
) -> Plan:
    """Return what holding a version would send, and what stands in the way.

    Every object version that is not held yet is asked about: what is gone, and what others hold, shows only so.

    Args:
        pins: Of the version.
        kind: What is to hold it; None is the default of each store.
        places: The buckets, of which nothing is known yet.
        known: Tells which of some object versions, by their sha256, are held by this registry.
        report: Told how far it is.
        own: The registry's own store, if its blobs are to be held too.
    """
    draft = places.draft
    act = _Look(places, known)
    total = len(pins.newest) + (len(own.manifests) if own else 0)
    done = 0
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="landfast-hold") as pool:
        for portion in wanted(pins, kind, own, places.asking):
            act.portion(portion, pool)
            done += len(portion)
            report(done, total)
    act.add_proofs()
    asked = places.asking.tally.counts
    for operation, times in asked.items():
        draft.sent(operation, times)
        # Whoever holds looks first, as was done here.
        draft.ask(operation, times)
    if own is not None:
        operation = own.store.capabilities().operations.stat
        draft.ask(operation, asked.get(operation, 0))  # and asks again which versions there are
    return draft.plan()


def wanted(
    pins: PinSets, kind: HoldKind | None, own: OwnStore | None, asking: Asking
) -> Iterator[list[Need]]:
    """Yield what a version needs, some entries at a time; with `own` also what lies in the registry's store."""
    return needs(pins, kind) if own is None else own.needs(pins, kind, asking)


def unholdable(pins: PinSets, places: Places) -> Iterator[list[tuple[ManifestEntry, bool]]]:
    """Yield the entries of a version, some at a time, each with whether nothing can hold it where it lies.

    What is copied into the registry's own store needs no hold.
    """
    for portion in needs(pins, None):
        yield [
            (need.entry, bool(need.why_not) or not (need.is_ours or places.takes(need)))
            for need in portion
        ]


class _Look:
    def __init__(self, places: Places, known: Callable[[list[str]], set[str]]) -> None:
        self._places = places
        self._draft = places.draft
        self._asking = places.asking
        self._known = known
        self._proofs: dict[tuple[int, str, str], str] = {}

    def portion(self, portion: list[Need], pool: ThreadPoolExecutor) -> None:
        """Look at some entries; equal object versions are looked at once."""
        wanted: dict[str, Need] = {}
        for need in portion:
            if need.object is not None:
                wanted[need.object.sha256] = need
            elif need.why_not:
                self._draft.blame(need.why_not, uri=need.uri, hint=need.hint)
            else:
                self._draft.done()
        held = self._known(list(wanted))
        self._draft.done(len(held))
        open_ = [need for sha256, need in wanted.items() if sha256 not in held]
        list(pool.map(self._one, [need for need in open_ if self._places.takes(need)]))

    def _one(self, need: Need) -> None:
        if not self._places.takes(need):
            return
        mark: HoldMark | None
        try:
            mark = self._asking.get(need.store, need.request)
        except AccessDenied as error:
            self._places.close(need, error)
            return
        except NotFound:
            self._draft.blame(GONE, uri=need.uri)
            mark = None
        names = operations(need.store, need.request)
        self._draft.ask(names.get)
        if mark is None:
            return
        if mark.on:
            self._draft.done()
            return
        self._draft.add(names.put)
        self._proofs[Places.place_of(need)] = names.get

    def add_proofs(self) -> None:
        """Count that the first hold of each bucket is read back."""
        for operation in self._proofs.values():
            self._draft.ask(operation)
