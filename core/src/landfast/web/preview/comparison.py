"""Comparison: two recorded files beside each other, and of texts the lines that differ."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any

from landfast.context import Context
from landfast.download.ranges import PinnedBytes
from landfast.errors import LandfastError
from landfast.model.diff import DiffRow
from landfast.model.manifest import ManifestEntry
from landfast.pins.sets import PinSets
from landfast.version import ArtifactVersion
from landfast.web.error_page import error_facts
from landfast.web.preview.build import TEXT_BYTES, preview
from landfast.web.preview.text import decoded
from landfast.web.raw import MOST_WHOLE

# Lines of a side that are matched: the time may grow with the square of their number.
MOST_LINES = 2_000
_LONGEST_LINE = 400
_AROUND = 3


def compared(
    context: Context, versions: tuple[ArtifactVersion, ArtifactVersion], row: DiffRow
) -> dict[str, Any]:
    """Return previews of both sides of a difference, and what differs in their text.

    Args:
        context: Reads the objects.
        versions: The old and the new one.
        row: What differs between them.
    """
    found = [
        _side(context, version, entry)
        for version, entry in zip(versions, (row.old, row.new), strict=True)
    ]
    (old, before), (new, after) = found
    is_text = before is not None and after is not None
    return {"old": old, "new": new, "lines": _lines(before or "", after or "") if is_text else None}


def _side(
    context: Context, version: ArtifactVersion, entry: ManifestEntry | None
) -> tuple[dict[str, Any] | None, str | None]:
    """Return the preview of one side, and its text where it is text."""
    if entry is None:
        return None, None
    side: dict[str, Any] = {"preview": {"kind": "none", "mode": "none"}, "refused": None}
    try:
        pins = PinSets(context.pinned_manifests(version.record), context.quick_stores)
        source = PinnedBytes(pins, entry, cache=context.cache, most_whole=MOST_WHOLE)
        # Through this server: the origins of two buckets are more than a page of differences has to allow.
        side["preview"] = {"mode": "proxy", "is_too_large": False, **preview(source)}
        return side, _text(source, side["preview"])
    except LandfastError as error:
        side["refused"] = error_facts(error)
        return side, None


def _text(source: PinnedBytes, shown: dict[str, Any]) -> str | None:
    if shown["kind"] in {"text", "json"}:
        return str(shown["text"])
    if shown["kind"] == "empty":
        return ""
    if shown.get("format") in {"csv", "tsv"}:
        text = decoded(source.read(0, TEXT_BYTES), is_whole=False)
        return None if text is None else text[0]
    return None


def _lines(before: str, after: str) -> dict[str, Any]:
    """Return the lines that differ, with some around them.

    Each has the `sign` ``-``, ``+`` or a blank, its number in the `old` and the `new` text, and its `text`; one
    without a sign stands for `skipped` lines that are equal.
    """
    sides = [text.splitlines() for text in (before, after)]
    is_cut = any(len(side) > MOST_LINES for side in sides)
    is_cut |= max(len(before), len(after)) >= TEXT_BYTES
    old, new = (side[:MOST_LINES] for side in sides)
    return {"rows": list(_rows(old, new)), "is_cut": is_cut}


def _rows(old: list[str], new: list[str]) -> Iterator[dict[str, Any]]:
    end = 0
    for group in SequenceMatcher(None, old, new).get_grouped_opcodes(_AROUND):
        start = group[0][1]
        if start > end:
            yield {"sign": None, "skipped": start - end}
        for tag, first, last, other, other_last in group:
            if tag == "equal":
                for step in range(last - first):
                    yield _line(" ", first + step, other + step, old[first + step])
                continue
            for at in range(first, last):
                yield _line("-", at, None, old[at])
            for at in range(other, other_last):
                yield _line("+", None, at, new[at])
        end = group[-1][2]
    if end and end < len(old):
        yield {"sign": None, "skipped": len(old) - end}


def _line(sign: str, old: int | None, new: int | None, text: str) -> dict[str, Any]:
    return {
        "sign": sign,
        "old": None if old is None else old + 1,
        "new": None if new is None else new + 1,
        "text": text[:_LONGEST_LINE],
    }
