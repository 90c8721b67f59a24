"""Plan: what an act will ask of servers, in numbers, before it is done."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from landfast.html.sizes import size_text

# So many objects are named for each problem.
_NAMED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """The reason why an act, or a part of it, cannot succeed.

    Args:
        message: The problem, as one sentence.
        count: Number of objects with the problem; 0 if it does not concern single objects.
        examples: URIs of at most ten of these objects.
        permission: Missing permission under the provider's name, such as ``s3:RestoreObject``; None if no permission
            is missing.
        hint: Next step for the user, as a sentence.
    """

    message: str
    count: int = 0
    examples: tuple[str, ...] = ()
    permission: str | None = None
    hint: str = ""

    def lines(self) -> Iterator[str]:
        """Yield the problem as lines of text."""
        about = f" ({self.count:,} objects)" if self.count else ""
        yield f"problem: {self.message}{about}"
        yield from (f"  {uri}" for uri in self.examples)
        if self.hint:
            yield f"  -> {self.hint}"

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able description."""
        return {
            "message": self.message,
            "count": self.count,
            "examples": list(self.examples),
            "permission": self.permission,
            "hint": self.hint,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The requests that an act will send to servers. A plan executes nothing.

    Requests are counted as servers count them: each page of a list and each try counts once, under the provider's
    name of the operation. To find these numbers, a plan sends the list requests of the act, and no other request that
    costs money.

    Args:
        act: Name of the act: ``log``, ``download``, ``verify``, ``hold``, ``restore``, ...
        name: Object of the act: a version, or the place to log.
        requests: Number of requests of the act, by operation, such as ``{"GetObject": 12}``.
        bytes: Number of bytes that the act reads from stores, or writes to them.
        objects: Number of objects that the act reads or changes.
        done: Number of objects that need no work: unchanged, in the cache, already held or already restored.
        archived: Number of archived objects that must be restored, or would have to be.
        archived_bytes: Bytes of the archived objects.
        sent: Number of requests that were sent to make this plan, by operation.
        problems: Problems that would stop the act, or a part of it.

    Example:
        >>> plan = Plan(act="download", name="mnist:v3", requests={"GetObject": 2}, bytes=2_000, objects=2)
        >>> plan.summary
        'download mnist:v3: 2 objects, 2 requests (2 GetObject), 2.0 kB'
        >>> plan.ok
        True
    """

    act: str
    name: str
    requests: Mapping[str, int] = field(default_factory=dict)
    bytes: int = 0
    objects: int = 0
    done: int = 0
    archived: int = 0
    archived_bytes: int = 0
    sent: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the plan has no problems."""
        return not self.problems

    @property
    def summary(self) -> str:
        """One line."""
        parts = [f"{self.objects:,} objects", _requests(self.requests), size_text(self.bytes)]
        if self.done:
            parts.insert(1, f"{self.done:,} need nothing")
        if self.archived:
            parts.append(f"{self.archived:,} archived ({size_text(self.archived_bytes)})")
        if self.problems:
            parts.append(f"{len(self.problems):,} problems")
        return f"{self.act} {self.name}: {', '.join(parts)}"

    def lines(self) -> Iterator[str]:
        """Yield the plan as lines of text."""
        yield f"{self.act} {self.name} would"
        yield f"  act on    {self.objects:,} objects" + (
            f"; {self.done:,} more need nothing" if self.done else ""
        )
        yield f"  send      {_requests(self.requests)}"
        yield f"  transfer  {size_text(self.bytes)}"
        if self.archived:
            yield f"  need      {self.archived:,} archive retrievals, {size_text(self.archived_bytes)}"
        if self.sent:
            yield f"  (sent to find out: {_requests(self.sent)})"
        for problem in self.problems:
            yield from problem.lines()

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able description."""
        return {
            "act": self.act,
            "name": self.name,
            "ok": self.ok,
            "summary": self.summary,
            "requests": dict(self.requests),
            "bytes": self.bytes,
            "objects": self.objects,
            "done": self.done,
            "archived": self.archived,
            "archived_bytes": self.archived_bytes,
            "sent": dict(self.sent),
            "problems": [problem.to_dict() for problem in self.problems],
        }


class PlanDraft:
    """A plan that is being made, by any number of threads.

    Example:
        >>> draft = PlanDraft("hold", "mnist:v3")
        >>> draft.add("PutObjectLegalHold")
        >>> draft.blame("the bucket has no Object Lock", uri="s3://b/k")
        >>> plan = draft.plan()
        >>> plan.requests, plan.problems[0].count
        ({'PutObjectLegalHold': 1}, 1)
    """

    def __init__(self, act: str, name: str) -> None:
        self._act = act
        self._name = name
        self._lock = threading.Lock()
        self._requests: Counter[str] = Counter()
        self._sent: Counter[str] = Counter()
        self._numbers: Counter[str] = Counter()
        self._problems: dict[tuple[str, str | None, str], list[str]] = {}
        self._counts: Counter[tuple[str, str | None, str]] = Counter()

    def ask(self, operation: str, times: int = 1) -> None:
        """Count requests that the act sends and that are no object's own, such as pages of a list."""
        with self._lock:
            self._requests[operation] += times

    def sent(self, operation: str, times: int = 1) -> None:
        """Count requests that were sent to make the plan."""
        with self._lock:
            self._sent[operation] += times

    def sent_as_planned(self, operation: str) -> None:
        """Count a request that was sent to make the plan and that the act will send as well."""
        self.sent(operation)
        self.ask(operation)

    def add(self, operation: str, *, size: int = 0, times: int = 1, objects: int = 1) -> None:
        """Count what the act does to an object: its requests, and the bytes that go over the wire."""
        with self._lock:
            self._requests[operation] += times
            self._numbers["objects"] += objects
            self._numbers["bytes"] += size

    def touch(self, objects: int) -> None:
        """Count objects that the act looks at, without a request of their own."""
        with self._lock:
            self._numbers["objects"] += objects

    def done(self, objects: int = 1) -> None:
        """Count objects that need nothing."""
        with self._lock:
            self._numbers["done"] += objects

    def archived(self, size: int | None, objects: int = 1) -> None:
        """Count objects that have to come back from an archive, with their bytes."""
        with self._lock:
            self._numbers["archived"] += objects
            self._numbers["archived_bytes"] += size or 0

    def blame(
        self,
        message: str,
        *,
        uri: str | None = None,
        count: int = 1,
        permission: str | None = None,
        hint: str = "",
    ) -> None:
        """Note a problem; equal ones of several objects are one, with a count and a few names."""
        key = (message, permission, hint)
        with self._lock:
            named = self._problems.setdefault(key, [])
            if uri is not None:
                self._counts[key] += count
                if len(named) < _NAMED:
                    named.append(uri)

    def plan(self) -> Plan:
        """Return the plan as it is now."""
        with self._lock:
            return Plan(
                act=self._act,
                name=self._name,
                requests=_sorted(self._requests),
                sent=_sorted(self._sent),
                problems=tuple(
                    Problem(
                        message=message,
                        count=self._counts[message, permission, hint],
                        examples=tuple(named),
                        permission=permission,
                        hint=hint,
                    )
                    for (message, permission, hint), named in self._problems.items()
                ),
                **{name: self._numbers[name] for name in _NUMBERS},
            )


_NUMBERS = ("bytes", "objects", "done", "archived", "archived_bytes")


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in sorted(counts.items()) if count}


def _requests(counts: Mapping[str, int]) -> str:
    total = sum(counts.values())
    if not total:
        return "no requests"
    told = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    return f"{total:,} requests ({told})"
