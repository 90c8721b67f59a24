"""The verbs, called as functions: no flow, no server."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import landfast
import prefect_landfast
import pytest
from landfast.model.lineage import Direction
from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.transactions import transaction
from prefect_landfast import (
    alog_reference,
    apromote_artifact,
    ause_artifact,
    averify_artifact,
    check_retention,
    download_artifact,
    log_reference,
    promote_artifact,
    run_env,
    use_artifact,
    verify_artifact,
)

pytestmark = pytest.mark.usefixtures("registry_url", "no_server_starts")
VERBS = [
    "log_reference",
    "use_artifact",
    "download_artifact",
    "verify_artifact",
    "check_retention",
    "promote_artifact",
]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes files into one folder, and returns it."""
    folder = tmp_path / "data"
    folder.mkdir()

    def fill(**files: str) -> Path:
        for name, text in files.items():
            (folder / name).write_text(text)
        return folder

    return fill


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_is_a_task_that_always_runs_and_has_an_async_twin(verb: str) -> None:
    sync: Task[..., Any] = getattr(prefect_landfast, verb)
    twin: Task[..., Any] = getattr(prefect_landfast, f"a{verb}")
    assert (sync.isasync, twin.isasync) == (False, True)
    assert (sync.name, twin.name) == (verb, f"a{verb}")
    assert sync.cache_policy == twin.cache_policy == NO_CACHE
    assert inspect.signature(sync.fn) == inspect.signature(twin.fn)
    assert sync.description == twin.description
    assert sync.description


@pytest.mark.parametrize("verb", VERBS)
def test_options_can_be_given_to_each_verb(verb: str) -> None:
    task: Task[..., Any] = getattr(prefect_landfast, verb)
    changed = task.with_options(retries=3, tags=["nightly"], name="other")
    assert (changed.retries, changed.tags, changed.name) == (3, {"nightly"}, "other")
    assert (changed.fn, changed.cache_policy) == (task.fn, NO_CACHE)


def test_a_log_makes_a_version_only_if_the_content_changed(write: Callable[..., Path]) -> None:
    first = log_reference.fn("flowers", write(a="a"))
    again = log_reference.fn("flowers", write(a="a"))
    changed = log_reference.fn("flowers", write(a="b"), aliases=["candidate"])
    assert [v.version for v in (first, again, changed)] == ["v0", "v0", "v1"]
    assert [v.changed for v in (first, again, changed)] == [True, False, True]
    assert changed.aliases == ("candidate", "latest")


def test_a_log_takes_several_places_and_scan_options(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "labels.csv").write_text("rose")
    places = [
        landfast.Reference(str(write(a="a", b="b")), include=["a"]),
        landfast.Reference(str(tmp_path / "labels.csv"), name="labels.csv"),
    ]
    version = log_reference.fn("flowers", places, type="dataset", metadata={"by": "ann"})
    assert [entry.path for entry in version.entries()] == ["a", "labels.csv"]
    with pytest.raises(landfast.LimitExceeded):
        log_reference.fn("flowers", tmp_path / "data", max_objects=1)


def test_a_use_pins_a_version_and_leaves_an_edge(write: Callable[..., Path]) -> None:
    log_reference.fn("flowers", write(a="a"))
    used = use_artifact.fn("flowers")
    log_reference.fn("flowers", write(a="b"))
    assert (used.version, used.used_by()[0].key.system) == ("v0", "script")
    with pytest.raises(landfast.Conflict):
        use_artifact.fn("flowers", type="model")


def test_partitions_are_logged_and_used_apart(write: Callable[..., Path]) -> None:
    log_reference.fn("flowers", write(a="may"), partition="2026-05")
    log_reference.fn("flowers", write(a="june"), partition="2026-06")
    assert use_artifact.fn("flowers", partition="2026-05").partition == "2026-05"
    assert use_artifact.fn("flowers~2026-06:v0").partition == "2026-06"
    with pytest.raises(landfast.Conflict):
        use_artifact.fn("flowers~2026-06", partition="2026-05")


