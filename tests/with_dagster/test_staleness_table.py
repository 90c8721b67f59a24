"""What goes stale and what is asked for, when the content upstream stays and when it changes.

Every way to define an upstream asset, on a real instance.  Of ours the row is the ideal one.  Where Dagster
itself is wrong, the test says so by its name: it fails when a new Dagster mends it, and our refusal of that
shape can go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
import dagster_landfast as dl
import landfast
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver
from dagster._core.loader import LoadingContextForTest

# Dagster says it to itself about its own decorator.
pytestmark = pytest.mark.filterwarnings("ignore:Property `OpDefinition.version`:DeprecationWarning")

PARTITIONS = dg.StaticPartitionsDefinition(["p1", "p2"])
DATA_VERSION = "dagster/data_version"
EAGER = dg.AutomationCondition.eager()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a step of the story did downstream, by partition key ("" without partitions)."""

    stale: set[str] = field(default_factory=set)
    ours: set[str] = field(default_factory=set)
    eager: set[str] = field(default_factory=set)


NOTHING = Seen()


def status(
    defs: dg.Definitions, instance: dg.DagsterInstance, name: str, partition: str | None = None
) -> str:
    """Return what the asset's badge says."""
    resolver = CachingStaleStatusResolver(
        instance, defs.resolve_asset_graph(), LoadingContextForTest(instance)
    )
    return resolver.get_status(dg.AssetKey(name), partition).value


class World:
    """An upstream asset, one asset below it on each condition, an instance, and the daemon's part."""

    def __init__(
        self, instance: dg.DagsterInstance, upstream: Any, *, partitioned: bool = False
    ) -> None:
        self.partitions = ["p1", "p2"] if partitioned else [None]
        below = {"deps": ["raw"], "partitions_def": PARTITIONS if partitioned else None}

        @dg.asset(automation_condition=dl.on_content_change(), **below)
        def ours() -> None: ...

        @dg.asset(automation_condition=EAGER, **below)
        def eager() -> None: ...

        self.defs = dg.Definitions(assets=[upstream, ours, eager])
        self.instance = instance
        self.cursor: Any = None

    def begin(self, happen: Callable[[], object]) -> None:
        """Let the first content be there, everything below be made of it, and the conditions settle."""
        self.requested()
        happen()
        self.requested()
        self.make([(name, key) for key in self.partitions for name in ("ours", "eager")])
        self.requested()

    def look(self) -> Seen:
        """Return what is stale and what is asked for now, then make what was asked for."""
        stale = self.stale()
        asked = self.requested()
        seen = Seen(
            stale=stale,
            ours={key or "" for name, key in asked if name == "ours"},
            eager={key or "" for name, key in asked if name == "eager"},
        )
        self.make(asked)
        self.requested()
        return seen

    def stale(self) -> set[str]:
        return {
            key or ""
            for key in self.partitions
            if status(self.defs, self.instance, "ours", key) == "STALE"
        }

    def requested(self) -> list[tuple[str, str | None]]:
        result = dg.evaluate_automation_conditions(self.defs, self.instance, cursor=self.cursor)
        self.cursor = result.cursor
        return [
            (name, key)
            for name in ("ours", "eager")
            for key in sorted(result.get_requested_partitions(dg.AssetKey(name)), key=str)
        ]

    def make(self, asked: Iterable[tuple[str, str | None]]) -> None:
        by_partition: dict[str | None, list[str]] = {}
        for name, key in asked:
            by_partition.setdefault(key, []).append(name)
        for key, names in by_partition.items():
            self.run(names, key)

    def run(self, names: list[str], partition: str | None = None) -> None:
        job = self.defs.resolve_implicit_global_asset_job_def()
        done = job.execute_in_process(
            instance=self.instance,
            asset_selection=[dg.AssetKey(name) for name in names],
            partition_key=partition,
        )
        assert done.success

    def report(self, event: type, version: str, partition: str | None = None) -> None:
        self.instance.report_runless_asset_event(
            event(asset_key="raw", partition=partition, tags={DATA_VERSION: version})
        )


