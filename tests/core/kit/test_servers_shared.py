"""Parallel processes share one server; it ends with the last of them, however that ends."""

import subprocess
import sys
import time
from urllib.parse import urlsplit

import pytest
from kit.servers.moto import moto
from kit.servers.process import ServerMissing, answers
from kit.servers.radosgw import radosgw
from kit.servers.shared import shared

USER = """
import sys
from pathlib import Path
from kit.servers.moto import moto
from kit.servers.shared import shared

with shared(moto, Path(sys.argv[1])) as server:
    print(server.url, flush=True)
    sys.stdin.read()
"""


def start_user(folder):
    return subprocess.Popen(
        [sys.executable, "-c", USER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def ends(url: str) -> bool:
    deadline = time.monotonic() + 60
    while answers(urlsplit(url).port) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not answers(urlsplit(url).port)


def test_processes_that_start_together_get_one_server_and_the_last_to_go_ends_it(tmp_path):
    with start_user(tmp_path) as first, start_user(tmp_path) as second:
        url = first.stdout.readline().strip()
        assert second.stdout.readline().strip() == url
        first.kill()
        first.wait()
        time.sleep(0.3)
        assert answers(urlsplit(url).port)
        second.kill()
        second.wait()
        assert ends(url)


def test_a_server_that_was_shared_holds_the_same_things_for_all(tmp_path):
    with shared(moto, tmp_path) as one, shared(moto, tmp_path) as other:
        bucket = one.bucket()
        assert [b["Name"] for b in other.client.list_buckets()["Buckets"]] == [bucket]
        assert type(other) is type(one)
    assert ends(one.url)


def test_a_server_that_is_missing_is_told_to_every_user(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    for _ in range(2):
        with (
            pytest.raises(ServerMissing, match=r"apt-get install .*radosgw"),
            shared(radosgw, tmp_path / "shared"),
        ):
            pytest.fail("a missing server started")
