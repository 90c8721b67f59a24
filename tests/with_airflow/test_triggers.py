"""Triggers run as the triggerer runs them: what they tell, what they keep, what they store."""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import landfast
import pytest
from airflow.triggers.base import BaseEventTrigger, BaseTrigger
from kit.servers.process import free_port
from landfast_provider import artifact_asset, artifact_verdict
from landfast_provider.events import consumer, version_of_event
from landfast_provider.run_key import SYSTEM, deployment
from landfast_provider.triggers import (
    LandfastArtifactTrigger,
    LandfastPrefixTrigger,
    LandfastVerdictTrigger,
    LandfastVersionTrigger,
)
from landfast_provider.triggers.landfast import artifact_watcher
from landfast_provider.triggers.patience import PatientClient

TOLD_S = 60
"""Seconds that a trigger has, on a slow machine, to tell what is there."""

Log = Callable[..., landfast.ArtifactVersion]


@pytest.fixture
def client(registry: str) -> landfast.Client:
    return landfast.Client(registry)


@pytest.fixture
def log(client: landfast.Client, tmp_path: Path) -> Log:
    """Log a text under a name."""

    def log(text: str, name: str = "nlp/corpus", **options: Any) -> landfast.ArtifactVersion:
        (tmp_path / "a.txt").write_text(text)
        return client.log(name, tmp_path / "a.txt", **options)

    return log


class Running:
    """A trigger at work."""

    def __init__(self, trigger: BaseTrigger) -> None:
        self._events = trigger.run()
        self._next: asyncio.Task[Any] | None = None

    async def told(self) -> dict[str, Any]:
        """Wait for the next event and return what it says."""
        task, self._next = self._next or asyncio.ensure_future(anext(self._events)), None
        return dict((await asyncio.wait_for(task, TOLD_S)).payload)

    async def silent(self, looks_s: float = 0.5) -> None:
        """Let it look a few times, and expect no event."""
        self._next = self._next or asyncio.ensure_future(anext(self._events))
        await asyncio.sleep(looks_s)
        assert not self._next.done(), self._next

    async def stop(self) -> None:
        """Cancel it, as a triggerer that ends does."""
        if self._next is not None:
            self._next.cancel()
            await asyncio.gather(self._next, return_exceptions=True)
        await self._events.aclose()


def watch(artifact: str = "nlp/corpus") -> LandfastArtifactTrigger:
    return LandfastArtifactTrigger(artifact=artifact, poll_interval=0.05)


def follow(story: Callable[[Running], Awaitable[None]], trigger: BaseTrigger | None = None) -> None:
    """Run a trigger while a story happens."""

    async def both() -> None:
        running = Running(trigger or watch())
        try:
            await story(running)
        finally:
            await running.stop()

    asyncio.run(both())


def test_a_watcher_tells_each_change_of_content_and_nothing_else(log: Log) -> None:
    async def story(running: Running) -> None:
        await running.silent()
        for text, version in [("A", "v0"), ("B", "v1"), ("A", "v0")]:
            log(text)
            assert (await running.told())["version"] == version
            log(text)
            await running.silent()

    follow(story)


def test_an_event_says_what_was_recorded(log: Log) -> None:
    async def story(running: Running) -> None:
        version = log("A")
        assert version.change is not None
        told = await running.told()
        assert told == version.facts(version.change)
        assert (told["name"], told["files"], told["bytes"]) == ("default/nlp/corpus:v0", 1, 1)
        assert told["change"] == version.change.id

    follow(story)


def test_a_consumer_understands_what_a_watcher_tells(log: Log) -> None:
    class Event:
        extra: dict[str, Any]

    async def story(running: Running) -> None:
        version = log("A")
        Event.extra = {"from_trigger": True, "payload": await running.told()}
        assert version_of_event(Event) == version.full_name

    follow(story)


