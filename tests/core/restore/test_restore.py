"""Restore: recorded object versions are asked back from archives by their ids, once."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from kit.servers.archive import ArchiveServer
from landfast.client import Client
from landfast.errors import (
    AccessDenied,
    Archived,
    InvalidInput,
    NotFound,
    Unavailable,
)
from landfast.model.storage.plan import Plan


def recorded(bucket: ArchiveServer, client: Client, count: int = 3) -> str:
    """Record objects, overwrite the first, and let a lifecycle rule archive all but the last."""
    for number in range(count):
        bucket.put(f"d/{number}", f"bytes {number}".encode())
    name = client.log("cold", "s3://bucket/d/").qualified_name
    bucket.put("d/0", b"newer bytes")
    for number in range(count - 1):
        bucket.archive(f"d/{number}")
    bucket.counts.clear()
    return name


def test_recorded_versions_are_asked_for_by_id_and_what_can_be_read_is_not(
    bucket: ArchiveServer, any_client: Client
) -> None:
    name = recorded(bucket, any_client)
    report = any_client.restore(name, days=9)
    assert bucket.asked == [
        {"key": "d/0", "version_id": "v0", "Days": "9", "Tier": "Standard"},
        {"key": "d/1", "version_id": "v0", "Days": "9", "Tier": "Standard"},
    ]
    assert (report.asked, report.readable, report.restored) == (2, 1, 0)
    assert report.asked_bytes == len(b"bytes 0") * 2
    assert report.until is None
    assert report.ok
    assert not report.is_complete


def test_it_is_idempotent_from_begin_to_end(bucket: ArchiveServer, any_client: Client) -> None:
    name = recorded(bucket, any_client)
    any_client.restore(name)
    again = any_client.restore(name)
    assert (again.asked, again.under_way) == (0, 2)
    bucket.finish()
    bucket.counts.clear()
    done = any_client.restore(name)
    assert (done.asked, done.under_way, done.restored, done.readable) == (0, 0, 2, 1)
    assert done.is_complete
    assert str(done.until) == "2026-11-08 00:00:00+00:00"
    assert bucket.counts["RestoreObject"] == 0
    assert len(bucket.asked) == 2


def test_lists_of_amazon_tell_all_without_a_request_for_an_object(
    bucket: ArchiveServer, tmp_path: Path
) -> None:
    from tests.core.restore.conftest import client_of

    client = client_of(bucket, tmp_path, as_amazon=True)
    name = recorded(bucket, client)
    client.restore(name)
    bucket.finish()
    client.restore(name)
    assert bucket.counts["HeadObject"] == 0
    client.close()


def test_another_request_that_was_quicker_is_no_error(
    bucket: ArchiveServer, client: Client
) -> None:
    name = recorded(bucket, client)
    bucket.replies = [(409, "RestoreAlreadyInProgress")]
    report = client.restore(name)
    assert (report.asked, report.under_way) == (1, 1)


def test_what_was_put_back_meanwhile_is_no_error(bucket: ArchiveServer, client: Client) -> None:
    name = recorded(bucket, client)
    bucket.replies = [(403, "InvalidObjectState")]
    report = client.restore(name)
    assert (report.asked, report.readable) == (1, 2)


def test_objects_that_the_store_archived_by_itself_come_back_for_good(
    bucket: ArchiveServer, any_client: Client
) -> None:
    bucket.put("d/awake", b"a", "INTELLIGENT_TIERING")
    bucket.put("d/asleep", b"b", "INTELLIGENT_TIERING", access="DEEP_ARCHIVE")
    version = any_client.log("tiered", "s3://bucket/d/")
    report = version.restore(tier="Bulk")
    assert bucket.asked == [{"key": "d/asleep", "version_id": "v0", "Tier": "Bulk"}]
    assert (report.asked, report.readable) == (1, 1)
    assert version.restore().under_way == 1
    bucket.finish()
    done = version.restore()
    assert (done.readable, done.restored) == (2, 0)
    assert version.verify().ok


def test_waiting_polls_until_all_can_be_read_and_says_until_when(
    bucket: ArchiveServer, client: Client
) -> None:
    from landfast.restore.run import Wanted, restore
    from landfast.restore.wait import Patience

    version = client.get(recorded(bucket, client, count=40))
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            bucket.finish()

    told: list[tuple[int, int | None]] = []
    sets = client.context.pinned_manifests(version.record)
    wanted = Wanted.of(version.qualified_name, sets, {"days": 3})
    report = restore(
        wanted,
        client.context.stores,
        patience=Patience(sleep=sleep),
        progress=lambda done, total: told.append((done, total)),
    )
    assert (report.restored, report.asked, report.is_complete) == (39, 0, True)
    assert str(report.until) == "2026-11-04 00:00:00+00:00"
    assert pauses == sorted(pauses)
    assert told[-1] == (39, 39)
    # Only a window is asked about while nothing is ready: not all objects at each look.
    assert bucket.counts["HeadObject"] <= 39 + 3 * 16 + 39
    assert version.verify().counts["intact"] == 39


def test_a_wait_that_takes_too_long_says_that_the_restore_goes_on(
    bucket: ArchiveServer, client: Client
) -> None:
    name = recorded(bucket, client)
    with pytest.raises(Unavailable, match="2 objects are still being restored") as caught:
        client.restore(name, wait=True, timeout=0)
    assert "run the same command" in str(caught.value)
    assert client.restore(name).under_way == 2


def test_only_the_wanted_paths_are_asked_for(bucket: ArchiveServer, client: Client) -> None:
    name = recorded(bucket, client)
    report = client.restore(name, include=["1"])
    assert [asked["key"] for asked in bucket.asked] == ["d/1"]
    assert (report.asked, report.readable) == (1, 0)
    with pytest.raises(NotFound, match="no entry"):
        client.restore(name, include=["nothing/*"])


def test_without_the_permission_nothing_is_asked_for(bucket: ArchiveServer, client: Client) -> None:
    name = recorded(bucket, client)
    bucket.denied = {"RestoreObject"}
    with pytest.raises(AccessDenied, match="s3:RestoreObject"):
        client.restore(name)
    assert bucket.counts["RestoreObject"] == 1
    plan = client.plan_restore(name)
    assert [problem.permission for problem in plan.problems] == ["s3:RestoreObject"]
    assert "restoring is not allowed" in plan.problems[0].message


def test_a_tier_that_the_archive_does_not_know_says_which_it_knows(
    bucket: ArchiveServer, client: Client
) -> None:
    bucket.put("d/x", b"x", "DEEP_ARCHIVE")
    version = client.log("deep", "s3://bucket/d/")
    with pytest.raises(InvalidInput, match="--tier Standard or Bulk"):
        version.restore(tier="Expedited")
    with pytest.raises(InvalidInput, match="tier='Fast'"):
        version.restore(tier="Fast")
    with pytest.raises(InvalidInput, match="1 or more"):
        version.restore(days=0)


def test_no_capacity_for_a_tier_is_said_and_not_asked_again(
    bucket: ArchiveServer, client: Client
) -> None:
    name = recorded(bucket, client)
    bucket.replies = [(503, "GlacierExpeditedRetrievalNotAvailable")] * 9
    with pytest.raises(Unavailable, match="tier Expedited now"):
        client.restore(name, tier="Expedited")
    assert bucket.counts["RestoreObject"] == 1


def test_throttling_is_waited_for(bucket: ArchiveServer, client: Client) -> None:
    name = recorded(bucket, client)
    bucket.replies = [(503, "SlowDown")]
    assert client.restore(name).asked == 2


def test_what_is_gone_is_a_problem_and_the_rest_is_asked_for(
    bucket: ArchiveServer, client: Client
) -> None:
    name = recorded(bucket, client)
    bucket.objects["d/1"].clear()
    report = client.restore(name)
    assert report.asked == 1
    (problem,) = report.problems
    assert (problem.message, problem.count, problem.examples) == (
        "is gone",
        1,
        ("s3://bucket/d/1",),
    )
    assert not report.ok


def test_a_download_says_what_is_archived_and_the_command(
    bucket: ArchiveServer, client: Client, tmp_path: Path
) -> None:
    name = recorded(bucket, client)
    with pytest.raises(Archived, match=r"s3://bucket/d/\d version v0 is archived") as caught:
        client.download(name, tmp_path / "out")
    assert f"landfast restore {name} --wait" in str(caught.value)
    assert pickle.loads(pickle.dumps(caught.value)).details["state"] == "archived"
    client.restore(name)
    with pytest.raises(Archived, match="is being restored"):
        client.open(name, "1")
    bucket.finish()
    assert client.download(name, tmp_path / "out").files == 3
    assert (tmp_path / "out" / "0").read_bytes() == b"bytes 0"


def test_the_plan_is_what_is_then_sent(bucket: ArchiveServer, any_client: Client) -> None:
    name = recorded(bucket, any_client, count=12)
    plan = any_client.plan_restore(name)
    assert plan.ok
    sent = dict(bucket.counts)
    assert sent == plan.sent
    assert bucket.asked == []
    bucket.counts.clear()
    report = any_client.restore(name)
    assert dict(bucket.counts) == plan.requests
    assert (plan.archived, plan.archived_bytes) == (report.asked, report.asked_bytes)
    assert plan.done == report.readable == 1


def test_the_plan_of_what_was_asked_for_has_no_requests_but_the_list(
    bucket: ArchiveServer, any_client: Client
) -> None:
    name = recorded(bucket, any_client)
    any_client.restore(name)
    plan = any_client.plan_restore(name)
    assert "RestoreObject" not in plan.requests
    assert (plan.archived, plan.done) == (0, 3)


def test_files_of_a_disk_need_no_restore(client: Client, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "x").write_bytes(b"x")
    version = client.log("local", str(tmp_path / "d"))
    assert version.restore().summary == "1 in no archive"
    assert version.plan_restore() == Plan(act="restore", name=version.qualified_name, done=1)
