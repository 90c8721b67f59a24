"""DoctorReport: whether a place can be recorded and read back, and what permissions that needs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class CheckStatus(StrEnum):
    """How a check went."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorCheck:
    """One thing that was tried, such as ``listing``, and how it went.

    The detail is one line: what was found, or the error; then the hint says what to do, if anything, and the
    permission what is missing, if the store could tell.
    """

    name: str
    status: CheckStatus
    detail: str
    hint: str = ""
    permission: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able description."""
        return {
            "name": self.name,
            "status": str(self.status),
            "detail": self.detail,
            "hint": self.hint,
            "permission": self.permission,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class MinimalPermissions:
    """The least that reading a place needs: sentences, the provider's names, and what to paste into its own tool."""

    words: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    policy: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able description."""
        return {"words": list(self.words), "names": list(self.names), "policy": dict(self.policy)}


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorReport:
    """What was found at a place, without secrets, and at its endpoint; None is the provider's own."""

    uri: str
    endpoint: str | None = None
    checks: tuple[DoctorCheck, ...] = ()
    permissions: MinimalPermissions = field(default_factory=MinimalPermissions)

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return all(check.status is not CheckStatus.FAILED for check in self.checks)

    def lines(self) -> Iterator[str]:
        """Yield the report as lines of text."""
        yield self.uri + (f" at {self.endpoint}" if self.endpoint else "")
        for check in self.checks:
            yield f"{check.status:<8} {check.name}: {check.detail}"
            if check.hint:
                yield f"{'':<8} -> {check.hint}"
        yield ""
        yield "The least that reading this place needs:"
        yield from self.permissions.words
        if self.permissions.policy:
            yield from json.dumps(self.permissions.policy, indent=2).splitlines()

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able description."""
        return {
            "uri": self.uri,
            "endpoint": self.endpoint,
            "ok": self.ok,
            "checks": [check.to_dict() for check in self.checks],
            "permissions": self.permissions.to_dict(),
        }
