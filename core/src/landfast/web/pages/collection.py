"""A project, a collection and a version of it: what the address without a view shows."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

from landfast.model.names import ArtifactName, check_name
from landfast.model.times import format_time
from landfast.model.version import PartitionOverview, VersionRecord
from landfast.web.pages.home import home
from landfast.web.pages.kept import rows_of_versions
from landfast.web.pages.version import version
from landfast.web.query import Query, Window
from landfast.web.view import Site, View

_PLOTTED = 200
_LISTED = 25


def project(site: Site, query: Query) -> View:
    """List the collections of one project, as `home` lists all."""
    for kind in ("entity", "project"):
        check_name(query.text(kind), kind)
    return home(site, query)


def collection(site: Site, query: Query) -> View:
    """Show a collection: versions over time, observations, partitions; with `version`, that version.

    `partition` picks one, `q` looks for a key; `partitions_page`, `versions_page` and `page` (of observations) turn
    the pages.
    """
    if query.text("version"):
        return version(site, query)
    name, registry = query.collection(), site.client.registry
    keys = Window(number=query.number("partitions_page", 1, least=1, most=10**6), size=120)
    partitions, total = registry.overview.partitions(
        name, query.text("q"), start=keys.start, size=keys.size
    )
    latest_rows = rows_of_versions(registry, (each.latest for each in partitions))
    shown = _shown(name, partitions, has_partition="partition" in query.given)
    data: dict[str, Any] = {
        "name": str(name.bare()),
        "type": registry.collection_type(name),
        "q": query.text("q"),
        "partitions": [
            _partition(each, latest) for each, latest in zip(partitions, latest_rows, strict=True)
        ],
        "partitions_page": keys.to_dict(total),
        "partition": None if shown is None else _of_partition(site, shown, query),
    }
    return View(template="collection.html", data=data, title=name.collection)


def _shown(
    name: ArtifactName, partitions: list[PartitionOverview], *, has_partition: bool
) -> ArtifactName | None:
    """Which partition's versions stand on the page: the one asked for, or the only one."""
    if has_partition or [each.key for each in partitions] == [""]:
        return name
    return None


def _partition(each: PartitionOverview, latest: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "key": each.key,
        "versions": each.versions,
        "latest": latest,
        "changed_at": None if each.changed_at is None else format_time(each.changed_at),
        "observed_at": None if each.observed_at is None else format_time(each.observed_at),
    }


def _of_partition(site: Site, name: ArtifactName, query: Query) -> dict[str, Any]:
    registry, window = site.client.registry, query.window()
    listed = Window(number=query.number("versions_page", 1, least=1, most=10**6), size=_LISTED)
    last = listed.start + listed.size
    newest = list(islice(registry.versions(name, deleted=True), max(_PLOTTED, last + 1)))
    looks = list(islice(registry.observations(name), window.start, window.start + window.size + 1))
    # One more than is listed: the oldest one on the page is compared with it.
    shown = rows_of_versions(registry, newest[listed.start : last + 1])
    return {
        "key": name.partition,
        "versions": shown[: listed.size],
        "before": f"v{newest[last].index}" if len(newest) > last else None,
        "versions_page": listed.to_dict(None, has_more=len(shown) > listed.size),
        "plot": _plot(newest[:_PLOTTED]),
        "observations": [look.to_dict() for look in looks[: window.size]],
        "page": window.to_dict(None, has_more=len(looks) > window.size),
    }


def _plot(versions: Iterable[VersionRecord]) -> list[dict[str, Any]]:
    live = [record for record in versions if record.deleted_at is None]
    return [
        {
            "version": f"v{record.index}",
            "at": format_time(record.created_at),
            "files": record.summary.count,
            "bytes": record.summary.size,
        }
        for record in reversed(live)
    ]
