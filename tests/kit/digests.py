"""Digests and summary of entries, as a manifest of them would say."""

from __future__ import annotations

from collections.abc import Iterable

from landfast.manifests.batch import in_batches
from landfast.manifests.digest import DigestBuilder
from landfast.manifests.summary import SummaryBuilder
from landfast.model.manifest import ManifestEntry, ManifestSummary


def content_digest(entries: Iterable[ManifestEntry]) -> str:
    """Return the content digest of sorted entries."""
    return _build(entries).content_digest()


def pin_digest(entries: Iterable[ManifestEntry]) -> str:
    """Return the pin digest of sorted entries."""
    return _build(entries).pin_digest()


def summarize(entries: Iterable[ManifestEntry]) -> ManifestSummary:
    """Return the summary of sorted entries."""
    builder = SummaryBuilder()
    for batch in in_batches(entries):
        builder.update(batch)
    return builder.build()


def _build(entries: Iterable[ManifestEntry]) -> DigestBuilder:
    builder = DigestBuilder()
    for batch in in_batches(entries):
        builder.update(batch)
    return builder
