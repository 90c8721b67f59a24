"""Which version a task reads, and what decides it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import landfast
import pytest
from landfast_provider import artifact_asset
from landfast_provider.pins import PinSource, find_pin

CORPUS = artifact_asset("nlp/corpus")


@dataclass
class Event:
    """An asset event, as far as pins look at it."""

    extra: dict[str, Any]
    timestamp: datetime = datetime(2026, 5, 1, tzinfo=UTC)


@dataclass
class Events:
    """Events by asset, as Airflow's accessors have them: unknown assets are a `KeyError`."""

    by_uri: dict[str, list[Event]] = field(default_factory=dict)

    def __getitem__(self, asset: Any) -> list[Event]:
        return self.by_uri[asset.uri]


def said(version: str, *, minutes: int = 0, watcher: bool = False, **extra: Any) -> Event:
    """Make an event of a version."""
    facts = {"uri": f"landfast://default/nlp/corpus?version={version}", **extra}
    if watcher:
        facts = {"from_trigger": True, "payload": facts}
    return Event(facts, datetime(2026, 5, 1, tzinfo=UTC) + timedelta(minutes=minutes))


def context(
    *, triggering: list[Event] | None = None, inlet: list[Event] | None = None
) -> dict[str, Any]:
    """Make a context of a task; None is no triggering event, and no inlet declared."""
    return {
        "triggering_asset_events": Events({CORPUS.uri: triggering} if triggering else {}),
        "inlet_events": Events({} if inlet is None else {CORPUS.uri: inlet}),
    }


def found(*args: Any, **options: Any) -> tuple[str, PinSource]:
    pin = find_pin(*args, **options)
    return str(pin.name), pin.source


def test_a_version_in_the_name_wins_over_everything() -> None:
    where = context(triggering=[said("v1")], inlet=[said("v2")])
    earlier = {"default/nlp/corpus": "landfast://default/nlp/corpus?version=v0"}
    for name in ["nlp/corpus:v7", "nlp/corpus:prod", "landfast://default/nlp/corpus?version=v7"]:
        pin = find_pin(where, name, earlier=earlier)
        assert pin.source is PinSource.EXPLICIT
        assert pin.name.index == 7 or pin.name.alias == "prod"


def test_what_an_earlier_try_read_is_read_again() -> None:
    earlier = {"default/nlp/corpus": "landfast://default/nlp/corpus?version=v0"}
    where = context(inlet=[said("v2")])
    assert found(where, "nlp/corpus", earlier=earlier) == (
        "default/nlp/corpus:v0",
        PinSource.EARLIER_TRY,
    )


def test_the_event_that_triggered_the_run_wins_over_newer_ones_of_inlets() -> None:
    where = context(triggering=[said("v1")], inlet=[said("v2", minutes=9)])
    assert found(where, "nlp/corpus") == ("default/nlp/corpus:v1", PinSource.TRIGGERING_EVENT)


def test_the_newest_of_batched_events_is_read() -> None:
    where = context(triggering=[said("v3", minutes=3), said("v1"), said("v2", minutes=2)])
    assert found(where, "nlp/corpus") == ("default/nlp/corpus:v3", PinSource.TRIGGERING_EVENT)


def test_the_newest_event_of_an_inlet_is_read_where_none_triggered() -> None:
    where = context(inlet=[said("v1"), said("v2", minutes=2)])
    assert found(where, "nlp/corpus") == ("default/nlp/corpus:v2", PinSource.INLET_EVENT)


def test_without_any_event_the_registry_decides() -> None:
    assert found(context(inlet=[]), "nlp/corpus") == ("default/nlp/corpus", PinSource.REGISTRY)


def test_a_missing_inlet_is_said_with_the_line_to_write() -> None:
    with pytest.raises(landfast.InvalidInput) as error:
        find_pin(context(), "nlp/corpus")
    assert "inlets=[artifact_asset('default/nlp/corpus')]" in str(error.value)
    assert "default/nlp/corpus:latest" in str(error.value)


def test_a_watchers_event_is_unwrapped() -> None:
    where = context(triggering=[said("v4", watcher=True)])
    assert found(where, "nlp/corpus") == ("default/nlp/corpus:v4", PinSource.TRIGGERING_EVENT)


def test_an_event_made_by_hand_says_no_version_and_leaves_it_to_the_registry() -> None:
    where = context(triggering=[Event({"note": "by hand"}), Event({})])
    assert found(where, "nlp/corpus") == ("default/nlp/corpus", PinSource.REGISTRY)


def test_an_event_of_a_partition_is_read_as_that_partition() -> None:
    uri = "landfast://default/nlp/corpus?partition=2026-05-01&version=v0"
    where = context(triggering=[Event({"uri": uri})])
    assert found(where, "nlp/corpus")[0] == "default/nlp/corpus~2026-05-01:v0"
    assert found(where, "nlp/corpus~2026-05-01")[0] == "default/nlp/corpus~2026-05-01:v0"


def test_an_event_of_another_partition_does_not_count() -> None:
    uri = "landfast://default/nlp/corpus?partition=2026-05-01&version=v0"
    where = context(triggering=[Event({"uri": uri})])
    assert found(where, "nlp/corpus~2026-05-02") == (
        "default/nlp/corpus~2026-05-02",
        PinSource.REGISTRY,
    )


def test_mend_33_one_of_several_partitions_that_triggered_is_not_chosen() -> None:
    uris = [f"landfast://default/nlp/corpus?version=v0&partition=p{n:02}" for n in range(12)]
    where = context(triggering=[Event({"uri": uri}) for uri in uris])
    with pytest.raises(landfast.InvalidInput) as error:
        find_pin(where, "nlp/corpus")
    assert "12 partitions of default/nlp/corpus" in str(error.value)
    assert "'p00', 'p01'" in str(error.value)
    assert "and 2 more" in str(error.value)
    assert "use_artifacts('default/nlp/corpus')" in str(error.value)
    assert found(where, "nlp/corpus~p03")[0] == "default/nlp/corpus~p03:v0"
