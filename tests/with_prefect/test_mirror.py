"""Changes that others logged reach Prefect: each once, in whatever order the mirror is run and killed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import landfast
import pytest
from landfast.testing.servers.scripted import Scripted
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect_landfast.events import announce
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
    with temporary_settings({PREFECT_API_URL: f"{http_script.url}/api"}):
        yield http_script


def told(prefect: Scripted) -> list[str]:
    posted = [request for request in prefect.requests if request.path == "/api/events"]
    return [event["payload"]["ref"] for request in posted for event in json.loads(request.body)]


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


def test_superseded_changes_are_not_told(client, other, prefect) -> None:
    for text in ("one", "two", "three"):
        log(other, "flowers", text)
    assert mirror(client) == (1, 3)
    assert told(prefect) == ["default/vision/flowers:v2"]


def test_content_that_returns_between_two_looks_is_no_news_and_seen_between_them_is(
    client, other, prefect
) -> None:
    for text in ("A", "B", "A"):
        log(other, "flowers", text)
        mirror(client)
    log(other, "flowers", "B")
    log(other, "flowers", "A")
    assert mirror(client) == (0, 5)
    assert [ref.rpartition(":")[2] for ref in told(prefect)] == ["v0", "v1", "v0"]


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


def test_an_empty_registry_has_nothing_to_tell(client, prefect) -> None:
    assert mirror(client) == (0, 0)
    assert told(prefect) == []
