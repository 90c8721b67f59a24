"""`landfast registry`: make, upgrade and describe a registry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import timedelta

import click

from landfast.cli.common import Output, command
from landfast.cli.feed.consumers import consumers_command
from landfast.cli.help import HelpGroup
from landfast.client import Client
from landfast.html.sizes import size_text
from landfast.model.times import format_time
from landfast.registry.copy.report import BlobsCopy, CopyKind, RegistryCopy
from landfast.registry.values import RegistryInfo

_ONLY_IF_MOVED = {"moved_to", "moved_at"}


@click.group("registry", cls=HelpGroup)
def registry_command() -> None:
    """Make, check, upgrade and copy a registry."""


@command(
    "init",
    example="landfast registry init postgresql://db/landfast --store s3://acme/landfast/",
)
@click.argument("where", metavar="URL")
@click.option(
    "--store", metavar="URL", help="Where manifests and managed files lie: a folder, s3://, gs://."
)
def init_command(client: Client, out: Output, where: str, store: str | None) -> None:
    """Create a registry at URL (sqlite:///PATH or postgresql://...)."""
    settings = replace(
        client.settings, registry_url=where, store_url=store or client.settings.store_url
    )
    _say(out, "ready", Client(settings=settings).init_registry())


@command("upgrade", example="landfast registry upgrade")
@click.argument("where", metavar="[URL]", required=False)
def upgrade_command(client: Client, out: Output, where: str | None) -> None:
    """Bring the registry's schema to this version of landfast."""
    from landfast.registry.opener import upgrade_registry

    _say(out, "upgraded", upgrade_registry(where or client.settings.effective_registry_url))


@command("adopt", example="landfast registry adopt postgresql://db.example.org/landfast")
@click.argument("where", metavar="[URL]", required=False)
@click.option(
    "--store",
    metavar="NEW",
    help="New address of the store, if it was copied or restored elsewhere.",
)
def adopt_command(client: Client, out: Output, where: str | None, store: str | None) -> None:
    """Declare that the store belongs to this registry.

    Use it if the database of the registry moved, or if the registry that the store belonged to no longer
    exists. If the other registry stays in use, give the copy another store: `fork`.
    """
    _say(out, "adopted", _at(client, where).adopt_store(store))


@command("prune", example="landfast registry prune --older-than-days 30 --apply")
@click.option(
    "--older-than-days",
    "days",
    type=click.FloatRange(min=0),
    default=90.0,
    show_default=True,
    metavar="DAYS",
    help="Only observations older than this.",
)
@click.option("--apply", is_flag=True, help="Do it, instead of printing what it would do.")
def prune_command(client: Client, out: Output, days: float, apply: bool) -> None:
    """Remove old observations that found nothing new, and their runs.

    It keeps versions, pins, moves of aliases and lineage: every run that used a version or logged new
    content, observations that brought metadata, and the last observation of each partition.
    """
    report = client.prune_history(older_than=timedelta(days=days), dry_run=not apply)
    out.answer(report.to_dict(), [report.summary + ("" if apply else "; --apply does it")])


@command(
    "fork",
    example="landfast registry fork sqlite:///copy.db --store s3://acme-landfast-test/",
)
@click.argument("where", metavar="[URL]", required=False)
@click.option(
    "--store", metavar="URL", required=True, help="A new folder, s3://, gs:// for its blobs."
)
def fork_command(client: Client, out: Output, where: str | None, store: str) -> None:
    """Give a copy of a registry another id and another store.

    The blobs are copied to that store.
    """
    _say(out, "forked", _at(client, where).fork_registry(store))


@command(
    "copy",
    example="landfast registry copy sqlite:///landfast.db postgresql://db/landfast",
)
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option(
    "--store",
    metavar="URL",
    help="A new store for its blobs, which are copied there: a folder, s3://, gs://. Else the store stays as it is, "
    "or, where it lies beside the file of FROM, is copied beside that of TO.",
)
@click.option(
    "--fork", is_flag=True, help="Make TO a second registry with another id; FROM stays in use."
)
@click.option(
    "--skip-proven", is_flag=True, help="Do not read back blobs that were hashed during the copy."
)
@click.option("--dry-run", is_flag=True, help="Print what would be copied, and do nothing.")
def copy_command(
    client: Client,
    out: Output,
    source: str,
    target: str,
    store: str | None,
    fork: bool,
    skip_proven: bool,
    dry_run: bool,
) -> None:
    """Move a registry, rows and blobs, to another place.

    If it is killed, run it again. FROM and TO are sqlite:///PATH or postgresql://.... Writers can continue
    while blobs are copied. Then FROM refuses writes and names TO. TO has everything unchanged: ids, runs,
    change positions, consumers.
    """
    done = _at(client, source).copy_registry(
        target, store=store, fork=fork, skip_proven=skip_proven, dry_run=dry_run
    )
    out.answer(done.to_dict(), _lines(done))


def _lines(done: RegistryCopy) -> Iterator[str]:
    did = {CopyKind.MOVE: ("moved", "would move"), CopyKind.FORK: ("forked", "would fork")}
    was = "was already " if done.already else ""
    yield f"{was}{did[done.kind][done.dry_run]} {done.source} to {done.target}"
    if done.id is not None:
        yield f"  id     {done.id}"
    yield f"  store  {done.store}"
    if not done.already:
        yield from _row_lines(done)
        yield from _blob_lines(done.blobs, dry_run=done.dry_run)


def _row_lines(done: RegistryCopy) -> Iterator[str]:
    equal = "" if done.dry_run else ", read back and equal"
    yield f"  rows   {done.rows:,}{equal}"
    yield from (f"    {one.rows:>10,} {one.table}" for one in done.tables if one.rows)


def _blob_lines(blobs: BlobsCopy, *, dry_run: bool) -> Iterator[str]:
    if blobs.kept:
        yield "  blobs  stay where they are"
        return
    size = size_text(blobs.copied_bytes)
    if dry_run:
        yield f"  blobs  {blobs.copied:,} to copy, {size}"
    else:
        yield f"  blobs  {blobs.copied:,} copied, {size}; {blobs.read_back:,} read back and whole"
    if blobs.present:
        yield f"         {blobs.present:,} there already, {size_text(blobs.present_bytes)}"
    if blobs.absent:
        yield f"         {blobs.absent:,} recorded, but not in the old store: see landfast registry check"


@command(
    "grants",
    example="landfast registry grants --reader analysts --writer pipelines | psql landfast",
)
@click.argument("where", metavar="[URL]", required=False)
@click.option("--reader", "readers", multiple=True, metavar="ROLE", help="Can read everything.")
@click.option(
    "--writer",
    "writers",
    multiple=True,
    metavar="ROLE",
    help="Can also log, promote and tag, but not delete.",
)
@click.option(
    "--admin", "admins", multiple=True, metavar="ROLE", help="Can also delete, run gc, and upgrade."
)
@click.option("--apply", is_flag=True, help="Run the SQL, instead of printing it.")
def grants_command(
    client: Client,
    out: Output,
    where: str | None,
    readers: tuple[str, ...],
    writers: tuple[str, ...],
    admins: tuple[str, ...],
    apply: bool,
) -> None:
    """Print, or run, the SQL for roles of readers, writers and admins.

    The roles are PostgreSQL roles. It creates missing roles, without a login. Run it again after an
    upgrade: it first revokes what a role was given before. If you name no role, the roles are
    landfast_reader, landfast_writer and landfast_admin.
    """
    from landfast.registry.schema.roles import Roles, grants

    roles = Roles(readers=readers, writers=writers, admins=admins)
    if roles == Roles():
        roles = Roles(
            readers=("landfast_reader",), writers=("landfast_writer",), admins=("landfast_admin",)
        )
    found = grants(where or client.settings.effective_registry_url, roles, apply=apply)
    lines = [f"{statement};" for statement in found.statements]
    left = [f"{statement};" for statement in found.superuser]
    if left:
        lines += [
            "-- Only a superuser may run the rest, with which admins upgrade and copy, too:",
            *left,
        ]
    out.answer({**asdict(found), "applied": apply}, lines)


@command("info", example="landfast registry info")
def info_command(client: Client, out: Output) -> None:
    """Describe the registry in use."""
    _say(out, "registry", client.registry.info)


@command("check", example="landfast registry check --deep")
@click.option("--deep", is_flag=True, help="Read every blob again, instead of listing them.")
@click.option(
    "--holds", is_flag=True, help="Ask stores about each held object version: one request each."
)
def check_command(client: Client, out: Output, deep: bool, holds: bool) -> None:
    """Check that the store has all blobs (manifests, managed files) of live versions, and that holds are in place.

    Exit codes: 0 nothing is missing; 6 blobs are missing or damaged, the store is another registry's, or what should be
    held is not.
    """
    report = client.check_registry(deep=deep, holds=holds)
    lines = [f"label: {report.label}"] if report.label else []
    for row in report.problems:
        what = f"{row.kind} of {row.version}" + (f", {row.path}" if row.path else "")
        lines.append(f"{row.verdict}: {what} ({row.detail or row.sha256}). {row.mend}")
    lines += [line for problem in report.holds for line in problem.lines()]
    out.answer(report.to_dict(), [*lines, f"{report.registry}: {report.summary}"])
    raise click.exceptions.Exit(report.exit_code)


def _at(client: Client, where: str | None) -> Client:
    return Client(settings=replace(client.settings, registry_url=where)) if where else client


def _say(out: Output, what: str, info: RegistryInfo) -> None:
    value = asdict(info)
    if info.moved_at is not None:
        value["moved_at"] = format_time(info.moved_at)
    out.answer(
        value,
        [
            f"{what} {info.url}",
            *(
                f"  {key:<14} {given}"
                for key, given in value.items()
                if key != "url" and (given is not None or key not in _ONLY_IF_MOVED)
            ),
        ],
    )


for one in (
    init_command,
    info_command,
    check_command,
    upgrade_command,
    grants_command,
    consumers_command,
    prune_command,
    copy_command,
    fork_command,
    adopt_command,
):
    registry_command.add_command(one)
