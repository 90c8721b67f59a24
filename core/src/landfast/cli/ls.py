"""`landfast ls`: collections of a project, partitions and versions of a collection, entries of a version."""

from __future__ import annotations

import itertools
from collections import Counter

import click

from landfast.cli.common import Output, command, human_size, partition_option
from landfast.client import Client
from landfast.errors import InvalidInput
from landfast.model.diff import entry_to_dict
from landfast.model.names import check_name
from landfast.version import ArtifactVersion


@command(
    "ls",
    example="""landfast ls
landfast ls vision/mnist
landfast ls vision/mnist:prod --path train/""",
)
@click.argument("name", required=False)
@click.option("--all-projects", is_flag=True, help="Collections of every project.")
@click.option("--partitions", is_flag=True, help="The latest version of each partition.")
@click.option("--path", "prefix", default="", help="Only entries whose path starts with this text.")
@click.option("--limit", type=click.IntRange(min=1), help="The most rows.")
@click.option(
    "--null",
    "-z",
    "null",
    is_flag=True,
    help="Print only the names, unescaped, each followed by a NUL byte.",
)
@partition_option("name")
def ls_command(
    client: Client,
    out: Output,
    name: str | None,
    all_projects: bool,
    partitions: bool,
    prefix: str,
    limit: int | None,
    null: bool,
) -> None:
    """List collections, the versions of NAME, or the entries of one version.

    If NAME has a version, it lists the entries of that version. PROJECT/ lists the collections of another
    project, ENTITY/PROJECT/ those of another entity.
    """
    if null and out.as_json:
        raise InvalidInput("--json and --null exclude each other", expected="one of them")
    if name is None or name.endswith("/"):
        client = _in_project(client, name)
        _collections(client, out, None if all_projects else client.settings.project, limit, null)
    elif client.resolve_name(name).picks_version:
        _entries(client.get(name), out, prefix, limit, null)
    elif partitions:
        _versions(list(client.partitions(name).values())[:limit], out, null)
    else:
        found = client.versions(name)[:limit]
        _versions(found or [client.get(name)], out, null)


def _in_project(client: Client, name: str | None) -> Client:
    """Return the client for ``PROJECT/`` or ``ENTITY/PROJECT/``."""
    if name is None:
        return client
    *entity, project = name.rstrip("/").split("/")
    if len(entity) > 1:
        raise InvalidInput(
            f"{name!r} is no project", subject=name, expected="PROJECT/ or ENTITY/PROJECT/"
        )
    check_name(project, "project")
    return client.with_defaults(
        entity=check_name(entity[0], "entity") if entity else None, project=project
    )


def _collections(
    client: Client, out: Output, project: str | None, limit: int | None, null: bool
) -> None:
    found = client.collections(project)[:limit]
    if not found:
        counts = Counter(c.project for c in client.collections())
        out.nothing("collection", client, [f"{name} ({count})" for name, count in counts.items()])
    if null:
        return out.listing(f"{c.project}/{c.name}" for c in found)
    rows = [
        (f"{c.project}/{c.name}", c.type, c.versions, c.partitions, c.description) for c in found
    ]
    return out.table(
        [c.to_dict() for c in found],
        ("COLLECTION", "TYPE", "VERSIONS", "PARTITIONS", "DESCRIPTION"),
        rows,
    )


def _versions(found: list[ArtifactVersion], out: Output, null: bool) -> None:
    if null:
        return out.listing(version.name for version in found)
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
    return out.table(
        [v.to_dict() for v in found],
        ("VERSION", "FILES", "SIZE", "DIGEST", "ALIASES", "CREATED (UTC)"),
        rows,
    )


def _entries(
    version: ArtifactVersion, out: Output, prefix: str, limit: int | None, null: bool
) -> None:
    entries = itertools.islice(version.entries(prefix), limit)
    if null:
        return out.listing(entry.path for entry in entries)
    found = list(entries)
    rows = [(e.path, human_size(e.size), e.checksum or "-", e.version_id or "-") for e in found]
    header = ("PATH", "SIZE", "CHECKSUM", "VERSION ID")
    return out.table([entry_to_dict(e) for e in found], header, rows)
