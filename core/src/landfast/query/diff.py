"""Diff: what is different between two manifests."""

from __future__ import annotations

from landfast.manifests.base import Manifest
from landfast.model.diff import DiffKind, ManifestDiff
from landfast.query.diff_index import DiffIndex


def diff(old: Manifest, new: Manifest) -> ManifestDiff:
    """Tell what is different between two manifests.

    Counts are there at once; entries are read when somebody goes through them, so the manifests have to stay.  Equal
    content and pin digests are believed: nothing is read.  A file that went from a removed path to an added one,
    recognised by an equal content token and size, is `renamed`; validators and unverified entries never are.
    """
    index = DiffIndex(old, new)
    return ManifestDiff(
        old=old.digest,
        new=new.digest,
        added=index.all_of(DiffKind.ADDED),
        removed=index.all_of(DiffKind.REMOVED),
        modified=index.all_of(DiffKind.MODIFIED),
        renamed=index.all_of(DiffKind.RENAMED),
        repinned=index.all_of(DiffKind.REPINNED),
        unchanged=index.unchanged,
        unchanged_size=index.unchanged_size,
        every=index.all_of(),
    )
