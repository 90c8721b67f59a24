"""Build a preview: read a bounded part of the pinned bytes, and say in data what the page shows of them."""

from __future__ import annotations

from typing import Any

from landfast.download.ranges import PinnedBytes
from landfast.web.preview.kinds import BYTES, HEAD_BYTES, TEXT, Kind, kind_of
from landfast.web.preview.parquet import parquet_table
from landfast.web.preview.tables import table
from landfast.web.preview.text import decoded, pretty_json

# What the server itself reads of a file for a preview, in bytes.
TEXT_BYTES = 256 << 10
TABLE_BYTES = 1 << 20
DUMP_BYTES = 512
_DUMP_ROW = 16


def preview(source: PinnedBytes) -> dict[str, Any]:
    """Return the preview of a file: its `kind`, and for what the server reads itself, what is shown.

    Raises:
        LandfastError: If the recorded bytes cannot be had.
    """
    size = source.entry.size
    if size == 0:
        return {"kind": "empty"}
    head = source.read(0, HEAD_BYTES)
    is_whole = len(head) < HEAD_BYTES or size == len(head)
    kind = kind_of(source.entry.path, head, is_whole=is_whole)
    if kind.is_embedded:
        return _embedded(kind, size)
    return _read(source, kind, size, head)


def _embedded(kind: Kind, size: int | None) -> dict[str, Any]:
    is_too_large = kind.most is not None and (size is None or size > kind.most)
    return {
        "kind": kind.name,
        "media_type": kind.media_type,
        "is_too_large": is_too_large,
        "most": kind.most,
    }


def _read(source: PinnedBytes, kind: Kind, size: int | None, head: bytes) -> dict[str, Any]:
    found: dict[str, Any] | None = None
    if kind.name == "parquet" and size is not None:
        found = parquet_table(source, size)
        if found is not None:
            return {"kind": "table", "format": "parquet", "table": found}
    if kind.name == "table":
        found = _separated(source, size)
    if kind.name == "json" and size is not None and size <= (kind.most or 0):
        found = _json(source, size)
    if found is None and kind.name in {"table", "json", TEXT.name}:
        found = _text(source, size)
    return found or _dump(head, size)


def _separated(source: PinnedBytes, size: int | None) -> dict[str, Any] | None:
    data = source.read(0, TABLE_BYTES)
    is_whole = _is_whole(data, TABLE_BYTES, size)
    text = decoded(data, is_whole=is_whole)
    if text is None:
        return None
    is_tabbed = source.entry.path.lower().endswith(".tsv")
    found = table(text[0], is_whole=is_whole, is_tabbed=is_tabbed)
    return found and {"kind": "table", "format": "tsv" if is_tabbed else "csv", "table": found}


def _json(source: PinnedBytes, size: int) -> dict[str, Any] | None:
    text = decoded(source.read(0, size), is_whole=True)
    pretty = None if text is None else pretty_json(text[0], most=TEXT_BYTES)
    if text is None or pretty is None:
        return None
    is_cut = len(pretty) > TEXT_BYTES
    return {"kind": "json", "text": pretty[:TEXT_BYTES], "encoding": text[1], "is_cut": is_cut}


def _text(source: PinnedBytes, size: int | None) -> dict[str, Any] | None:
    data = source.read(0, TEXT_BYTES)
    is_whole = _is_whole(data, TEXT_BYTES, size)
    text = decoded(data, is_whole=is_whole)
    if text is None:
        return None
    return {"kind": "text", "text": text[0], "encoding": text[1], "is_cut": not is_whole}


def _is_whole(data: bytes, asked: int, size: int | None) -> bool:
    return len(data) < asked or len(data) == size


def _dump(head: bytes, size: int | None) -> dict[str, Any]:
    part = head[:DUMP_BYTES]
    rows = [
        {
            "offset": f"{at:08x}",
            "hex": part[at : at + _DUMP_ROW].hex(" "),
            "text": "".join(
                chr(byte) if 32 <= byte < 127 else "." for byte in part[at : at + _DUMP_ROW]
            ),
        }
        for at in range(0, len(part), _DUMP_ROW)
    ]
    return {"kind": BYTES.name, "dump": rows, "is_cut": len(part) != size}
