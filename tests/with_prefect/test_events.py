"""What Prefect is told of a change, when, and when not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import landfast
import pytest
from kit.servers.process import WITH_KIT
from kit.servers.scripted import Scripted
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect_landfast.events import announce, consumer_name, event_id


@pytest.fixture
def client(registry_url: str) -> Iterator[landfast.Client]:
    client = landfast.Client(project="vision")
    yield client
    client.close()


@pytest.fixture
def prefect(http_script: Scripted) -> Iterator[Scripted]:
    """What takes the events: a server that says 204, and remembers."""
    http_script.put("/api/events", etag=None)
    with temporary_settings({PREFECT_API_URL: f"{http_script.url}/api"}):
        yield http_script


def received(prefect: Scripted) -> list[dict[str, Any]]:
    posted = [request for request in prefect.requests if request.path == "/api/events"]
    return [event for request in posted for event in json.loads(request.body)]


def log(client: landfast.Client, text: str, **more: Any) -> landfast.ArtifactVersion:
    Path("flowers").mkdir(exist_ok=True)
    Path("flowers/a.txt").write_text(text)
    return client.log("flowers", Path("flowers").absolute(), **more)


def test_a_change_is_told_once_and_names_the_version(client, prefect) -> None:
    version = log(client, "one")
    assert announce(client, "flowers") == version.change
    assert announce(client, "flowers") is None
    (event,) = received(prefect)
    assert event["event"] == "landfast.artifact.changed"
    assert event["resource"]["prefect.resource.id"] == "landfast.artifact.default/vision/flowers"
    assert event["resource"]["landfast.version"] == "v0"
    payload = event["payload"]
    assert payload["ref"] == "default/vision/flowers:v0"
    assert (payload["digest"], payload["files"], payload["bytes"]) == (version.digest, 1, 3)
    assert (payload["kind"], payload["previous"], payload["schema"]) == ("created", None, 1)
    assert payload["uris"] == [Path("flowers").absolute().as_uri() + "/"]


def test_nothing_is_told_of_what_did_not_change(client, prefect) -> None:
    log(client, "one")
    announce(client, "flowers")
    log(client, "one")
    assert announce(client, "flowers") is None
    assert len(received(prefect)) == 1


def test_content_that_returns_is_told_with_its_old_version(client, prefect) -> None:
    for text in ("A", "B", "A"):
        log(client, text)
        announce(client, "flowers")
    events = received(prefect)
    assert [event["payload"]["version"] for event in events] == ["v0", "v1", "v0"]
    assert len({event["id"] for event in events}) == 3
    assert events[-1]["payload"]["kind"] == "returned"
    assert events[-1]["payload"]["previous"] == "default/vision/flowers:v1"


def test_changes_that_others_superseded_are_not_told(client, prefect) -> None:
    for text in ("one", "two", "three"):
        log(client, text)
    announce(client, "flowers")
    assert [event["payload"]["version"] for event in received(prefect)] == ["v2"]


def test_each_partition_is_told_of_by_itself(client, prefect) -> None:
    for key in ("2026-05-01", "2026/05"):
        version = log(client, "same", partition=key)
        announce(client, version.full_name)
    ids = [event["resource"]["prefect.resource.id"] for event in received(prefect)]
    flowers = "landfast.artifact.default/vision/flowers"
    assert ids == [f"{flowers}~2026-05-01", f"{flowers}~2026%2F05"]


def test_an_event_that_is_refused_is_sent_by_the_next_log_under_the_same_id(
    client, prefect
) -> None:
    prefect.change("/api/events", statuses=(400,))
    version = log(client, "one")
    with pytest.raises(landfast.Unavailable, match=r"flowers:v0.*log again"):
        announce(client, "flowers")
    again = log(client, "one")
    assert not again.changed
    assert announce(client, "flowers") is not None
    refused, taken = received(prefect)
    assert refused["id"] == taken["id"] == str(event_id(version.change))


def test_outside_a_run_nothing_is_sent_and_no_server_is_started(client, monkeypatch) -> None:
    def start(*command: object, **_: object) -> None:
        pytest.fail(f"a process was started: {command}")

    monkeypatch.setattr(subprocess, "Popen", start)
    log(client, "one")
    assert announce(client, "flowers") is None
    assert client.pending_announcement("flowers", consumer_name()) is not None


def test_two_prefects_are_told_each_for_itself(client, prefect, http_script) -> None:
    log(client, "one")
    announce(client, "flowers")
    http_script.put("/other/api/events", etag=None)
    with temporary_settings({PREFECT_API_URL: f"{http_script.url}/other/api"}):
        assert announce(client, "flowers") is not None


def test_an_event_holds_no_secret(client, prefect, http_script) -> None:
    page = http_script.put("/data.csv", b"1,2", query={"X-Amz-Signature": "s3cr3t"})
    client.log("flowers", f"{page}?X-Amz-Signature=s3cr3t")
    announce(client, "flowers")
    (event,) = received(prefect)
    assert "data.csv" in json.dumps(event)
    assert "s3cr3t" not in json.dumps(event)


def test_a_change_is_told_whenever_its_run_is_killed_and_tried_again(
    client, prefect, tmp_path: Path
) -> None:
    client.init_registry()  # its making is another test's
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").write_text("one")
    program = [sys.executable, Path(__file__).with_name("killed_logs.py"), tmp_path / "data"]
    env = {**os.environ, **WITH_KIT, "PREFECT_API_URL": f"{prefect.url}/api"}
    done = subprocess.run(program, env=env, capture_output=True, text=True, check=True)
    names = done.stdout.split()
    assert len(names) > 10, "too few moments to be killed at"
    told: dict[str, list[str]] = {name: [] for name in names}
    for event in received(prefect):
        told.get(event["payload"]["collection"], []).append(event["id"])
    assert all(told.values()), [name for name, ids in told.items() if not ids]
    assert all(len(set(ids)) == 1 for ids in told.values())
