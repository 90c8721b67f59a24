"""A plan of a log: places are listed, and what lists do not tell is counted as a server then counts it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from kit.gcs_server import GcsServer
from kit.servers.archive import ArchiveServer
from kit.servers.scripted import Scripted
from landfast.cli import main
from landfast.client import Client
from landfast.errors import NotFound

from tests.core.plans.test_plans import GCS, client, counts_of, same
from tests.core.restore.conftest import bucket, client_of

__all__ = ["bucket", "client"]


@pytest.mark.parametrize("kind", [None, "sha256", False])
def test_a_prefix_of_s3(s3_proxy: Any, client: Client, kind: Any) -> None:
    server, count = s3_proxy.direct, counts_of(s3_proxy.proxy)
    name = server.bucket("Enabled")
    for number in range(5):
        server.client.put_object(
            Bucket=name, Key=f"d/{number}", Body=b"abc", ChecksumAlgorithm="SHA256"
        )
    place = f"s3://{name}/d/"
    s3_proxy.proxy.clear()
    plan = client.plan_log("data", place, checksum=kind)
    assert count() == plan.sent
    assert "HeadObject" not in plan.sent
    assert (plan.objects, plan.done) == (5, 0)
    assert plan.requests.get("HeadObject", 0) == (5 if kind == "sha256" else 0)
    with pytest.raises(NotFound):
        client.get("data")
    same(plan, count, lambda: client.log("data", place, checksum=kind))

    again = client.plan_log("data", place, checksum=kind)
    assert (again.objects, again.done) == (0, 5)
    same(again, count, lambda: client.log("data", place, checksum=kind))

    server.client.put_object(Bucket=name, Key="d/2", Body=b"other", ChecksumAlgorithm="SHA256")
    changed = client.plan_log("data", place, checksum=kind)
    assert (changed.objects, changed.done) == (1, 4)
    same(changed, count, lambda: client.log("data", place, checksum=kind))


def test_many_pages_an_object_and_a_part(s3_proxy: Any, client: Client) -> None:
    server, count = s3_proxy.direct, counts_of(s3_proxy.proxy)
    name = server.bucket("Enabled")
    for number in range(3):
        server.put(name, f"d/{number}", b"abc")
    for places, options in (
        ((f"s3://{name}/d/1",), {}),
        ((f"s3://{name}/d",), {}),
        ((f"s3://{name}/d/0", f"s3://{name}/d/2"), {}),
        ((f"s3://{name}/d/",), {"include": ["1"]}),
    ):
        plan = client.plan_log(f"data{len(options)}", *places, **options)
        same(plan, count, lambda: client.log(f"data{len(options)}", *places, **options))  # noqa: B023


def test_a_prefix_of_google(gcs: GcsServer, client: Client) -> None:
    name = gcs.bucket(versioning=True)
    for number in range(5):
        gcs.put(name, f"d/{number}", f"{number}".encode())

    def count() -> Mapping[str, int]:
        return {GCS[kind]: number for kind, number in gcs.counts.items()}

    gcs.clear()
    plan = client.plan_log("data", f"gs://{name}/d/")
    gcs.clear()
    same(plan, count, lambda: client.log("data", f"gs://{name}/d/"))


@pytest.mark.parametrize("kind", [None, "sha256", "http-etag"])
def test_web_pages(http_script: Scripted, client: Client, kind: str | None) -> None:
    strong = http_script.put("/a", b"12345", etag='"1"', modified=1_600_000_000)
    weak = http_script.put("/b", b"67", etag='W/"2"')
    none = http_script.put("/c", b"89")
    places = [strong] if kind == "http-etag" else [strong, weak, none]

    def count() -> Mapping[str, int]:
        return Counter(http_script.methods())

    plan = client.plan_log("data", *places, checksum=kind)
    assert set(plan.sent) == {"HEAD"}
    assert plan.bytes == {None: 4, "sha256": 9, "http-etag": 0}[kind] or kind is None
    same(plan, count, lambda: client.log("data", *places, checksum=kind))


def test_files_are_not_hashed_and_copies_are_counted(client: Client, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    for number in range(3):
        (tmp_path / "d" / str(number)).write_bytes(f"{number}".encode())
    plan = client.plan_log("data", str(tmp_path / "d"))
    assert (plan.objects, plan.requests, plan.done) == (3, {}, 0)
    client.log("data", str(tmp_path / "d"))
    assert client.plan_log("data", str(tmp_path / "d")).done == 3


def test_put_counts_the_copies_that_the_store_does_not_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANDFAST_REGISTRY_URL", f"sqlite:///{tmp_path / 'r.db'}")
    (tmp_path / "d").mkdir()
    for name, text in (("a", "1"), ("b", "1"), ("c", "22")):
        (tmp_path / "d" / name).write_text(text)

    def run(*words: str) -> str:
        return CliRunner().invoke(main, words).output

    assert "2 requests (2 upload)" in run("put", str(tmp_path / "d"), "--plan")
    assert not (tmp_path / "r.db").exists()
    run("put", str(tmp_path / "d"))
    assert "3 more need nothing" in run("put", str(tmp_path / "d"), "--plan")


def test_what_stands_in_the_way_is_named(bucket: ArchiveServer, tmp_path: Path) -> None:
    client = client_of(bucket, tmp_path)
    for number in range(3):
        bucket.put(f"d/{number}", b"abc")
    plan = client.plan_log("data", "s3://bucket/d/", max_objects=2)
    assert "more objects than allowed" in plan.problems[0].message
    plan = client.plan_log("data", "s3://bucket/nothing/")
    assert not plan.ok
    bucket.denied = {"ListObjectVersions"}
    plan = client.plan_log("data", "s3://bucket/d/")
    assert plan.problems[0].permission == "s3:ListBucket"
    client.close()
