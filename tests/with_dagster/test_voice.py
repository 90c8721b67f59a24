"""What Dagster is told is what all adapters tell."""

from pathlib import Path

import dagster as dg
import dagster_landfast as dl
from kit.snapshots import EVERY_KEY, RECORDED


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
