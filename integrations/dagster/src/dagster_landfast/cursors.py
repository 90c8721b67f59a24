"""Cursor: how far a sensor has read the registry's change feed, and what it has told of the state before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """A position in the feed of one registry.

    Args:
        registry: Its id; the positions of another registry mean nothing. ``""`` while none is made yet: then all
            that the first one tells is news.
        position: All changes up to it are told of.
        begun: Assets whose state was told of when the sensor met them first, and the position then: changes up to it
            are no news.
        telling: An asset whose state is being told of; ``""`` for none.
        after: The last partition of it that was told of; None for none.
        head: The position when that began.
    """

    registry: str
    position: int
    begun: Mapping[str, int] = field(default_factory=dict)
    telling: str = ""
    after: str | None = None
    head: int = 0

    @classmethod
    def read(cls, text: str | None, *, registry: str, head: int) -> Self:
        """Return what a sensor left, or where to begin: at the head of this registry's feed.

        Args:
            text: The sensor's cursor; None if it never ran.
            registry: Id of the registry.
            head: Its newest position.
        """
        try:
            left = cls(**json.loads(text or ""))
        except (ValueError, TypeError):
            left = None
        if left is not None and left.registry == "":
            return replace(left, registry=registry)
        if left is None or left.registry != registry:
            return cls(registry=registry, position=head)
        return left

    def __str__(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"), sort_keys=True)
