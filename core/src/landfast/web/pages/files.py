"""Files of a version, folder by folder."""

from __future__ import annotations

from typing import Any

from landfast.errors import LandfastError
from landfast.manifests.folder import Folder
from landfast.manifests.ranking import FileOrder
from landfast.model.diff import entry_to_dict
from landfast.model.folders import FolderTotal
from landfast.model.manifest import ManifestEntry
from landfast.version import ArtifactVersion
from landfast.web.query import Query, Window
from landfast.web.view import Site, View

_AT_TOP = 12


def files(site: Site, query: Query) -> View:
    """Show a folder of a version.

    `version` and `partition` say of which, `folder` which one; `glob` looks for files below it; `sort` is path,
    size or modified, `order` asc or desc; `page` and `size` turn the pages.
    """
    found = ArtifactVersion(
        site.client.registry.get(query.version(), deleted=True), site.client.context
    )
    folder = Folder(site.client.context.glance_at(found.record), query.path("folder"))
    data = {**head(found), **_listing(folder, query)}
    return View(template="files.html", data=data, title=f"{folder.path or 'Files'} in {found.name}")


def head(found: ArtifactVersion) -> dict[str, Any]:
    """Return what a page below a version says of the version."""
    facts = found.record.summary
    return {
        "name": found.qualified_name,
        "entity": found.entity,
        "project": found.project,
        "collection": found.collection,
        "partition": found.partition or None,
        "version": found.version,
        "version_files": facts.count,
        "version_bytes": facts.size,
    }


def files_at_top(found: ArtifactVersion) -> dict[str, Any]:
    """Return the beginning of a version's file list for its own page, or why there is none."""
    try:
        folder = Folder(found.context.glance_at(found.record))
        query = Query({"size": str(_AT_TOP)})
        return {"missing": None, **_listing(folder, query)}
    except LandfastError as error:
        return {"missing": error.problem}


def _listing(folder: Folder, query: Query) -> dict[str, Any]:
    glob = query.path("glob")
    window = query.window()
    shown = _matching(folder, glob, window) if glob else _level(folder, query, window)
    return {
        "folder": {"path": folder.path, "files": folder.total.count, "bytes": folder.total.size},
        "crumbs": crumbs(folder.path),
        "glob": glob,
        **shown,
    }


def _level(folder: Folder, query: Query, window: Window) -> dict[str, Any]:
    order = FileOrder(query.choice("sort", *FileOrder))
    usual = "asc" if order is FileOrder.PATH else "desc"
    descending = query.choice("order", usual, "asc", "desc") == "desc"
    before, start, stop = folder.subfolder_count, window.start, window.start + window.size
    by_size, turned = order is FileOrder.SIZE, descending and order is not FileOrder.MODIFIED
    folders = folder.subfolders(start, stop, by_size=by_size, descending=turned)
    rows = []
    if stop > before:
        first = max(0, start - before)
        rows = folder.files(first, stop - before, order=order, descending=descending)
    counts = {"folders": before, "files": folder.file_count}
    return {
        "sort": str(order),
        "order": "desc" if descending else "asc",
        "counts": counts,
        "folders": [_folder(each, folder.path) for each in folders],
        "files": [_file(each, folder.path) for each in rows],
        "page": window.to_dict(sum(counts.values())),
    }


def _matching(folder: Folder, glob: str, window: Window) -> dict[str, Any]:
    rows = folder.matching(glob, window.start, window.start + window.size + 1)
    return {
        "sort": str(FileOrder.PATH),
        "order": "asc",
        "counts": None,
        "folders": [],
        "files": [_file(each, folder.path) for each in rows[: window.size]],
        "page": window.to_dict(None, has_more=len(rows) > window.size),
    }


def _folder(each: FolderTotal, parent: str) -> dict[str, Any]:
    name = each.path.removeprefix(parent)
    return {"path": each.path, "name": name, "files": each.count, "bytes": each.size}


def _file(each: ManifestEntry, parent: str) -> dict[str, Any]:
    return {"name": each.path.removeprefix(parent), **entry_to_dict(each)}


def crumbs(path: str) -> list[dict[str, str]]:
    """Name the folders that a folder lies in, from the top, itself last."""
    ends = [at + 1 for at, letter in enumerate(path) if letter == "/"]
    starts = [0, *ends]
    return [
        {"name": path[start:end], "path": path[:end]}
        for start, end in zip(starts, ends, strict=False)
    ]
