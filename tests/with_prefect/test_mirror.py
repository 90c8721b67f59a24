"""Changes that others logged reach Prefect: each once, in whatever order the mirror is run and killed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import landfast
import pytest
from kit.servers.scripted import Scripted
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect_landfast.events import announce
from prefect_landfast.flows import verify_aliases
from prefect_landfast.mirror import mirror


@pytest.fixture
def client(registry_url: str) -> Iterator[landfast.Client]:
    client = landfast.Client(project="vision")
    yield client
    client.close()


@pytest.fixture
def other(registry_url: str) -> Iterator[landfast.Client]:
    """Somebody else's client: what it logs is not of this run."""
    client = landfast.Client(project="vision")
    yield client
    client.close()


@pytest.fixture
def prefect(http_script: Scripted) -> Iterator[Scripted]:
    http_script.put("/api/events", etag=None)
    http_script.put("/api/events/filter", b'{"events": []}', etag=None)
    with temporary_settings({PREFECT_API_URL: f"{http_script.url}/api"}):
        yield http_script


def told(prefect: Scripted) -> list[str]:
    posted = [request for request in prefect.requests if request.path == "/api/events"]
    return [event["payload"]["ref"] for request in posted for event in json.loads(request.body)]


def remember(prefect: Scripted) -> None:
    """Let Prefect know the events that it was sent."""
    posted = [request for request in prefect.requests if request.path == "/api/events"]
    events = [event for request in posted for event in json.loads(request.body)]
    prefect.change("/api/events/filter", body=json.dumps({"events": events}).encode())


def log(client: landfast.Client, name: str, text: str, **more: Any) -> landfast.ArtifactVersion:
    path = Path(f"{name}.txt").absolute()
    path.write_text(text)
    return client.log(name, path, **more)


def test_each_change_that_others_logged_is_told_once(client, other, prefect) -> None:
    log(other, "flowers", "one")
    log(other, "labels", "one", aliases=["prod"])
    assert mirror(client)[0] == 2
    assert mirror(client)[0] == 0
    log(other, "flowers", "two")
    assert mirror(client) == (1, 4)
    assert told(prefect) == [
        "default/vision/flowers:v0",
        "default/vision/labels:v0",
        "default/vision/flowers:v1",
    ]


def test_what_a_run_has_told_is_not_told_again(client, other, prefect) -> None:
    log(other, "flowers", "one")
    announce(client, "flowers")
    assert mirror(client) == (0, 1)
    assert len(told(prefect)) == 1


def test_what_a_run_told_after_others_logged_does_not_hide_theirs(client, other, prefect) -> None:
    log(other, "flowers", "one")
    log(other, "labels", "one")
    announce(client, "labels")
    assert mirror(client)[0] == 1
    assert told(prefect) == ["default/vision/labels:v0", "default/vision/flowers:v0"]


def test_mend_30_the_mirror_tells_every_change_in_order(client, other, prefect) -> None:
    for text in ("A", "B", "C", "B", "A"):
        log(other, "flowers", text)
    assert mirror(client) == (5, 5)
    assert [ref.rpartition(":")[2] for ref in told(prefect)] == ["v0", "v1", "v2", "v1", "v0"]
    assert mirror(client) == (0, 5)


def test_mend_30_content_that_left_and_returned_between_two_looks_is_two_changes(
    client, other, prefect
) -> None:
    log(other, "flowers", "A")
    mirror(client)
    log(other, "flowers", "B")
    log(other, "flowers", "A")
    assert mirror(client) == (2, 3)
    assert [ref.rpartition(":")[2] for ref in told(prefect)] == ["v0", "v1", "v0"]


def test_mend_30_the_mirror_tells_what_runs_have_passed_over(client, other, prefect) -> None:
    log(other, "flowers", "A")
    log(other, "flowers", "B")
    announce(client, "flowers")  # a run, which tells what still stands
    remember(prefect)
    assert mirror(client) == (1, 2)
    assert [ref.rpartition(":")[2] for ref in told(prefect)] == ["v1", "v0"]


def test_mend_30_what_several_runs_have_told_is_not_told_again(client, other, prefect) -> None:
    for text in ("A", "B", "C"):
        log(other, "flowers", text)
        announce(client, "flowers")
    remember(prefect)
    assert mirror(client) == (0, 3)


def test_mend_30_a_change_to_a_version_that_was_deleted_since_is_told(
    client, other, prefect
) -> None:
    log(other, "flowers", "A")
    log(other, "flowers", "B")
    other.delete("flowers:v0")
    assert mirror(client) == (2, 2)
    assert [ref.rpartition(":")[2] for ref in told(prefect)] == ["v0", "v1"]


def test_mend_30_more_changes_than_one_page_are_told(client, other, prefect) -> None:
    for number in range(60):
        log(other, "flowers", f"{number % 2}")
    assert mirror(client) == (60, 60)
    assert len(told(prefect)) == 60


def test_a_mirror_that_could_not_tell_goes_on_there(client, other, prefect) -> None:
    log(other, "flowers", "one")
    log(other, "labels", "one")
    prefect.change("/api/events", statuses=(204, 400))
    with pytest.raises(landfast.Unavailable):
        mirror(client)
    assert mirror(client) == (1, 2)
    assert told(prefect)[-1] == "default/vision/labels:v0"


def test_a_mirror_may_begin_with_what_comes_after_it(client, other, prefect) -> None:
    log(other, "flowers", "one")
    assert mirror(client, history=False) == (0, 1)
    log(other, "flowers", "two")
    assert mirror(client, history=False) == (1, 2)


def test_a_changed_verdict_is_an_event_of_its_own(client, other, prefect) -> None:
    log(other, "flowers", "one")
    Path("flowers.txt").write_text("two")
    for expected in (2, 0):
        other.verify_aliases("flowers")
        assert mirror(client)[0] == expected
    posted = [request for request in prefect.requests if request.path == "/api/events"]
    moved, verdict = (event for request in posted for event in json.loads(request.body))
    assert (moved["event"], verdict["event"]) == (
        "landfast.artifact.changed",
        "landfast.artifact.verdict",
    )
    assert verdict["resource"]["prefect.resource.id"] == "landfast.artifact.default/vision/flowers"
    assert verdict["resource"]["landfast.verdict"] == "changed"
    said = verdict["payload"]
    assert (said["name"], said["verdict"], said["previous_verdict"], said["summary"]) == (
        "default/vision/flowers:v0",
        "changed",
        "intact",
        "1 changed",
    )


def test_a_flow_that_verifies_tells_at_once_and_the_mirror_does_not_again(
    client, other, prefect, monkeypatch
) -> None:
    monkeypatch.setenv("LANDFAST_PROJECT", "vision")
    log(other, "flowers", "one")
    mirror(client)
    Path("flowers.txt").write_text("two")
    with pytest.raises(landfast.ObjectChanged, match=r"what flowers:latest names"):
        verify_aliases.fn("flowers", aliases=["latest"])
    done = verify_aliases.fn("flowers", aliases=["latest"], fail_on="never")
    assert done.message == "flowers:latest: 0 of 1 intact, 0 changed"
    posted = [request for request in prefect.requests if request.path == "/api/events"]
    events = [event for request in posted for event in json.loads(request.body)]
    verdicts = [event for event in events if event["event"] == "landfast.artifact.verdict"]
    assert [event["payload"]["verdict"] for event in verdicts] == ["changed"]
    remember(prefect)
    assert mirror(client)[0] == 0


def test_an_empty_registry_has_nothing_to_tell(client, prefect) -> None:
    assert mirror(client) == (0, 0)
    assert told(prefect) == []
