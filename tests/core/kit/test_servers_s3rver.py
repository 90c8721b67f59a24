"""s3rver lies about versions; the negative tests stand on that lie."""

import pytest
from kit.servers.process import ServerMissing
from kit.servers.s3rver import TOOLS, s3rver, tools_folder


def test_it_answers_any_version_id_with_the_latest_bytes(s3rver_server):
    bucket = s3rver_server.bucket()
    assert s3rver_server.put(bucket, "key", b"one") is None
    s3rver_server.put(bucket, "key", b"two")
    reply = s3rver_server.client.get_object(Bucket=bucket, Key="key", VersionId="made-up")
    assert reply["Body"].read() == b"two"
    assert "VersionId" not in reply


def test_tools_go_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv(TOOLS, str(tmp_path))
    assert tools_folder() == tmp_path


def test_a_failed_installation_is_told_and_tried_again(monkeypatch, tmp_path):
    monkeypatch.setenv(TOOLS, str(tmp_path))
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    for _ in range(2):
        with pytest.raises(ServerMissing, match="ECONNREFUSED"), s3rver():
            pytest.fail("it started without being installed")
