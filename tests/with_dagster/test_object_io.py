"""LandfastObjectIOManager: objects become versions, and come back as the version that Dagster recorded."""

import json
from pathlib import Path
from typing import Any

import dagster as dg
import landfast
import numpy as np
import pandas as pd
import polars as pl
import pytest
from dagster_landfast import LandfastObjectIOManager, LandfastResource

from tests.with_dagster.edges import edges

LETTERS = dg.StaticPartitionsDefinition(["a", "b", "c"])


def run(
    *assets: Any,
    instance: dg.DagsterInstance,
    manager: LandfastObjectIOManager | None = None,
    **given: Any,
) -> dg.ExecuteInProcessResult:
    resources = {"io_manager": manager or LandfastObjectIOManager()}
    return dg.materialize(list(assets), instance=instance, resources=resources, **given)


def event(instance: dg.DagsterInstance, key: str, partition: str | None = None) -> Any:
    wanted = dg.AssetRecordsFilter(
        dg.AssetKey(key.split("/")), asset_partitions=[partition] if partition else None
    )
    return instance.fetch_materializations(wanted, limit=1).records[0].asset_materialization


def data_version(instance: dg.DagsterInstance, key: str, partition: str | None = None) -> str:
    return str(event(instance, key, partition).tags["dagster/data_version"])


# -- objects there and back ---------------------------------------------------------------


