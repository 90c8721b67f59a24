"""Open the blob store that a URL names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from landfast.blobs.base import BlobStore
from landfast.errors import InvalidInput
from landfast.model.location import Location


def open_blobs(
    url: str,
    *,
    options: Mapping[str, Any] | None = None,
    client_factory: Callable[[], Any] | None = None,
) -> BlobStore:
    """Return the blob store at a folder, ``file:///FOLDER``, ``s3://BUCKET/PREFIX`` or ``gs://BUCKET/PREFIX``.

    Options of the provider are not secret: endpoint, region, profile; its client is made on first use.

    Raises:
        InvalidInput: If the URL names something else.
        MissingExtra: If the provider's library is not installed.

    Example:
        >>> open_blobs("/mnt/shared/landfast").url
        'file:///mnt/shared/landfast'
    """
    location = Location.parse(url, pins=False)
    if location.scheme == "file":
        return _local(location)
    if location.scheme == "s3":
        from landfast.blobs.s3 import S3BlobStore

        return S3BlobStore(url, options, client_factory=client_factory)
    if location.scheme == "gs":
        from landfast.blobs.gcs import GcsBlobStore

        return GcsBlobStore(url, options, client_factory=client_factory)
    raise InvalidInput(
        f"{location} cannot hold blobs",
        subject=str(location),
        expected="a folder, file:///FOLDER, s3://BUCKET/PREFIX or gs://BUCKET/PREFIX",
        found=f"the scheme {location.scheme}",
    )


def _local(location: Location) -> BlobStore:
    from landfast.blobs.local import LocalBlobStore

    return LocalBlobStore(Path(location.key))
