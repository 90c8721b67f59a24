"""A file of a version: what was recorded of it, and a preview of exactly those bytes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from landfast.download.ranges import PinnedBytes
from landfast.errors import LandfastError
from landfast.model.manifest import ManifestEntry
from landfast.model.times import format_time
from landfast.pins.sets import PinSets
from landfast.version import ArtifactVersion
from landfast.web.error_page import error_facts
from landfast.web.preview.build import TABLE_BYTES, TEXT_BYTES, preview
from landfast.web.preview.presigned import presigned
from landfast.web.query import Query
from landfast.web.raw import MOST_WHOLE
from landfast.web.view import Site, View

# Each asks for less of the browser and the bucket than the one before.
_MODES = ("presigned", "proxy", "none")
_NONE: dict[str, Any] = {"kind": "none", "mode": "none", "is_too_large": False}


def file(site: Site, query: Query) -> View:
    """Show a file: `version`, `partition`, `path`; `previews` (``proxy``, ``none``) asks for less than usual."""
    context = site.client.context
    path = query.path("path")
    mode = max(
        site.previews, query.choice("previews", "presigned", "proxy", "none"), key=_MODES.index
    )
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
    view = View(template="file.html", data=data, title=path.rpartition("/")[2])
    if mode == "none":
        return view
    try:
        pins = PinSets(pins_of, context.quick_stores)
        source = PinnedBytes(pins, entry, cache=context.cache, most_whole=MOST_WHOLE)
        data["preview"] = _NONE | preview(source) | {"mode": "server"}
        return _embedded(view, source, query, mode)
    except LandfastError as error:
        data["refused"] = error_facts(error)  # what was recorded is shown all the same
        return view


def _embedded(view: View, source: PinnedBytes, query: Query, mode: str) -> View:
    """Let the browser load what it shows itself: from the bucket where it may, else through this server."""
    shown = view.data["preview"]
    if "media_type" not in shown or shown["is_too_large"]:
        return view
    shown["mode"] = "proxy"
    if mode != "presigned" or shown["kind"] == "document":
        return view
    signed = presigned(source, kind=shown["kind"], media_type=shown["media_type"])
    if signed is None:
        return view
    shown |= {
        "mode": "presigned",
        "origin": signed.origin,
        "bucket": signed.bucket,
        "page_origin": query.origin,
        "seconds": signed.seconds,
        "cors_setting": signed.cors_setting.replace("{bucket}", signed.bucket).replace(
            "{origin}", query.origin
        ),
    }
    return replace(view, origins=(signed.origin,), signed={"preview": signed.url})


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
