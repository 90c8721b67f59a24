"""Changes: the feed of what moved, from either end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from landfast.model.names import ArtifactName
from landfast.model.version import Change, ChangeKind
from landfast.registry.values import ChangeFilter, ChangeWindow
from landfast.web.query import MAX_PAGE_SIZE, PAGE_SIZE, Query
from landfast.web.view import Site, View

_MAX_POSITION = 10**9


def changes(site: Site, query: Query) -> View:
    """Show the feed: `collection`, `partition`, `entity`, `kind`; `order` (newest, oldest), `after`, `before`, `size`.

    Positions turn the pages, so that no row is missed or seen twice while others are written.
    """
    window = ChangeWindow(
        after=query.number("after", 0, most=_MAX_POSITION),
        before=query.number("before", 0, most=_MAX_POSITION) or None,
        size=query.number("size", PAGE_SIZE, least=1, most=MAX_PAGE_SIZE),
        newest_first=query.choice("order", "newest", "oldest") == "newest",
    )
    found = site.client.registry.overview.changes(
        _filter(site, query),
        ChangeWindow(
            after=window.after,
            before=window.before,
            size=window.size + 1,
            newest_first=window.newest_first,
        ),
    )
    shown = found[: window.size]
    data = {
        "filter": {
            "collection": query.text("collection"),
            "partition": query.text("partition"),
            "entity": query.text("entity"),
            "kind": query.text("kind"),
            "order": query.choice("order", "newest", "oldest"),
        },
        "kinds": [str(kind) for kind in ChangeKind],
        "changes": _rows(site, shown),
        "page": {
            "after": window.after,
            "before": window.before,
            "size": window.size,
            "has_more": len(found) > window.size,
            "next": shown[-1].position if len(found) > window.size else None,
        },
    }
    return View(template="changes.html", data=data, title="Changes")


def _filter(site: Site, query: Query) -> ChangeFilter:
    kind, named = query.choice("kind", "", *ChangeKind), query.text("collection")
    name = None
    if named:
        name = site.client.resolve_name(named)
        if "partition" in query.given and query.text("partition"):
            name = ArtifactName(
                entity=name.entity,
                project=name.project,
                collection=name.collection,
                partition=query.text("partition"),
            )
    return ChangeFilter(
        name=name,
        partitions=name is not None and not name.partition,
        entity=query.text("entity") or None,
        kind=ChangeKind(kind) if kind else None,
        verdicts=True,
    )


def _rows(site: Site, found: Sequence[Change]) -> list[dict[str, Any]]:
    keys = [each.run for each in found if each.run is not None]
    known = site.client.registry.overview.runs_by_key(keys) if keys else {}
    rows = []
    for each in found:
        run = None if each.run is None else known.get(each.run)
        by = None if run is None else {"id": run.id, "name": run.name, "system": run.key.system}
        rows.append({**each.to_dict(), "by": by})
    return rows
