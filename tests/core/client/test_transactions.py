"""No transaction is open while a store is asked: a slow bucket keeps nobody from the registry."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from landfast import Client
from landfast.blobs.s3 import S3Objects
from landfast.registry.database.engine import Database
from landfast.stores.retrying import RetryingStore


class Watch:
    """Counts open transactions, and the requests that were made meanwhile and otherwise."""

    def __init__(self) -> None:
        self.open = 0
        self.meanwhile: list[str] = []
        self.requests = 0

    def request(self, what: str) -> None:
        self.requests += 1
        if self.open:
            self.meanwhile.append(what)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    found = Watch()
    once, retried, asked = Database._once, RetryingStore._retried, S3Objects._asked

    def transaction(self: Database, *arguments: Any) -> Any:
        found.open += 1
        try:
            return once(self, *arguments)
        finally:
            found.open -= 1

    def request(self: RetryingStore, call: Any) -> Any:
        found.request("store")
        return retried(self, call)

    def blob_request(self: S3Objects, key: str, verb: str, permission: str) -> Any:
        found.request(verb)
        return asked(self, key, verb, permission)

    monkeypatch.setattr(Database, "_once", transaction)
    monkeypatch.setattr(RetryingStore, "_retried", request)
    monkeypatch.setattr(S3Objects, "_asked", blob_request)
    return found


@pytest.fixture(params=["sqlite", "postgresql"])
def client(request: pytest.FixtureRequest, tmp_path: Path, s3: Any) -> Iterator[Client]:
    from landfast.registry.opener import init_registry

    url = f"sqlite:///{tmp_path}/registry.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    init_registry(url, store_url=f"s3://{s3.bucket()}/blobs/")
    client = Client(url)
    yield client
    client.close()


def test_a_store_is_asked_while_no_transaction_is_open(
    client: Client, watch: Watch, s3: Any, tmp_path: Path
) -> None:
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "data/a.txt", b"a")
    uri = f"s3://{bucket}/data/"
    first = client.log("vision/mnist", uri)
    client.log("vision/mnist", uri)
    s3.put(bucket, "data/a.txt", b"b")
    second = client.log("vision/mnist", uri)
    client.verify(first)
    client.diff(first, second)
    client.download(second, tmp_path / "out")
    client.lineage_of_object(uri + "a.txt")
    client.delete(first)
    client.gc(dry_run=False)
    assert watch.meanwhile == []
    assert watch.requests > 10
