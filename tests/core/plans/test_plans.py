"""A plan's numbers are the requests that a server then counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kit.gcs_server import GcsServer
from kit.servers.archive import ArchiveServer
from kit.servers.scripted import Scripted
from landfast.client import Client
from landfast.settings import load_settings

from tests.core.restore.conftest import bucket, client_of

__all__ = ["bucket"]

Count = Callable[[], Mapping[str, int]]
GCS = {
    "list-versions": "objects.list",
    "list-objects-v2": "objects.list",
    "head": "objects.get",
    "get-object": "objects.get (media)",
    "get-bucket": "buckets.get",
}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    """A client whose objects are large from 1,000 bytes on."""
    made = Client(
        settings=load_settings(
            registry_url=f"sqlite:///{tmp_path / 'r.db'}",
            cache_dir=tmp_path / "cache",
            range_threshold=1_000,
            ranges=4,
        )
    )
    yield made
    made.close()


def same(plan: Any, count: Count, act: Callable[[], object]) -> None:
    """Do it, and compare what was counted with what was planned."""
    before = Counter(count())
    act()
    assert dict(Counter(count()) - before) == dict(plan.requests)


def counts_of(proxy: Any) -> Count:
    """Return what the proxy counted, in the provider's words."""
    names = {
        "list-versions": "ListObjectVersions",
        "list-objects-v2": "ListObjectsV2",
        "head": "HeadObject",
        "get-object": "GetObject",
        "get-bucket-versioning": "GetBucketVersioning",
    }
    return lambda: {names[kind]: count for kind, count in proxy.counts.items()}


def test_reading_from_s3(s3_proxy: Any, client: Client, tmp_path: Path) -> None:
    server, count = s3_proxy.direct, counts_of(s3_proxy.proxy)
    name = server.bucket("Enabled")
    for number in range(7):
        server.put(name, f"d/{number}", f"{number}".encode())
    server.put(name, "d/empty", b"")
    server.put(name, "d/large", b"x" * 10_000)
    version = client.log("data", f"s3://{name}/d/")
    s3_proxy.proxy.clear()

    plan = version.plan_download(tmp_path / "out")
    assert (plan.objects, plan.done, plan.bytes, plan.ok) == (9, 0, 10_007, True)
    assert plan.requests == {"GetObject": 7 + 4}
    assert count() == plan.sent
    assert not (tmp_path / "out").exists()
    same(plan, count, lambda: version.download(tmp_path / "out"))

    again = version.plan_download(tmp_path / "out")
    assert (again.requests, again.bytes, again.done) == ({}, 0, 9)
    same(again, count, lambda: version.download(tmp_path / "out"))
    (tmp_path / "out" / "3").unlink()
    cached = version.plan_download(tmp_path / "out")
    assert (cached.requests, cached.done) == ({}, 9)
    same(cached, count, lambda: version.download(tmp_path / "out"))

    part = client.plan_download("data", tmp_path / "other", paths=["large"])
    assert part.done == 1


def test_a_delta_and_a_part_of_it(s3_proxy: Any, client: Client, tmp_path: Path) -> None:
    server, count = s3_proxy.direct, counts_of(s3_proxy.proxy)
    name = server.bucket("Enabled")
    for number in range(9):
        server.put(name, f"d/{number}", f"{number}".encode())
    client.log("data", f"s3://{name}/d/").download(tmp_path / "v0")
    server.put(name, "d/1", b"changed")
    version = client.log("data", f"s3://{name}/d/")
    plan = version.plan_download(tmp_path / "v1")
    assert (plan.requests, plan.done) == ({"GetObject": 1}, 8)
    same(plan, count, lambda: version.download(tmp_path / "v1"))
    part = version.plan_download(tmp_path / "v2", include=["[01]"])
    assert (part.requests, part.done) == ({}, 2)


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("kind", [None, "sha256"])
def test_verifying_at_s3(s3_proxy: Any, client: Client, deep: bool, kind: str | None) -> None:
    server, count = s3_proxy.direct, counts_of(s3_proxy.proxy)
    name = server.bucket("Enabled")
    for number in range(5):
        server.client.put_object(
            Bucket=name, Key=f"d/{number}", Body=b"abc", ChecksumAlgorithm="SHA256"
        )
    version = client.log("data", f"s3://{name}/d/", checksum=kind)
    s3_proxy.proxy.clear()
    plan = version.plan_verify(deep=deep)
    assert count() == plan.sent
    assert plan.objects == 5
    assert plan.bytes == (15 if deep else 0)
    s3_proxy.proxy.clear()
    same(plan, count, lambda: version.verify(deep=deep))


