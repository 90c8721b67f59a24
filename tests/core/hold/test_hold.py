"""Held object versions stay, whoever deletes them; what others hold is left alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import landfast
import pytest
from botocore.exceptions import ClientError
from kit.servers.exchange import Response
from kit.servers.faults import Status
from landfast import Client
from landfast.errors import AccessDenied, Conflict, InvalidInput, Unverifiable
from landfast.model.storage.holds import HoldState
from landfast.stores.retrying import RetryingStore


def test_what_a_version_refers_to_stays_until_it_is_released(client: Client, locked) -> None:
    ids = {name: locked.put(name) for name in ("a", "b")}
    version = client.log("mnist", locked.uri)
    done = client.hold(version, reason="the model of May")
    assert (done.held, done.foreign, done.ok) == (2, 0, True)
    assert all(locked.is_held(name, oid) for name, oid in ids.items())
    assert version.holds.is_held
    assert version.holds.objects == {HoldState.HELD: 2}
    with pytest.raises(ClientError, match=r"AccessDenied|locked|WORM"):
        locked.delete("a", ids["a"])
    locked.put("a", b"new")
    assert version.verify().counts["overwritten"] == 1
    released = client.release(version)
    assert released.released == 2
    assert not any(locked.is_held(name, oid) for name, oid in ids.items())
    assert not version.holds.records
    assert not version.holds.objects
    locked.delete("a", ids["a"])


def test_a_hold_is_no_change(client: Client, locked) -> None:
    locked.put("a")
    version = client.log("mnist", locked.uri)
    client.hold(version)
    again = client.log("mnist", locked.uri)
    assert (again.created, again.changed) == (False, False)
    assert again == version
    assert len(client.registry.pin_sets(version.record.id)) == 1
    assert set(version.verify().counts) == {"intact"}


def test_a_second_hold_asks_for_nothing_that_is_held(client: Client, locked) -> None:
    locked.put("a")
    version = client.log("mnist", locked.uri)
    client.hold(version)
    again = client.hold(version)
    assert (again.held, again.kept, dict(again.requests)) == (0, 1, {})


def test_a_colleagues_hold_is_there_before_and_after(client: Client, locked) -> None:
    theirs, ours = locked.put("a"), locked.put("b")
    locked.set_held("a", theirs, on=True)
    version = client.log("mnist", locked.uri)
    done = client.hold(version)
    assert (done.held, done.foreign) == (1, 1)
    assert version.holds.objects == {HoldState.HELD: 1, HoldState.FOREIGN: 1}
    released = client.release(version)
    assert (released.released, released.foreign) == (1, 1)
    assert locked.is_held("a", theirs)
    assert not locked.is_held("b", ours)


def test_what_a_colleague_let_go_is_held_at_the_next_call(client: Client, locked) -> None:
    theirs = locked.put("a")
    locked.set_held("a", theirs, on=True)
    version = client.log("mnist", locked.uri)
    client.hold(version)
    locked.set_held("a", theirs, on=False)
    assert client.hold(version).held == 1
    assert locked.is_held("a", theirs)
    client.release(version)
    assert not locked.is_held("a", theirs)


def test_another_registrys_hold_is_not_ours(client: Client, locked, tmp_path) -> None:
    oid = locked.put("a")
    other = Client(f"sqlite:///{tmp_path / 'other.db'}", project="vision")
    other.hold(other.log("mnist", locked.uri))
    version = client.log("mnist", locked.uri)
    assert client.hold(version).foreign == 1
    client.release(version)
    assert locked.is_held("a", oid)
    other.release("mnist:v0")
    assert not locked.is_held("a", oid)
    other.close()


def test_a_shared_object_is_released_with_the_last_version(client: Client, locked) -> None:
    shared, gone = locked.put("a"), locked.put("b")
    first = client.log("mnist", locked.uri)
    client.hold(first)
    locked.server.client.delete_object(Bucket=locked.bucket, Key="data/b")
    second = client.log("mnist", locked.uri)
    assert second.version == "v1"
    done = client.hold(second)
    assert (done.held, done.kept) == (0, 1)
    released = client.release(first)
    assert (released.released, released.kept) == (1, 1)
    assert locked.is_held("a", shared)
    assert not locked.is_held("b", gone)
    assert client.release(second).released == 1
    assert not locked.is_held("a", shared)


def test_a_version_is_held_as_long_as_it_is_in_any_name(client: Client, locked) -> None:
    oid = locked.put("a")
    version = client.log("mnist", locked.uri)
    client.hold(version)
    client.hold(version, holder="audit", reason="until 2030")
    assert client.release(version, holder="audit").released == 0
    assert locked.is_held("a", oid)
    assert [record.holder for record in version.holds.records] == [""]
    assert client.release(version).released == 1


def test_rm_and_gc_release_what_they_end(client: Client, locked) -> None:
    oid = locked.put("a")
    version = client.log("mnist", locked.uri)
    client.hold(version)
    client.delete(version, delete_aliases=True)
    assert not locked.is_held("a", oid)
    assert not list(client.registry.holds.records())
    with pytest.raises(Conflict, match="deleted"):
        client.hold(version)


def test_gc_releases_what_a_version_past_its_time_had_held(client: Client, locked) -> None:
    oid = locked.put("a")
    old = client.log("mnist", locked.uri, ttl=timedelta(seconds=1))
    client.hold(old)
    locked.put("a", b"new")
    client.log("mnist", locked.uri)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert client.registry.expire(tomorrow, dry_run=False)
    assert client.gc(dry_run=True).released == 0
    assert locked.is_held("a", oid)
    report = client.gc(dry_run=False)
    assert report.released == 1
    assert "1 object versions released" in report.summary
    assert not locked.is_held("a", oid)


def test_the_plan_counts_what_the_hold_then_sends(client: Client, s3_proxy) -> None:
    bucket = s3_proxy.direct.bucket(lock=True)
    ids = [s3_proxy.direct.put(bucket, f"data/{number}", b"x") for number in range(5)]
    s3_proxy.direct.set_held(bucket, "data/0", ids[0], on=True)
    version = client.log("mnist", f"s3://{bucket}/data/")
    plan = client.plan_hold(version)
    assert plan.ok, plan.problems
    assert (plan.objects, plan.done) == (4, 1)
    before = dict(s3_proxy.proxy.counts)
    done = client.hold(version)
    counts = {name: count - before.get(name, 0) for name, count in s3_proxy.proxy.counts.items()}
    sent = {
        "GetObjectLegalHold": counts["get-object-legal-hold"],
        "PutObjectLegalHold": counts["put-object-legal-hold"],
        "GetObjectLockConfiguration": counts["get-object-lock"],
    }
    assert dict(plan.requests) == sent == dict(done.requests)
    assert sum(sent.values()) == sum(counts.values())


DENIED = {
    "get-object-lock": "s3:GetBucketObjectLockConfiguration",
    "get-object-legal-hold": "s3:GetObjectLegalHold",
    "put-object-legal-hold": "s3:PutObjectLegalHold",
}


@pytest.mark.parametrize("kind", DENIED)
def test_a_missing_permission_is_named_and_nothing_is_half_done(
    client: Client, s3_proxy, kind: str
) -> None:
    bucket = s3_proxy.direct.bucket(lock=True)
    ids = [s3_proxy.direct.put(bucket, f"data/{number}", b"x") for number in range(3)]
    version = client.log("mnist", f"s3://{bucket}/data/")
    s3_proxy.proxy.inject(Status(status=403, code="AccessDenied"), kind=kind)
    plan = client.plan_hold(version)
    assert not plan.ok
    assert [problem.permission for problem in plan.problems] == [DENIED[kind]]
    assert plan.problems[0].count == 3
    with pytest.raises(AccessDenied, match=DENIED[kind]):
        client.hold(version)
    assert not any(
        s3_proxy.direct.is_held(bucket, f"data/{number}", oid) for number, oid in enumerate(ids)
    )
    assert not list(client.registry.holds.records())


def test_a_bucket_without_object_lock_says_so_and_what_to_do(client: Client, server) -> None:
    bucket = server.bucket("Enabled")
    server.put(bucket, "data/a", b"x")
    version = client.log("mnist", f"s3://{bucket}/data/")
    with pytest.raises(InvalidInput, match="cannot be held") as caught:
        client.hold(version)
    assert "landfast copy NAME" in str(caught.value)
    assert "put-object-lock-configuration" not in str(caught.value)
    assert not list(client.registry.holds.records())


def test_what_has_no_version_and_what_is_gone_is_named(client: Client, locked, server) -> None:
    kept, gone = locked.put("a"), locked.put("b")
    plain = server.bucket()
    server.put(plain, "data/c", b"x")
    version = client.log("mnist", locked.uri, f"s3://{plain}/data/")
    locked.delete("b", gone)
    plan = client.plan_hold(version)
    assert {problem.message.partition(":")[0]: problem.count for problem in plan.problems} == {
        "the recorded version is gone": 1,
        "recorded without a version id": 1,
    }
    with pytest.raises(InvalidInput, match="2 objects"):
        client.hold(version)
    assert not locked.is_held("a", kept)
    done = client.hold(version, partial=True)
    assert (done.held, done.ok) == (1, False)
    assert locked.is_held("a", kept)


def test_a_server_that_says_yes_and_does_nothing_is_found_out(client: Client, s3_proxy) -> None:
    class Dropped:
        def early(self, request):
            return Response(status=200, headers={"content-length": "0"}, body=b"")

        def late(self, request, response):
            return response

    bucket = s3_proxy.direct.bucket(lock=True)
    s3_proxy.direct.put(bucket, "data/a", b"x")
    version = client.log("mnist", f"s3://{bucket}/data/")
    s3_proxy.proxy.inject(Dropped(), kind="put-object-legal-hold")
    with pytest.raises(Unverifiable, match="is not held"):
        client.hold(version)


def test_files_of_a_folder_cannot_be_held(client: Client, tmp_path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a").write_text("a")
    version = client.log("mnist", str(tmp_path / "d"))
    with pytest.raises(InvalidInput, match="file:// has no holds"):
        client.hold(version)


def test_managed_files_need_no_hold(client: Client, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("LANDFAST_REGISTRY_URL", f"sqlite:///{tmp_path / 'registry.db'}")
    (tmp_path / "a").write_text("a")
    draft = landfast.Artifact("mnist", type="dataset")
    draft.add_file(str(tmp_path / "a"))
    version = client.log_artifact(draft)
    plan = client.plan_hold(version)
    assert (plan.ok, plan.done, dict(plan.requests)) == (True, 1, {})


def test_retrying_names_a_store_that_holds_nothing() -> None:
    store = RetryingStore(object())  # type: ignore[arg-type]
    with pytest.raises(InvalidInput):
        store.hold_operations(None)  # type: ignore[arg-type]
