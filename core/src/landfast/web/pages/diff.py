"""What differs between two versions: by folder, then file by file."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import Any

from landfast.errors import NotFound
from landfast.model.diff import DiffKind, DiffRow
from landfast.model.names import ArtifactName
from landfast.model.times import format_time
from landfast.query.diff_index import DiffIndex, DiffTotal
from landfast.version import ArtifactVersion
from landfast.web.pages.files import crumbs
from landfast.web.preview.comparison import compared
from landfast.web.query import Query, Window, picked
from landfast.web.recent import Recent
from landfast.web.view import Site, View

# Differences that are kept, at some hundred bytes each.
_recent: Recent[DiffIndex] = Recent(1_000_000)
_FOLDERS = 50
_OFFERED = 200
_KEYS = 200


def diff(site: Site, query: Query) -> View:
    """Compare two versions.

    `old` and `new` are versions of the collection and partition, or full names of others (by default the latest
    version and the one before it); `kind` shows only what was added, removed, modified, renamed or repinned;
    `folder` goes into one; `path` compares one file; `folders_page` and `page` turn the pages.
    """
    old, new = _versions(site, query)
    context = site.client.context
    index = _recent.get(
        (context.registry.info.id, old.record.blob, new.record.blob),
        lambda: DiffIndex(context.glance_at(old.record), context.glance_at(new.record)),
    )
    data = {**_head(query.collection(), old, new), "total": _total(index.total(), "")}
    data |= {"unchanged": index.unchanged, "unchanged_bytes": index.unchanged_size}
    title = f"{old.name} to {new.name}"
    if "path" in query.given:
        return _file(site, query, data, index, (old, new))
    data |= _listing(index, query)
    data["metadata"] = _metadata(old, new)
    data["versions"] = [
        f"v{record.index}"
        for record in islice(context.registry.versions(query.collection(), deleted=True), _OFFERED)
    ]
    return View(template="diff.html", data=data, title=title)


def _versions(site: Site, query: Query) -> tuple[ArtifactVersion, ArtifactVersion]:
    registry, context = site.client.registry, site.client.context
    new = registry.get(_name(query, "new") or query.version(), deleted=True)
    asked = _name(query, "old")
    if asked is None:
        others = registry.versions(new.name.bare(), deleted=True)
        before = next((other for other in others if other.index < new.index), None)
        if before is None:
            raise NotFound(
                f"there is no version before {new.name}",
                subject=str(new.name),
                hint="Set old= to the version to compare it with.",
            )
        asked = before.name
    old = registry.get(asked, deleted=True)
    return ArtifactVersion(old, context), ArtifactVersion(new, context)


def _name(query: Query, parameter: str) -> ArtifactName | None:
    """Return the version that a parameter names: of the collection, or any other by its full name."""
    text = query.text(parameter)
    if not text:
        return None
    own = query.collection()
    if text.startswith("lf1:") or not any(mark in text for mark in "/~:@"):
        return picked(own, text)
    named = ArtifactName.parse(text)
    if not named.picks_version:
        named = replace(named, alias="latest")
    return named.within(entity=own.entity or "", project=own.project or "")


def _head(own: ArtifactName, old: ArtifactVersion, new: ArtifactVersion) -> dict[str, Any]:
    return {
        "entity": own.entity,
        "project": own.project,
        "collection": own.collection,
        "partition": own.partition or None,
        "old": _side(old, own),
        "new": _side(new, own),
    }


def _side(version: ArtifactVersion, own: ArtifactName) -> dict[str, Any]:
    is_own = version.full_name.bare() == own.bare()
    return {
        "name": version.qualified_name,
        "short": version.version if is_own else version.qualified_name,
        "digest": version.digest,
        "files": version.file_count,
        "bytes": version.size,
        "created_at": format_time(version.created_at),
    }


def _listing(index: DiffIndex, query: Query) -> dict[str, Any]:
    folder = query.path("folder")
    folder = folder if folder.endswith("/") or not folder else folder + "/"
    kind = query.choice("kind", "", *DiffKind)
    window = query.window()
    below = index.count(folder, kind, below=True)
    # So few are seen at once; in many one goes down by folder.
    is_flat = below <= window.size
    total = below if is_flat else index.count(folder, kind)
    rows = index.rows(folder, window.start, window.start + window.size, kind, below=is_flat)
    shelves = Window(number=query.number("folders_page", 1, least=1, most=10**6), size=_FOLDERS)
    folders = index.subfolders(folder, kind)
    return {
        "kind": kind,
        "folder": _total(index.total(folder), ""),
        "crumbs": crumbs(folder),
        "folders": [
            _total(each, folder) for each in folders[shelves.start : shelves.start + shelves.size]
        ],
        "folders_page": shelves.to_dict(len(folders)),
        "is_flat": is_flat,
        "rows": [_row(row, folder) for row in rows],
        "page": window.to_dict(total),
    }


def _total(found: DiffTotal, parent: str) -> dict[str, Any]:
    return {
        "path": found.path,
        "name": found.path.removeprefix(parent),
        "count": found.count,
        "counts": {str(kind): found.counts.get(kind, 0) for kind in DiffKind},
        "bytes": {str(kind): found.sizes.get(kind, 0) for kind in DiffKind},
    }


def _row(row: DiffRow, folder: str) -> dict[str, Any]:
    return {"name": row.path.removeprefix(folder), **row.to_dict()}


def _metadata(old: ArtifactVersion, new: ArtifactVersion) -> list[dict[str, Any]]:
    """Return what the metadata of two versions say differently, key by key; null where one has no such key."""
    before, after = old.metadata, new.metadata
    keys = [key for key in sorted({*before, *after}) if before.get(key) != after.get(key)]
    return [{"key": key, "old": before.get(key), "new": after.get(key)} for key in keys[:_KEYS]]


def _file(
    site: Site,
    query: Query,
    data: dict[str, Any],
    index: DiffIndex,
    versions: tuple[ArtifactVersion, ArtifactVersion],
) -> View:
    path = query.path("path")
    row = index.at(path)
    if row is None:
        raise NotFound(
            f"nothing differs at {path!r}",
            subject=path,
            expected="a path that was added, removed, modified, renamed or repinned",
        )
    mode = "none" if query.choice("previews", "", "none") else site.previews
    found = compared(site.client.context, versions, row) if mode != "none" else None
    data |= {"row": row.to_dict(), "path": path, "crumbs": crumbs(path[: path.rfind("/") + 1])}
    data |= {"comparison": found}
    return View(template="diff_file.html", data=data, title=path.rpartition("/")[2])
