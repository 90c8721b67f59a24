"""Observing many partitions costs what changed, and nothing for what did not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
import dagster_landfast as dl
import landfast
import pytest
from sqlalchemy import Engine, event

KEYS = [f"{number:03}" for number in range(40)]


@contextmanager
def commits() -> Iterator[list[str]]:
    """Collect a line for each transaction that a registry commits."""
    seen: list[str] = []

    def note(connection) -> None:
        if "registry.db" in str(connection.engine.url):
            seen.append("COMMIT")

    event.listen(Engine, "commit", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "commit", note)


def parts(data, *keys: str, **options) -> dg.AssetsDefinition:
    for key in keys:
        data(f"parts/{key}", f=key)
    definition = dg.StaticPartitionsDefinition(KEYS)
    place = f"{data('parts')}/{{partition_key}}/"
    return dl.observable_prefix_asset("raw", place, partitions_def=definition, **options)


def observe(instance, asset, *, raises: bool = True, **how) -> list[str | None]:
    """Observe in one run; return the partitions of its events."""
    job = dg.Definitions(assets=[asset]).resolve_implicit_global_asset_job_def()
    done = job.execute_in_process(
        instance=instance, asset_selection=list(asset.keys), raise_on_error=raises, **how
    )
    assert done.success or not raises
    return [
        each.asset_observation_data.asset_observation.partition
        for each in done.all_events
        if each.event_type is dg.DagsterEventType.ASSET_OBSERVATION
    ]


def test_mend_26_unchanged_partitions_are_no_events_and_cost_few_transactions(
    instance, data, client
):
    raw = parts(data, *KEYS)
    assert observe(instance, raw) == KEYS
    costs = []
    for keys in (KEYS[:4], KEYS):
        ends = {"start": keys[0], "end": keys[-1]}
        tags = {f"dagster/asset_partition_range_{end}": key for end, key in ends.items()}
        with commits() as seen:
            assert observe(instance, raw, tags=tags) == []
        costs.append(len(seen))
    assert costs[0] == costs[1] <= 16
    # Looked all the same, and in whose name is known.
    for key in KEYS:
        looks = client.history(landfast.ArtifactName(collection="raw", partition=key))
        assert [look.moved_latest for look in looks][-1:] == [True]
        assert {look.run.node for look in looks} == {"raw"}
    assert len(client.history(landfast.ArtifactName(collection="raw", partition=KEYS[9]))) == 2
    assert {run.status for run in client.runs()} == {landfast.RunStatus.FINISHED}


def test_mend_26_only_what_changed_is_an_event_and_has_a_run_of_its_own(instance, data, client):
    raw = parts(data, *KEYS)
    observe(instance, raw)
    data(f"parts/{KEYS[3]}", f="other")
    data(f"parts/{KEYS[7]}", f="other")
    assert observe(instance, raw) == [KEYS[3], KEYS[7]]
    version = client.get(landfast.ArtifactName(collection="raw", partition=KEYS[7]))
    assert (version.version, version.logged_by().key.part) == ("v1", KEYS[7])
    assert observe(instance, raw) == []


def test_mend_26_an_event_for_what_did_not_change_can_be_asked_for(instance, data):
    raw = parts(data, *KEYS[:3], record_unchanged=True)
    assert [observe(instance, raw) for _ in range(2)] == [KEYS[:3]] * 2
    plain = parts(data, *KEYS[:3])
    assert observe(instance, plain) == []
    assert observe(instance, plain, partition_key=KEYS[1]) == [KEYS[1]]
    by_daemon = {"dagster/from_automation_condition": "true"}
    assert observe(instance, plain, partition_key=KEYS[1], tags=by_daemon) == []


def test_mend_26_what_dagster_never_heard_is_an_event_though_the_registry_has_it(
    instance, data, client
):
    raw = parts(data, *KEYS[:3])
    place = data("parts")
    client.log("raw", place / KEYS[0], partition=KEYS[0])
    observe(instance, raw)
    # Logged elsewhere: unchanged for the registry, and news for Dagster.
    data(f"parts/{KEYS[1]}", f="other")
    client.log("raw", place / KEYS[1], partition=KEYS[1])
    assert observe(instance, raw) == [KEYS[1]]


def test_mend_26_what_is_not_there_or_cannot_be_logged_keeps_nothing_else_from_it(
    instance, data, client
):
    raw = parts(data, *KEYS[:4])
    observe(instance, raw)
    data(f"parts/{KEYS[1]}")
    data(f"parts/{KEYS[2]}", f="other")
    with pytest.raises(landfast.NotFound, match=KEYS[1]):
        observe(instance, raw)
    assert client.partitions("raw")[KEYS[2]].version == "v1"
    known = instance.fetch_observations(raw.key, limit=99).records
    assert [each.partition_key for each in known] == [KEYS[2], *KEYS[3::-1]]


def test_mend_26_aliases_and_several_places_are_logged_as_before(instance, data, client):
    for key in KEYS[:3]:
        data(f"more/{key}", g=key)
    place = data("parts").parent
    raw = parts(data, *KEYS[:3])
    observe(instance, raw)
    both = dl.observable_prefix_asset(
        "raw",
        [f"{place}/parts/{{partition_key}}/", f"{place}/more/{{partition_key}}/"],
        partitions_def=dg.StaticPartitionsDefinition(KEYS),
        aliases=["vendor"],
    )
    assert [observe(instance, both) for _ in range(2)] == [KEYS[:3], []]
    named = parts(data, *KEYS[:3], aliases=["mine"])
    assert [observe(instance, named) for _ in range(2)] == [KEYS[:3], []]
    for key in KEYS[:3]:
        found = client.get(landfast.ArtifactName(collection="raw", partition=key, alias="mine"))
        assert found.version == "v0"
        vendor = client.get(landfast.ArtifactName(collection="raw", partition=key, alias="vendor"))
        assert (vendor.version, vendor.file_count) == ("v1", 2)
