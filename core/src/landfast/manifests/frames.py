"""Rows of a manifest for analysts: Arrow, pandas and Polars, in columns that say everything themselves."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from landfast.errors import InvalidInput, needs_extra
from landfast.manifests import schema

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from landfast.manifests.batch import EntryBatch


@functools.cache
def row_schema() -> pa.Schema:
    """Return the Arrow schema of the rows: that of the file, with the ETag always in its own column."""
    stored = schema.entry_schema()
    return stored.remove(stored.get_field_index("etag_is_checksum"))


class Rows(ABC):
    """What has rows of a manifest: as Arrow, pandas or Polars, whole or as a stream.

    Anything that reads Arrow streams takes it as it is: ``pyarrow.table(version)``, ``polars.DataFrame(version)``.
    """

    @abstractmethod
    def to_arrow_batch_reader(
        self, prefix: str = "", *, columns: Sequence[str] | None = None
    ) -> pa.RecordBatchReader:
        """Return the rows as a stream of record batches, of which only one is in memory at a time.

        Args:
            prefix: Only rows whose path starts so.
            columns: Only these columns, in this order; None is all of `path`, `size` (bytes), `checksum_algorithm`,
                `checksum`, `uri`, `version_id`, `etag` and `modified_at` (UTC).

        Raises:
            InvalidInput: If a column does not exist.
        """

    def to_arrow(self, prefix: str = "", *, columns: Sequence[str] | None = None) -> pa.Table:
        """Return the rows as a `pyarrow.Table`, sorted by path; the arguments are those of `to_arrow_batch_reader`.

        Example:
            >>> from landfast.manifests.memory import MemoryManifest
            >>> from landfast.model.manifest import ManifestEntry
            >>> entry = ManifestEntry(path="a", size=1, checksum=None, uri="file:///d/a")
            >>> MemoryManifest([entry]).to_arrow(columns=["path", "size"]).to_pylist()
            [{'path': 'a', 'size': 1}]
        """
        return self.to_arrow_batch_reader(prefix, columns=columns).read_all()

    def to_pandas(self, prefix: str = "", *, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Return the rows as a pandas `DataFrame`; the type of sizes is always `Int64`, even if all sizes are known.

        Raises:
            MissingExtra: If pandas is not installed.
            InvalidInput: If a column does not exist.
        """
        with needs_extra("pandas", "to_pandas()"):
            import pandas as pd
        import pyarrow as pa

        kinds = {pa.int64(): pd.Int64Dtype()}
        table = self.to_arrow(prefix, columns=columns)
        # Each column is freed as soon as pandas has it.
        return table.to_pandas(types_mapper=kinds.get, split_blocks=True, self_destruct=True)

    def to_polars(self, prefix: str = "", *, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Return the rows as a Polars `DataFrame`.

        Raises:
            MissingExtra: If Polars is not installed.
            InvalidInput: If a column does not exist.
        """
        with needs_extra("polars", "to_polars()"):
            import polars as pl
        return pl.DataFrame(self.to_arrow(prefix, columns=columns))

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Hand the rows to whatever reads Arrow streams (the Arrow PyCapsule interface)."""
        return self.to_arrow_batch_reader().__arrow_c_stream__(requested_schema)


def batch_reader(
    batches: Iterable[EntryBatch], columns: Sequence[str] | None
) -> pa.RecordBatchReader:
    """Return a stream of what batches hold; raises what `Rows.to_arrow_batch_reader` does."""
    import pyarrow as pa

    wanted = _chosen(columns)
    return pa.RecordBatchReader.from_batches(wanted, _plain(batches, wanted))


def _plain(batches: Iterable[EntryBatch], wanted: pa.Schema) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    for batch in batches:
        columns = [
            batch.etags if name == "etag" else batch.columns.column(name) for name in wanted.names
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=wanted)


def _chosen(columns: Sequence[str] | None) -> pa.Schema:
    import pyarrow as pa

    form = row_schema()
    if columns is None:
        return form
    wanted = [columns] if isinstance(columns, str) else list(columns)
    for name in wanted:
        if name not in form.names:
            raise InvalidInput(
                f"a manifest has no column {name!r}",
                subject=str(name),
                expected=", ".join(form.names),
            )
    return pa.schema([form.field(name) for name in wanted])