def observable(partitioned: bool) -> Any:
    @dg.observable_source_asset(name="raw", partitions_def=PARTITIONS if partitioned else None)
    def raw() -> dg.DataVersion:
        raise AssertionError("the test reports the events")

    return raw


def plain(partitioned: bool) -> dg.AssetSpec:
    return dg.AssetSpec("raw", partitions_def=PARTITIONS if partitioned else None)


def story(world: World, event: type) -> tuple[Seen, Seen]:
    """Report A, then A again, then B of the last partition."""

    def everything() -> None:
        for key in world.partitions:
            world.report(event, "A", key)

    world.begin(everything)
    everything()
    same = world.look()
    world.report(event, "B", world.partitions[-1])
    return same, world.look()


# -- Dagster's own shapes, as they are ----------------------------------------------------------


def test_dagster_is_right_about_an_observable_asset(instance):
    same, changed = story(World(instance, observable(False)), dg.AssetObservation)
    assert same == NOTHING
    assert changed == Seen(stale={""}, ours={""}, eager={""})


def test_dagster_is_right_about_partitions_of_an_observable_asset(instance):
    world = World(instance, observable(True), partitioned=True)
    same, changed = story(world, dg.AssetObservation)
    assert same == NOTHING
    assert changed == Seen(stale={"p2"}, ours={"p2"}, eager={"p2"})


def test_dagster_eager_runs_for_the_same_content_of_a_reported_materialization(instance):
    same, changed = story(World(instance, plain(False)), dg.AssetMaterialization)
    assert same == Seen(eager={""})
    assert changed == Seen(stale={""}, ours={""}, eager={""})


def test_dagster_shows_no_stale_partition_below_reported_materializations(instance):
    world = World(instance, plain(True), partitioned=True)
    same, changed = story(world, dg.AssetMaterialization)
    assert same == Seen(eager={"p1", "p2"})
    assert changed == Seen(stale=set(), ours={"p2"}, eager={"p2"})


def test_dagster_takes_what_is_below_an_observed_plain_asset_for_stale_and_never_runs_it(instance):
    same, changed = story(World(instance, plain(False)), dg.AssetObservation)
    assert same == Seen(stale={""})
    assert changed == Seen(stale={""})


def test_dagster_never_runs_what_is_below_an_observed_plain_partition(instance):
    world = World(instance, plain(True), partitioned=True)
    same, changed = story(world, dg.AssetObservation)
    assert same == NOTHING
    assert changed == Seen(stale={"p2"})


def test_dagster_eager_runs_for_the_same_content_of_an_asset_that_was_made_again(instance):
    content = ["A"]

    @dg.asset
    def raw() -> dg.MaterializeResult:
        return dg.MaterializeResult(data_version=dg.DataVersion(content[0]))

    world = World(instance, raw)
    world.begin(lambda: world.run(["raw"]))
    world.run(["raw"])
    assert world.look() == Seen(eager={""})
    content[0] = "B"
    world.run(["raw"])
    assert world.look() == Seen(stale={""}, ours={""}, eager={""})


def test_dagster_believes_an_old_materialization_more_than_a_newer_observation(instance):
    world = World(instance, plain(False))
    world.begin(lambda: world.report(dg.AssetMaterialization, "A"))
    world.report(dg.AssetObservation, "B")
    assert world.look() == NOTHING


def test_dagster_shows_nothing_stale_below_many_time_windows(instance):
    days = dg.DailyPartitionsDefinition("2026-01-01", end_date="2026-01-03")

    @dg.observable_source_asset(partitions_def=days)
    def raw() -> dg.DataVersion:
        raise AssertionError("the test reports the events")

    world = World(instance, raw)
    world.begin(lambda: [world.report(dg.AssetObservation, "A", day) for day in _keys(days)])
    world.report(dg.AssetObservation, "B", "2026-01-02")
    # Never marked; but our condition runs it.
    assert world.look() == Seen(stale=set(), ours={""}, eager={""})