def test_objects_of_every_kind_come_back_to_the_next_asset(instance, client) -> None:
    seen: dict[str, Any] = {}

    @dg.asset
    def frame() -> pd.DataFrame:
        return pd.DataFrame({"n": [1, 2]})

    @dg.asset
    def quick(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.with_columns(m=pl.col("n") * 2)

    @dg.asset
    def array(quick: pd.DataFrame) -> np.ndarray:
        return quick["m"].to_numpy()

    @dg.asset
    def words(array: np.ndarray) -> dict[str, int]:
        return {"sum": int(array.sum())}

    @dg.asset
    def last(frame, quick, array, words) -> None:
        seen.update(frame=frame, quick=quick, array=array, words=words)

    run(frame, quick, array, words, last, instance=instance)
    assert seen["frame"].equals(pd.DataFrame({"n": [1, 2]}))
    assert seen["quick"].equals(pl.DataFrame({"n": [1, 2], "m": [2, 4]}))
    assert seen["array"].tolist() == [2, 4]
    assert seen["words"] == {"sum": 6}
    files = {c.name: client.get(c.name).get_entry for c in client.collections()}
    assert files["frame"]("data.parquet").uri.startswith("blob:sha256:")
    assert files["array"]("data.npy").size
    assert files["words"]("data.json").size


def test_an_equal_object_keeps_its_version_and_data_version(instance, client) -> None:
    content = {"n": 1}

    @dg.asset
    def numbers() -> dict[str, int]:
        return dict(content)

    seen = []
    for value in (1, 1, 2, 1):
        content["n"] = value
        run(numbers, instance=instance)
        seen.append((client.get("numbers").version, data_version(instance, "numbers")))
    assert [version for version, _ in seen] == ["v0", "v0", "v1", "v0"]
    assert seen[0] == seen[1] == seen[3]
    assert seen[2][1] == client.get("numbers:v1").digest


def test_the_event_says_which_version_it_is_and_how_large(instance, client) -> None:
    @dg.asset
    def numbers() -> list[int]:
        return [1]

    run(numbers, instance=instance)
    said = event(instance, "numbers").metadata
    version = client.get("numbers")
    assert said["landfast/artifact"].value == version.qualified_name
    assert said["landfast/digest"].value == version.digest
    assert (said["landfast/files"].value, said["landfast/bytes"].value) == (1, version.size)


def test_what_is_loaded_is_what_dagster_recorded_not_what_somebody_logged_since(
    instance, client, tmp_path
) -> None:
    seen = []

    @dg.asset
    def numbers() -> list[int]:
        return [1]

    @dg.asset
    def reader(numbers: list[int]) -> None:
        seen.append(numbers)

    run(numbers, reader, instance=instance)
    draft = landfast.Artifact("numbers", "dataset", client=client)
    (tmp_path / "other.json").write_text("[2]")
    draft.add_file(tmp_path / "other.json", "data.json")
    draft.save()
    run(numbers, reader, instance=instance, selection=[reader])
    pinned = dg.asset(
        name="pinned", ins={"numbers": dg.AssetIn(metadata={"landfast/version": "v1"})}
    )

    @pinned
    def _(numbers: list[int]) -> None:
        seen.append(numbers)

    run(numbers, _, instance=instance, selection=[_])
    assert seen == [[1], [1], [2]]


def test_a_version_or_its_files_are_loaded_where_the_annotation_says_so(instance) -> None:
    seen: dict[str, Any] = {}

    @dg.asset
    def numbers() -> list[int]:
        return [1, 2]

    @dg.asset
    def reader(numbers: landfast.ArtifactVersion) -> None:
        seen["version"] = numbers

    @dg.asset
    def opener(numbers: Path) -> None:
        seen["path"] = numbers

    run(numbers, reader, opener, instance=instance)
    assert seen["version"].name == "numbers:v0"
    assert json.loads((seen["path"] / "data.json").read_text()) == [1, 2]


def test_returned_files_and_folders_are_copied_and_come_back(instance, tmp_path) -> None:
    seen: dict[str, Path] = {}
    model, site = tmp_path / "model.bin", tmp_path / "site"
    model.write_bytes(b"weights")
    (site / "sub").mkdir(parents=True)
    (site / "sub" / "page").write_text("hello")

    @dg.asset
    def one() -> Path:
        return model

    @dg.asset
    def many() -> Path:
        return site

    @dg.asset
    def reader(one: Path, many) -> None:
        seen.update(one=one, many=many)

    run(one, many, instance=instance)
    model.unlink()
    run(one, many, reader, instance=instance, selection=[reader])
    assert (seen["one"].name, seen["one"].read_bytes()) == ("model.bin", b"weights")
    assert (seen["many"] / "sub" / "page").read_text() == "hello"


def test_a_ready_made_artifact_is_logged_with_all_that_it_holds(
    instance, client, data, tmp_path
) -> None:
    seen: dict[str, Any] = {}
    photos = data("photos", a="1", b="2")
    (tmp_path / "scores.json").write_text('{"f1": 0.5}')

    @dg.asset(partitions_def=LETTERS)
    def report(context: dg.AssetExecutionContext) -> landfast.Artifact:
        draft = landfast.Artifact("report", "report", partition=context.partition_key)
        draft.add_file(tmp_path / "scores.json", "data.json")
        draft.add_reference(f"{photos}/", name="photos")
        return draft

    @dg.asset(partitions_def=LETTERS)
    def reader(report) -> None:
        seen.update(scores=report)

    run(report, reader, instance=instance, partition_key="b")
    seen["paths"] = [entry.path for entry in client.partitions("report")["b"].entries()]
    assert seen == {"scores": {"f1": 0.5}, "paths": ["data.json", "photos/a", "photos/b"]}
    assert edges(client) == [
        ("reader", "b", "used", "report~b:v0"),
        ("report", "b", "logged", "report~b:v0"),
    ]


def test_a_ready_made_artifact_of_another_name_is_refused(instance, client, tmp_path) -> None:
    (tmp_path / "f").touch()

    @dg.asset
    def report() -> landfast.Artifact:
        draft = landfast.Artifact("other", "report")
        draft.add_file(tmp_path / "f")
        return draft

    with pytest.raises(landfast.Conflict, match=r"uncategorized/other: expected .*/report"):
        run(report, instance=instance)
    assert client.collections() == []


# -- None ---------------------------------------------------------------------------------


def test_none_without_an_annotation_records_no_version(instance, client) -> None:
    @dg.asset
    def nothing():
        return None

    assert run(nothing, instance=instance).success
    assert client.collections() == []
    assert "landfast/artifact" not in event(instance, "nothing").metadata


def test_none_where_the_annotation_allows_it_is_an_object(instance, client) -> None:
    seen = []

    @dg.asset
    def maybe() -> dict[str, int] | None:
        return None

    @dg.asset
    def reader(maybe: dict[str, int] | None) -> None:
        seen.append(maybe)

    run(maybe, reader, instance=instance)
    assert seen == [None]
    assert client.get("maybe").file_count == 1


def test_an_asset_without_a_value_is_left_alone(instance, client) -> None:
    @dg.asset
    def silent() -> None: ...

    @dg.asset
    def result() -> dg.MaterializeResult[Any]:
        return dg.MaterializeResult(metadata={"rows": 1})

    assert run(silent, result, instance=instance).success
    assert client.collections() == []


# -- partitions ---------------------------------------------------------------------------


def test_each_partition_is_a_version_of_its_own_and_is_read_by_its_own(instance, client) -> None:
    seen: dict[str, Any] = {}

    @dg.asset(partitions_def=LETTERS)
    def letters(context: dg.AssetExecutionContext) -> dict[str, str]:
        return {"letter": context.partition_key}

    @dg.asset(partitions_def=LETTERS)
    def echo(context: dg.AssetExecutionContext, letters: dict[str, str]) -> None:
        seen[context.partition_key] = letters

    for key in ("a", "b"):
        run(letters, echo, instance=instance, partition_key=key)
    assert seen == {"a": {"letter": "a"}, "b": {"letter": "b"}}
    assert sorted(client.partitions("letters")) == ["a", "b"]
    assert edges(client) == [
        ("echo", "a", "used", "letters~a:v0"),
        ("echo", "b", "used", "letters~b:v0"),
        ("letters", "a", "logged", "letters~a:v0"),
        ("letters", "b", "logged", "letters~b:v0"),
    ]


def test_a_batch_stores_each_partition_with_metadata_and_lineage_of_its_own(
    instance, client
) -> None:
    seen: list[Any] = []
    policy = dg.BackfillPolicy.single_run()
    numbers = {"a": 1, "b": 2, "c": 3}

    @dg.asset(partitions_def=LETTERS, backfill_policy=policy)
    def letters(context: dg.AssetExecutionContext):
        return {key: [numbers[key]] for key in context.partition_keys}

    @dg.asset(partitions_def=LETTERS, backfill_policy=policy)
    def doubled(letters: dict[str, list[int]]) -> dict[str, list[int]]:
        return {key: value * 2 for key, value in letters.items()}

    @dg.asset
    def total(doubled: dict[str, list[int]]) -> int:
        seen.append(doubled)
        return sum(map(sum, doubled.values()))

    span = {
        "dagster/asset_partition_range_start": "a",
        "dagster/asset_partition_range_end": "c",
    }
    run(letters, doubled, instance=instance, tags=span)
    first = data_version(instance, "letters", "b")
    run(letters, doubled, total, instance=instance, selection=[total])
    assert seen == [{"a": [1, 1], "b": [2, 2], "c": [3, 3]}]
    assert event(instance, "doubled", "b").metadata["landfast/artifact"].value.endswith("~b:v0")
    assert [edge for edge in edges(client) if edge[0] == "doubled"] == [
        ("doubled", key, direction, f"{name}~{key}:v0")
        for key in "abc"
        for direction, name in (("logged", "doubled"), ("used", "letters"))
    ]
    run(letters, doubled, instance=instance, tags=span)
    assert data_version(instance, "letters", "b") == first
    numbers["c"] = 9
    run(letters, doubled, instance=instance, tags=span)
    assert data_version(instance, "letters", "b") != first
    latest = {key: version.version for key, version in client.partitions("letters").items()}
    assert latest == {"a": "v0", "b": "v0", "c": "v1"}


def test_a_batch_that_misses_a_partition_is_refused(instance, client) -> None:
    @dg.asset(partitions_def=LETTERS, backfill_policy=dg.BackfillPolicy.single_run())
    def letters():
        return {"a": 1, "b": 2}

    span = {
        "dagster/asset_partition_range_start": "a",
        "dagster/asset_partition_range_end": "c",
    }
    with pytest.raises(landfast.InvalidInput, match="exactly the 3 partitions"):
        run(letters, instance=instance, tags=span)
    assert client.collections() == []


def test_partitions_of_two_dimensions_never_collide(instance, client) -> None:
    grid = dg.MultiPartitionsDefinition(
        {
            "day": dg.StaticPartitionsDefinition(["1", "1/2"]),
            "place": dg.StaticPartitionsDefinition(["eu west", "%20 : ~"]),
        }
    )
    seen: dict[str, Any] = {}

    @dg.asset(partitions_def=grid)
    def cells(context: dg.AssetExecutionContext) -> dict[str, str]:
        return dict(context.partition_key.keys_by_dimension)  # type: ignore[attr-defined]

    @dg.asset
    def table(cells: dict[str, dict[str, str]]) -> None:
        seen.update(cells)

    for key in grid.get_partition_keys():
        run(cells, instance=instance, partition_key=key)
    run(cells, table, instance=instance, selection=[table])
    assert len(seen) == len(client.partitions("cells")) == 4
    for key, cell in seen.items():
        assert key == "|".join([cell["day"], cell["place"]])


def test_all_partitions_are_a_dictionary_also_when_there_is_one(instance) -> None:
    one = dg.StaticPartitionsDefinition(["only"])
    seen: dict[str, Any] = {}

    @dg.asset(partitions_def=one)
    def parts() -> dict[str, int]:
        return {"n": 1}

    @dg.asset
    def whole(parts: dict[str, dict[str, int]]) -> None:
        seen.update(parts)

    run(parts, instance=instance, partition_key="only")
    run(parts, whole, instance=instance, selection=[whole])
    assert seen == {"only": {"n": 1}}


# -- where objects lie --------------------------------------------------------------------


@pytest.fixture(params=["file", "s3", "gs"])
def base_uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "file":
        return (tmp_path / "objects").as_uri()
    if request.param == "s3":
        return f"s3://{request.getfixturevalue('s3').bucket('Enabled')}/objects"
    return f"gs://{request.getfixturevalue('gcs').bucket(versioning=True)}/objects"


def test_objects_of_every_version_stay_in_the_users_own_place(
    base_uri, instance, client, tmp_path
) -> None:
    content = {"n": 0}
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "f").write_text("file")
    seen = []

    @dg.asset
    def numbers() -> dict[str, int]:
        return dict(content)

    @dg.asset
    def files() -> Path:
        return folder

    @dg.asset
    def reader(numbers: dict[str, int], files: Path) -> None:
        seen.append((numbers, (files / "f").read_text()))

    manager = LandfastObjectIOManager(base_uri=base_uri)
    digests = []
    for value in (1, 2, 2, 1):
        content["n"] = value
        run(numbers, files, reader, instance=instance, manager=manager)
        digests.append(data_version(instance, "numbers"))
    assert [numbers["n"] for numbers, _ in seen] == [1, 2, 2, 1]
    assert digests[0] == digests[3] != digests[1] == digests[2]
    versions = client.versions("numbers")
    assert [version.version for version in versions] == ["v1", "v0"]
    for version, n in zip(versions, (2, 1), strict=True):
        (entry,) = version.entries()
        assert entry.uri.startswith(f"{base_uri}/blobs/sha256/")
        with version.open("data.json") as stream:
            assert json.load(stream) == {"n": n}
    assert client.verify("numbers:v0").ok


