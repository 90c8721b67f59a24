"""Filters: sizes, counts, times and names as people read them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from markupsafe import Markup

from landfast.redaction import visible


def name_markup(text: object) -> Markup:
    """Show a name in a piece of its own: no mark in it turns the text around it, no control is obeyed."""
    return Markup("<bdi>{}</bdi>").format(visible(str(text)))


def count_text(number: int, one: str = "", many: str = "") -> str:
    """Write a number with separators, and what is counted: ``1 file``, ``1,797 files``."""
    noun = one if number == 1 else many or f"{one}s"
    return f"{number:,} {noun}" if one else f"{number:,}"


def moment_markup(text: str | None) -> Markup:
    """Show a time as it is recorded, in UTC, to the second; programs read it whole."""
    if text is None:
        return Markup("<span>never</span>")
    shown = datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M:%S")
    return Markup('<time datetime="{}">{}</time>').format(text, shown)


def duration_text(seconds: float | None) -> str:
    """Write how long something took for a person."""
    if seconds is None:
        return "\N{EN DASH}"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def pretty_text(value: Any) -> str:
    """Write JSON for a person, what controls text written out."""
    text = json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)
    return "\n".join(map(visible, text.split("\n")))


def lines_text(text: str) -> str:
    """Write a text with its lines and tabs, all other controls written out."""
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join("\t".join(map(visible, line.split("\t"))) for line in lines)