def test_dagster_forgets_the_data_version_of_an_input_that_is_given_metadata(instance):
    @dg.multi_observable_source_asset(specs=[dg.AssetSpec("raw")])
    def observe() -> Iterator[dg.ObserveResult]:
        yield dg.ObserveResult(asset_key="raw", data_version=dg.DataVersion("A"))

    class Adds(dg.IOManager):
        def handle_output(self, context: dg.OutputContext, obj: object) -> None: ...
        def load_input(self, context: dg.InputContext) -> int:
            context.add_input_metadata({"landfast/artifact": "raw:v0"})
            return 1

    @dg.asset(ins={"raw": dg.AssetIn(input_manager_key="adds")})
    def ours(raw: int) -> None: ...

    defs = dg.Definitions(assets=[observe, ours], resources={"adds": Adds()})
    job = defs.resolve_implicit_global_asset_job_def()
    for name in ("raw", "ours"):
        assert job.execute_in_process(
            instance=instance, asset_selection=[dg.AssetKey(name)]
        ).success
    # Nothing changed, but what was just made is stale.
    assert status(defs, instance, "ours") == "STALE"


# -- ours: the ideal row ------------------------------------------------------------------------


def test_ours_an_observed_prefix(instance, data):
    folder = data("raw", a="A")
    raw = dl.observable_prefix_asset("raw", f"{folder}/")
    world = World(instance, raw)
    world.begin(lambda: world.run(["raw"]))
    world.run(["raw"])
    assert world.look() == NOTHING
    data("raw", a="B")
    world.run(["raw"])
    assert world.look() == Seen(stale={""}, ours={""}, eager={""})


def test_ours_partitions_of_an_observed_prefix(instance, data):
    folder = data("raw/p1", a="A").parent
    data("raw/p2", a="A")
    raw = dl.observable_prefix_asset(
        "raw", f"{folder}/{{partition_key}}/", partitions_def=PARTITIONS
    )
    world = World(instance, raw, partitioned=True)
    world.begin(lambda: world.run(["raw"]))
    world.run(["raw"])
    assert world.look() == NOTHING
    data("raw/p2", a="B")
    world.run(["raw"])
    assert world.look() == Seen(stale={"p2"}, ours={"p2"}, eager={"p2"})


@pytest.mark.parametrize("by", ["run", "sensor"])
def test_ours_an_artifact_that_something_else_logs(instance, data, client, by):
    raw = dl.artifact_asset("vision/mnist", key="raw")
    world = World(instance, raw)
    learn = learning(world, raw, by)
    client.log("vision/mnist", data("there", a="A"))
    world.begin(learn)
    client.log("vision/mnist", data("there", a="A"))
    learn()
    assert world.look() == NOTHING
    client.log("vision/mnist", data("there", a="B"))
    learn()
    assert world.look() == Seen(stale={""}, ours={""}, eager={""})


@pytest.mark.parametrize("by", ["run", "sensor"])
def test_ours_partitions_of_an_artifact_that_something_else_logs(instance, data, client, by):
    raw = dl.artifact_asset("vision/mnist", key="raw", partitions_def=PARTITIONS)
    world = World(instance, raw, partitioned=True)
    learn = learning(world, raw, by)
    for key in ("p1", "p2"):
        client.log("vision/mnist", data("there", a="A"), partition=key)
    world.begin(learn)
    client.log("vision/mnist", data("there", a="A"), partition="p2")
    learn()
    assert world.look() == NOTHING
    client.log("vision/mnist", data("there", a="B"), partition="p2")
    learn()
    assert world.look() == Seen(stale={"p2"}, ours={"p2"}, eager={"p2"})


