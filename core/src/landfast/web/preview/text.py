"""Text of a file: which encoding it has, and JSON with line breaks."""

from __future__ import annotations

import codecs
import json
import re

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
# Of so many characters one may be a control character; with more it is no text.
_MOST_CONTROLS = 20
_MOST_LEVELS = 200
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+', re.DOTALL)


def decoded(data: bytes, *, is_whole: bool) -> tuple[str, str] | None:
    r"""Return the text of some first bytes and the name of its encoding; None if they are no text.

    Args:
        data: The first bytes of a file.
        is_whole: Whether these are all; else the last character may be cut.

    Example:
        >>> decoded("Grüße".encode("cp1252"), is_whole=True)
        ('Grüße', 'windows-1252')
        >>> decoded(b"PK\0\3", is_whole=True) is None
        True
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            text = _decode(data, encoding, is_whole=is_whole)
            return None if text is None else (text, encoding.removesuffix("-sig"))
    if b"\0" in data:
        return None
    for encoding in ("utf-8", "windows-1252", "iso-8859-1"):
        text = _decode(data, encoding, is_whole=is_whole)
        if text is not None:
            is_text = len(_CONTROL.findall(text)) * _MOST_CONTROLS <= len(text)
            return (text, encoding) if is_text else None
    return None


def _decode(data: bytes, encoding: str, *, is_whole: bool) -> str | None:
    try:
        return codecs.getincrementaldecoder(encoding)().decode(data, final=is_whole)
    except UnicodeDecodeError:
        return None


def pretty_json(text: str, *, most: int) -> str | None:
    """Write JSON with a line for each value, numbers and names as they stand; None if it is no JSON.

    Args:
        text: All of it.
        most: Characters at which to stop.
    """
    try:
        json.loads(text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return None
    pieces: list[str] = []
    size, level, after_open = 0, 0, False
    for piece in _TOKEN.findall(text):
        closes = piece in {"]", "}"}
        if closes:
            level -= 1
        if closes != after_open and (closes or after_open):
            pieces.append(_line(level))
        pieces.append(": " if piece == ":" else piece)
        after_open = piece in {"[", "{"}
        if after_open:
            level += 1
        if piece == ",":
            pieces.append(_line(level))
        size += len(piece) + 2 * level
        if size > most:
            break
    return "".join(pieces)


def _line(level: int) -> str:
    return "\n" + "  " * min(level, _MOST_LEVELS)
