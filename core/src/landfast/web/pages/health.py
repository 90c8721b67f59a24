"""Health: what a registry holds, and what `doctor`, `registry check` and `gc` would say of it, in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from landfast.errors import NotFound
from landfast.web.query import Query
from landfast.web.view import Site, View


def health(site: Site, query: Query) -> View:  # noqa: ARG001 - it has no parameters
    """Show what the registry says of itself; nothing but the registry is asked."""
    return _view(site, None)


def health_action(site: Site, query: Query) -> View:
    """Look, as a form asks: `what` is ``check``, ``garbage`` or ``place``, the last with `uri`."""
    what = query.choice("what", *_LOOKS)
    return _view(site, {"what": what, **_LOOKS[what](site, query)})


def _view(site: Site, looked: dict[str, Any] | None) -> View:
    overview = site.client.registry.overview
    data = {
        "registry": _registry(site),
        "state": asdict(overview.state()),
        "places": [asdict(place) for place in overview.places()],
        "looked": looked,
    }
    return View(template="health.html", data=data, title="Health")


def _registry(site: Site) -> dict[str, Any]:
    """Say who the registry is; where there is none yet, only its URL."""
    client = site.client
    said: dict[str, Any] = {"url": client.display_url, "id": None}
    try:
        info = client.registry_info
    except NotFound:
        return said
    return said | {
        "id": info.id,
        "store": info.store_url,
        "schema": info.schema,
        "oldest_reader": info.oldest_reader,
        "oldest_writer": info.oldest_writer,
        "head": client.head(),
    }


def _check(site: Site, query: Query) -> dict[str, Any]:  # noqa: ARG001 - as all that look
    report = site.client.check_registry()
    rows = [
        f"{row.verdict}: {row.kind} of {row.version}"
        + (f", {row.path}" if row.path else "")
        + f" ({row.detail or row.sha256}). {row.mend}"
        for row in report.problems
    ]
    return {"ok": report.ok, "summary": report.summary, "lines": rows, "report": report.to_dict()}


def _garbage(site: Site, query: Query) -> dict[str, Any]:  # noqa: ARG001 - as all that look
    report = site.client.gc(dry_run=True)
    return {"ok": True, "summary": report.summary, "lines": [], "report": report.to_dict()}


def _place(site: Site, query: Query) -> dict[str, Any]:
    from landfast.upkeep.doctor import doctor

    uri = query.text("uri")
    if uri not in {place.uri for place in site.client.registry.overview.places()}:
        raise NotFound(
            f"{uri!r} is not among the places of this page",
            subject=uri,
            hint="`landfast doctor URI` examines any place.",
        )
    report = doctor(uri, site.client.context.stores)
    _, *lines = report.lines()
    can = "can" if report.ok else "cannot"
    return {
        "ok": report.ok,
        "summary": f"{report.uri} {can} be recorded and read back",
        "lines": [line for line in lines if line],
        "report": report.to_dict(),
    }


_LOOKS: dict[str, Callable[[Site, Query], dict[str, Any]]] = {
    "check": _check,
    "garbage": _garbage,
    "place": _place,
}
