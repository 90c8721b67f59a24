"""Render: views as pages, with the addresses of everything else below the root path of the site."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, pass_context
from jinja2.runtime import Context as Variables

from landfast.html import templates
from landfast.redaction import visible
from landfast.web import links
from landfast.web.view import Site, View


@cache
def environment() -> Environment:
    """Return the templates of pages."""
    made = templates.environment(["landfast.web"])
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
        **view.data,
        signed=view.signed,
        site=site,
        title=visible(view.title),
        twin=twin,
        template=view.template,
    )


@pass_context
def _url(variables: Variables, path: str, /, **query: Any) -> str:
    root: str = variables["site"].root_path
    return root + links.address(path, query)


@pass_context
def _collection_url(variables: Variables, name: str, view: str = "", **query: Any) -> str:
    root: str = variables["site"].root_path
    return root + links.collection_page(name, view, **query)
