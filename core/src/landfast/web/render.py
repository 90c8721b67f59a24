"""Render: views as pages of HTML, with names of objects that may hold anything shown harmlessly."""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context as Variables
from markupsafe import Markup, escape

from landfast.redaction import visible
from landfast.web import links
from landfast.web.view import Site, View


@cache
def environment() -> Environment:
    """Return the templates; every value is escaped, and a name that is not there is an error."""
    made = Environment(
        loader=PackageLoader("landfast.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "size": size_text,
        "count": count_text,
        "moment": moment_text,
        "name": name_markup,
        "pretty": pretty_text,
    }
    made.globals |= {"url": _url, "collection_url": _collection_url}
    return made


def page(site: Site, view: View, *, twin: str) -> str:
    """Render a view as a page.

    Args:
        site: What is served.
        view: What to show.
        twin: Address of the same as JSON.
    """
    template = environment().get_template(view.template)
    return template.render(
        **view.data, site=site, title=view.title, twin=twin, template=view.template
    )


@pass_context
def _url(variables: Variables, path: str, **query: Any) -> str:
    root: str = variables["site"].root_path
    return root + links.address(path, query)


@pass_context
def _collection_url(variables: Variables, name: str, view: str = "", **query: Any) -> str:
    root: str = variables["site"].root_path
    return root + links.collection_page(name, view, **query)


def name_markup(text: object) -> Markup:
    """Show a name in a piece of its own: no mark in it turns the text around it, no control is obeyed."""
    return Markup("<bdi>{}</bdi>").format(visible(str(text)))


def size_text(size: int | None) -> str:
    """Write bytes for a person."""
    if size is None:
        return "unknown size"
    amount = float(size)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if amount < 1000 or unit == "TB":
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    raise AssertionError


def count_text(number: int, one: str = "", many: str = "") -> str:
    """Write a number with thin separators, and what is counted: ``1 file``, ``1,797 files``."""
    noun = one if number == 1 else many or f"{one}s"
    return f"{number:,} {noun}" if one else f"{number:,}"


def moment_text(text: str | None) -> Markup:
    """Show a time as it is recorded, in UTC, to the second; programs read it whole."""
    if text is None:
        return Markup("<span>never</span>")
    shown = datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M:%S")
    return Markup('<time datetime="{}">{}</time>').format(text, shown)


def pretty_text(value: Any) -> str:
    """Write JSON for a person, what controls text written out."""
    text = json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)
    return "\n".join(map(visible, text.split("\n")))


def error_text(text: str) -> str:
    """Escape a text for a page that has no template."""
    return str(escape(text))
