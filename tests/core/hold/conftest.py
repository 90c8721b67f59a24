"""Buckets with Object Lock, and clients on a SQLite registry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from kit.servers.s3 import S3Server
from landfast import Client


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """A bucket with Object Lock, and what was put there."""

    server: S3Server
    bucket: str

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/data/"

    def put(self, name: str, body: bytes = b"x") -> str:
        version = self.server.put(self.bucket, f"data/{name}", body)
        assert version is not None
        return version

    def is_held(self, name: str, version: str) -> bool:
        return self.server.is_held(self.bucket, f"data/{name}", version)

    def set_held(self, name: str, version: str, *, on: bool) -> None:
        self.server.set_held(self.bucket, f"data/{name}", version, on=on)

    def delete(self, name: str, version: str) -> None:
        self.server.client.delete_object(Bucket=self.bucket, Key=f"data/{name}", VersionId=version)


@pytest.fixture(params=["moto", pytest.param("radosgw", marks=pytest.mark.system)])
def server(request: pytest.FixtureRequest) -> S3Server:
    found: S3Server = request.getfixturevalue({"moto": "s3"}.get(request.param, request.param))
    return found


@pytest.fixture
def locked(server: S3Server) -> Locked:
    return Locked(server=server, bucket=server.bucket(lock=True))


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    client = Client(f"sqlite:///{tmp_path / 'registry.db'}", project="vision")
    yield client
    client.close()
