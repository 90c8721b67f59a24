"""PlaceOperator: what operators that look at a place are told of how to look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import landfast

from landfast_provider.operators.base import LandfastOperator


class PlaceOperator(LandfastOperator):
    """An operator that scans a place.

    Args:
        uri: One place or several.
        include: Globs of paths to keep, templated.
        exclude: Globs of paths to leave out, templated.
        checksum: A kind such as ``"sha256"``; None is the store's default, False records none.
        max_objects: The most entries; None is the setting, `landfast.UNLIMITED` lifts it.
        allow_empty: Whether an empty place is no error.
        kwargs: As for `LandfastOperator`.

    Raises:
        InvalidInput: If a place holds a secret: Airflow stores the fields of a task.
    """

    template_fields: Sequence[str] = (*LandfastOperator.template_fields, "include", "exclude")

    def __init__(
        self,
        *,
        uri: str | Sequence[str | landfast.Reference],
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        max_objects: int | None = None,
        checksum: str | bool | None = None,
        allow_empty: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if "uri" in self.template_fields:
            self._refuse_secrets([uri] if isinstance(uri, str) else uri)
        self.uri: Any = uri
        self.include = include
        self.exclude = exclude
        self.checksum = checksum
        self.max_objects = max_objects
        self.allow_empty = allow_empty

    def _refuse_secrets(self, places: Any) -> None:
        # Another task's output is known when the task runs.
        given = places if isinstance(places, list | tuple) else ()
        kept = "Airflow stores the fields of a task, and shows them"
        literal = [place for place in given if isinstance(place, str)]
        landfast.refuse_secrets(literal, subject=f"task {self.task_id}", kept=kept)

    def scan_options(self) -> dict[str, Any]:
        """Return them by name, as `landfast.Reference` and `Client.scan` take them."""
        return {
            "include": list(self.include),
            "exclude": list(self.exclude),
            "checksum": self.checksum,
            "max_objects": self.max_objects,
            "allow_empty": self.allow_empty,
        }
