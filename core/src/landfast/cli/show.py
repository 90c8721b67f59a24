"""`landfast show`: everything about one version."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import click

from landfast.cli.common import Output, command, human_size, partition_option
from landfast.client import Client
from landfast.errors import InvalidInput
from landfast.version import ArtifactVersion


@command("show", example="landfast show vision/mnist:prod --as-of 2026-05-03T08:00:00Z")
@click.argument("name")
@click.option(
    "--as-of", metavar="TIME", help="What the name meant at this time, ISO 8601; UTC if no zone."
)
@partition_option("name")
def show_command(client: Client, out: Output, name: str, as_of: str | None) -> None:
    """Show what NAME recorded, from which place, by which run."""
    version = client.get(name) if as_of is None else client.as_of(name, _moment(as_of))
    out.answer(version.to_dict(), _lines(version))


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(
            f"--as-of {text!r} is not a time",
            subject="--as-of",
            expected="ISO 8601, such as 2026-05-03 or 2026-05-03T08:15:30Z",
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _lines(version: ArtifactVersion) -> Iterator[str]:
    yield f"{version.qualified_name}  ({version.type})"
    yield f"  digest      {version.digest}"
    yield f"  content     {version.file_count} files, {human_size(version.size)}"
    yield f"  created     {version.created_at:%F %T} UTC" + (
        f" by run {version.record.run}" if version.record.run else ""
    )
    yield f"  aliases     {', '.join(version.aliases) or '-'}"
    yield f"  tags        {', '.join(version.tags) or '-'}"
    yield f"  verified    {'yes' if version.is_verified else 'no: recorded without checksums'}"
    yield f"  restorable  {'yes' if version.is_restorable else 'no: an overwrite at the source would lose these bytes'}"
    if (holds := version.holds).records:
        yield f"  held        {holds.summary}"
    if copies := version.copies:
        yield f"  copied      {copies}"
    for last in version.verifications()[:1]:
        yield f"  last look   {last.at:%F %T} UTC: {last.summary}"
    if version.description:
        yield f"  description {version.description}"
    for key, value in version.metadata.items():
        yield f"  metadata    {key} = {value}"
    for source in version.sources:
        yield f"  source      {source.uri}" + (f" as {source.name}/" if source.name else "")
        if source.inventory:
            yield f"  inventory   {source.inventory}, as of {source.as_of}"
    for skip in version.skipped:
        examples = f", such as {skip.examples[0]!r}" if skip.examples else ""
        yield f"  skipped     {skip.count} {skip.reason}{examples}"
