"""Access points, directory buckets, and other spellings of `s3://`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from urllib.parse import quote
from urllib.request import Request as UrlRequest
from urllib.request import urlopen
from xml.etree import ElementTree as ET

import landfast
import pytest
from kit.servers.exchange import Request, Response
from kit.servers.faults import Status
from landfast import Client
from landfast.model.location import Location
from landfast.stores import pager
from landfast.stores.s3.permissions import minimal_permissions
from landfast.upkeep.doctor import doctor

ARN = "arn:aws:s3:us-east-1:123456789012:accesspoint/ours"


@pytest.fixture
def notes() -> list[str]:
    return []


@pytest.fixture
def client(notes) -> Client:
    return Client(project="vision", note=notes.append)


def paths(version) -> list[str]:
    return [entry.path for entry in version.entries()]


# -- access points ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arn",
    [
        ARN,
        "arn:aws-cn:s3:cn-north-1:123456789012:accesspoint:ours",
        "arn:aws:s3::123456789012:accesspoint/mfzwi23gnjvgw.mrap",
        "arn:aws:s3-object-lambda:us-east-1:123456789012:accesspoint/ours",
        "arn:aws:s3-outposts:us-east-1:123456789012:outpost/op-1/accesspoint/ours",
        "arn:aws:s3-outposts:us-east-1:123456789012:outpost:op-1:accesspoint:ours",
    ],
)
@pytest.mark.parametrize("key", ["", "data/", "data/a b#1", "arn:aws:s3:x"])
def test_mend_17_the_arn_of_an_access_point_stands_for_a_bucket(arn, key):
    place = Location.parse(f"s3://{arn}/{key}")
    assert (place.authority, place.key) == (arn, key)
    assert Location.parse(place.uri) == place
    assert Location.parse(f"s3://{arn}/k?versionId=x").version_id == "x"
    assert Location.parse(f"s3://{arn}").is_folder


@pytest.mark.parametrize("uri", [f"s3://{ARN[:-5]}", "s3://arn:aws:s3:::bucket/key"])
def test_mend_17_an_arn_that_names_no_access_point_is_refused(uri):
    with pytest.raises(landfast.InvalidInput, match="accesspoint/NAME"):
        Location.parse(uri)


def test_mend_17_permissions_of_an_access_point_name_it():
    policy = minimal_permissions(Location.parse(f"s3://{ARN}/d/")).policy
    assert [statement["Resource"] for statement in policy["Statement"]] == [
        ARN,
        ARN,
        f"{ARN}/object/d/*",
    ]


def test_mend_17_data_is_recorded_and_read_through_an_access_point(s3, tmp_path):
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "data/a b", b"one")
    s3.put(bucket, "data/c", b"two")

    def through_the_access_point():
        """AWS has a host for each access point; here that host is a bucket of the server."""
        from landfast.clouds.s3_client import S3Options, make_client

        made = make_client(S3Options(), None)

        def lead(request, **_):
            host, _, path = request.url.partition("://")[2].partition("/")
            assert host.startswith("ours-123456789012.")
            del request.headers["Host"]
            request.headers["Host"] = s3.url.partition("://")[2]
            request.url = f"{s3.url}/{bucket}" + (path if path.startswith("?") else f"/{path}")

        made.meta.events.register("before-send.s3", lead)
        return made

    client = Client(project="vision", clients={f"s3://{ARN}/": through_the_access_point})
    version = client.log("d", f"s3://{ARN}/data/")
    assert [(e.path, e.uri) for e in version.entries()] == [
        ("a b", f"s3://{ARN}/data/a b"),
        ("c", f"s3://{ARN}/data/c"),
    ]
    assert version.is_restorable
    s3.put(bucket, "data/c", b"later")
    version.download("out")
    assert Path("out/c").read_bytes() == b"two"
    assert client.verify(version).counts[landfast.Verdict.OVERWRITTEN] == 1
    assert client.log("one", f"s3://{ARN}/data/c").file_count == 1


# -- directory buckets ------------------------------------------------------------------------

ZONAL = "data--use1-az4--x-s3"


class DirectoryBucket:
    """Turns a bucket of moto into a directory bucket: sessions, no order, no versions, whole folders only."""

    def early(self, request: Request) -> Response | None:
        query = request.query
        if "session" in query:
            body = (
                b"<CreateSessionResult><Credentials><SessionToken>t</SessionToken>"
                b"<SecretAccessKey>s</SecretAccessKey><AccessKeyId>AKIATEST</AccessKeyId>"
                b"<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></CreateSessionResult>"
            )
            return Response(status=200, headers={"content-length": str(len(body))}, body=body)
        if {"versions", "versioning", "versionId"} & set(query) or "start-after" in query:
            return Status(status=501).early(request)
        if not query.get("prefix", "").endswith("/") and query.get("prefix"):
            return Status(status=400, code="InvalidArgument").early(request)
        return None

    def late(self, request: Request, response: Response) -> Response:
        if request.kind != "list-objects-v2" or response.status != 200:
            return response
        page = ET.fromstring(response.body)
        rows = [element for element in page if element.tag.endswith("Contents")]
        for row in rows:
            page.remove(row)
        page.extend(reversed(rows))
        body = ET.tostring(page)
        headers = {**response.headers, "content-length": str(len(body))}
        return replace(response, headers=headers, body=body)


KEYS = [f"d/{name}" for name in ("a", "a/b", "a-1", "é", "z", "sub/x", "sub/y")]


@pytest.fixture
def zonal(s3_proxy, monkeypatch) -> str:
    from landfast.stores.s3 import request as s3_request

    monkeypatch.setattr(s3_request, "PAGE_SIZE", 3)
    put(s3_proxy, "", b"")
    for key in KEYS:
        put(s3_proxy, key, key.encode())
    s3_proxy.proxy.inject(DirectoryBucket())
    return f"s3://{ZONAL}/d"


def put(server, key: str, body: bytes) -> None:
    """Write past boto3, which would ask for a session first."""
    url = f"{server.direct.url}/{ZONAL}" + (f"/{quote(key)}" if key else "")
    with urlopen(
        UrlRequest(url, body, {"Content-Type": "application/octet-stream"}, method="PUT")
    ) as reply:
        assert reply.status == 200


BELOW = sorted((key[2:] for key in KEYS), key=str.encode)


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize("slash", ["", "/"])
def test_mend_17_a_directory_bucket_is_recorded_in_order(client, notes, zonal, shards, slash):
    version = client.log("d", zonal + slash, shards=shards)
    assert paths(version) == BELOW
    assert not version.is_restorable
    assert not any("put-bucket-versioning" in note for note in notes)
    assert not client.log("d", zonal + slash).changed


def test_mend_17_objects_of_a_directory_bucket_are_found_and_verified(s3_proxy, client, zonal):
    one = client.log("one", f"{zonal}/z")
    assert paths(one) == ["z"]
    with pytest.raises(landfast.InvalidInput, match="an object and a folder"):
        client.log("both", f"{zonal}/a")
    with pytest.raises(landfast.NotFound):
        client.log("none", f"{zonal}/nothing")
    version = client.log("d", f"{zonal}/")
    assert client.verify(one).ok
    assert client.verify(version).ok
    version.download("out", exclude=["a"])
    assert Path("out/sub/x").read_bytes() == b"d/sub/x"
    s3_proxy.client.put_object(Bucket=ZONAL, Key="d/z", Body=b"changed")
    assert client.verify(version).counts[landfast.Verdict.CHANGED] == 1
    assert client.verify(one).counts[landfast.Verdict.CHANGED] == 1
    report = doctor(f"{zonal}/", client.context.stores)
    assert report.ok, report.to_dict()


def test_mend_17_folders_of_a_directory_bucket_are_scanned_together(client, zonal, tmp_path):
    references = [landfast.Reference(f"{zonal}/{name}/") for name in ("sub", "a")]
    scans = client.scan_folders(tmp_path, references)
    found = [[e.path for e in client.open_scan(scan).entries()] for scan in scans]
    assert found == [["x", "y"], ["b"]]


def test_mend_17_what_would_be_sorted_in_memory_is_bounded(client, zonal, monkeypatch):
    monkeypatch.setattr(pager, "_MOST_SORTED", 5)
    with pytest.raises(landfast.LimitExceeded, match="without an order"):
        client.log("d", f"{zonal}/")


# -- what a checksum costs --------------------------------------------------------------------


def test_mend_17_a_checksum_of_http_says_that_it_reads_the_bytes(client, notes, http_script):
    url = http_script.put("/big.bin", b"x" * 2_000_000, etag="weak")
    client.log("d", url, checksum="sha256")
    assert any(f"reads (GET) and hashes all 2,000,000 bytes of {url}" in note for note in notes)
    assert not any("HEAD" in note for note in notes)


def test_mend_17_a_checksum_of_http_is_told_where_the_size_is_not_known(client, notes, http_script):
    url = http_script.put("/big.bin", b"x" * 2_000, length=False, head=405, ranges=False)
    client.log("d", url, checksum="sha256")
    assert any(f"hashes every byte of {url}" in note for note in notes)


def test_mend_17_a_checksum_of_fsspec_says_that_it_reads_the_bytes(client, notes):
    import fsspec

    fsspec.filesystem("memory").pipe("/mend17/d/k", b"x")
    client.log("d", "memory://mend17/d/", checksum="sha256")
    assert any("reads (GET) and hashes every byte" in note for note in notes)


def test_mend_17_a_checksum_that_the_provider_keeps_costs_a_head(s3, client, notes):
    bucket = s3.bucket()
    s3.client.put_object(Bucket=bucket, Key="d/k", Body=b"x", ChecksumAlgorithm="SHA256")
    client.log("d", f"s3://{bucket}/d/", checksum="sha256")
    assert any("sends one HEAD request for every changed object" in note for note in notes)


# -- other spellings --------------------------------------------------------------------------


def test_mend_17_s3a_and_s3n_say_write_s3(client):
    for scheme in ("s3a", "s3n"):
        with pytest.raises(landfast.InvalidInput, match=r"Write s3://"):
            client.log("d", f"{scheme}://bucket/d/")
        assert "Write s3://" in str(
            doctor(f"{scheme}://bucket/d/", client.context.stores).to_dict()
        )


def test_mend_17_a_store_of_ones_own_may_be_called_s3a(s3, notes):
    from landfast.stores.s3 import S3Store

    client = Client(project="vision", stores={"s3a": S3Store})
    assert client.context.stores.at(Location.parse("s3a://bucket/d/"))
