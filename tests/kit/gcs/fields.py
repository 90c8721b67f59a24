"""The `fields` mask of Google's JSON APIs: `items(name,size),nextPageToken`, `items/name`."""

from __future__ import annotations

import re
from typing import Any

from kit.gcs.errors import invalid

Mask = dict[str, "Mask"]
_TOKEN = re.compile(r"[A-Za-z0-9_*-]+|[(),/]")


def apply_mask(value: Any, text: str | None) -> Any:
    """Return the part of a resource that the mask names; no mask names everything."""
    if not text:
        return value
    tokens = _TOKEN.findall(text)
    if "".join(tokens) != re.sub(r"\s", "", text):
        raise invalid(f"Invalid field selection {text}")
    mask = _parse(tokens)
    if tokens:
        raise invalid(f"Invalid field selection {text}")
    return _select(value, mask)


def _parse(tokens: list[str]) -> Mask:
    """Consume one comma-separated list of paths from the front of `tokens`."""
    mask: Mask = {}
    while tokens and tokens[0] != ")":
        inner = mask
        while True:
            inner = inner.setdefault(tokens.pop(0), {})
            if not tokens or tokens[0] != "/":
                break
            tokens.pop(0)
        if tokens and tokens[0] == "(":
            tokens.pop(0)
            inner.update(_parse(tokens))
            if not tokens or tokens.pop(0) != ")":
                raise invalid("Invalid field selection: a parenthesis is not closed")
        if tokens and tokens[0] == ",":
            tokens.pop(0)
    return mask


def _select(value: Any, mask: Mask) -> Any:
    if not mask or "*" in mask:
        return value
    if isinstance(value, list):
        return [_select(item, mask) for item in value]
    if isinstance(value, dict):
        return {key: _select(value[key], inner) for key, inner in mask.items() if key in value}
    return value
