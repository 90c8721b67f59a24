"""Ask buckets for their rules, each once, and keep what was not told."""

from __future__ import annotations

import threading
from typing import Any

from landfast.errors import AccessDenied, InvalidInput, LandfastError, NotFound
from landfast.model.location import Location
from landfast.model.retention.rules import BucketRules, Unanswered
from landfast.stores.base import Store
from landfast.stores.rules import RuleTeller


def tells_rules(store: Store) -> bool:
    """Whether a store has buckets with rules of their own, and tells them."""
    return isinstance(store, RuleTeller) and bool(store.rule_questions())


def ask(store: Store, location: Location) -> BucketRules:
    """Ask a bucket everything that its store can be asked; what is refused or not known is named.

    Raises:
        NotFound: If there is no bucket.
        Unavailable: If the server did not answer.
    """
    assert isinstance(store, RuleTeller)
    told: dict[str, Any] = {}
    unanswered: list[Unanswered] = []
    for question in store.rule_questions():
        try:
            answer = store.ask_rules(location, question)
        except (AccessDenied, InvalidInput, NotFound) as error:
            if "bucket" in error.details or error.details.get("credentials"):
                raise
            unanswered.append(_unanswered(question, error))
            continue
        told |= {n: (*told.get(n, ()), *v) if n == "notes" else v for n, v in answer.items()}
    bucket = f"{location.scheme}://{location.authority}"
    return BucketRules(bucket=bucket, unanswered=tuple(unanswered), **told)


def _unanswered(question: str, error: LandfastError) -> Unanswered:
    return Unanswered(
        question=question,
        why=str(error),
        permission=error.details.get("permission"),
        is_unsupported=bool(error.details.get("unsupported")),
    )


class Buckets:
    """The rules of all buckets that are looked at; for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[tuple[int, str], BucketRules] = {}

    def rules(self, store: Store, location: Location) -> BucketRules:
        """Return the rules of a location's bucket; asked once."""
        key = (id(store), location.authority)
        with self._lock:
            if key not in self._known:
                self._known[key] = ask(store, location)
            return self._known[key]

    def all(self) -> tuple[BucketRules, ...]:
        """Return the rules of every bucket that was asked, by name."""
        with self._lock:
            return tuple(sorted(self._known.values(), key=lambda one: one.bucket))
