"""An asset returns where its data lies; what depends on it gets the version, as its annotation asks."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import landfast
import pytest
from dagster_landfast import (
    ArtifactVersion,
    LandfastReferenceIOManager,
    LandfastResource,
    Reference,
    log_reference,
)
from upath import UPath

from tests.with_dagster.running import asset, materialize, metadata_of

Data = Callable[..., Path]
IO = LandfastReferenceIOManager


def test_a_returned_reference_becomes_a_version(
    instance: dg.DagsterInstance, client: landfast.Client, data: Data
) -> None:
    place = data("raw", a="1", b="2")

    @asset(metadata={"landfast/type": "images"})
    def raw() -> Reference:
        return Reference(place, aliases=["candidate"], tags=["small"], metadata={"rows": 2})

    result = materialize([raw], instance)
    version = client.get("raw:candidate")
    assert (version.version, version.type, version.file_count) == ("v0", "images", 2)
    assert (version.metadata, version.tags) == ({"rows": 2}, ("small",))
    (event,) = result.asset_materializations_for_node("raw")
    assert event.tags is not None
    assert event.tags["dagster/data_version"] == version.digest


def test_equal_content_is_the_same_version_and_the_same_data_version(
    instance: dg.DagsterInstance, client: landfast.Client, data: Data
) -> None:
    place = data("raw", a="1")

    @asset
    def raw() -> Reference:
        return Reference(place)

    first = materialize([raw], instance)
    again = materialize([raw], instance)
    assert metadata_of(first, "raw")["landfast/change"] == "first version"
    assert metadata_of(again, "raw")["landfast/change"] == "unchanged"
    assert [version.version for version in client.versions("raw")] == ["v0"]
    tags = [
        result.asset_materializations_for_node("raw")[0].tags or {} for result in (first, again)
    ]
    assert tags[0]["dagster/data_version"] == tags[1]["dagster/data_version"]


def test_the_metadata_tells_what_changed(
    instance: dg.DagsterInstance, client: landfast.Client, data: Data
) -> None:
    place = data("raw", a="1", b="2", c="3")

    @asset
    def raw() -> Reference:
        return Reference(place)

    materialize([raw], instance)
    data("raw", a="1", b="changed", moved="3", new="4")
    shown = metadata_of(materialize([raw], instance, ui_url="https://landfast.example/"), "raw")
    assert shown["landfast/artifact"] == "default/uncategorized/raw:v1"
    assert shown["landfast/digest"] == client.get("raw").digest
    assert (shown["landfast/files"], shown["landfast/bytes"]) == (4, 10)
    assert shown["landfast/change"] == "1 added, 1 modified, 1 renamed, 1 unchanged"
    rows = [row.data for row in shown["landfast/diff"]]
    assert rows == [
        {"change": "modified", "path": "b"},
        {"change": "renamed", "path": "moved"},
        {"change": "added", "path": "new"},
    ]
    assert shown["dagster/uri"] == place.as_uri() + "/"
    assert shown["landfast/page"] == "https://landfast.example/default/uncategorized/raw?version=v1"


def test_mend_23_a_version_that_was_looked_up_says_what_changed_for_dagster(
    instance: dg.DagsterInstance, client: landfast.Client, data: Data
) -> None:
    @asset
    def raw() -> ArtifactVersion:
        return client.get("other")

    said = []
    for texts in ({"a": "1"}, {"a": "1"}, {"a": "1", "b": "2"}, {"a": "1"}):
        client.log("other", data("raw", **texts))
        said.append(metadata_of(materialize([raw], instance), "raw")["landfast/change"])
    assert said == ["first version", "unchanged", "1 added, 1 unchanged", "1 removed, 1 unchanged"]


def test_mend_23_a_second_attempt_says_what_the_first_one_changed(
    instance: dg.DagsterInstance, data: Data
) -> None:
    place = data("raw", a="1")

    @asset(retry_policy=dg.RetryPolicy(max_retries=1))
    def raw(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        logged = log_reference(context, place)
        if context.retry_number == 0:
            raise ValueError("after it was logged")
        return logged

    assert metadata_of(materialize([raw], instance), "raw")["landfast/change"] == "first version"


def test_the_table_of_changes_ends_after_fifty_rows(
    instance: dg.DagsterInstance, data: Data
) -> None:
    place = data("raw", a="1")

    @asset
    def raw() -> Reference:
        return Reference(place)

    materialize([raw], instance)
    data("raw", a="1", **{f"n{number:03}": str(number) for number in range(70)})
    shown = metadata_of(materialize([raw], instance), "raw")
    rows = [row.data for row in shown["landfast/diff"]]
    assert shown["landfast/change"] == "70 added, 1 unchanged"
    assert len(rows) == 51
    assert rows[-1] == {"change": "", "path": "and 20 more"}


def test_several_places_and_filters_become_one_version(
    instance: dg.DagsterInstance, client: landfast.Client, data: Data
) -> None:
    places = [data("one", a="1", skip="x"), data("two", b="2")]

    @asset
    def both() -> Reference:
        return Reference(uris=places, exclude=["skip"])

    materialize([both], instance)
    assert [entry.path for entry in client.get("both").entries()] == ["a", "b"]


def test_a_reference_may_name_another_artifact_and_what_depends_on_it_finds_it(
    instance: dg.DagsterInstance, client: landfast.Client, data: Data
) -> None:
    place = data("raw", a="1")

    @asset
    def raw() -> Reference:
        return Reference(place, artifact="vision/mnist")

    @asset
    def read(raw: ArtifactVersion) -> Reference:
        assert raw.qualified_name == "default/vision/mnist:v0"
        return Reference(place)

    materialize([raw, read], instance)
    assert client.get("read").version == "v0"


def test_more_objects_than_allowed_are_an_error_and_no_version(
    instance: dg.DagsterInstance, client: landfast.Client, data: Data
) -> None:
    place = data("raw", a="1", b="2", c="3")

    @asset
    def raw() -> Reference:
        return Reference(place, max_objects=2)

    with pytest.raises(landfast.LimitExceeded):
        materialize([raw], instance)
    assert client.collections() == []


@pytest.mark.parametrize("annotation", [str, UPath])
def test_a_text_is_a_reference_where_the_annotation_says_so(
    instance: dg.DagsterInstance, client: landfast.Client, data: Data, annotation: Any
) -> None:
    place = data("raw", a="1")

    def raw() -> Any:
        return annotation(str(place))

    raw.__annotations__["return"] = annotation
    materialize([asset(raw)], instance)
    assert client.get("raw").file_count == 1


def test_a_text_without_an_annotation_is_refused(
    instance: dg.DagsterInstance, client: landfast.Client, data: Data
) -> None:
    place = str(data("raw", a="1"))

    def raw():  # type: ignore[no-untyped-def]
        return place

    with pytest.raises(landfast.InvalidInput, match=r"asset raw returned a str.*Reference"):
        materialize([asset(raw)], instance)
    assert client.collections() == []


def test_anything_else_is_refused_and_named(instance: dg.DagsterInstance) -> None:
    @asset
    def numbers() -> Any:
        return [1, 2]

    with pytest.raises(landfast.InvalidInput, match=r"asset numbers returned a list"):
        materialize([numbers], instance)


def test_none_is_no_version_and_no_error(
    instance: dg.DagsterInstance, client: landfast.Client
) -> None:
    @asset
    def silent() -> None:
        return None

    def nothing():  # type: ignore[no-untyped-def]
        return None

    result = materialize([silent, asset(nothing)], instance)
    assert result.success
    assert client.collections() == []


def test_a_version_that_the_asset_logged_itself_is_taken_as_it_is(
    instance: dg.DagsterInstance, client: landfast.Client, data: Data
) -> None:
    place = data("raw", a="1")

    @asset
    def raw(context: dg.AssetExecutionContext) -> ArtifactVersion:
        return LandfastResource().for_context(context).log("raw", place)

    shown = metadata_of(materialize([raw], instance), "raw")
    assert shown["landfast/artifact"] == "default/uncategorized/raw:v0"
    (observation,) = client.history("raw")
    assert observation.created


# -- inputs -----------------------------------------------------------------------------------


def read_as(annotation: Any, seen: list[Any]) -> dg.AssetsDefinition:
    def read(raw: Any) -> None:
        seen.append(raw)

    if annotation is None:
        del read.__annotations__["raw"]
    else:
        read.__annotations__["raw"] = annotation
    read.__annotations__["return"] = None
    return dg.asset(read)


@pytest.mark.parametrize("annotation", [None, ArtifactVersion, Any])
def test_an_input_is_a_version_unless_its_annotation_says_otherwise(
    instance: dg.DagsterInstance, data: Data, annotation: Any
) -> None:
    place = data("raw", a="1")
    seen: list[Any] = []
    raw = asset(name="raw")(lambda: Reference(place))
    materialize([raw, read_as(annotation, seen)], instance)
    (version,) = seen
    assert isinstance(version, ArtifactVersion)
    assert version.name == "raw:v0"
    with version.open("a") as stream:
        assert stream.read() == b"1"


def test_an_input_annotated_path_is_downloaded(instance: dg.DagsterInstance, data: Data) -> None:
    place = data("raw", a="1")
    seen: list[Any] = []
    raw = asset(name="raw")(lambda: Reference(place))
    materialize([raw, read_as(Path, seen)], instance)
    assert seen[0] != place
    assert (seen[0] / "a").read_text() == "1"


def test_an_input_annotated_str_or_upath_is_the_place(
    instance: dg.DagsterInstance, data: Data
) -> None:
    place = data("raw", a="1")
    raw = asset(name="raw")(lambda: Reference(place))
    for annotation in (str, UPath):
        seen: list[Any] = []
        materialize([raw, read_as(annotation, seen)], instance)
        assert seen == [annotation(place.as_uri() + "/")]


def test_an_input_annotated_list_of_str_is_pinned_uris(
    instance: dg.DagsterInstance, data: Data, s3: Any
) -> None:
    store = s3.client
    store.create_bucket(Bucket="bucket")
    store.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
    version_id = store.put_object(Bucket="bucket", Key="raw/a", Body=b"1")["VersionId"]
    seen: list[Any] = []
    raw = asset(name="raw")(lambda: Reference("s3://bucket/raw/"))
    materialize([raw, read_as(list[str], seen)], instance)
    assert seen == [[f"s3://bucket/raw/a?versionId={version_id}"]]


def test_an_annotation_that_no_version_can_become_is_refused(
    instance: dg.DagsterInstance, data: Data
) -> None:
    place = data("raw", a="1")
    raw = asset(name="raw")(lambda: Reference(place))
    with pytest.raises(landfast.InvalidInput, match=r"input raw \(raw\) is annotated .*int"):
        materialize([raw, read_as(int, [])], instance)


PARTS = dg.StaticPartitionsDefinition(["a", "b", "c"])


def in_parts(place: Path) -> dg.AssetsDefinition:
    @asset(partitions_def=PARTS)
    def raw(context: dg.AssetExecutionContext) -> Reference:
        return Reference(place / context.partition_key)

    return raw


@pytest.mark.parametrize(
    ("annotation", "shape"),
    [
        (None, ArtifactVersion),
        (dict, ArtifactVersion),
        (dict[str, ArtifactVersion], ArtifactVersion),
        (dict[str, Path], Path),
        (dict[str, list[str]], list),
    ],
)
def test_several_partitions_are_a_dict_by_partition_key(
    instance: dg.DagsterInstance, data: Data, annotation: Any, shape: type
) -> None:
    place = data("raw", a="1", b="2", c="3")
    seen: list[Any] = []
    raw, read = in_parts(place), read_as(annotation, seen)
    for key in PARTS.get_partition_keys():
        materialize([raw], instance, partition_key=key)
    materialize([raw, read], instance, selection=[read])
    assert list(seen[0]) == ["a", "b", "c"]
    assert {type(value).__mro__[-2] for value in seen[0].values()} == {shape.__mro__[-2]}


def test_several_partitions_cannot_be_one_version(instance: dg.DagsterInstance, data: Data) -> None:
    raw = in_parts(data("raw", a="1", b="2", c="3"))
    read = read_as(ArtifactVersion, [])
    for key in PARTS.get_partition_keys():
        materialize([raw], instance, partition_key=key)
    with pytest.raises(landfast.InvalidInput, match=r"3 partitions.*dict\[str, ArtifactVersion\]"):
        materialize([raw, read], instance, selection=[read])


def test_a_missing_partition_is_an_error_unless_it_is_allowed(
    instance: dg.DagsterInstance, data: Data
) -> None:
    raw = in_parts(data("raw", a="1", b="2", c="3"))
    materialize([raw], instance, partition_key="b")

    @asset
    def strict(raw: dict[str, ArtifactVersion]) -> None:
        pass

    seen: list[Any] = []

    @asset(ins={"raw": dg.AssetIn(metadata={"allow_missing_partitions": True})})
    def lenient(raw: dict[str, ArtifactVersion]) -> None:
        seen.append(raw)

    with pytest.raises(landfast.NotFound, match="raw~a"):
        materialize([raw, strict], instance, selection=[strict])
    materialize([raw, lenient], instance, selection=[lenient])
    assert list(seen[0]) == ["b"]


# -- batches ----------------------------------------------------------------------------------

RANGE = {
    "dagster/asset_partition_range_start": "a",
    "dagster/asset_partition_range_end": "c",
}


def batch(answer: Callable[[dg.AssetExecutionContext], Any]) -> dg.AssetsDefinition:
    @asset(partitions_def=PARTS, backfill_policy=dg.BackfillPolicy.single_run())
    def raw(context: dg.AssetExecutionContext) -> Any:
        return answer(context)

    return raw


def test_a_run_over_several_partitions_logs_each_with_metadata_of_its_own(
    instance: dg.DagsterInstance, client: landfast.Client, data: Data
) -> None:
    place = data("raw", a="1", b="2", c="3")
    raw = batch(lambda context: {key: Reference(place / key) for key in context.partition_keys})
    result = materialize([raw], instance, tags=RANGE)
    events = {event.partition: event for event in result.asset_materializations_for_node("raw")}
    assert list(client.partitions("raw")) == ["a", "b", "c"]
    for key, version in client.partitions("raw").items():
        shown = events[key].metadata
        assert shown["landfast/artifact"].value == f"default/uncategorized/raw~{key}:v0"
        assert shown["landfast/digest"].value == version.digest
        assert shown["landfast/files"].value == 1


def test_the_data_version_of_a_batch_changes_with_each_of_its_partitions(
    instance: dg.DagsterInstance, data: Data
) -> None:
    place = data("raw", a="1", b="2", c="3")
    raw = batch(lambda context: {key: Reference(place / key) for key in context.partition_keys})

    def data_version() -> str:
        event = materialize([raw], instance, tags=RANGE).asset_materializations_for_node("raw")[0]
        return (event.tags or {})["dagster/data_version"]

    first, again = data_version(), data_version()
    data("raw", a="1", b="changed", c="3")
    assert first == again != data_version()


@pytest.mark.parametrize("keys", [["a", "b"], ["a", "b", "c", "d"], []])
def test_a_batch_needs_exactly_its_partitions(
    instance: dg.DagsterInstance, client: landfast.Client, data: Data, keys: list[str]
) -> None:
    place = data("raw", a="1", b="2", c="3", d="4")
    raw = batch(lambda _: {key: Reference(place / key) for key in keys})
    with pytest.raises(landfast.InvalidInput, match="exactly the 3 partitions"):
        materialize([raw], instance, tags=RANGE)
    assert client.collections() == []


def test_a_batch_does_not_take_one_reference_for_all(
    instance: dg.DagsterInstance, data: Data
) -> None:
    place = data("raw", a="1")
    raw = batch(lambda _: Reference(place))
    with pytest.raises(landfast.InvalidInput, match=r"dict with the keys 'a', 'b', 'c'.*Reference"):
        materialize([raw], instance, tags=RANGE)


# -- ops --------------------------------------------------------------------------------------


def test_an_ops_output_needs_a_name_of_its_own(instance: dg.DagsterInstance, data: Data) -> None:
    place = data("raw", a="1")

    @dg.op(out=dg.Out(io_manager_key="io"))
    def make() -> Reference:
        return Reference(place)

    @dg.job(resource_defs={"io": IO()})
    def pipeline() -> None:
        make()

    with pytest.raises(landfast.InvalidInput, match="landfast/artifact"):
        pipeline.execute_in_process(instance=instance)


def test_an_op_reads_what_the_op_before_it_logged_in_the_same_run(
    instance: dg.DagsterInstance, client: landfast.Client, data: Data
) -> None:
    place = data("raw", a="1")
    seen: list[str] = []

    @dg.op(out=dg.Out(io_manager_key="io", metadata={"landfast/artifact": "made"}))
    def make() -> Reference:
        return Reference(place)

    @dg.op(out=dg.Out(dg.Nothing))
    def read(made: ArtifactVersion) -> None:
        seen.append(made.version)

    @dg.job(resource_defs={"io": IO()})
    def pipeline() -> None:
        read(make())

    pipeline.execute_in_process(instance=instance)
    client.log("made", data("other", z="9"))
    pipeline.execute_in_process(instance=instance)
    assert seen == ["v0", "v0"]


def test_dynamic_outputs_are_partitions_by_mapping_key(
    instance: dg.DagsterInstance, client: landfast.Client, data: Data
) -> None:
    place = data("raw", a="1", b="2")
    seen: list[list[ArtifactVersion]] = []

    @dg.op(out=dg.DynamicOut(io_manager_key="io", metadata={"landfast/artifact": "shard"}))
    def split() -> Any:
        for key in "ab":
            yield dg.DynamicOutput(Reference(place / key), mapping_key=key)

    @dg.op(out=dg.Out(io_manager_key="io", metadata={"landfast/artifact": "done"}))
    def work(shard: ArtifactVersion) -> Reference:
        return Reference(place / shard.partition)

    @dg.op
    def gather(parts: list[ArtifactVersion]) -> None:
        seen.append(parts)

    @dg.job(resource_defs={"io": IO()})
    def pipeline() -> None:
        gather(split().map(work).collect())

    pipeline.execute_in_process(instance=instance)
    assert [version.name for version in seen[0]] == ["done~a:v0", "done~b:v0"]
    assert list(client.partitions("shard")) == ["a", "b"]


# -- without a run ----------------------------------------------------------------------------


def test_a_value_can_be_loaded_outside_a_run_and_leaves_no_edge(
    instance: dg.DagsterInstance, client: landfast.Client, data: Data
) -> None:
    place = data("raw", a="1")
    raw = asset(name="raw")(lambda: Reference(place))
    defs = dg.Definitions([raw], resources={"io": IO()})
    materialize([raw], instance)
    before = len(list(client.runs()))
    version = defs.load_asset_value(dg.AssetKey("raw"), instance=instance)
    assert isinstance(version, ArtifactVersion)
    folder = defs.load_asset_value(dg.AssetKey("raw"), python_type=Path, instance=instance)
    assert isinstance(folder, Path)
    assert (folder / "a").read_text() == "1"
    assert len(list(client.runs())) == before
    assert client.used_by("raw") == []


def test_a_partition_can_be_loaded_outside_a_run(instance: dg.DagsterInstance, data: Data) -> None:
    raw = in_parts(data("raw", a="1", b="2", c="3"))
    for key in PARTS.get_partition_keys():
        materialize([raw], instance, partition_key=key)
    defs = dg.Definitions([raw], resources={"io": IO()})
    version = defs.load_asset_value(dg.AssetKey("raw"), partition_key="b", instance=instance)
    assert isinstance(version, ArtifactVersion)
    assert version.name == "raw~b:v0"


def test_without_an_instance_the_registry_decides(client: landfast.Client, data: Data) -> None:
    client.log("raw", data("raw", a="1"))
    context = dg.build_input_context(
        asset_key="raw", upstream_output=dg.build_output_context(asset_key=dg.AssetKey("raw"))
    )
    assert IO().load_input(context).name == "raw:v0"
    assert IO().load_input(dg.build_input_context(asset_key="raw")).name == "raw:v0"


def test_an_output_can_be_handled_without_an_instance(client: landfast.Client, data: Data) -> None:
    context = dg.build_output_context(asset_key=dg.AssetKey("raw"))
    IO().handle_output(context, Reference(data("raw", a="1")))
    assert client.get("raw").version == "v0"
    assert context.get_logged_metadata()["landfast/artifact"].value.endswith("raw:v0")


def test_no_secret_of_a_signed_place_is_shown(
    instance: dg.DagsterInstance, http_script: Any
) -> None:
    url = http_script.put("/a", b"1") + "?X-Amz-Signature=s3cr3t&X-Amz-Credential=k"
    raw = asset(name="raw")(lambda: Reference(url))
    result = materialize([raw], instance)
    said = [
        event.to_json() if hasattr(event, "to_json") else repr(event) for event in result.all_events
    ]
    assert "s3cr3t" not in json.dumps(said)
