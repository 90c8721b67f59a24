"""Ceph's radosgw checks signatures and counts what it is asked."""

import pytest
from botocore.exceptions import ClientError
from kit.servers.proxy import proxy
from kit.servers.s3 import S3Server

pytestmark = pytest.mark.system


def test_versions_are_kept(radosgw):
    bucket = radosgw.bucket(versioning="Enabled")
    first, second = radosgw.put(bucket, "key", b"one"), radosgw.put(bucket, "key", b"two")
    assert first != second
    read = radosgw.client.get_object(Bucket=bucket, Key="key", VersionId=first)
    assert (read["Body"].read(), read["VersionId"]) == (b"one", first)


def test_requests_are_counted_by_the_server_itself(radosgw):
    bucket = radosgw.bucket()
    for key in ("a", "b", "c"):
        radosgw.put(bucket, key, b"")
    pages = radosgw.client.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, PaginationConfig={"PageSize": 2}
    )
    assert [o["Key"] for page in pages for o in page["Contents"]] == ["a", "b", "c"]
    assert radosgw.counts(bucket) == {"create-bucket": 1, "put-object": 3, "list-objects-v2": 2}


def test_a_wrong_key_is_refused(radosgw):
    wrong = S3Server(url=radosgw.url, access_key=radosgw.access_key, secret_key="wrong")
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        wrong.client.list_buckets()


def test_signatures_survive_the_proxy_with_any_key(radosgw):
    with proxy(radosgw.url) as front:
        server = S3Server(
            url=front.url,
            access_key=radosgw.access_key,
            secret_key=radosgw.secret_key,
            region=radosgw.region,
        )
        bucket = server.bucket()
        keys = ["a//b", "a b", "ü?#%20+&=", "~*'()", "x" * 300]
        for key in keys:
            server.put(bucket, key, key.encode())
            assert server.client.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
        reply = server.client.list_objects_v2(Bucket=bucket)
        assert sorted(o["Key"] for o in reply["Contents"]) == sorted(keys)
        assert front.counts["put-object"] == front.counts["get-object"] == len(keys)
