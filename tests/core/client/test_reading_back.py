"""Reading back: the recorded bytes, or a loud error; never other bytes under the old name."""

from __future__ import annotations

from pathlib import Path

import landfast
import pytest
from landfast import Client


@pytest.fixture
def client() -> Client:
    return Client(project="vision")


@pytest.fixture
def fresh(client: Client, tmp_path: Path) -> Client:
    """A client with an empty cache."""
    from dataclasses import replace

    return Client(settings=replace(client.settings, cache_dir=tmp_path / "empty-cache"))


def got(client: Client, name: str, root: str) -> dict[str, bytes]:
    folder = Path(client.download(name, root).root)
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.relative_to(folder).parts[0].startswith(".landfast")
    }


class TestVersionedBucket:
    @pytest.fixture
    def bucket(self, s3) -> str:
        name = s3.bucket("Enabled")
        s3.put(name, "d/k", b"recorded")
        return name

    def test_overwritten_gives_the_recorded_bytes(self, s3, client, bucket):
        client.log("d", f"s3://{bucket}/d/")
        s3.put(bucket, "d/k", b"OVERWRIT")
        assert got(client, "d:v0", "a") == {"k": b"recorded"}

    def test_deleted_gives_the_recorded_bytes(self, s3, client, bucket):
        client.log("d", f"s3://{bucket}/d/")
        s3.client.delete_object(Bucket=bucket, Key="d/k")
        assert got(client, "d:v0", "a") == {"k": b"recorded"}

    def test_permanently_deleted_is_not_found_by_version(self, s3, client, bucket):
        [entry] = client.log("d", f"s3://{bucket}/d/").entries()
        s3.put(bucket, "d/k", b"other")
        s3.client.delete_object(Bucket=bucket, Key="d/k", VersionId=entry.version_id)
        with pytest.raises(landfast.NotFound, match=entry.version_id):
            client.download("d:v0", "a")
        assert not Path("a/k").exists()

    def test_a_refreshed_pin_is_used_when_the_old_version_is_gone(self, s3, client, bucket):
        [old] = client.log("d", f"s3://{bucket}/d/").entries()
        renewed = s3.put(bucket, "d/k", b"recorded")
        again = client.log("d", f"s3://{bucket}/d/")
        assert not again.created
        assert not again.changed
        s3.client.delete_object(Bucket=bucket, Key="d/k", VersionId=old.version_id)
        assert got(client, "d:v0", "a") == {"k": b"recorded"}
        assert client.diff("d:v0", "d:v0").is_empty
        s3.client.delete_object(Bucket=bucket, Key="d/k", VersionId=renewed)

    def test_without_tokens_a_same_size_overwrite_is_a_new_version(self, s3, client, fresh, bucket):
        client.log("d", f"s3://{bucket}/d/", checksum=False)
        s3.put(bucket, "d/k", b"RECORDED")
        second = client.log("d", f"s3://{bucket}/d/", checksum=False)
        assert second.created
        assert got(fresh, "vision/d:v0", "a") == {"k": b"recorded"}
        assert got(fresh, "vision/d:v1", "b") == {"k": b"RECORDED"}

    def test_another_endpoint_is_refused(self, s3, client, bucket, monkeypatch):
        client.log("d", f"s3://{bucket}/d/")
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3.url.replace("127.0.0.1", "localhost"))
        elsewhere = Client(project="vision")
        with pytest.raises(landfast.Conflict, match="endpoint"):
            elsewhere.download("d:v0", "a")
        assert elsewhere.download("d:v0", "b", any_endpoint=True).files == 1


