"""A bucket with archives, and a client of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kit.servers.archive import ArchiveServer, archive_server
from landfast.client import Client


@pytest.fixture
def bucket() -> Iterator[ArchiveServer]:
    """A compatible server with archives: its lists do not tell what is restored."""
    with archive_server() as server:
        yield server


def client_of(server: ArchiveServer, folder: Path, *, as_amazon: bool = False) -> Client:
    """Return a client of a bucket; the server answers for Amazon too."""

    def amazon() -> Any:
        import boto3
        from botocore.config import Config

        return boto3.client(
            "s3",
            endpoint_url="http://s3.us-east-1.amazonaws.com" if as_amazon else server.url,
            aws_access_key_id="AKIATEST",
            aws_secret_access_key="secret",
            region_name="us-east-1",
            config=Config(
                proxies={"http": server.url} if as_amazon else None,
                retries={"total_max_attempts": 1},
                s3={"addressing_style": "path"},
            ),
        )

    return Client(f"sqlite:///{folder / 'registry.db'}", clients={"s3": amazon})


@pytest.fixture
def client(bucket: ArchiveServer, tmp_path: Path) -> Iterator[Client]:
    """A client of the compatible server."""
    made = client_of(bucket, tmp_path)
    yield made
    made.close()


@pytest.fixture(params=["compatible", "amazon"])
def any_client(
    request: pytest.FixtureRequest, bucket: ArchiveServer, tmp_path: Path
) -> Iterator[Client]:
    """A client for which lists tell what is restored, or do not."""
    made = client_of(bucket, tmp_path, as_amazon=request.param == "amazon")
    yield made
    made.close()
