"""RetryingStore: asks again what may work later, and for less at once where a server asks for that; only here.

An error with ``details["is_lasting"]`` is not asked again: that many requests have shown it.

A body that is cut while it is read is not retried here: whoever reads knows how far it came.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from landfast.clouds.pace import Pace
from landfast.clouds.per_process import PerProcess
from landfast.clouds.retry import RetryPolicy
from landfast.errors import InvalidInput, LandfastError
from landfast.model.location import Location
from landfast.model.retention.rules import ObjectLock
from landfast.model.storage.archive import RestoreReply, Tier
from landfast.model.storage.holds import HoldKind
from landfast.stores.archive import Archive
from landfast.stores.base import (
    Capabilities,
    ChecksumKind,
    Kind,
    ListRequest,
    ObjectInfo,
    Page,
    Pin,
    Presigner,
    PresignRequest,
    Reader,
    Store,
    Versioning,
)
from landfast.stores.cost import CostlyStat, StatCost
from landfast.stores.holds import Holder, HoldMark, HoldOperations, HoldRequest
from landfast.stores.rules import RuleTeller

T = TypeVar("T")


class RetryingStore:
    """Ask again on `Unavailable`, a bounded number of times; `inner` is the store that does the work."""

    def __init__(
        self,
        inner: Store,
        policy: RetryPolicy | None = None,
        *,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        self.inner = inner
        self.policy = policy or RetryPolicy()
        self._sleep = sleep
        # Requests of another process do not end in this one.
        self.pace = PerProcess(Pace)

    def __repr__(self) -> str:
        return f"RetryingStore({self.inner!r})"

    @property
    def endpoint(self) -> str | None:
        """The inner store's endpoint."""
        return self.inner.endpoint

    def capabilities(self) -> Capabilities:
        """Tell what the inner store can do."""
        return self.inner.capabilities()

    def path(self, location: Location) -> Path | None:
        """Return the local path, if there is one."""
        return self.inner.path(location)

    def versioning(self, location: Location) -> Versioning:
        """Ask whether overwritten objects are kept."""
        return self._retried(lambda: self.inner.versioning(location))

    def locate(self, location: Location) -> Kind:
        """Tell what a location without final slash is."""
        return self._retried(lambda: self.inner.locate(location))

    def list_page(self, request: ListRequest) -> Page:
        """List one page; rows that come lazily are not asked for again."""
        return self._retried(lambda: self.inner.list_page(request))

    def stat(
        self, location: Location, *, version_id: str | None = None, checksum: ChecksumKind = None
    ) -> ObjectInfo:
        """Describe one object."""
        return self._retried(
            lambda: self.inner.stat(location, version_id=version_id, checksum=checksum)
        )

    @contextlib.contextmanager
    def open(self, pin: Pin, *, start: int = 0) -> Iterator[Reader]:
        """Open the recorded bytes; only the opening is tried again."""
        with contextlib.ExitStack() as stack:
            yield self._retried(lambda: stack.enter_context(self.inner.open(pin, start=start)))

    def presign(self, pin: Pin, request: PresignRequest) -> str | None:
        """Sign as the inner store does, if it does; that is no request."""
        inner = self.inner
        return inner.presign(pin, request) if isinstance(inner, Presigner) else None

    @property
    def has_stat_cost(self) -> bool:
        """Whether the inner store may read an object to describe it."""
        return isinstance(self.inner, CostlyStat) and self.inner.has_stat_cost

    def stat_cost(self, location: Location, checksum: ChecksumKind) -> StatCost:
        """Tell what the inner store's `stat` would take."""
        inner = self.inner
        assert isinstance(inner, CostlyStat)
        return self._retried(lambda: inner.stat_cost(location, checksum))

    @property
    def restores(self) -> bool:
        """Whether the inner store brings objects back from an archive."""
        return isinstance(self.inner, Archive) and self.inner.restores

    def restore(
        self, location: Location, tier: Tier, days: int | None, *, version_id: str | None = None
    ) -> RestoreReply:
        """Ask for an archived object."""
        inner = self._archive(location)
        return self._retried(lambda: inner.restore(location, tier, days, version_id=version_id))

    def refusal(self, location: Location) -> LandfastError | None:
        """Find out whether `restore` is permitted."""
        inner = self._archive(location)
        return self._retried(lambda: inner.refusal(location))

    def _archive(self, location: Location) -> Archive:
        if isinstance(self.inner, Archive):
            return self.inner
        raise InvalidInput(
            f"the store of {location} has no archive", subject=str(location), unsupported=True
        )

    def rule_questions(self) -> tuple[str, ...]:
        """Name what the inner store tells of its buckets' rules; nothing if it tells none."""
        inner = self.inner
        return inner.rule_questions() if isinstance(inner, RuleTeller) else ()

    def ask_rules(self, location: Location, question: str) -> dict[str, Any]:
        """Ask one question about a bucket."""
        return self._retried(lambda: self._teller.ask_rules(location, question))

    def sent_rules(self, location: Location, text: str) -> dict[str, Any]:
        """Read a file of rules; no request."""
        return self._teller.sent_rules(location, text)

    def tags(self, location: Location, version_id: str | None) -> Mapping[str, str]:
        """Ask for the tags of an object version."""
        return self._retried(lambda: self._teller.tags(location, version_id))

    def lock(self, location: Location, version_id: str | None) -> ObjectLock:
        """Ask what holds an object version."""
        return self._retried(lambda: self._teller.lock(location, version_id))

    @property
    def _teller(self) -> RuleTeller:
        if isinstance(self.inner, RuleTeller):
            return self.inner
        raise InvalidInput(f"{self.inner!r} tells no rules", unsupported=True)

    def hold_operations(self, kind: HoldKind) -> HoldOperations:
        """Name the inner store's requests."""
        return self._holder().hold_operations(kind)

    def check_hold(self, location: Location, kind: HoldKind) -> None:
        """Ask whether objects of a bucket can be held."""
        self._retried(lambda: self._holder().check_hold(location, kind))

    def may_hold(self, asked: HoldRequest) -> None:
        """Ask once whether holds may be put: whatever else comes back is no refusal."""
        self._holder().may_hold(asked)

    def get_hold(self, asked: HoldRequest) -> HoldMark:
        """Ask whether an object version is held."""
        return self._retried(lambda: self._holder().get_hold(asked))

    def put_hold(self, asked: HoldRequest, mark: HoldMark) -> None:
        """Hold an object version, or release it."""
        self._retried(lambda: self._holder().put_hold(asked, mark))

    def _holder(self) -> Holder:
        inner = self.inner
        if not isinstance(inner, Holder):
            raise InvalidInput("this store holds no objects", subject=repr(inner), unsupported=True)
        return inner

    def _retried(self, call: Callable[[], T]) -> T:
        pace: Pace = self.pace()
        return self.policy.run(lambda: pace.run(call), sleep=self._sleep)