def test_a_watcher_goes_on_where_the_last_one_stopped(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("landfast_provider.triggers.landfast._STORED_S", 0)

    async def first(running: Running) -> None:
        log("A")
        assert (await running.told())["version"] == "v0"
        await running.silent()

    async def second(running: Running) -> None:
        await running.silent()
        log("B")
        assert (await running.told())["version"] == "v1"
        await running.silent()

    async def third(running: Running) -> None:
        # Also what was superseded while nobody looked.
        assert [(await running.told())["version"] for _ in range(2)] == ["v2", "v3"]
        await running.silent()

    follow(first)
    follow(second)
    log("C")
    log("D")
    follow(third)


def test_mend_30_a_watcher_tells_every_change_in_order(log: Log, client: landfast.Client) -> None:
    log("A")
    client.mark_announced(consumer(artifact_asset("nlp/corpus")), next(client.changes()))
    for text in ("B", "C", "B", "A"):
        log(text, aliases=["prod"])
    client.delete("nlp/corpus:v2", delete_aliases=True)

    async def story(running: Running) -> None:
        told = [(await running.told())["version"] for _ in range(4)]
        assert told == ["v1", "v2", "v1", "v0"]
        await running.silent()

    follow(story)


def test_mend_30_what_operators_passed_over_is_told_and_what_they_told_is_not(
    log: Log, client: landfast.Client, tmp_path: Path
) -> None:
    asset = consumer(artifact_asset("nlp/corpus"))
    ours = client.with_defaults(
        run=landfast.RunKey(system=SYSTEM, deployment=deployment(), run_id="1")
    )
    log("A")
    for name in (asset, f"{asset}#watch"):  # a watcher has told it
        client.mark_announced(name, next(client.changes()))
    log("B")  # somebody else's, passed over
    for text in ("C", "D"):
        (tmp_path / "a.txt").write_text(text)
        change = ours.log("nlp/corpus", tmp_path / "a.txt").change
        assert change is not None
        client.mark_announced(asset, change)  # as the operator does
    log("E")

    async def story(running: Running) -> None:
        assert [(await running.told())["version"] for _ in range(2)] == ["v1", "v4"]
        await running.silent()

    follow(story)


def test_an_event_that_was_perhaps_not_stored_is_told_again(log: Log) -> None:
    async def story(running: Running) -> None:
        assert (await running.told())["version"] == "v0"

    log("A")
    follow(story)  # ends before the triggerer has surely stored the event
    follow(story)


def test_what_an_operator_has_announced_is_not_told_again(
    log: Log, client: landfast.Client
) -> None:
    async def story(running: Running) -> None:
        await running.silent()
        log("B")
        assert (await running.told())["version"] == "v1"

    change = log("A").change
    assert change is not None
    client.mark_announced(consumer(artifact_asset("nlp/corpus")), change)
    follow(story)


def test_the_first_watcher_of_many_partitions_tells_the_newest_change_only(log: Log) -> None:
    async def story(running: Running) -> None:
        first = await running.told()
        assert (first["name"], first["partition"]) == ("default/nlp/corpus~fr:v0", "fr")
        await running.silent()
        log("changed", partition="de")
        assert (await running.told())["name"] == "default/nlp/corpus~de:v1"
        log("new", partition="it")
        assert (await running.told())["name"] == "default/nlp/corpus~it:v0"

    for key in ("de", "en", "fr"):
        log(key, partition=key)
    follow(story)


def test_the_watcher_of_one_partition_tells_nothing_of_others(log: Log) -> None:
    async def story(running: Running) -> None:
        log("A", partition="en")
        await running.silent()
        log("A", partition="de")
        assert (await running.told())["name"] == "default/nlp/corpus~de:v0"

    follow(story, watch("nlp/corpus~de"))


def test_a_changed_verdict_is_told_and_nothing_else(
    log: Log, client: landfast.Client, tmp_path: Path
) -> None:
    asset = artifact_verdict("nlp/corpus", poll_interval=0.05)
    [watcher] = asset.watchers
    assert asset != artifact_asset("nlp/corpus"), "content starts other DAGs"

    async def story(running: Running) -> None:
        await running.silent()
        version = log("B")
        client.verify_aliases("nlp/corpus")
        await running.silent()
        (tmp_path / "a.txt").write_text("C")
        client.verify_aliases("nlp/corpus")
        told = await running.told()
        assert (told["verdict"], told["previous_verdict"]) == ("changed", "intact")
        assert (told["uri"], told["kind"]) == (version.uri, "verdict")
        await running.silent()

    log("A")
    follow(story, watcher.trigger)


def test_a_verdict_that_changed_while_no_triggerer_ran_is_told_by_the_next(
    log: Log, client: landfast.Client, tmp_path: Path
) -> None:
    async def looks(running: Running) -> None:
        await running.silent()

    async def goes_on(running: Running) -> None:
        assert (await running.told())["verdict"] == "changed"

    log("A")
    client.verify_aliases("nlp/corpus")
    follow(looks, LandfastVerdictTrigger(artifact="nlp/corpus", poll_interval=0.05))
    (tmp_path / "a.txt").write_text("C")
    client.verify_aliases("nlp/corpus")
    follow(goes_on, LandfastVerdictTrigger(artifact="nlp/corpus", poll_interval=0.05))


def test_a_trigger_may_wait_for_some_verdicts_alone(
    log: Log, client: landfast.Client, tmp_path: Path
) -> None:
    asset = artifact_verdict("nlp/corpus", verdicts=["gone"], poll_interval=0.05)
    assert asset.name == "verdict (gone) on landfast://default/nlp/corpus"
    [watcher] = asset.watchers
    path, arguments = watcher.trigger.serialize()
    assert arguments["verdicts"] == ["gone"]
    again = LandfastVerdictTrigger(**arguments)
    assert again.serialize() == (path, arguments)
    with pytest.raises(landfast.InvalidInput, match="no version stands as 'lost'"):
        artifact_verdict("nlp/corpus", verdicts=["lost"])

    async def story(running: Running) -> None:
        await running.silent()
        (tmp_path / "a.txt").write_text("C")
        client.verify_aliases("nlp/corpus")
        await running.silent()
        (tmp_path / "a.txt").unlink()
        client.verify_aliases("nlp/corpus")
        assert (await running.told())["verdict"] == "gone"

    log("A")
    follow(story, again)


def test_watch_gives_the_asset_a_watcher_and_leaves_it_the_same_asset() -> None:
    asset = artifact_asset("nlp/corpus", watch=True, poll_interval=5)
    plain = artifact_asset("nlp/corpus")
    assert (asset.name, asset.uri) == (plain.name, plain.uri)
    [watcher] = asset.watchers
    assert isinstance(watcher.trigger, BaseEventTrigger)
    assert watcher.trigger.serialize() == (
        "landfast_provider.triggers.landfast.LandfastArtifactTrigger",
        {
            "artifact": "default/nlp/corpus",
            "poll_interval": 5,
            "landfast_conn_id": "landfast_default",
        },
    )


def test_a_version_trigger_waits_for_a_version_that_is_not_known(log: Log) -> None:
    known = log("A").qualified_name

    async def story(running: Running) -> None:
        await running.silent()
        version = log("B")
        assert await running.told() == {"answer": version.uri}

    question = {"artifact": "default/nlp/corpus", "known": [known]}
    follow(story, LandfastVersionTrigger(question=question, poll_interval=0.05))


def test_a_prefix_trigger_waits_for_content_that_is_not_recorded(log: Log, tmp_path: Path) -> None:
    folder = tmp_path / "place"
    folder.mkdir()
    (folder / "a.txt").write_text("A")
    log("A")

    async def story(running: Running) -> None:
        await running.silent()
        (folder / "a.txt").write_text("B")
        digest = (await running.told())["answer"]
        assert digest == log("B").digest

    question = {"uri": str(folder), "against": "default/nlp/corpus", "scan": {}}
    follow(story, LandfastPrefixTrigger(question=question, poll_interval=0.05))


def test_what_is_away_for_a_while_is_asked_again_and_other_errors_are_raised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LANDFAST_REGISTRY_URL", f"postgresql://127.0.0.1:{free_port()}/landfast")

    async def story() -> None:
        nobody = PatientClient("landfast_default")
        with pytest.raises(landfast.Unavailable):
            landfast.Client().get("nlp/corpus")
        assert await nobody.ask(lambda client: client.get("nlp/corpus")) is None
        with pytest.raises(landfast.InvalidInput):
            await nobody.ask(lambda client: client.resolve_name("no name:"))
        nobody.close()

    asyncio.run(story())


def connection(url: str) -> str:
    return json.dumps({"conn_type": "landfast", "password": url})


class Triggerer:
    """What a triggerer knows of the connection `late`, and what its triggers say in the log."""

    def __init__(self, patch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture) -> None:
        self._patch, self._log = patch, log
        patch.delenv("LANDFAST_REGISTRY_URL", raising=False)

    def knows(self, url: str) -> None:
        self._patch.setenv("AIRFLOW_CONN_LATE", connection(url))

    async def says(self, text: str) -> None:
        async with asyncio.timeout(TOLD_S):
            while text not in self._log.text:
                await asyncio.sleep(0.01)
        self._log.clear()


@pytest.fixture
def triggerer(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, registry: str
) -> Triggerer:
    return Triggerer(monkeypatch, caplog)


def late_triggers() -> list[BaseTrigger]:
    question = {"artifact": "default/nlp/corpus", "known": []}
    return [
        LandfastArtifactTrigger(artifact="nlp/corpus", poll_interval=0.05, landfast_conn_id="late"),
        LandfastVersionTrigger(question=question, poll_interval=0.05, landfast_conn_id="late"),
    ]


def says_of_v0(event: dict[str, Any]) -> bool:
    return "version=v0" in (event.get("uri") or event["answer"])


@pytest.mark.parametrize("trigger", late_triggers(), ids=lambda each: type(each).__name__)
def test_mend_35_a_trigger_waits_for_a_connection_that_is_made_later(
    trigger: BaseTrigger, log: Log, registry: str, triggerer: Triggerer
) -> None:
    async def story(running: Running) -> None:
        await running.silent()
        await triggerer.says("late")
        triggerer.knows(registry)
        assert says_of_v0(await running.told())

    log("A")
    follow(story, trigger)


@pytest.mark.parametrize("conn_id", ["landfast_default", "late"])
def test_mend_35_a_trigger_follows_no_registry_that_nobody_named(
    conn_id: str, log: Log, triggerer: Triggerer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("AIRFLOW_CONN_LATE", json.dumps({"conn_type": "landfast"}))
    trigger = LandfastArtifactTrigger(
        artifact="nlp/corpus", poll_interval=0.05, landfast_conn_id=conn_id
    )

    async def story(running: Running) -> None:
        await running.silent()
        await triggerer.says("no registry is named, and the triggerer")

    follow(story, trigger)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("trigger", late_triggers(), ids=lambda each: type(each).__name__)
def test_mend_35_a_trigger_notices_that_its_connection_names_another_registry(
    trigger: BaseTrigger, log: Log, registry: str, triggerer: Triggerer, tmp_path: Path
) -> None:
    async def story(running: Running) -> None:
        triggerer.knows(f"sqlite:///{tmp_path / 'empty.db'}")
        await running.silent()
        triggerer.knows(registry)
        assert says_of_v0(await running.told())

    log("A")
    landfast.Client(f"sqlite:///{tmp_path / 'empty.db'}").log("other", tmp_path / "a.txt")
    follow(story, trigger)


@pytest.mark.parametrize("trigger", late_triggers(), ids=lambda each: type(each).__name__)
def test_mend_35_a_password_that_was_wrong_and_is_mended_is_noticed(
    trigger: BaseTrigger, triggerer: Triggerer, postgres_url: str, tmp_path: Path
) -> None:
    from landfast.registry.opener import init_registry

    init_registry(postgres_url, store_url=str(tmp_path / "store"))
    (tmp_path / "a.txt").write_text("A")
    landfast.Client(postgres_url).log("nlp/corpus", tmp_path / "a.txt")

    async def story(running: Running) -> None:
        triggerer.knows(postgres_url.replace("postgres@", "nobody-of-this-name:hush-hush@"))
        await running.silent()
        await triggerer.says("No answer, the trigger asks again")
        triggerer.knows(postgres_url)
        assert says_of_v0(await running.told())

    follow(story, trigger)


QUESTION = {"artifact": "default/nlp/corpus", "known": []}
PLACE = {"uri": "s3://b/p/", "against": "default/nlp/corpus", "scan": {"include": ["*.csv"]}}


@pytest.mark.parametrize(
    "trigger",
    [
        artifact_watcher("default/nlp/corpus", landfast_conn_id="mine").trigger,
        LandfastVersionTrigger(question=QUESTION, landfast_conn_id="mine"),
        LandfastPrefixTrigger(
            question=PLACE, landfast_conn_id="mine", aws_conn_id="minio", gcp_conn_id="google"
        ),
    ],
    ids=lambda trigger: type(trigger).__name__,
)
def test_a_trigger_is_made_again_from_names_and_ids_of_connections(trigger: BaseTrigger) -> None:
    from airflow.serialization.serialized_objects import BaseSerialization

    path, arguments = trigger.serialize()
    stored = json.loads(json.dumps(BaseSerialization.serialize(arguments)))
    module, _, name = path.rpartition(".")
    again = getattr(importlib.import_module(module), name)(**BaseSerialization.deserialize(stored))
    assert type(again) is type(trigger)
    assert again.serialize() == (path, arguments)
    credentials = {"landfast_conn_id": "mine", "aws_conn_id": "minio", "gcp_conn_id": "google"}
    assert arguments.items() & credentials.items()
    assert arguments.keys() <= {"artifact", "question", "poll_interval", *credentials}
