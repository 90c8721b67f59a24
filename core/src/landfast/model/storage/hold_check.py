"""HoldProblem: what a look at holds has found, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class HoldVerdict(StrEnum):
    """How a hold stands that is not whole."""

    UNFINISHED = "unfinished"  # begun, and not all is held
    ENDING = "ending"  # to be released, and not all is
    LEFT = "left"  # held, and no version needs it
    LOST = "not held"  # the registry says that it is held, the store that it is not
    GONE = "gone"  # the object version is not there any more


_LOSSES = frozenset({HoldVerdict.LOST, HoldVerdict.GONE})
_MENDS = {
    HoldVerdict.UNFINISHED: "landfast hold {version} goes on with it.",
    HoldVerdict.ENDING: "landfast gc --apply releases it.",
    HoldVerdict.LEFT: "landfast gc --apply releases it.",
    HoldVerdict.LOST: "Somebody removed it. Release every version that needs it, then hold these versions again.",
    HoldVerdict.GONE: "landfast verify tells whether its bytes are elsewhere.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldProblem:
    """A hold, or one object version of it, that is not as it should be.

    Args:
        verdict: How it stands.
        version: A version that needs it; ``""`` if none does.
        uri: Of the object; ``""`` where it is about the whole version.
        version_id: Of the object.
    """

    verdict: HoldVerdict
    version: str = ""
    uri: str = ""
    version_id: str = ""

    @property
    def is_loss(self) -> bool:
        """Whether something is unprotected that should not be."""
        return self.verdict in _LOSSES

    @property
    def mend(self) -> str:
        """What to do about it."""
        return _MENDS[self.verdict].format(version=self.version)

    def lines(self) -> Iterator[str]:
        """Yield it as lines of text."""
        where = f"{self.uri} ({self.version_id})" if self.uri else self.version
        whose = f", needed by {self.version}" if self.uri and self.version else ""
        yield f"hold {self.verdict}: {where}{whose}"
        yield f"  -> {self.mend}"

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able description."""
        return {
            "verdict": self.verdict.value,
            "version": self.version,
            "uri": self.uri,
            "version_id": self.version_id,
            "mend": self.mend,
        }
