"""What an event of ours shows in Dagster: the version, its size over time, what changed, what it was made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg
import landfast

from dagster_landfast.records import ARTIFACT, DIGEST, Recorded

if TYPE_CHECKING:
    from dagster_landfast.lineage import Used
    from dagster_landfast.resource import LandfastResource

FILES = "landfast/files"
BYTES = "landfast/bytes"
CHANGE = "landfast/change"
DIFF = "landfast/diff"
INPUTS = "landfast/inputs"
PAGE = "landfast/page"
URI = "dagster/uri"

MOST_ROWS = 50  # of a table; an event is stored twice, so it stays small


def version_metadata(
    resource: LandfastResource,
    version: landfast.ArtifactVersion,
    *,
    used: Sequence[Used] = (),
    change: Mapping[str, dg.MetadataValue[Any]] | None = None,
) -> dict[str, dg.MetadataValue[Any]]:
    """Return the metadata of a version that was logged, or looked up.

    ``landfast/artifact`` and ``landfast/digest`` are what `records` reads back; the counts are plotted.

    Args:
        resource: Of the registry.
        version: What `landfast.Client.log` returned, or `get`.
        used: What it was made of.
        change: What to say changed, such as `change_since`; None is what the log did that returned it.
    """
    shown: dict[str, dg.MetadataValue[Any]] = {
        ARTIFACT: dg.MetadataValue.text(version.qualified_name),
        DIGEST: dg.MetadataValue.text(version.digest),
        FILES: dg.MetadataValue.int(version.file_count),
        BYTES: dg.MetadataValue.int(version.size),
        **(_logged(resource.client, version) if change is None else change),
    }
    if version.sources:
        # Managed files have no place that somebody else could open; the version itself has an address.
        place = version.sources[0].uri
        shown[URI] = dg.MetadataValue.text(version.uri if place.startswith("blob:") else place)
    if url := resource.url_of(version):
        shown[PAGE] = dg.MetadataValue.url(url)
    if used:
        shown[INPUTS] = inputs_table(used)
    return shown


def batch_metadata(
    versions: Sequence[landfast.ArtifactVersion], *, used: Sequence[Used] = ()
) -> dict[str, dg.MetadataValue[Any]]:
    """Return the metadata that all partitions of a batch share; each has its own besides."""
    changed = sum(version.changed for version in versions)
    shown: dict[str, dg.MetadataValue[Any]] = {
        "landfast/batch": dg.MetadataValue.text(f"{changed} of {len(versions)} partitions changed")
    }
    if used:
        shown[INPUTS] = inputs_table(used)
    return shown


def inputs_table(used: Sequence[Used]) -> dg.TableMetadataValue:
    """Return what was read as a table, at most 50 rows."""
    rows = [
        {
            "input": each.name,
            "artifact": each.resolved.version.qualified_name,
            "partition": each.resolved.partition_key or "",
            "resolved_by": "declared" if each.declared else str(each.resolved.by),
            "registry_has": each.resolved.latest or "",
        }
        for each in used
    ]
    return _table(_capped(rows, "input"))


def change_since(
    client: landfast.Client, version: landfast.ArtifactVersion, before: Recorded | None
) -> dict[str, dg.MetadataValue[Any]]:
    """Return what changed for Dagster: by this log, else since its record of what it knew before.

    Args:
        client: Of the registry.
        version: What was logged, or looked up.
        before: The latest record of the asset and partition; None if there is none.
    """
    if version.change is not None:
        return _logged(client, version)
    if before is None:
        return _said("first version" if version.index == 0 else "first seen")
    if (before.artifact, before.digest) == (version.qualified_name, version.digest):
        return _said("unchanged")
    return _diff(client, before.artifact, version) if before.artifact else _said("changed")


def _logged(
    client: landfast.Client, version: landfast.ArtifactVersion
) -> dict[str, dg.MetadataValue[Any]]:
    if version.change is None:
        return _said("unchanged")
    previous = version.change.previous
    return _said("first version") if previous is None else _diff(client, previous, version)


def _said(text: str) -> dict[str, dg.MetadataValue[Any]]:
    return {CHANGE: dg.MetadataValue.md(text)}


def _diff(
    client: landfast.Client, before: landfast.ArtifactName | str, version: landfast.ArtifactVersion
) -> dict[str, dg.MetadataValue[Any]]:
    try:
        diff = client.diff(before, version)
    except landfast.NotFound:
        return _said(f"{before} before is gone")
    rows = [
        {"change": str(row.kind), "path": row.path}
        for row in diff.rows()
        if row.kind is not landfast.DiffKind.REPINNED
    ]
    return _said(diff.summary) | ({DIFF: _table(_capped(rows, "path"))} if rows else {})


def _capped(rows: list[dict[str, str]], column: str) -> list[dict[str, str]]:
    if len(rows) <= MOST_ROWS:
        return rows
    rest = dict.fromkeys(rows[0], "") | {column: f"and {len(rows) - MOST_ROWS} more"}
    return [*rows[:MOST_ROWS], rest]


def _table(rows: Sequence[Mapping[str, str]]) -> dg.TableMetadataValue:
    columns = [dg.TableColumn(name, "string") for name in rows[0]]
    return dg.MetadataValue.table(
        [dg.TableRecord(dict(row)) for row in rows], schema=dg.TableSchema(columns)
    )
