"""Credentials: turn the slug of a Prefect block into what makes a storage client, on the worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import landfast

from prefect_landfast.compat import load_block

_HOLDERS = ("credentials", "gcp_credentials")  # where S3Bucket and GcsBucket keep theirs


@dataclass(frozen=True, slots=True)
class BlockClient:
    """Makes a storage client from a credentials block; pickles as the slug alone.

    Args:
        slug: ``aws-credentials/NAME``, ``minio-credentials/NAME``, ``gcp-credentials/NAME``,
            ``s3-bucket/NAME``, ``gcs-bucket/NAME``.
    """

    slug: str

    def __call__(self) -> Any:
        """Load the block and return a boto3 S3 client or a `google.cloud.storage.Client`.

        Raises:
            landfast.NotFound: If there is no such block.
            landfast.InvalidInput: If it holds no storage credentials.
        """
        block = load_block(self.slug)
        holder = next((getattr(block, name) for name in _HOLDERS if hasattr(block, name)), block)
        make = _maker(holder)
        if make is None:
            raise landfast.InvalidInput(
                f"the block {self.slug} makes no storage client",
                subject=self.slug,
                expected="AwsCredentials, MinIOCredentials, GcpCredentials, S3Bucket or GcsBucket",
                found=type(block).__name__,
            )
        return make()


def client_factories(storage_credentials: Mapping[str, str]) -> dict[str, BlockClient]:
    """Return a client factory for each URI prefix."""
    return {prefix: BlockClient(slug) for prefix, slug in storage_credentials.items()}


def _maker(credentials: Any) -> Callable[[], Any] | None:
    if hasattr(credentials, "get_cloud_storage_client"):
        make: Callable[[], Any] = credentials.get_cloud_storage_client
        return make
    if hasattr(credentials, "get_boto3_session"):
        return lambda: _s3_client(credentials)
    return None


def _s3_client(credentials: Any) -> Any:
    said = credentials.aws_client_parameters
    # Landfast tries requests again itself, and lists in as many threads as there are connections.
    ours = {"max_pool_connections": 64, "retries": {"total_max_attempts": 1}}
    parameters = said.model_copy(update={"config": {**(said.config or {}), **ours}})
    return credentials.model_copy(update={"aws_client_parameters": parameters}).get_client("s3")
