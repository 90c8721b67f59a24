"""Fragments for notebooks: what a value shows of itself, where the extra `web` is installed."""

from __future__ import annotations

import importlib.util
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment


def fragment(template: str, **data: Any) -> str | None:
    """Return a piece of HTML without any script; None, and the plain `repr` is shown, without the extra `web`.

    Args:
        template: Name of a template of this package, without its ending.
        data: What it shows.
    """
    if importlib.util.find_spec("jinja2") is None:
        return None
    return _environment().get_template(f"{template}.html").render(data)


@cache
def _environment() -> Environment:
    from landfast.html.templates import environment

    return environment()
