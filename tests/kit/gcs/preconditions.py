"""The conditional parameters of the JSON API: ifGenerationMatch and its three relatives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kit.gcs.errors import ApiError, condition_not_met, invalid, not_modified
from kit.gcs.objects import StoredObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Preconditions:
    """What must hold of the object before the request applies; None asks nothing."""

    generation: int | None = None
    generation_not: int | None = None
    metageneration: int | None = None
    metageneration_not: int | None = None

    @classmethod
    def parse(cls, query: Mapping[str, str], *, source: bool = False) -> Preconditions:
        """Read the conditions on the target or, for copies, on the source."""
        prefix = "ifSource" if source else "if"
        return cls(
            generation=integer(query, f"{prefix}GenerationMatch"),
            generation_not=integer(query, f"{prefix}GenerationNotMatch"),
            metageneration=integer(query, f"{prefix}MetagenerationMatch"),
            metageneration_not=integer(query, f"{prefix}MetagenerationNotMatch"),
        )

    def check(self, current: StoredObject | None, *, reading: bool = False) -> None:
        """Raise 412, or 304 for a read of what the caller already has."""
        unchanged: ApiError = not_modified() if reading else condition_not_met()
        generation = current.generation if current else 0
        metageneration = current.metageneration if current else 0
        if self.generation is not None and self.generation != generation:
            raise condition_not_met()
        if self.metageneration is not None and self.metageneration != metageneration:
            raise condition_not_met()
        if self.generation_not is not None and self.generation_not == generation:
            raise unchanged
        if self.metageneration_not is not None and self.metageneration_not == metageneration:
            raise unchanged


def integer(query: Mapping[str, str], name: str) -> int | None:
    """Return the parameter as a number, None when it is absent."""
    text = query.get(name)
    if text is None:
        return None
    if not text.isdigit():
        raise invalid(f"Invalid value for {name}: {text!r} is not a number.")
    return int(text)
