"""The columns, encodings and footer keys of a manifest file, as docs/format.md specifies them."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

FULL_FORMAT = "1.0"
DELTA_FORMAT = "2.0"
"""A delta needs readers that know what it is; the major version makes others say that they do not."""

# Rows per row group: a prefix read decodes at most two groups that it does not need whole, and the
# footer of ten million rows stays under a megabyte.
ROWS_PER_GROUP = 8_192
FOLDERS_PER_GROUP = 16_384

KEY_FORMAT = b"landfast.format"
KEY_CONTENT_DIGEST = b"landfast.content_digest"
KEY_PIN_DIGEST = b"landfast.pin_digest"
KEY_COUNT = b"landfast.count"
KEY_SIZE = b"landfast.size"
KEY_UNVERIFIED = b"landfast.unverified"
KEY_UNPINNED = b"landfast.unpinned"
# Of a delta: the sha256 of the full file that it stands on, and of the deltas between, oldest first.
KEY_BASE = b"landfast.base"
# Offset and length of the roll-up, a second Parquet file between the row groups and the footer.
KEY_FOLDERS = b"landfast.folders"


@functools.cache
def entry_schema() -> pa.Schema:
    """Return the Arrow schema of the entries."""
    import pyarrow as pa

    return pa.schema(
        [
            pa.field("path", pa.string(), nullable=False),
            pa.field("size", pa.int64()),
            pa.field("checksum_algorithm", pa.string()),
            pa.field("checksum", pa.string()),
            pa.field("uri", pa.string(), nullable=False),
            pa.field("version_id", pa.string()),
            pa.field("etag", pa.string()),
            pa.field("etag_is_checksum", pa.bool_(), nullable=False),
            pa.field("modified_at", pa.timestamp("us", tz="UTC")),
        ]
    )


@functools.cache
def folder_schema() -> pa.Schema:
    """Return the Arrow schema of the roll-up."""
    import pyarrow as pa

    return pa.schema(
        [
            pa.field("depth", pa.int32(), nullable=False),
            pa.field("path", pa.string(), nullable=False),
            pa.field("count", pa.int64(), nullable=False),
            pa.field("size", pa.int64(), nullable=False),
        ]
    )


CHANGES = ("added", "modified", "repinned", "touched", "removed")
"""What happened to an entry since the file before a delta: `touched` is a change that no digest sees."""
REMOVED = CHANGES[-1]


@functools.cache
def change_schema() -> pa.Schema:
    """Return the Arrow schema of the entries of a delta: those of a manifest, and where each belongs."""
    import pyarrow as pa

    change = pa.field("change", pa.string(), nullable=False)
    return pa.schema([*entry_schema(), *_place_fields(), change])


@functools.cache
def folder_change_schema() -> pa.Schema:
    """Return the Arrow schema of the roll-up of a delta."""
    import pyarrow as pa

    return pa.schema([*folder_schema(), *_place_fields()])


def _place_fields() -> list[pa.Field]:
    import pyarrow as pa

    return [
        pa.field("base_row", pa.int64(), nullable=False),
        pa.field("in_base", pa.bool_(), nullable=False),
    ]


# Sorted text shares prefixes with its neighbour; hashes and ids share nothing, and a dictionary of
# them would only repeat the column.
ENTRY_OPTIONS: dict[str, Any] = {
    "use_dictionary": ["checksum_algorithm"],
    "column_encoding": {
        "path": "DELTA_BYTE_ARRAY",
        "uri": "DELTA_BYTE_ARRAY",
        "size": "DELTA_BINARY_PACKED",
        "modified_at": "DELTA_BINARY_PACKED",
    },
    "write_statistics": ["path"],
}
FOLDER_OPTIONS: dict[str, Any] = {
    "use_dictionary": False,
    "column_encoding": {
        "depth": "DELTA_BINARY_PACKED",
        "path": "DELTA_BYTE_ARRAY",
        "count": "DELTA_BINARY_PACKED",
        "size": "DELTA_BINARY_PACKED",
    },
    "write_statistics": ["depth", "path"],
}
CHANGE_OPTIONS: dict[str, Any] = {
    "use_dictionary": ["checksum_algorithm", "change"],
    "column_encoding": ENTRY_OPTIONS["column_encoding"] | {"base_row": "DELTA_BINARY_PACKED"},
    "write_statistics": ["path"],
}
FOLDER_CHANGE_OPTIONS: dict[str, Any] = FOLDER_OPTIONS | {
    "column_encoding": FOLDER_OPTIONS["column_encoding"] | {"base_row": "DELTA_BINARY_PACKED"}
}
COMMON_OPTIONS: dict[str, Any] = {
    "version": "2.6",
    "compression": "zstd",
    # Pages are small, and what is alike in a column its encoding takes away: higher levels take twice the CPU, and save
    # nothing.
    "compression_level": 1,
    "store_schema": False,
    "write_page_checksum": True,
    # Pages of some 512 rows where a row is wide: who wants a single row reads little beside it.
    "data_page_size": 4 * 1024,
    "write_batch_size": 512,
}
