"""A file of a version: what was recorded of it, and a preview of exactly those bytes."""

from __future__ import annotations

from typing import Any

from landfast.download.ranges import PinnedBytes
from landfast.errors import LandfastError
from landfast.model.manifest import ManifestEntry
from landfast.model.times import format_time
from landfast.pins.sets import PinSets
from landfast.version import ArtifactVersion
from landfast.web.error_page import error_facts, status_of
from landfast.web.preview.build import TABLE_BYTES, TEXT_BYTES, preview
from landfast.web.query import Query
from landfast.web.raw import MOST_WHOLE
from landfast.web.view import Site, View

_NONE: dict[str, Any] = {"kind": "none", "mode": "none", "is_too_large": False}


def file(site: Site, query: Query) -> View:
    """Show a file: `version`, `partition`, `path`; `previews` (``proxy``, ``none``) instead of the server's setting."""
    context = site.client.context
    path = query.path("path")
    wanted = query.choice("previews", "", "presigned", "proxy", "none") or site.previews
    found = ArtifactVersion(site.client.registry.get(query.version(), deleted=True), context)
    pins_of = context.pinned_manifests(found.record)
    manifest = pins_of[0][0]
    entry = manifest.get(path)
    before, after = manifest.neighbours(path)
    data: dict[str, Any] = {
        "name": found.qualified_name,
        "entity": found.entity,
        "project": found.project,
        "collection": found.collection,
        "partition": found.partition,
        "version": found.version,
        "entry": _facts(entry),
        "folder": path.rpartition("/")[0],
        "previous": before,
        "next": after,
        "limits": {"text": TEXT_BYTES, "table": TABLE_BYTES, "whole": MOST_WHOLE},
        "preview": _NONE,
        "refused": None,
    }
    status = 200
    if wanted != "none":
        try:
            pins = PinSets(pins_of, context.quick_stores)
            source = PinnedBytes(pins, entry, cache=context.cache, most_whole=MOST_WHOLE)
            data["preview"] = _NONE | preview(source) | {"mode": "proxy"}
        except LandfastError as error:
            data["refused"], status = error_facts(error), status_of(error)
    return View(template="file.html", data=data, title=path.rpartition("/")[2], status=status)


def _facts(entry: ManifestEntry) -> dict[str, Any]:
    return {
        "path": entry.path,
        "size": entry.size,
        "checksum": None if entry.checksum is None else str(entry.checksum),
        "uri": entry.uri,
        "version_id": entry.version_id,
        "etag": entry.etag,
        "modified_at": None if entry.modified_at is None else format_time(entry.modified_at),
        "is_pinned": entry.is_pinned,
    }
