"""Pickle: any object, for those who ask; reading one runs code that it holds."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import IO, Any, ClassVar

from landfast import InvalidInput

# Fixed, so that another Python writes the same.
_PROTOCOL = 5


class PickleSerializer:
    """What nothing else takes.  Equal objects may pickle to other bytes: a set of texts does."""

    name: ClassVar[str] = "pickle"
    extension: ClassVar[str] = "pkl"
    accepts: ClassVar[str] = "what pickle takes"

    def takes(self, value: object) -> bool:  # noqa: ARG002 - only trying tells
        """Take anything; `write` tells."""
        return True

    def write(self, value: Any, path: Path) -> None:
        """Pickle it.

        Raises:
            InvalidInput: If it cannot be pickled.
        """
        try:
            path.write_bytes(pickle.dumps(value, protocol=_PROTOCOL))
        except (pickle.PicklingError, TypeError, AttributeError, RecursionError) as error:
            kind = type(value).__qualname__
            raise InvalidInput(
                f"a {kind} cannot be pickled: {error}",
                subject=kind,
                hint="Write it to a file with its own library and return the file's Path.",
            ) from error

    def read(self, stream: IO[bytes], wanted: Any = Any) -> Any:  # noqa: ARG002 - it knows what it is
        """Unpickle it."""
        return pickle.load(stream)  # noqa: S301 - asked for with allow_pickle
