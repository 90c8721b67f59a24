"""Places: the buckets that objects are held in, each asked once what it and the caller's permissions allow."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

from landfast.errors import AccessDenied, InvalidInput, LandfastError, NotFound
from landfast.hold.needs import Need
from landfast.model.location import Location
from landfast.model.storage.plan import PlanDraft
from landfast.stores.base import Store
from landfast.stores.holds import Holder, HoldMark, HoldOperations, HoldRequest


class Tally:
    """Counts requests by the provider's name, for any number of threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def add(self, operation: str) -> None:
        """Count one that is sent."""
        with self._lock:
            self._counts[operation] += 1

    @property
    def counts(self) -> Mapping[str, int]:
        """How many of each, by name."""
        return dict(sorted(self._counts.items()))


@dataclass(frozen=True, slots=True)
class Asking:
    """Sends the requests of holds to stores, and counts them."""

    tally: Tally = field(default_factory=Tally)

    def get(self, store: Store, asked: HoldRequest) -> HoldMark:
        """Read the mark of an object version; raises as `Holder.get_hold`."""
        self.tally.add(operations(store, asked).get)
        return holder(store).get_hold(asked)

    def put(self, store: Store, asked: HoldRequest, mark: HoldMark) -> None:
        """Set the mark of an object version; raises as `Holder.put_hold`."""
        self.tally.add(operations(store, asked).put)
        holder(store).put_hold(asked, mark)

    def version_of(self, store: Store, location: Location) -> str | None:
        """Ask which version of an object is there; raises as `Store.stat`."""
        self.tally.add(store.capabilities().operations.stat)
        return store.stat(location, checksum=False).version_id

    def check(self, need: Need) -> None:
        """Ask whether its bucket can hold; raises as `Holder.check_hold`."""
        asked = need.request
        if operation := operations(need.store, asked).check:
            self.tally.add(operation)
        holder(need.store).check_hold(asked.location, asked.kind)

    def may(self, need: Need) -> None:
        """Ask whether the caller may hold there; raises as `Holder.may_hold`."""
        self.tally.add(operations(need.store, need.request).may)
        holder(need.store).may_hold(need.request)


def holder(store: Store) -> Holder:
    """Return the store as one that holds, which its capabilities said that it does."""
    return cast(Holder, store)


def operations(store: Store, asked: HoldRequest) -> HoldOperations:
    """Return what the provider calls the requests."""
    return holder(store).hold_operations(asked.kind)


class Places:
    """Which buckets can hold what they have to, found out with the first object of each.

    Args:
        asking: Sends the requests.
        draft: Is told what stands in the way.
    """

    def __init__(self, asking: Asking, draft: PlanDraft) -> None:
        self.asking = asking
        self.draft = draft
        self._closed: dict[tuple[int, str, str], Callable[[str], None] | None] = {}

    def takes(self, need: Need) -> bool:
        """Tell whether the object can be held where it lies, as far as its bucket tells; else it is noted."""
        place = self.place_of(need)
        if place not in self._closed:
            self._closed[place] = self._why_not(need)
        why_not = self._closed[place]
        if why_not is None:
            return True
        why_not(need.uri)
        return False

    def is_open(self, need: Need) -> bool:
        """Tell whether nothing is known that keeps objects of the bucket from being held."""
        return self._closed.get(self.place_of(need)) is None

    def close(self, need: Need, error: AccessDenied) -> None:
        """Say that objects of the bucket cannot be held, as something is not permitted there."""
        self._closed[self.place_of(need)] = self._noting(need, error)
        self._noting(need, error)(need.uri)

    @staticmethod
    def place_of(need: Need) -> tuple[int, str, str]:
        """Return what tells one bucket, as one store sees it, from others."""
        asked = need.request
        return id(need.store), asked.location.authority, asked.kind

    def _why_not(self, need: Need) -> Callable[[str], None] | None:
        try:
            self.asking.check(need)
            self.asking.may(need)
        except (AccessDenied, InvalidInput, NotFound) as error:
            return self._noting(need, error)
        return None

    def _noting(self, need: Need, error: LandfastError) -> Callable[[str], None]:
        permission = error.details.get("permission")
        bucket = need.request.location.authority
        message = error.problem
        if permission:
            message = f"{permission} is missing on the bucket {bucket}"

        def note(uri: str) -> None:
            self.draft.blame(message, uri=uri, permission=permission, hint=error.hint or "")

        return note
