"""What Dagster is told is what all adapters tell."""

from pathlib import Path

import dagster as dg
import dagster_landfast as dl
import pytest
from kit import voice
from kit.snapshots import EVERY_KEY, KEYS, RECORDED


def test_every_key_of_the_file_reaches_what_is_recorded() -> None:
    days = dg.DailyPartitionsDefinition("2026-05-01")
    prefix = dl.Prefix.of_snapshot(EVERY_KEY, partitions_def=days)
    again = prefix.snapshot()
    assert {name: getattr(again, name) for name in RECORDED} == {
        name: getattr(EVERY_KEY, name) for name in RECORDED
    }
    assert prefix.cron == EVERY_KEY.schedule


def test_the_log_of_a_step_says_what_it_found(instance, tmp_path: Path, capfd) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.txt").write_text("a")

    @dg.asset
    def features(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        return dl.log_reference(context, f"{tmp_path}/data/")

    for said in ("new version v0, 1 files, 1 B", "unchanged at v0"):
        assert dg.materialize([features], instance=instance).success
        assert f"default/uncategorized/features: {said}" in capfd.readouterr().err


@pytest.mark.parametrize("row", voice.rows("dagster"), ids=lambda row: row.target)
def test_parameters_are_named_ordered_and_defaulted_as_in_all_integrations(row: voice.Row) -> None:
    assert voice.problems(row) == []


def test_a_partition_is_the_key_that_dagster_has(instance, client, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")

    @dg.asset(partitions_def=dg.StaticPartitionsDefinition(list(KEYS)))
    def orders(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        return dl.log_reference(context, f"{tmp_path}/a.txt")

    for key in KEYS:
        assert dg.materialize([orders], instance=instance, partition_key=key).success
    assert client.partitions("orders").keys() == set(KEYS)


def test_an_event_says_what_all_integrations_say_in_the_same_words(
    instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANDFAST_UI_URL", "https://landfast.example")

    @dg.asset
    def raw(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        return dl.log_reference(context, f"{tmp_path}/a.txt")

    @dg.asset(deps=[raw])
    def features(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        dl.use_artifact(context, "raw")
        return dl.log_reference(context, f"{tmp_path}/a.txt")

    for text in ("one", "two"):
        (tmp_path / "a.txt").write_text(text)
        done = dg.materialize([raw, features], instance=instance)
    for asset in ("raw", "features"):
        (event,) = done.asset_materializations_for_node(asset)
        assert voice.event_problems("dagster", event.metadata) == []