def test_an_object_that_was_tampered_with_is_not_loaded(instance, tmp_path) -> None:
    manager = LandfastObjectIOManager(base_uri=str(tmp_path / "objects"))

    @dg.asset
    def numbers() -> list[int]:
        return [1]

    @dg.asset
    def reader(numbers: list[int]) -> None: ...

    run(numbers, instance=instance, manager=manager)
    (stored,) = (path for path in (tmp_path / "objects").rglob("*") if path.is_file())
    stored.chmod(0o644)
    stored.write_text("[2]\n")
    with pytest.raises(landfast.ObjectChanged):
        run(numbers, reader, instance=instance, manager=manager, selection=[reader])


# -- what a definition says ---------------------------------------------------------------


def test_type_aliases_tags_description_and_metadata_are_said_in_metadata(instance, client) -> None:
    said = {
        "landfast/artifact": "vision/scores",
        "landfast/type": "result",
        "landfast/aliases": ["candidate"],
        "landfast/tags": ["nightly"],
        "landfast/description": "of the model",
        "landfast/metadata": {"owner": "ml"},
    }

    @dg.asset(metadata=said)
    def scores() -> dg.Output[dict[str, float]]:
        return dg.Output({"f1": 0.5}, metadata={"landfast/aliases": ["candidate", "best"]})

    run(scores, instance=instance)
    run(scores, instance=instance)
    version = client.get("vision/scores:best")
    assert version.type == "result"
    assert set(version.aliases) == {"best", "candidate", "latest"}
    assert (version.tags, version.description) == (("nightly",), "of the model")
    assert version.metadata == {"owner": "ml"}
    assert said["landfast/aliases"] == ["candidate"]


