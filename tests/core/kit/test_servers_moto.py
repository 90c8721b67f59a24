"""moto behind the `s3` fixture keeps versions as S3 does."""

import pytest
from botocore.exceptions import ClientError
from kit.servers.moto import moto


def test_an_overwritten_version_stays_readable(s3):
    bucket = s3.bucket(versioning="Enabled")
    first, second = s3.put(bucket, "key", b"one"), s3.put(bucket, "key", b"two")
    assert first != second
    read = s3.client.get_object(Bucket=bucket, Key="key", VersionId=first)
    assert read["Body"].read() == b"one"
    assert read["VersionId"] == first


def test_a_suspended_bucket_writes_the_null_version_over_itself(s3):
    bucket = s3.bucket(versioning="Suspended")
    assert {s3.put(bucket, "key", body) for body in (b"one", b"two!")} <= {None, "null"}
    versions = s3.client.list_object_versions(Bucket=bucket)["Versions"]
    assert [(v["VersionId"], v["Size"]) for v in versions] == [("null", 4)]


def test_a_bucket_without_versioning_gives_no_version_id(s3):
    bucket = s3.bucket()
    assert s3.put(bucket, "key", b"one") is None
    assert "Status" not in s3.client.get_bucket_versioning(Bucket=bucket)


def test_reset_forgets_everything(s3):
    bucket = s3.bucket()
    s3.reset()
    with pytest.raises(ClientError, match="404"):
        s3.client.head_bucket(Bucket=bucket)


def test_the_environment_points_any_client_at_the_server(s3):
    import boto3

    bucket = s3.bucket()
    assert [b["Name"] for b in boto3.client("s3").list_buckets()["Buckets"]] == [bucket]


def test_servers_are_apart_from_each_other(s3):
    s3.bucket()
    with moto() as other:
        assert other.url != s3.url
        assert other.client.list_buckets()["Buckets"] == []


def test_keys_do_not_show_in_the_repr(s3):
    assert s3.secret_key not in repr(s3)
