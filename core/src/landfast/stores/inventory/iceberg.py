"""The live inventory table of S3 Metadata, an Iceberg table, by pyiceberg.

``iceberg://CATALOG/NAMESPACE.TABLE`` is found as pyiceberg is configured (`.pyiceberg.yaml`,
`PYICEBERG_CATALOG__...`), where credentials stay; a URI that ends in `.metadata.json` is read without a catalog.  Each
row is the state of one object version; of a key the greatest `sequence_number` is the current one.  See "S3 Metadata
live inventory tables schema" of the Amazon S3 User Guide,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/metadata-tables-inventory-schema.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from landfast.errors import InvalidInput, NotFound, Unavailable, needs_extra
from landfast.model.location import Location
from landfast.redaction import redact

if TYPE_CHECKING:
    import pyarrow as pa

SCHEME = "iceberg://"
_METADATA = ".metadata.json"
_PINNED = "?snapshot="
_COLUMNS = (
    *("bucket", "key", "sequence_number", "version_id", "is_delete_marker"),
    *("size", "last_modified_date", "e_tag"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveTable:
    """One snapshot of a live inventory table; `uri` says which."""

    uri: str
    as_of: datetime
    snapshot: int
    table: Any

    def batches(self, location: Location) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a folder, as they lie in the table's files."""
        import pyiceberg.expressions

        there = {field.name for field in self.table.schema().fields}
        if missing := {"bucket", "key", "sequence_number"} - there:
            raise InvalidInput(
                f"{self.uri} is not a live inventory table of S3 Metadata",
                subject=self.uri,
                expected=", ".join(_COLUMNS),
                found=f"no {', '.join(sorted(missing))}",
            )
        # All rows are of one bucket; where they are not, that is said, and not hidden by a filter.
        filters: Any = pyiceberg.expressions
        below = filters.StartsWith("key", location.key) if location.key else filters.AlwaysTrue()
        scan = self.table.scan(
            row_filter=below,
            selected_fields=tuple(name for name in _COLUMNS if name in there),
            snapshot_id=self.snapshot,
        )
        yield from scan.to_arrow_batch_reader()


def is_iceberg(uri: str) -> bool:
    """Whether an inventory is a table, and not a report."""
    return uri.startswith(SCHEME) or uri.partition(_PINNED)[0].endswith(_METADATA)


def open_table(uri: str) -> LiveTable:
    """Open a table at its current snapshot, or at that which the URI says.

    Raises:
        MissingExtra: If pyiceberg is not installed.
        NotFound: If there is no such catalog, table or snapshot, or it has none yet.
        InvalidInput: If the URI is none.
    """
    place, _, asked = uri.partition(_PINNED)
    with needs_extra("inventory", "an Iceberg table", library="pyiceberg"):
        table = _table(place)
    snapshot = table.snapshot_by_id(int(asked)) if asked.isdigit() else table.current_snapshot()
    if snapshot is None or (asked and not asked.isdigit()):
        raise NotFound(
            f"{place} has no such snapshot" if asked else f"{place} has no snapshot yet",
            subject=place,
            expected=asked or "one, as soon as its status is ACTIVE",
        )
    return LiveTable(
        uri=f"{place}{_PINNED}{snapshot.snapshot_id}",
        as_of=datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC),
        snapshot=snapshot.snapshot_id,
        table=table,
    )


def _table(place: str) -> Any:
    from pyiceberg.catalog import load_catalog
    from pyiceberg.exceptions import NoSuchNamespaceError, NoSuchTableError
    from pyiceberg.table import StaticTable
    from pyiceberg.utils.config import Config

    catalog, _, name = place.removeprefix(SCHEME).partition("/")
    if place.startswith(SCHEME) and not (catalog and "." in name):
        raise InvalidInput(
            f"{place} names no table",
            subject=place,
            expected=f"{SCHEME}CATALOG/NAMESPACE.TABLE, such as {SCHEME}s3tables/b_my-bucket.inventory",
        )
    try:
        if not place.startswith(SCHEME):
            return StaticTable.from_metadata(place)
        # As the configuration is now: pyiceberg itself reads it once a process.
        settings: Any = Config().get_catalog_config(catalog) or {}
        return load_catalog(catalog, **settings).load_table(name)
    except (NoSuchTableError, NoSuchNamespaceError, FileNotFoundError) as error:
        raise NotFound(f"{place} does not exist: {redact(str(error))}", subject=place) from None
    except ImportError:
        raise
    except (OSError, ValueError) as error:
        raise Unavailable(
            f"{place} cannot be opened: {redact(str(error))}",
            subject=place,
            hint="Catalogs are configured as pyiceberg has it: .pyiceberg.yaml, PYICEBERG_CATALOG__NAME__URI, ...",
        ) from None
