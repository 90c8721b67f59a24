"""RuleTeller: a store whose buckets remove or archive objects by rules of their own, and tell them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from landfast.model.location import Location
from landfast.model.retention.rules import ObjectLock


@runtime_checkable
class RuleTeller(Protocol):
    """A store whose buckets remove or archive objects by rules of their own, and tell them."""

    def rule_questions(self) -> tuple[str, ...]:
        """Name what `ask_rules` answers, in the words of `landfast.model.retention.rules`; no request."""
        ...

    def ask_rules(self, location: Location, question: str) -> dict[str, Any]:
        """Ask one question about a bucket; return the parts of `BucketRules` that it tells, by name.

        Raises:
            AccessDenied: If it may not be asked; `details["permission"]` names the action.
            InvalidInput: If the server does not know it, with `details["unsupported"]`.
        """
        ...

    def sent_rules(self, location: Location, text: str) -> dict[str, Any]:
        """Read a file of rules as somebody sent them to a bucket, as `ask_rules` tells those that are stored.

        Raises:
            InvalidInput: If it is no such file.
        """
        ...

    def tags(self, location: Location, version_id: str | None) -> Mapping[str, str]:
        """Ask for the tags that rules go by; raises as `stat` does."""
        ...

    def lock(self, location: Location, version_id: str | None) -> ObjectLock:
        """Ask what holds an object version, in two requests at most; raises as `stat` does."""
        ...
