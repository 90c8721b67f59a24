"""What an event of ours shows in Dagster: the version, its size over time, what changed, what it was made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg
import landfast

from dagster_landfast.records import ARTIFACT, DIGEST

if TYPE_CHECKING:
    from dagster_landfast.lineage import Used
    from dagster_landfast.resource import LandfastResource

FILES = "landfast/files"
BYTES = "landfast/bytes"
CHANGE = "landfast/change"
DIFF = "landfast/diff"
INPUTS = "landfast/inputs"
URL = "landfast/url"
URI = "dagster/uri"

MOST_ROWS = 50  # of a table; an event is stored twice, so it stays small


def version_metadata(
    resource: LandfastResource,
    version: landfast.ArtifactVersion,
    *,
    used: Sequence[Used] = (),
) -> dict[str, dg.MetadataValue[Any]]:
    """Return the metadata of a version that was logged, or looked up.

    ``landfast/artifact`` and ``landfast/digest`` are what `records` reads back; the counts are plotted.

    Args:
        resource: Of the registry.
        version: What `landfast.Client.log` returned, or `get`.
        used: What it was made of.
    """
    shown: dict[str, dg.MetadataValue[Any]] = {
        ARTIFACT: dg.MetadataValue.text(version.qualified_name),
        DIGEST: dg.MetadataValue.text(version.digest),
        FILES: dg.MetadataValue.int(version.file_count),
        BYTES: dg.MetadataValue.int(version.size),
        **_change(resource.client, version),
    }
    if version.sources:
        shown[URI] = dg.MetadataValue.text(version.sources[0].uri)
    if url := resource.url_of(version):
        shown[URL] = dg.MetadataValue.url(url)
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


def _change(
    client: landfast.Client, version: landfast.ArtifactVersion
) -> dict[str, dg.MetadataValue[Any]]:
    change = version.change
    if change is None:
        return {CHANGE: dg.MetadataValue.md("unchanged")}
    if change.previous is None:
        return {CHANGE: dg.MetadataValue.md("first version")}
    try:
        diff = client.diff(change.previous, version)
    except landfast.NotFound:
        return {CHANGE: dg.MetadataValue.md(f"{change.previous} before is gone")}
    signs = {"added": "+", "removed": "-", "modified": "~", "renamed": ">"}
    counts = " ".join(f"{sign}{diff.counts[kind]}" for kind, sign in signs.items())
    rows = [{"change": str(row.kind), "path": row.path} for row in diff.rows() if row.kind in signs]
    shown: dict[str, dg.MetadataValue[Any]] = {CHANGE: dg.MetadataValue.md(counts)}
    return shown | ({DIFF: _table(_capped(rows, "path"))} if rows else {})


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