def test_verifying_many_pages_and_scattered_objects(s3_proxy: Any, client: Client) -> None:
    server, count = s3_proxy.direct, counts_of(s3_proxy.proxy)
    name = server.bucket("Enabled")
    for number in range(3):
        server.put(name, f"{number}/x{number}", b"abc")
    version = client.log("data", *(f"s3://{name}/{number}/x{number}" for number in range(3)))
    s3_proxy.proxy.clear()
    plan = version.plan_verify()
    same(plan, count, version.verify)


def test_reading_and_verifying_at_google(gcs: GcsServer, client: Client, tmp_path: Path) -> None:
    name = gcs.bucket(versioning=True)
    for number in range(5):
        gcs.put(name, f"d/{number}", f"{number}".encode())
    version = client.log("data", f"gs://{name}/d/")

    def count() -> Mapping[str, int]:
        return {GCS[kind]: number for kind, number in gcs.counts.items()}

    gcs.clear()
    plan = version.plan_verify()
    gcs.clear()
    same(plan, count, version.verify)
    plan = version.plan_download(tmp_path / "out")
    assert plan.requests == {"objects.get (media)": 5}
    same(plan, count, lambda: version.download(tmp_path / "out"))


def test_reading_and_verifying_web_pages(
    http_script: Scripted, client: Client, tmp_path: Path
) -> None:
    places = [http_script.put("/a", b"12345", etag='"1"'), http_script.put("/b", b"67")]
    version = client.log("data", *places)

    def count() -> Mapping[str, int]:
        return Counter(http_script.methods())

    same(version.plan_verify(), count, version.verify)
    same(version.plan_verify(deep=True), count, lambda: version.verify(deep=True))
    plan = version.plan_download(tmp_path / "out")
    assert (plan.requests, plan.bytes) == ({"GET": 2}, 7)
    same(plan, count, lambda: version.download(tmp_path / "out"))


def test_files_of_a_disk_send_nothing(client: Client, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    for number in range(3):
        (tmp_path / "d" / str(number)).write_bytes(b"abc")
    version = client.log("data", str(tmp_path / "d"))
    plan = version.plan_verify()
    assert (plan.objects, plan.sent) == (3, {})
    assert version.plan_download(tmp_path / "out").bytes == 9


def test_archived_and_lost_objects_are_problems(bucket: ArchiveServer, tmp_path: Path) -> None:
    client = client_of(bucket, tmp_path)
    for number in range(4):
        bucket.put(f"d/{number}", b"abc")
    version = client.log("data", "s3://bucket/d/")
    bucket.archive("d/0")
    bucket.archive("d/1")
    bucket.objects["d/2"].clear()
    client.restore("data", include=["1"])
    plan = version.plan_download(tmp_path / "out")
    told = {problem.message: problem.count for problem in plan.problems}
    assert told == {"is archived": 1, "is being restored": 1, "is gone": 1}
    assert (plan.archived, plan.archived_bytes) == (2, 6)
    assert f"landfast restore {version.qualified_name}" in plan.problems[0].hint
    client.close()


@pytest.mark.parametrize("operation", ["ListObjectVersions", "HeadObject"])
def test_a_missing_permission_is_named_call_by_call(
    bucket: ArchiveServer, tmp_path: Path, operation: str
) -> None:
    client = client_of(bucket, tmp_path)
    for number in range(101):
        bucket.put(f"d/{number}", b"abc")
    version = client.log("data", "s3://bucket/d/")
    bucket.denied = {operation}
    if operation == "ListObjectVersions":
        (problem,) = version.plan_verify().problems
        assert problem.permission == "s3:ListBucket"
        assert version.plan_download(tmp_path / "out").ok
    else:
        assert version.plan_verify().ok
        (problem,) = version.plan_download(tmp_path / "out").problems
        assert problem.permission == "s3:GetObjectVersion"
    client.close()


def test_a_folder_of_another_version_is_a_problem(client: Client, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    client.log("one", str(tmp_path / "x")).download(tmp_path / "out")
    plan = client.log("two", str(tmp_path / "x")).plan_download(tmp_path / "out")
    assert "holds another version" in plan.problems[0].message
    assert replace(plan, problems=()).ok
