"""Parquet: frames of pandas and polars, tables of arrow; each comes back as itself, or as another that is wanted."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any, ClassVar

from landfast import InvalidInput

from dagster_landfast.serializers.base import is_loaded_kind, kinds_of, unreadable

_ROWS_IN_A_GROUP = 1 << 18
# An arrow table made from a pandas frame carries pandas' metadata too; this tells them apart.
_MARK = {b"landfast.kind": b"arrow"}
_FRAMES = {
    "pandas": ("DataFrame",),
    "polars": ("DataFrame", "LazyFrame"),
    "pyarrow": ("Table",),
}


class ParquetSerializer:
    """Frames, in one piece whatever the chunks they are made of."""

    name: ClassVar[str] = "parquet"
    extension: ClassVar[str] = "parquet"
    accepts: ClassVar[str] = "frames of pandas or polars, arrow tables"

    def takes(self, value: object) -> bool:
        """Tell whether it is a frame."""
        return _library_of(value) is not None

    def write(self, value: Any, path: Path) -> None:
        """Write it with polars if it is polars', else with pyarrow.

        Raises:
            InvalidInput: If a column has no form in Parquet, naming it as the library does.
        """
        library = _library_of(value)
        try:
            if library == "polars":
                _write_polars(value, path)
            else:
                _write_arrow(_as_table(value, library), path)
        except _refusals(library) as error:
            raise InvalidInput(
                f"a frame of {library} cannot be written as Parquet: {error}",
                subject=library,
                hint="Give each column one type; objects of your own have no form in Parquet.",
            ) from error

    def read(self, stream: IO[bytes], wanted: Any = Any) -> Any:
        """Return the frame as what is wanted, else as what was written.

        Raises:
            InvalidInput: If something else than a frame is wanted.
        """
        kinds = kinds_of(wanted)
        if not kinds:
            return _read(stream, _written_by(stream), lazy=False)
        for kind in kinds:
            library = _library_of(kind)
            if library is not None:
                return _read(stream, library, lazy=kind.__name__ == "LazyFrame")
        raise unreadable("parquet", wanted, self.accepts)


def _library_of(value: object) -> str | None:
    for library, names in _FRAMES.items():
        if is_loaded_kind(value, library, *names):
            return library
    return None


def _write_polars(value: Any, path: Path) -> None:
    import polars as pl

    frame = value.collect() if isinstance(value, pl.LazyFrame) else value
    frame.rechunk().write_parquet(
        path, compression="zstd", statistics=True, row_group_size=_ROWS_IN_A_GROUP
    )


def _refusals(library: str | None) -> tuple[type[Exception], ...]:
    """Return what a library raises for a column that it has no form for."""
    if library != "polars":
        return TypeError, ValueError, NotImplementedError
    from polars.exceptions import PolarsError

    return (PolarsError,)


def _as_table(value: Any, library: str | None) -> Any:
    import pyarrow as pa

    if library == "pandas":
        return pa.Table.from_pandas(value)
    return value.replace_schema_metadata({**(value.schema.metadata or {}), **_MARK})


def _write_arrow(table: Any, path: Path) -> None:
    from pyarrow import parquet

    parquet.write_table(
        table.combine_chunks(), path, compression="zstd", row_group_size=_ROWS_IN_A_GROUP
    )


def _written_by(stream: IO[bytes]) -> str:
    from pyarrow import parquet

    metadata = parquet.read_metadata(stream)
    stream.seek(0)
    if metadata.created_by.startswith("Polars"):
        return "polars"
    marks = metadata.metadata or {}
    return "pandas" if b"pandas" in marks and not _MARK.keys() <= marks.keys() else "pyarrow"


def _read(stream: IO[bytes], library: str, *, lazy: bool) -> Any:
    if library == "polars":
        import polars as pl

        frame = pl.read_parquet(stream)
        return frame.lazy() if lazy else frame
    from pyarrow import parquet

    table = parquet.read_table(stream)
    if library == "pandas":
        return table.to_pandas()
    kept = {k: v for k, v in (table.schema.metadata or {}).items() if k not in _MARK}
    return table.replace_schema_metadata(kept or None)
