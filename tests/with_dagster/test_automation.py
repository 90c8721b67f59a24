"""on_content_change asks for an asset when what it depends on has other content, and only then."""

from __future__ import annotations

from typing import Any

import dagster as dg
import dagster_landfast as dl
import landfast
import pytest


class Chain:
    """raw -> features -> model; raw is observed, features says its own content."""

    def __init__(self, instance: dg.DagsterInstance, folder: Any, **options: Any) -> None:
        self.instance = instance
        self.raw = dl.observable_prefix_asset("raw", f"{folder}/")
        self.features_content = "F"
        condition = dl.on_content_change(**options)

        @dg.asset(deps=["raw"], automation_condition=condition)
        def features() -> dg.MaterializeResult:
            return dg.MaterializeResult(data_version=dg.DataVersion(self.features_content))

        @dg.asset(deps=["features"], automation_condition=condition)
        def model() -> dg.MaterializeResult:
            return dg.MaterializeResult(data_version=dg.DataVersion("M"))

        self.defs = dg.Definitions(assets=[self.raw, features, model])
        self.cursor: Any = None

    def tick(self, *, run: bool = True) -> set[str]:
        """Evaluate once and run what is asked for, as the daemon would."""
        result = dg.evaluate_automation_conditions(self.defs, self.instance, cursor=self.cursor)
        self.cursor = result.cursor
        asked = {
            name
            for name in ("features", "model")
            if result.get_requested_partitions(dg.AssetKey(name))
        }
        if asked and run:
            self.run(*asked)
        return asked

    def run(self, *names: str) -> None:
        job = self.defs.resolve_implicit_global_asset_job_def()
        keys = [dg.AssetKey(name) for name in names]
        assert job.execute_in_process(instance=self.instance, asset_selection=keys).success

    def settle(self) -> None:
        self.tick()
        self.run("raw")
        self.tick()
        self.run("features", "model")
        assert self.tick() == set()


def test_the_whole_chain_is_asked_for_in_one_tick(instance, data):
    chain = Chain(instance, data("raw", f="A"), whole_chain=True)
    chain.settle()
    data("raw", f="B")
    chain.run("raw")
    assert [chain.tick() for _ in range(3)] == [{"features", "model"}, set(), set()]


def test_mend_25_what_turns_out_the_same_runs_nothing_below(instance, data):
    chain = Chain(instance, data("raw", f="A"))
    chain.settle()
    data("raw", f="B")
    chain.run("raw")
    assert [chain.tick() for _ in range(3)] == [{"features"}, set(), set()]
    chain.features_content = "other"
    data("raw", f="C")
    chain.run("raw")
    assert [chain.tick() for _ in range(3)] == [{"features"}, {"model"}, set()]


@pytest.mark.parametrize("whole_chain", [True, False])
def test_unchanged_content_asks_for_nothing(instance, data, whole_chain):
    chain = Chain(instance, data("raw", f="A"), whole_chain=whole_chain)
    chain.settle()
    for _ in range(2):
        chain.run("raw")
        chain.run("features")
        assert chain.tick() == set()


def test_content_that_comes_back_before_anybody_looked_asks_for_no_more_than_once(instance, data):
    chain = Chain(instance, data("raw", f="A"))
    chain.settle()
    for text in ("B", "A"):
        data("raw", f=text)
        chain.run("raw")
    assert len([asked for asked in (chain.tick() for _ in range(3)) if asked]) <= 1


def test_what_is_missing_upstream_waits(instance, data):
    chain = Chain(instance, data("raw", f="A"))
    chain.tick()
    assert chain.tick() == set()
    chain.run("raw")
    assert [chain.tick() for _ in range(3)] == [{"features"}, {"model"}, set()]


