"""on_content_change asks for an asset when what it depends on has other content, and only then."""

from __future__ import annotations

from typing import Any

import dagster as dg
import dagster_landfast as dl
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
    chain = Chain(instance, data("raw", f="A"))
    chain.settle()
    data("raw", f="B")
    chain.run("raw")
    assert [chain.tick() for _ in range(3)] == [{"features", "model"}, set(), set()]


def test_strictly_by_content_what_turns_out_the_same_runs_nothing_below(instance, data):
    chain = Chain(instance, data("raw", f="A"), whole_chain=False)
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
    assert chain.tick() == {"features", "model"}


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
