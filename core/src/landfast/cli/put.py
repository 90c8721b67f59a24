"""`landfast put`: log references, or copy local files into the store."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from landfast.artifact import Artifact
from landfast.cli.common import Output, command, human_size, log_options, show_plan
from landfast.client import Client
from landfast.errors import InvalidInput
from landfast.model.globs import hint_for_glob
from landfast.model.names import ArtifactName
from landfast.model.reference import UNLIMITED, Reference
from landfast.model.storage.plan import Plan
from landfast.scans import plan_log
from landfast.settings import parse_count
from landfast.version import ArtifactVersion

# Shown where --metadata cannot be read.
_SCAN = (
    *("include", "exclude", "max_objects", "checksum"),
    *("allow_empty", "symlinks", "inventory"),
)
_OBJECT = """such as '{"split": "train"}'"""


@command("put", example="landfast put s3://acme-data/mnist/ --name vision/mnist --alias staging")
@click.argument("place")
@click.option(
    "--name",
    "-n",
    metavar="NAME",
    help="[[entity/]project/]collection[~PARTITION] [default: the last part of PLACE].",
)
@click.option(
    "--reference/--copy", "by_reference", default=None, help="Refer to local files, or copy them."
)
@click.option("--partition", metavar="KEY", help="Partition of NAME.")
@log_options
def put_command(client: Client, out: Output, plan: bool, **given: Any) -> None:
    """Log PLACE: a URI by reference, a local path by copy.

    With --reference it records a local path without copying. A new version appears only if the content changed.
    """
    if plan:
        show_plan(out, plan_put(client, **given))
    version = put(client, **given)
    state = "created" if version.created else "returned" if version.changed else "unchanged at"
    line = f"{state} {version.qualified_name}  {count_line(version)}  {version.digest}"
    out.answer(version.to_dict(), [line])


def put(
    client: Client,
    *,
    place: str,
    name: str | None = None,
    kind: str | None = None,
    partition: str | None = None,
    aliases: tuple[str, ...] = (),
    tags: tuple[str, ...] = (),
    description: str | None = None,
    metadata: str | None = None,
    ttl_days: float | None = None,
    by_reference: bool | None = None,
    no_latest: bool = False,
    workers: int | None = None,
    **scan: Any,
) -> ArtifactVersion:
    """Log a URI by reference or a local path by copy."""
    is_uri = "://" in place
    full = client.resolve_name(name or _default_name(place))
    draft = Artifact(
        str(full),
        kind or client.collection_type(full) or "dataset",
        description,
        _json_object(metadata),
        partition=partition,
        ttl=None if ttl_days is None else timedelta(days=ttl_days),
        client=client,
    )
    if by_reference is False and is_uri:
        raise InvalidInput("--copy takes a local path", subject=place)
    if is_uri or by_reference:
        draft.add_reference(Reference(place, **scan_arguments(**scan)), workers=workers)
    else:
        _copy(draft, place, **scan_arguments(**scan))
    return client.log_artifact(draft, aliases=aliases, tags=tags, move_latest=not no_latest)


def plan_put(
    client: Client,
    *,
    place: str,
    name: str | None = None,
    partition: str | None = None,
    by_reference: bool | None = None,
    **given: Any,
) -> Plan:
    """Count what `put` would ask for."""
    is_uri = "://" in place
    full = client.resolve_name(name or _default_name(place))
    full = full if partition is None else full.in_partition(partition)
    options = scan_arguments(**{name: given[name] for name in _SCAN if name in given})
    copied = not (is_uri or by_reference)
    return plan_log(client.context, full, [Reference(place, **options)], copied=copied)


def _copy(
    draft: Artifact,
    place: str,
    *,
    checksum: str | bool | None,
    max_objects: int | None,
    options: Mapping[str, str],
    inventory: str | None,
    **scan: Any,
) -> None:
    """Copy a folder or a file; what means nothing for a copy is refused."""
    if inventory is not None:
        raise InvalidInput("--inventory is of buckets", subject="--inventory", found=place)
    if checksum not in {None, "sha256"}:
        raise InvalidInput(
            "--checksum is of references: a copied file is known by its sha256",
            subject="--checksum",
            expected="sha256",
            found="none" if checksum is False else str(checksum),
            hint="Give --reference to refer to the files in place.",
        )
    limit = UNLIMITED if max_objects is None else max_objects
    if Path(place).is_dir():
        symlinks = options.get("symlinks", "follow")
        draft.add_dir(place, max_objects=limit, symlinks=symlinks, **scan)
    elif scan["include"] or scan["exclude"]:
        raise InvalidInput(
            f"{place} is one file, which --include and --exclude cannot choose from",
            subject=place,
            hint="Leave them away, or give the folder.",
        )
    else:
        draft.add_file(place)


def count_line(version: ArtifactVersion) -> str:
    """Write how much a version holds: ``12 files, 3.4 MB``."""
    return f"{version.file_count} files, {human_size(version.size)}"


def scan_arguments(
    *,
    include: tuple[str, ...] = (),
    exclude: tuple[str, ...] = (),
    max_objects: str | None = None,
    checksum: str | None = None,
    allow_empty: bool = False,
    symlinks: str | None = None,
    inventory: str | None = None,
) -> dict[str, Any]:
    """Read the options of `scan_options` as arguments of `Reference`."""
    return {
        "include": include,
        "exclude": exclude,
        "max_objects": None if max_objects is None else parse_count(max_objects, "--max-objects"),
        "checksum": False if checksum == "none" else checksum,
        "allow_empty": allow_empty,
        "inventory": inventory,
        "options": {} if symlinks is None else {"symlinks": symlinks},
    }


def _default_name(place: str) -> str:
    base = place.rstrip("/").rpartition("/")[2]
    try:
        return str(ArtifactName(collection=base))
    except InvalidInput:
        raise InvalidInput(
            f"{place} gives no collection name",
            subject=place,
            hint=hint_for_glob(place) or "Give one with --name.",
        ) from None


def _json_object(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise InvalidInput(
            "--metadata is no JSON object",
            subject="--metadata",
            expected=_OBJECT,
        )
    return value
