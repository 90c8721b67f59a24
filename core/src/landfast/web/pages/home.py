"""Home: the collections of a registry, with what they hold and when that changed."""

from __future__ import annotations

from typing import Any

from landfast.model.times import format_time
from landfast.model.version import CollectionOverview
from landfast.registry.values import CollectionFilter
from landfast.web.pages.kept import rows_of_versions
from landfast.web.query import Query
from landfast.web.view import Site, View


def home(site: Site, query: Query) -> View:
    """List collections: `q` in the name, `type`, `project`, `entity`, `order` (changed, name), `page`, `size`."""
    wanted = CollectionFilter(
        entity=query.text("entity"),
        project=query.text("project"),
        type=query.text("type"),
        text=query.text("q"),
        order=query.choice("order", "changed", "name"),
    )
    window = query.window()
    overview = site.client.registry.overview
    found, total = overview.collections(wanted, start=window.start, size=window.size)
    latest_rows = rows_of_versions(site.client.registry, (each.latest for each in found))
    data = {
        "filter": {
            "q": wanted.text,
            "type": wanted.type,
            "project": wanted.project,
            "entity": wanted.entity,
            "order": wanted.order,
        },
        "types": overview.types(),
        "collections": [
            _row(each, latest) for each, latest in zip(found, latest_rows, strict=True)
        ],
        "page": window.to_dict(total),
    }
    return View(template="home.html", data=data, title="Artifacts")


def _row(each: CollectionOverview, latest: dict[str, Any] | None) -> dict[str, Any]:
    return {
        **each.collection.to_dict(),
        "latest": latest,
        "changed_at": None if each.changed_at is None else format_time(each.changed_at),
        "observed_at": None if each.observed_at is None else format_time(each.observed_at),
        "sizes": [{"at": format_time(at), "bytes": size} for at, size in each.sizes],
    }
