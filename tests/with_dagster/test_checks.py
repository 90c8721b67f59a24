"""Checks: what the recorded version says of its objects, and whether its size is within bounds."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import landfast
import pytest
from dagster_landfast import (
    Bounds,
    LandfastResource,
    Reference,
    build_drift_checks,
    build_reference_checks,
    build_retention_checks,
    log_reference,
    observable_prefix_asset,
)

WARN = dg.AssetCheckSeverity.WARN


def folder_asset(place: Path | str, name: str = "features", **options: Any) -> dg.AssetsDefinition:
    """An asset whose content is what lies in a folder."""

    @dg.asset(name=name, **options)
    def features(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        part = f"{context.partition_key}/" if context.has_partition_key else ""
        return log_reference(context, f"{place}/{part}")

    return features


def run(*things: Any, instance: dg.DagsterInstance, **how: Any) -> dg.ExecuteInProcessResult:
    return dg.materialize(list(things), instance=instance, raise_on_error=False, **how)


def judged(*things: Any, instance: dg.DagsterInstance, **how: Any) -> dg.AssetCheckEvaluation:
    """Run the checks among these alone, and return the only result."""
    checks = [key for thing in things for key in getattr(thing, "check_keys", ())]
    wanted = dg.AssetSelection.checks(*checks)
    (found,) = run(
        *things, instance=instance, selection=wanted, **how
    ).get_asset_check_evaluations()
    return found


def problems(found: dg.AssetCheckEvaluation) -> list[dict[str, Any]]:
    table = found.metadata.get("landfast/first_problems")
    return [dict(row.data) for row in table.records] if table else []  # type: ignore[union-attr]


# -- references ---------------------------------------------------------------------------


def test_intact_objects_pass_and_say_how_many(instance, data) -> None:
    asset = folder_asset(data("features", a="1", b="2"))
    (check,) = build_reference_checks([asset])
    run(asset, instance=instance)
    found = judged(asset, check, instance=instance)
    assert found.passed
    assert found.description == "default/uncategorized/features:v0: 2 intact"
    assert found.metadata["landfast/checked"].value == 2
    assert found.metadata["landfast/artifact"].value == "default/uncategorized/features:v0"
    assert problems(found) == []


def test_problems_are_a_table_of_the_first_with_their_verdicts(instance, data) -> None:
    place = data("features", **{f"{n:02}": "x" for n in range(30)})
    asset = folder_asset(place)
    run(asset, instance=instance)
    for number in range(25):
        (place / f"{number:02}").unlink()
    (place / "29").write_text("other")
    (place / "new").write_text("added")
    found = judged(asset, *build_reference_checks([asset], max_rows=5), instance=instance)
    assert not found.passed
    assert found.severity is dg.AssetCheckSeverity.ERROR
    assert found.metadata["landfast/problems"].value == 26
    assert found.metadata["landfast/added"].value == 1
    assert found.metadata["landfast/verdicts"].value == "4 intact, 1 changed, 25 gone"
    assert problems(found) == [
        {"artifact": "features:v0", "path": f"{n:02}", "verdict": "gone"} for n in range(5)
    ]


def test_looked_at_is_what_dagster_recorded_not_what_was_logged_since(
    instance, client, data
) -> None:
    place = data("features", a="1")
    asset = folder_asset(place)
    run(asset, instance=instance)
    (place / "a").write_text("2")
    client.log("features", f"{place}/")
    found = judged(asset, *build_reference_checks([asset]), instance=instance)
    assert not found.passed
    assert found.metadata["landfast/artifact"].value.endswith("features:v0")
    assert found.metadata["landfast/resolved_by"].value == "dagster"


def test_overwritten_objects_of_a_versioned_bucket_may_be_accepted(instance, s3) -> None:
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "features/a", b"1")
    asset = folder_asset(f"s3://{bucket}/features")
    run(asset, instance=instance)
    s3.put(bucket, "features/a", b"2")
    strict = judged(asset, *build_reference_checks([asset]), instance=instance)
    assert (strict.passed, problems(strict)[0]["verdict"]) == (False, "overwritten")
    lenient = build_reference_checks([asset], accept=["intact", "moved", "overwritten"])
    assert judged(asset, *lenient, instance=instance).passed


def test_an_observed_prefix_is_checked_by_its_latest_observation(instance, data) -> None:
    place = data("vendor", a="1")
    vendor = observable_prefix_asset("vendor", f"{place}/")
    defs = dg.Definitions(
        [vendor],
        asset_checks=build_reference_checks([vendor]),
        jobs=[
            dg.define_asset_job("look", dg.AssetSelection.assets(vendor).without_checks()),
            dg.define_asset_job("check", dg.AssetSelection.all_asset_checks()),
        ],
    )

    def launch(job: str) -> dg.ExecuteInProcessResult:
        return defs.resolve_job_def(job).execute_in_process(instance=instance)

    passed = []
    launch("look")
    for text, jobs in (("1", ["check"]), ("2", ["check", "look", "check"])):
        (place / "a").write_text(text)
        for job in jobs:
            passed += [each.passed for each in launch(job).get_asset_check_evaluations()]
    assert passed == [True, False, True]


def test_the_partitions_of_the_run_are_checked_else_all_that_were_recorded(instance, data) -> None:
    for key in ("1", "2"):
        data(f"days/{key}", a=key)
    parts = dg.StaticPartitionsDefinition(["1", "2", "3"])
    days = data("days")
    asset = folder_asset(days, partitions_def=parts)
    checks = build_reference_checks([asset])
    for key in ("1", "2"):
        (found,) = run(
            asset, *checks, instance=instance, partition_key=key
        ).get_asset_check_evaluations()
        assert found.metadata["landfast/artifact"].value.endswith(f"features~{key}:v0")
    (days / "2" / "a").unlink()
    found = judged(asset, *checks, instance=instance)
    assert problems(found) == [
        {"partition": "2", "artifact": "features~2:v0", "path": "a", "verdict": "gone"}
    ]
    assert found.description is not None
    assert found.description.startswith("2 partitions")


def test_a_blocking_check_keeps_what_comes_after_from_running(instance, data) -> None:
    place = data("features", a="1")

    @dg.asset
    def features(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        result = log_reference(context, f"{place}/")
        (place / "a").unlink()
        return result

    @dg.asset(deps=[features])
    def model() -> None: ...

    blocking = build_reference_checks([features], blocking=True)
    result = run(features, model, *blocking, instance=instance)
    assert not result.success
    assert result.asset_materializations_for_node("model") == []
    (place / "a").write_text("1")
    gentle = build_reference_checks([features], severity=WARN, blocking=True)
    result = run(features, model, *gentle, instance=instance)
    (found,) = result.get_asset_check_evaluations()
    assert (found.passed, found.severity) == (False, WARN)
    assert len(result.asset_materializations_for_node("model")) == 1


def test_an_asset_that_was_never_recorded_has_not_passed(instance, data, client) -> None:
    asset = folder_asset(data("features", a="1"))
    found = judged(asset, *build_reference_checks([asset]), instance=instance)
    assert not found.passed
    assert found.description is not None
    assert "features" in found.description
    parts = folder_asset(
        data("features"), "parts", partitions_def=dg.StaticPartitionsDefinition(["1"])
    )
    found = judged(parts, *build_reference_checks([parts]), instance=instance)
    assert (found.passed, found.description) == (False, "no partition of parts was recorded yet")


def test_checks_of_several_assets_have_a_key_each(data) -> None:
    @dg.multi_asset(specs=[dg.AssetSpec("one"), dg.AssetSpec(["team", "two"])])
    def both(): ...

    checks = build_reference_checks([both, "one", dg.AssetKey("three"), dg.AssetSpec("four")])
    keys = [key.to_user_string() for check in checks for key in check.check_keys]
    assert keys == [f"{asset}:references_intact" for asset in ("one", "team/two", "three", "four")]


def test_an_unknown_verdict_is_refused() -> None:
    with pytest.raises(landfast.InvalidInput, match=r"'fine'.*intact, moved"):
        build_reference_checks(["a"], accept=["fine"])


def test_one_of_several_resources_can_be_named(instance, data, tmp_path) -> None:
    place = data("features", a="1")
    asset = folder_asset(place, required_resource_keys={"other"})
    resources = {
        "registry": LandfastResource(),
        "other": LandfastResource(registry_url=f"sqlite:///{tmp_path}/other.db"),
    }
    checks = build_reference_checks([asset], resource_key="other")
    (found,) = run(
        asset, *checks, instance=instance, resources=resources
    ).get_asset_check_evaluations()
    assert found.passed
    assert landfast.Client(f"sqlite:///{tmp_path}/other.db").get("features").file_count == 1


def test_a_check_leaves_no_edge_and_no_run(instance, client, data) -> None:
    asset = folder_asset(data("features", a="1"))
    run(asset, *build_reference_checks([asset]), instance=instance)
    (only,) = client.runs()
    assert only.key.node == "features"


# -- drift --------------------------------------------------------------------------------


def grown(place: Path, count: int) -> None:
    for old in place.iterdir():
        old.unlink()
    for number in range(count):
        (place / f"{number:03}").write_text("12345")


def test_files_and_bytes_are_compared_with_the_version_before(instance, data) -> None:
    place = data("features")
    asset = folder_asset(place)
    checks = build_drift_checks(
        [asset],
        files=Bounds(minimum=2, max_drop=0.5, max_growth=1.0),
        size_bytes=Bounds(maximum=100),
    )
    seen = []
    for count in (10, 4, 5, 11, 21, 1):
        grown(place, count)
        (found,) = run(asset, *checks, instance=instance).get_asset_check_evaluations()
        seen.append([row["problem"] for row in problems(found)])
        assert found.passed == (not seen[-1])
        assert found.metadata["landfast/files"].value == count
    assert seen == [
        [],
        ["4 is 60.0 % less than 10 before"],
        [],
        ["11 is 120.0 % more than 5 before"],
        ["105 is more than 100"],
        ["1 is less than 2", "1 is 95.2 % less than 21 before"],
    ]


def test_content_that_returns_is_compared_with_what_was_there_before_it_returned(
    instance, client, data
) -> None:
    place = data("features")
    asset = folder_asset(place)
    checks = build_drift_checks([asset], files=Bounds(max_drop=0.2))
    for count in (2, 10, 2):
        grown(place, count)
        (found,) = run(asset, *checks, instance=instance).get_asset_check_evaluations()
    assert client.get("features").version == "v0"
    assert [row["problem"] for row in problems(found)] == ["2 is 80.0 % less than 10 before"]


def test_each_partition_is_compared_with_its_own_version_before(instance, data) -> None:
    parts = dg.StaticPartitionsDefinition(["1", "2"])
    places = {key: data(f"days/{key}") for key in ("1", "2")}
    asset = folder_asset(data("days"), partitions_def=parts)
    checks = build_drift_checks([asset], files=Bounds(max_drop=0.2))
    for counts in ((10, 2), (10, 1)):
        for (key, place), count in zip(places.items(), counts, strict=True):
            grown(place, count)
            run(asset, instance=instance, partition_key=key)
    found = judged(asset, *checks, instance=instance)
    assert problems(found) == [
        {
            "partition": "2",
            "artifact": "features~2:v1",
            "what": "files",
            "problem": "1 is 50.0 % less than 2 before",
        }
    ]


def test_a_version_before_that_was_deleted_is_not_compared_with(instance, client, data) -> None:
    place = data("features")
    asset = folder_asset(place)
    checks = build_drift_checks([asset], files=Bounds(max_drop=0.2))
    for count in (10, 1):
        grown(place, count)
        run(asset, instance=instance)
    client.delete("features:v0")
    assert judged(asset, *checks, instance=instance).passed


def test_an_empty_version_that_fills_has_grown_without_bound(instance, data) -> None:
    place = data("features")

    @dg.asset
    def features(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        return log_reference(context, Reference(f"{place}/", allow_empty=True))

    checks = build_drift_checks([features], files=Bounds(max_growth=5.0))
    passed = []
    for count in (0, 3):
        grown(place, count)
        (found,) = run(features, *checks, instance=instance).get_asset_check_evaluations()
        passed.append(found.passed)
    assert passed == [True, False]


@pytest.mark.parametrize(
    "wrong",
    [{}, {"minimum": 5, "maximum": 4}, {"max_drop": 1.5}, {"max_growth": -0.1}, {"minimum": -1}],
    ids=str,
)
def test_bounds_that_no_number_keeps_to_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(landfast.InvalidInput, match="Bounds"):
        Bounds(**wrong)


def test_a_drift_check_without_bounds_is_refused() -> None:
    with pytest.raises(landfast.InvalidInput, match="nothing to check"):
        build_drift_checks(["features"])


# -- retention ----------------------------------------------------------------------------


def test_a_rule_that_removes_what_was_recorded_too_soon_fails_the_check(instance, s3) -> None:
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "features/a", b"1")
    s3.put(bucket, "features/b", b"1")
    asset = folder_asset(f"s3://{bucket}/features")
    run(asset, instance=instance)
    (check,) = build_retention_checks([asset], within=timedelta(days=30))
    assert judged(asset, check, instance=instance).passed, "the bucket has no rules"

    s3.put(bucket, "features/a", b"2")
    s3.expire_overwritten(bucket, 14)
    found = judged(asset, check, instance=instance)
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.ERROR)
    (row,) = problems(found)
    assert (row["path"], row["outlook"], row["rule"]) == ("a", "expires", "tidy")
    assert row["prevented_by"] == "set Status of the rule 'tidy' to Disabled"
    assert found.description.startswith(
        "default/uncategorized/features:v0: 1 kept, 1 expires, the first on "
    )
    first = datetime.fromtimestamp(found.metadata["landfast/first"].value, UTC)
    assert timedelta(days=14) < first - datetime.now(UTC) <= timedelta(days=15)
    assert "NoncurrentDays 14" in found.metadata["landfast/rules"].value

    patient = build_retention_checks([asset], within=timedelta(days=7), name="in_a_week")
    assert judged(asset, *patient, instance=instance).passed


def test_of_several_partitions_the_check_says_how_many_do_not_stay(instance, s3) -> None:
    bucket = s3.bucket("Enabled")
    parts = dg.StaticPartitionsDefinition(["a", "b"])
    asset = folder_asset(f"s3://{bucket}/features", partitions_def=parts)
    for key in ("a", "b"):
        s3.put(bucket, f"features/{key}/x", b"1")
        run(asset, instance=instance, partition_key=key)
    s3.put(bucket, "features/b/x", b"2")
    s3.expire_overwritten(bucket, 1)
    found = judged(asset, *build_retention_checks([asset]), instance=instance)
    assert not found.passed
    assert ", of which 1 do not stay: " in str(found.description)
    assert [(row["partition"], row["path"]) for row in problems(found)] == [("b", "x")]