def test_aliases_that_are_no_list_are_refused(instance) -> None:
    @dg.asset(metadata={"landfast/aliases": "best"})
    def scores() -> int:
        return 1

    with pytest.raises(landfast.InvalidInput, match="landfast/aliases"):
        run(scores, instance=instance)


def test_pickle_is_refused_both_ways_unless_asked_for(instance) -> None:
    seen = []

    @dg.asset
    def odd() -> set[int]:
        return {1, 2}

    @dg.asset
    def reader(odd: set[int]) -> None:
        seen.append(odd)

    asked = LandfastObjectIOManager(allow_pickle=True)
    with pytest.raises(landfast.InvalidInput, match="allow_pickle=True"):
        run(odd, instance=instance)
    run(odd, instance=instance, manager=asked)
    with pytest.raises(landfast.InvalidInput, match=r"runs code.*allow_pickle=True"):
        run(odd, reader, instance=instance, selection=[reader])
    run(odd, reader, instance=instance, manager=asked, selection=[reader])
    assert seen == [{1, 2}]


def test_what_is_no_object_is_not_loaded_as_one(instance, client, data) -> None:
    client.log("photos", data("photos", a="1", b="2"))

    @dg.asset
    def reader(photos) -> None: ...

    with pytest.raises(landfast.InvalidInput, match=r"holds no Python object.*ArtifactVersion"):
        run(dg.AssetSpec("photos"), reader, instance=instance)


