"""NumPy: arrays and scalars, without pickled objects in them."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any, ClassVar

from dagster_landfast.serializers.base import is_loaded_kind, loaded


class NumpySerializer:
    """Arrays as `.npy`, in C order whatever theirs is; a scalar comes back as a scalar."""

    name: ClassVar[str] = "numpy"
    extension: ClassVar[str] = "npy"
    accepts: ClassVar[str] = "numpy arrays"

    def takes(self, value: object) -> bool:
        """Tell whether it is a plain array or a scalar; a masked array would lose its mask."""
        numpy = loaded("numpy")
        if not is_loaded_kind(value, "numpy", "ndarray", "generic"):
            return False
        is_plain = isinstance(value, numpy.generic) or type(value) is numpy.ndarray
        return is_plain and not value.dtype.hasobject  # type: ignore[attr-defined]

    def write(self, value: Any, path: Path) -> None:
        """Write it in numpy's own format."""
        import numpy as np

        with path.open("wb") as file:
            np.save(file, np.asarray(value, order="C"), allow_pickle=False)

    def read(self, stream: IO[bytes], wanted: Any = Any) -> Any:  # noqa: ARG002 - there is one kind
        """Return the array, or the scalar."""
        import numpy as np

        array = np.load(stream, allow_pickle=False)
        return array[()] if array.ndim == 0 else array
