"""`landfast ls`: collections of a project, partitions and versions of a collection, entries of a version."""

from __future__ import annotations

import itertools

import click

from landfast.cli.common import Output, command, human_size
from landfast.client import Client
from landfast.jsonable import collection_to_dict, version_to_dict
from landfast.model.diff import entry_to_dict
from landfast.version import ArtifactVersion


@command("ls")
@click.argument("name", required=False)
@click.option("--all-projects", is_flag=True, help="Collections of every project.")
@click.option("--partitions", is_flag=True, help="The latest version of each partition.")
@click.option("--path", "prefix", default="", help="Only entries whose path starts so.")
@click.option("--limit", type=click.IntRange(min=1), help="The most rows.")
def ls_command(
    client: Client,
    out: Output,
    name: str | None,
    all_projects: bool,
    partitions: bool,
    prefix: str,
    limit: int | None,
) -> None:
    """List collections; versions of NAME; or, where NAME says a version, its entries."""
    if name is None:
        _collections(client, out, None if all_projects else client.settings.project, limit)
    elif client.name(name).picks_version:
        _entries(client.get(name), out, prefix, limit)
    elif partitions:
        _versions(list(client.partitions(name).values())[:limit], out)
    else:
        found = client.versions(name)[:limit]
        _versions(found or [client.get(name)], out)


def _collections(client: Client, out: Output, project: str | None, limit: int | None) -> None:
    found = client.collections(project)[:limit]
    rows = [
        (f"{c.project}/{c.name}", c.type, c.versions, c.partitions, c.description) for c in found
    ]
    out.table(
        [collection_to_dict(c) for c in found],
        ("COLLECTION", "TYPE", "VERSIONS", "PARTITIONS", "DESCRIPTION"),
        rows,
    )


def _versions(found: list[ArtifactVersion], out: Output) -> None:
    rows = [
        (
            v.name,
            v.file_count,
            human_size(v.size),
            v.digest[:16],
            ",".join(v.aliases),
            f"{v.created_at:%F %T}",
        )
        for v in found
    ]
    out.table(
        [version_to_dict(v) for v in found],
        ("VERSION", "FILES", "SIZE", "DIGEST", "ALIASES", "CREATED (UTC)"),
        rows,
    )


def _entries(version: ArtifactVersion, out: Output, prefix: str, limit: int | None) -> None:
    found = list(itertools.islice(version.entries(prefix), limit))
    rows = [(e.path, human_size(e.size), e.checksum or "-", e.version_id or "-") for e in found]
    out.table([entry_to_dict(e) for e in found], ("PATH", "SIZE", "CHECKSUM", "VERSION ID"), rows)