class Below:
    """Assets below observed partitions: what each evaluation asks for, as the daemon would run it."""

    def __init__(self, instance: dg.DagsterInstance, raw: Any, *below: Any) -> None:
        self.instance = instance
        self.raw = raw
        self.names = [asset.key.to_user_string() for asset in below]
        self.defs = dg.Definitions(assets=[raw, *below])
        self.cursor: Any = None

    def add(self, *below: Any) -> None:
        self.names += [asset.key.to_user_string() for asset in below]
        self.defs = dg.Definitions(assets=[*self.defs.assets, *below])

    def observe(self) -> None:
        job = self.defs.resolve_implicit_global_asset_job_def()
        assert job.execute_in_process(instance=self.instance, asset_selection=[self.raw.key])

    def tick(self) -> dict[str, set[str | None]]:
        found = dg.evaluate_automation_conditions(self.defs, self.instance, cursor=self.cursor)
        self.cursor = found.cursor
        asked = {name: found.get_requested_partitions(dg.AssetKey(name)) for name in self.names}
        for name, partitions in asked.items():
            for partition in partitions:
                event = dg.AssetMaterialization(name, partition=partition)
                self.instance.report_runless_asset_event(event)
        return {name: set(partitions) for name, partitions in asked.items() if partitions}


THREE = dg.StaticPartitionsDefinition(["1", "2", "3"])


def parts(data: Any, *there: str, **options: Any) -> dg.AssetsDefinition:
    """An observed asset of three partitions, of which some are there."""
    for key in there:
        data(f"parts/{key}", f=key)
    given = {"partitions_def": THREE, **options}
    return dl.observable_prefix_asset("raw", f"{data('parts')}/{{partition_key}}/", **given)


def below(name: str, definition: Any = None, **options: Any) -> dg.AssetsDefinition:
    @dg.asset(
        name=name,
        deps=["raw"],
        partitions_def=definition,
        automation_condition=dl.on_content_change(**options),
    )
    def made() -> None: ...

    return made


def test_mend_25_an_asset_that_is_added_below_observed_data_runs_once(instance, data):
    made = Below(instance, parts(data, "1", "2", "3"), below("old"))
    made.observe()
    assert made.tick() == {"old": {None}}
    made.add(below("new"), below("parts", THREE), below("waits", missing="ignore"))
    assert made.tick() == {"new": {None}, "parts": {"1", "2", "3"}}
    assert [made.tick() for _ in range(2)] == [{}, {}]
    data("parts/2", f="other")
    made.observe()
    everything = {"old": {None}, "new": {None}, "waits": {None}, "parts": {"2"}}
    assert [made.tick() for _ in range(2)] == [everything, {}]


def test_mend_25_a_new_asset_waits_for_what_it_depends_on(instance, data):
    made = Below(instance, parts(data, "1"), below("whole"), below("parts", THREE))
    assert [made.tick() for _ in range(2)] == [{}, {}]
    made.observe()
    assert [made.tick() for _ in range(2)] == [{"whole": {None}, "parts": {"1"}}, {}]


def test_mend_25_a_partition_that_never_comes_does_not_block_a_fan_in(instance, data):
    made = Below(
        instance,
        parts(data, "1", "3"),
        below("whole"),
        below("strict", every_partition=True),
        below("parts", THREE, every_partition=True),
    )
    made.observe()
    assert [made.tick() for _ in range(2)] == [{"whole": {None}, "parts": {"1", "3"}}, {}]
    data("parts/3", f="other")
    made.observe()
    assert [made.tick() for _ in range(2)] == [{"whole": {None}, "parts": {"3"}}, {}]
    data("parts/2", f="there")
    made.observe()
    asked = {"whole": {None}, "strict": {None}, "parts": {"2"}}
    assert [made.tick() for _ in range(2)] == [asked, {}]


def test_mend_25_of_time_windows_only_the_newest_is_asked_for_unless_all_are(instance, data):
    days = dg.DailyPartitionsDefinition("2026-05-01", end_date="2026-05-04")
    keys = days.get_partition_keys()
    made = Below(
        instance,
        parts(data, *keys, partitions_def=days),
        below("newest", days),
        below("all", days, missing="all"),
    )
    made.observe()
    assert [made.tick() for _ in range(2)] == [{"newest": {keys[-1]}, "all": set(keys)}, {}]
    data(f"parts/{keys[0]}", f="other")
    made.observe()
    assert made.tick() == {"newest": {keys[0]}, "all": {keys[0]}}