class PointSerializer:
    """One of the user's own."""

    name = "point"
    extension = "point"
    accepts = "complex numbers"

    def takes(self, value: object) -> bool:
        return isinstance(value, complex)

    def write(self, value: complex, path: Path) -> None:
        path.write_text(repr(value))

    def read(self, stream: Any, wanted: Any = Any) -> complex:
        return complex(stream.read().decode())


class WithPoints(LandfastObjectIOManager):
    """As a user adds a serializer."""

    def serializers(self) -> Any:
        return (PointSerializer(), *super().serializers())


def test_a_serializer_of_the_users_own_is_asked_first(instance, client) -> None:
    seen = []

    @dg.asset
    def point() -> complex:
        return 1 + 2j

    @dg.asset
    def reader(point: complex) -> None:
        seen.append(point)

    run(point, reader, instance=instance, manager=WithPoints())
    assert seen == [1 + 2j]
    assert [entry.path for entry in client.get("point").entries()] == ["data.point"]


# -- contexts -----------------------------------------------------------------------------


def test_a_value_is_loaded_outside_a_run_without_leaving_an_edge(instance, client) -> None:
    @dg.asset(partitions_def=LETTERS)
    def letters(context: dg.AssetExecutionContext) -> list[str]:
        return [context.partition_key]

    run(letters, instance=instance, partition_key="b")
    before = edges(client)
    defs = dg.Definitions([letters], resources={"io_manager": LandfastObjectIOManager()})
    assert defs.load_asset_value("letters", instance=instance, partition_key="b") == ["b"]
    assert edges(client) == before


