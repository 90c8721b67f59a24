"""Versions of entries that no scan found: of any names, and as many as a test needs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from operator import attrgetter
from pathlib import Path

from landfast.client import Client
from landfast.manifests.writer import ManifestWriter
from landfast.model.checksum import Checksum
from landfast.model.manifest import ManifestEntry
from landfast.model.source import Source
from landfast.publish.log import publish
from landfast.registry.values import LogRequest
from landfast.version import ArtifactVersion


def entry(path: str, size: int | None = 1, content: str = "0") -> ManifestEntry:
    """Make an entry of an S3 bucket whose token is a text."""
    return ManifestEntry(
        path=path,
        size=size,
        checksum=Checksum("s3-etag", content),
        uri=f"s3://bucket/{path}",
        version_id=f"v-{content}",
    )


def record(
    client: Client,
    name: str,
    entries: Iterable[ManifestEntry],
    metadata: dict[str, object] | None = None,
) -> ArtifactVersion:
    """Log entries as a version, as a scan of ``s3://bucket/`` would."""
    context = client.context
    with tempfile.TemporaryDirectory() as folder, ManifestWriter(Path(folder) / "m") as writer:
        writer.extend(sorted(entries, key=attrgetter("sort_key")))
        written = writer.finish()
        request = LogRequest(
            name=context.resolve_name(name),
            type="dataset",
            summary=written.summary,
            sources=(Source(uri="s3://bucket/", versioning="enabled"),),
            metadata=metadata or {},
            run=context.ensure_run(),
            ticket=context.registry.ticket(),
        )
        outcome = publish(context.registry, context.owned_blobs, request, written)
    return ArtifactVersion(outcome.version, context)