def test_mend_25_what_fails_is_not_asked_for_again_and_again(instance, data):
    @dg.asset(deps=["raw"], automation_condition=dl.on_content_change())
    def fails() -> None:
        raise ValueError

    chain = Below(instance, parts(data, "1"), fails)
    chain.observe()
    first = dg.evaluate_automation_conditions(chain.defs, instance)
    again = dg.evaluate_automation_conditions(chain.defs, instance, cursor=first.cursor)
    assert (first.total_requested, again.total_requested) == (1, 0)


def test_mend_25_a_condition_of_a_kind_that_there_is_not_is_refused():
    with pytest.raises(landfast.InvalidInput, match="'newest', 'all', 'ignore'"):
        dl.on_content_change(missing="sometimes")


def test_mend_25_one_sensor_observes_by_cron_and_runs_what_is_below(data):
    raw = parts(data, "1", cron="* * * * *")
    asset = below("whole")
    assert dl.build_automation_sensor([raw]).asset_selection.resolve([raw, asset]) == {raw.key}
    sensor = dl.build_automation_sensor()
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    defs = dg.Definitions(assets=[raw, asset], sensors=[sensor])
    [only] = defs.get_repository_def().sensor_defs
    graph = defs.resolve_asset_graph()
    assert only.asset_selection.resolve(graph) == {raw.key, asset.key}


def test_a_condition_says_what_it_is():
    assert dl.on_content_change().get_label() == "on_content_change"
    combined = dl.on_content_change() & dg.AutomationCondition.in_latest_time_window()
    assert dg.AssetSpec("x", automation_condition=combined).automation_condition == combined


def test_the_obvious_change_of_eager_misses_the_tick_of_the_change(instance):
    """One reason for a condition of our own; a Dagster that mends it makes this fail."""
    any_update = dg.AutomationCondition.newly_updated()
    changed = dg.AutomationCondition.data_version_changed()
    obvious = dg.AutomationCondition.eager().replace(any_update, changed)
    made = Made(instance, obvious, dl.on_content_change())
    made.settle()
    made.content = "B"
    made.run("raw")
    assert made.tick() == {"ours"}


class Made:
    """raw -> obvious, ours; raw is materialized."""

    def __init__(self, instance: dg.DagsterInstance, obvious: Any, ours: Any) -> None:
        self.instance = instance
        self.content = "A"
        self.cursor: Any = None

        @dg.asset
        def raw() -> dg.MaterializeResult:
            return dg.MaterializeResult(data_version=dg.DataVersion(self.content))

        below = [
            dg.AssetSpec(name, deps=["raw"], automation_condition=condition)
            for name, condition in (("obvious", obvious), ("ours", ours))
        ]

        @dg.multi_asset(specs=below, can_subset=True)
        def both(context):
            for key in context.selected_asset_keys:
                yield dg.MaterializeResult(asset_key=key)

        self.defs = dg.Definitions(assets=[raw, both])

    def tick(self) -> set[str]:
        result = dg.evaluate_automation_conditions(self.defs, self.instance, cursor=self.cursor)
        self.cursor = result.cursor
        return {
            name
            for name in ("obvious", "ours")
            if result.get_requested_partitions(dg.AssetKey(name))
        }

    def run(self, *names: str) -> None:
        job = self.defs.resolve_implicit_global_asset_job_def()
        keys = [dg.AssetKey(name) for name in names]
        assert job.execute_in_process(instance=self.instance, asset_selection=keys).success

    def settle(self) -> None:
        self.tick()
        self.run("raw")
        self.tick()
        self.run("obvious", "ours")
        assert [self.tick(), self.tick()] == [set(), set()]
