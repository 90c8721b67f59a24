"""Scans and downloads against stores that change, fail and cut: never a wrong or a partial version."""

from __future__ import annotations

import hashlib
import itertools
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import landfast
import pytest
from kit.servers.faults import Delay, Reset, Status, Truncate
from landfast import Client


@pytest.fixture
def client() -> Client:
    return Client(project="vision")


def pages_of(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Let the server hand out small pages, so that a scan has many request boundaries."""
    from landfast.stores.s3 import S3Store

    whole = S3Store.list_page

    def small(self, request):
        return whole(self, replace(request, limit=request.limit or size))

    monkeypatch.setattr(S3Store, "list_page", small)


@pytest.mark.parametrize("versioning", ["Enabled", None])
@pytest.mark.parametrize("checksum", [True, "sha256"])
def test_every_row_was_served_together_whenever_an_object_changes(
    s3_proxy, client, monkeypatch, versioning, checksum
):
    """An object is overwritten before the first, second, ... n-th request of a scan in turn."""
    pages_of(monkeypatch, 4)
    bucket = s3_proxy.direct.bucket(versioning)
    served: dict[tuple[str, str | None], set[tuple[str, int]]] = defaultdict(set)

    def put(key: str, body: bytes) -> None:
        reply = s3_proxy.direct.client.put_object(
            Bucket=bucket, Key=key, Body=body, ChecksumAlgorithm="SHA256"
        )
        tokens = {reply["ETag"].strip('"'), hashlib.sha256(body).hexdigest()}
        served[key, reply.get("VersionId")] |= {(token, len(body)) for token in tokens}

    for boundary in itertools.count(1):
        # A folder of its own each time: overwriting makes version listings longer.
        keys = [f"{boundary}/{number}" for number in range(6)]
        for key in keys:
            put(key, b"x")
        seen = 0

        def overwrite(_, at=boundary, keys=keys):
            nonlocal seen
            seen += 1
            if seen == at:
                for key in keys:
                    put(key, b"y" * (at + 1))

        s3_proxy.proxy.before = overwrite
        version = client.log(f"d{boundary}", f"s3://{bucket}/{boundary}/", checksum=checksum)
        s3_proxy.proxy.before = None
        for entry in version.entries():
            found = (entry.checksum.value, entry.size)
            assert (
                found
                in served[f"{boundary}/{entry.path}", entry.version_id if versioning else None]
            )
        if seen < boundary:
            break
    assert boundary > 3


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Status(status=403), landfast.AccessDenied),
        (Status(status=404, code="NoSuchBucket"), landfast.NotFound),
        (Status(status=429), landfast.Unavailable),
        (Status(status=500), landfast.Unavailable),
        (Status(status=503, code="SlowDown"), landfast.Unavailable),
        (Truncate(keep=40), landfast.Unavailable),
        (Reset(), landfast.Unavailable),
    ],
    ids=["403", "404", "429", "500", "503", "truncated", "reset"],
)
def test_a_store_that_keeps_failing_is_a_typed_error_and_stores_nothing(
    s3_proxy, client, fault, error, quick_retries
):
    bucket = s3_proxy.direct.bucket("Enabled")
    s3_proxy.direct.put(bucket, "d/k", b"x")
    s3_proxy.proxy.inject(fault)
    with pytest.raises(error) as caught:
        client.log("d", f"s3://{bucket}/d/")
    assert bucket in str(caught.value)
    assert "\n" not in str(caught.value)
    assert client.collections() == []


@pytest.mark.parametrize(
    "fault",
    [
        Status(status=429),
        Status(status=500),
        Status(status=503),
        Truncate(keep=40),
        Reset(),
        Delay(seconds=0.3),
    ],
    ids=["429", "500", "503", "truncated", "reset", "slow"],
)
def test_a_store_that_fails_once_is_asked_again(s3_proxy, client, fault, quick_retries):
    bucket = s3_proxy.direct.bucket("Enabled")
    for number in range(3):
        s3_proxy.direct.put(bucket, f"d/{number}", b"%d" % number)
    for kind in ("get-bucket-versioning", "list-versions", "get-object"):
        s3_proxy.proxy.inject(fault, kind=kind, at=1)
    version = client.log("d", f"s3://{bucket}/d/")
    assert len(version.manifest) == 3
    version.download("out")
    assert [Path(f"out/{number}").read_bytes() for number in range(3)] == [b"0", b"1", b"2"]


def test_versioning_may_be_a_secret(s3_proxy, client):
    bucket = s3_proxy.direct.bucket("Enabled")
    written = s3_proxy.direct.put(bucket, "d/k", b"x")
    s3_proxy.proxy.inject(Status(status=403), kind="get-bucket-versioning")
    [entry] = client.log("d", f"s3://{bucket}/d/").entries()
    assert entry.version_id == written


@pytest.mark.parametrize("status", [403, 405, 501])
def test_without_version_listing_current_objects_are_listed(s3_proxy, client, status):
    bucket = s3_proxy.direct.bucket("Enabled")
    s3_proxy.direct.put(bucket, "d/k", b"x")
    s3_proxy.proxy.inject(Status(status=403), kind="get-bucket-versioning")
    s3_proxy.proxy.inject(Status(status=status), kind="list-versions")
    [entry] = client.log("d", f"s3://{bucket}/d/").entries()
    assert (entry.version_id, entry.etag is not None) == (None, True)


def test_a_missing_permission_is_named(s3_proxy, client):
    bucket = s3_proxy.direct.bucket("Enabled")
    s3_proxy.direct.put(bucket, "d/k", b"x")
    s3_proxy.proxy.inject(Status(status=403), kind="list-versions")
    s3_proxy.proxy.inject(Status(status=403), kind="list-objects-v2")
    with pytest.raises(landfast.AccessDenied, match="s3:ListBucket") as caught:
        client.log("d", f"s3://{bucket}/d/")
    assert isinstance(caught.value, PermissionError)


def test_a_server_that_ends_its_listing_early_is_found_out(s3_proxy, client, monkeypatch):
    """A full page that claims to be the last is probed."""
    pages_of(monkeypatch, 5)
    bucket = s3_proxy.direct.bucket("Enabled")
    for number in range(12):
        s3_proxy.direct.put(bucket, f"d/{number:02}", b"x")

    class CutShort:
        def early(self, request):
            return None

        def late(self, request, response):
            from dataclasses import replace

            body = response.body.replace(b"<IsTruncated>true", b"<IsTruncated>false")
            for name in (b"NextKeyMarker", b"NextVersionIdMarker"):
                start = body.find(b"<%s>" % name)
                if start >= 0:
                    end = body.find(b"</%s>" % name) + len(name) + 3
                    body = body[:start] + body[end:]
            headers = {**response.headers, "content-length": str(len(body))}
            return replace(response, body=body, headers=headers)

    s3_proxy.proxy.inject(CutShort(), kind="list-versions")
    assert len(client.log("d", f"s3://{bucket}/d/").manifest) == 12