def test_a_download_writes_the_recorded_bytes_and_counts_as_use(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    version = log_reference.fn("flowers", write(a="a", b="b"))
    folder = download_artifact.fn("flowers:v0", tmp_path / "here", include=["a"])
    assert folder == tmp_path / "here"
    assert (folder / "a").read_text() == "a"
    assert not (folder / "b").exists()
    assert [edge.direction for edge in version.lineage().edges] == [
        Direction.LOGGED,
        Direction.USED,
    ]


def test_drift_raises_and_names_what_drifted(write: Callable[..., Path]) -> None:
    version = log_reference.fn("flowers", write(a="a", b="b"))
    assert verify_artifact.fn(version).ok
    write(a="c")
    with pytest.raises(
        landfast.ObjectChanged, match=r"flowers:v0.*1 intact, 1 changed.*\(a changed"
    ):
        verify_artifact.fn("flowers")


def test_drift_is_only_reported_on_request(write: Callable[..., Path]) -> None:
    log_reference.fn("flowers", write(a="a"))
    write(a="b")
    report = verify_artifact.fn("flowers", fail_on="never")
    assert (report.ok, report.summary) == (False, "1 changed")


def test_a_rule_that_removes_what_was_recorded_too_soon_is_an_error(s3: Any) -> None:
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "a/x", b"1")
    log_reference.fn("flowers", f"s3://{bucket}/a/")
    assert check_retention.fn("flowers").summary == "1 kept"
    s3.put(bucket, "a/x", b"2")
    s3.expire_overwritten(bucket, 14)
    with pytest.raises(landfast.ExpiresSoon, match=r"flowers:v0 does not stay.*rule 'tidy'"):
        check_retention.fn("flowers")
    report = check_retention.fn("flowers", within=timedelta(days=7))
    assert (report.ok, report.rows[0].path) == (True, "x")


def test_a_promotion_moves_an_alias(write: Callable[..., Path]) -> None:
    log_reference.fn("flowers", write(a="a"))
    log_reference.fn("flowers", write(a="b"))
    assert promote_artifact.fn("flowers:v0", "prod").aliases == ("prod",)
    assert use_artifact.fn("flowers:prod").version == "v0"
    with pytest.raises(landfast.InvalidInput):
        promote_artifact.fn("flowers:v0", "v7")


@pytest.mark.parametrize("before", [None, "flowers:v0"])
def test_a_failed_transaction_moves_the_alias_back(
    write: Callable[..., Path], before: str | None
) -> None:
    log_reference.fn("flowers", write(a="a"))
    log_reference.fn("flowers", write(a="b"))
    if before:
        promote_artifact.fn(before, "prod")
    with suppress(RuntimeError), transaction():
        promote_artifact.fn("flowers:v1", "prod")
        assert use_artifact.fn("flowers:prod").version == "v1"
        raise RuntimeError("bad model")
    if before:
        assert use_artifact.fn("flowers:prod").version == "v0"
    else:
        with pytest.raises(landfast.NotFound):
            use_artifact.fn("flowers:prod")


def test_a_failed_transaction_leaves_an_alias_that_somebody_moved_since(
    write: Callable[..., Path],
) -> None:
    for text in "abc":
        log_reference.fn("flowers", write(a=text))
    with suppress(RuntimeError), transaction():
        promote_artifact.fn("flowers:v1", "prod")
        landfast.Client().promote("flowers:v2", "prod")
        raise RuntimeError("bad model")
    assert use_artifact.fn("flowers:prod").version == "v2"


async def _in_turn(folder: Path) -> tuple[landfast.ArtifactVersion, bool, tuple[str, ...]]:
    logged = await alog_reference.fn("flowers", folder)
    used = await ause_artifact.fn(logged)
    report = await averify_artifact.fn(used)
    promoted = await apromote_artifact.fn(used, "prod")
    return used, report.ok, promoted.aliases


def test_the_async_twins_do_the_same(write: Callable[..., Path]) -> None:
    import asyncio

    used, is_intact, aliases = asyncio.run(_in_turn(write(a="a")))
    assert (used.version, is_intact, aliases) == ("v0", True, ("latest", "prod"))


def test_what_a_log_was_made_from_can_be_given(write: Callable[..., Path], tmp_path: Path) -> None:
    flowers = log_reference.fn("flowers", write(a="a"))
    (tmp_path / "model").write_text("m")
    model = log_reference.fn("cnn", tmp_path / "model", inputs=[flowers, "flowers:v0"])
    assert [str(name) for name in model.lineage().upstream] == [flowers.qualified_name]


def test_outside_a_run_there_is_nothing_to_hand_to_a_subprocess() -> None:
    assert run_env() == {}