def test_a_manager_works_with_contexts_made_for_a_test(client) -> None:
    manager = LandfastObjectIOManager()
    key = dg.AssetKey("numbers")
    manager.handle_output(dg.build_output_context(asset_key=key), [1, 2])
    assert manager.load_input(dg.build_input_context(asset_key=key)) == [1, 2]
    assert client.get("numbers").version == "v0"


def test_an_op_output_with_a_name_is_stored_and_another_is_refused(instance, client) -> None:
    seen = []

    @dg.op(out=dg.Out(metadata={"landfast/artifact": "vision/counted"}))
    def count() -> int:
        return 3

    @dg.op
    def show(number: int) -> None:
        seen.append(number)

    @dg.op
    def unnamed() -> int:
        return 3

    @dg.job(resource_defs={"io_manager": LandfastObjectIOManager()})
    def named_job() -> None:
        show(count())

    @dg.job(resource_defs={"io_manager": LandfastObjectIOManager()})
    def unnamed_job() -> None:
        show(unnamed())

    assert named_job.execute_in_process(instance=instance).success
    assert seen == [3]
    assert client.get("vision/counted").file_count == 1
    with pytest.raises(landfast.InvalidInput, match="landfast/artifact"):
        unnamed_job.execute_in_process(instance=instance)


def test_a_retry_adds_no_edge(instance, client) -> None:
    failures = iter([True, False])

    @dg.asset
    def source() -> list[int]:
        return [1]

    @dg.asset(retry_policy=dg.RetryPolicy(max_retries=1))
    def derived(context: dg.AssetExecutionContext, source: list[int]) -> list[int]:
        if next(failures):
            raise RuntimeError("once")
        return source

    assert run(source, derived, instance=instance).success
    assert edges(client) == [
        ("derived", "", "logged", "derived:v0"),
        ("derived", "", "used", "source:v0"),
        ("source", "", "logged", "source:v0"),
    ]
    (run_record,) = [r for r in client.runs() if r.key.node == "derived"]
    assert run_record.attempt == 2


def test_outputs_of_one_step_are_made_of_what_each_depends_on(instance, client) -> None:
    @dg.asset
    def one() -> int:
        return 1

    @dg.asset
    def two() -> int:
        return 2

    @dg.multi_asset(
        outs={"a": dg.AssetOut(), "b": dg.AssetOut()},
        internal_asset_deps={"a": {dg.AssetKey("one")}, "b": {dg.AssetKey("two")}},
    )
    def both(one: int, two: int) -> tuple[int, int]:
        return one, two

    run(one, two, both, instance=instance)
    assert [edge for edge in edges(client) if edge[0] in "ab"] == [
        ("a", "", "logged", "a:v0"),
        ("a", "", "used", "one:v0"),
        ("b", "", "logged", "b:v0"),
        ("b", "", "used", "two:v0"),
    ]
    assert data_version(instance, "b") == client.get("b").digest


def test_assets_that_share_a_segment_have_objects_of_their_own(instance, client) -> None:
    made = [
        dg.asset(key=["team", "x"])(lambda: [1]),
        dg.asset(key=["team", "y"])(lambda: [2]),
        dg.asset(key=["team.x"])(lambda: [3]),
    ]
    run(*made, instance=instance)
    assert len(client.collections()) == 3


@dg.asset
def made_elsewhere() -> dict[str, int]:
    return {"n": 5}


@dg.asset
def read_elsewhere(made_elsewhere: dict[str, int]) -> int:
    return made_elsewhere["n"] + 1


def process_job() -> dg.JobDefinition:
    defs = dg.Definitions(
        [made_elsewhere, read_elsewhere],
        jobs=[dg.define_asset_job("both")],
        resources={
            "io_manager": LandfastObjectIOManager(landfast=LandfastResource()),
        },
    )
    return defs.resolve_job_def("both")


@pytest.mark.system
def test_every_step_in_a_process_of_its_own(disk_instance, client) -> None:
    job = dg.reconstructable(process_job)
    with dg.execute_job(job, instance=disk_instance) as result:
        assert result.success
    with client.get("read_elsewhere").open("data.json") as stream:
        assert json.load(stream) == 6