class TestPlainBucket:
    @pytest.fixture(params=[None, "Suspended"])
    def bucket(self, s3, request) -> str:
        name = s3.bucket(request.param)
        s3.put(name, "d/k", b"recorded")
        return name

    def test_overwritten_is_object_changed(self, s3, client, bucket):
        client.log("d", f"s3://{bucket}/d/")
        s3.put(bucket, "d/k", b"OVERWRIT")
        with pytest.raises(landfast.ObjectChanged, match="d/k"):
            client.download("d:v0", "a")
        assert not Path("a/k").exists()

    def test_overwritten_after_a_download_comes_from_the_cache(self, s3, client, bucket):
        client.log("d", f"s3://{bucket}/d/")
        client.download("d:v0", "a")
        s3.put(bucket, "d/k", b"OVERWRIT")
        assert got(client, "d:v0", "b") == {"k": b"recorded"}

    def test_deleted_is_not_found_or_reported(self, s3, client, bucket):
        s3.put(bucket, "d/stays", b"stays")
        client.log("d", f"s3://{bucket}/d/")
        s3.client.delete_object(Bucket=bucket, Key="d/k")
        with pytest.raises(landfast.NotFound):
            client.download("d:v0", "a")
        report = client.download("d:v0", "b", allow_missing=True)
        assert [missing.path for missing in report.missing] == ["k"]
        assert Path("b/stays").read_bytes() == b"stays"

    def test_without_tokens_a_same_size_overwrite_never_comes_under_the_old_name(
        self, s3, client, fresh, bucket
    ):
        client.log("d", f"s3://{bucket}/d/", checksum=False)
        s3.put(bucket, "d/k", b"OVERWRIT")
        client.log("d", f"s3://{bucket}/d/", checksum=False)
        with pytest.raises(landfast.ObjectChanged):
            fresh.download("vision/d:v0", "a")


class TestHttp:
    def test_without_any_validator_the_body_is_hashed(self, http_script, client):
        http_script.put("/f", b"recorded", etag=None)
        [entry] = client.log("d", f"{http_script.url}/f").entries()
        assert entry.checksum.algorithm == "sha256"
        http_script.put("/f", b"OVERWRIT", etag=None)
        with pytest.raises(landfast.ObjectChanged):
            client.download("d:v0", "a")

    def test_an_etag_that_lies_never_refreshes_a_pin(self, http_script, client, fresh):
        http_script.put("/f", b"recorded", etag='"same"')
        client.log("d", f"{http_script.url}/f", checksum="sha256")
        http_script.put("/f", b"OVERWRIT", etag='"same"')
        second = client.log("d", f"{http_script.url}/f", checksum="sha256")
        assert second.created
        with pytest.raises(landfast.ObjectChanged):
            fresh.download("vision/d:v0", "a")


class TestFiles:
    def test_overwritten_is_object_changed(self, client, tmp_path):
        (tmp_path / "d").mkdir()
        (tmp_path / "d/f").write_bytes(b"recorded")
        client.log("d", tmp_path / "d")
        (tmp_path / "d/f").write_bytes(b"OVERWRIT")
        with pytest.raises(landfast.ObjectChanged, match="d/f"):
            client.download("d:v0", "a")

    def test_in_place_is_verified(self, client, tmp_path):
        (tmp_path / "d").mkdir()
        (tmp_path / "d/f").write_bytes(b"recorded")
        version = client.log("d", tmp_path / "d")
        assert version.path("f").read_bytes() == b"recorded"
        assert version.path() == tmp_path / "d"
        (tmp_path / "d/f").write_bytes(b"changed!")
        for ask in ("f", ""):
            with pytest.raises(landfast.ObjectChanged):
                version.path(ask)

    def test_keys_that_collide_are_named_before_a_byte_is_written(self, s3, client):
        bucket = s3.bucket("Enabled")
        for key in ("a", "a/b", "x//y", "x/y"):
            s3.put(bucket, f"d/{key}", b"x")
        client.log("d", f"s3://{bucket}/d/")
        with pytest.raises(landfast.InvalidInput) as caught:
            client.download("d:v0", "out")
        assert all(repr(key) in str(caught.value) for key in ("a", "a/b", "x//y"))
        assert not Path("out").exists() or not any(
            p for p in Path("out").iterdir() if p.name != ".landfast"
        )