def test_ours_an_asset_that_logs_what_it_wrote_runs_nothing_for_the_same_content(instance, data):
    folder = data("raw", a="A")

    @dg.asset
    def raw(context) -> dg.MaterializeResult:
        return dl.log_reference(context, f"{folder}/")

    world = World(instance, raw)
    world.begin(lambda: world.run(["raw"]))
    world.run(["raw"])
    # Dagster's eager() runs here; on_content_change() does not.
    assert world.look() == Seen(eager={""})
    data("raw", a="B")
    world.run(["raw"])
    assert world.look() == Seen(stale={""}, ours={""}, eager={""})


@pytest.mark.parametrize("by", ["prefix", "sensor"])
def test_ours_content_that_comes_back_is_a_change_each_time(instance, data, client, by):
    folder = data("raw", a="A")
    if by == "prefix":
        raw = dl.observable_prefix_asset("raw", f"{folder}/", artifact="vision/mnist")
    else:
        raw = dl.artifact_asset("vision/mnist", key="raw")
    world = World(instance, raw)
    learn = learning(world, raw, "run" if by == "prefix" else "sensor")
    fired = []
    for content in ("first", "A", "A", "B", "B", "A", "A"):
        data("raw", a=content)
        if by == "sensor":
            client.log("vision/mnist", folder)
        if content == "first":
            world.begin(learn)
        else:
            learn()
            fired.append((content, world.look().ours == {""}))
    assert fired == [
        ("A", True),
        ("A", False),
        ("B", True),
        ("B", False),
        ("A", True),
        ("A", False),
    ]
    assert client.get("vision/mnist").version == "v1"


def learning(world: World, raw: dg.AssetsDefinition, by: str) -> Callable[[], None]:
    """Return how Dagster learns of the registry's state: by a run that observes, or by the sensor."""
    if by == "run":
        return lambda: world.run(["raw"])
    sensor = dl.build_artifact_sensor([raw])
    cursor: list[str | None] = [None]

    def tick() -> None:
        with dg.build_sensor_context(world.instance, cursor=cursor[0]) as context:
            result = sensor(context)
        if isinstance(result, dg.SensorResult):
            for event in result.asset_events:
                world.instance.report_runless_asset_event(event)
            cursor[0] = result.cursor

    return tick


# -- what Dagster gets wrong is refused -----------------------------------------------------------


def materialized() -> dg.AssetsDefinition:
    @dg.asset(metadata={"landfast/artifact": "raw"})
    def raw() -> None: ...

    return raw


REFUSED = {
    "a plain spec": (lambda: plain(False), "takes what is below an observed plain asset for stale"),
    "a plain external asset": (
        lambda: dg.AssetsDefinition(specs=[plain(False)]),
        "never runs what is below",
    ),
    "a materialized asset": (materialized, "believes the materialization, also if"),
    "somebody's own data versions": (
        lambda: observable(False),
        "has other data versions|other data versions",
    ),
    "a key": (lambda: dg.AssetKey("raw"), "Give the definition itself"),
    "nothing": (lambda: None, "Give the definition itself"),
}


@pytest.mark.parametrize("shape", REFUSED)
@pytest.mark.parametrize(
    "build",
    [dl.build_artifact_sensor, lambda assets: dl.build_snapshot_schedule(assets, "0 * * * *")],
    ids=["sensor", "schedule"],
)
def test_what_dagster_gets_wrong_is_refused_with_the_reason(shape, build):
    make, reason = REFUSED[shape]
    with pytest.raises(landfast.InvalidInput, match=reason):
        build([make()])


def test_an_observable_asset_of_the_users_own_may_say_which_artifact_it_is():
    @dg.observable_source_asset(metadata={"landfast/artifact": "vision/mnist"})
    def raw() -> dg.DataVersion:
        return dg.DataVersion(landfast.Client().get("vision/mnist").digest)

    assert dl.build_artifact_sensor([raw]).description.endswith(": raw")


def test_no_asset_at_all_is_refused():
    with pytest.raises(landfast.InvalidInput, match="no asset to observe"):
        dl.build_artifact_sensor([])


def _keys(days: dg.DailyPartitionsDefinition) -> list[str]:
    return list(days.get_partition_keys())
