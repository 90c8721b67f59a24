"""The template engine: every value is escaped, and what is not given is an error."""

from __future__ import annotations

from collections.abc import Iterable

from jinja2 import BaseLoader, ChoiceLoader, Environment, PackageLoader, StrictUndefined

from landfast.html import filters
from landfast.html.sizes import size_text
from landfast.redaction import visible


def environment(packages: Iterable[str] = ()) -> Environment:
    """Return templates of this package, and before them those of others.

    Args:
        packages: Names of packages that have a folder ``templates``.
    """
    loaders: list[BaseLoader] = [
        PackageLoader(name, "templates") for name in (*packages, "landfast.html")
    ]
    made = Environment(
        loader=ChoiceLoader(loaders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "size": size_text,
        "count": filters.count_text,
        "moment": filters.moment_markup,
        "duration": filters.duration_text,
        "name": filters.name_markup,
        "pretty": filters.pretty_text,
        "visible": visible,
        "lines": filters.lines_text,
    }
    return made
