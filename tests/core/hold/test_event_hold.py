"""Event holds of S3, over a stand-in that was made from botocore's model; nothing here was run against AWS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from kit.servers.event_holds import EventHolds, Retention
from landfast import Client
from landfast.errors import AccessDenied, InvalidInput, Unverifiable
from landfast.model.storage.holds import HoldState
from landfast.stores.s3 import event_holds


@dataclass(frozen=True, slots=True)
class Place:
    holds: EventHolds
    proxied: Any
    bucket: str

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/data/"

    def put(self, name: str) -> tuple[str, str]:
        version = self.proxied.direct.put(self.bucket, f"data/{name}", b"x")
        return f"/{self.bucket}/data/{name}", version


@pytest.fixture
def place(s3_proxy: Any) -> Iterator[Place]:
    holds = EventHolds()
    s3_proxy.proxy.inject(holds)
    return Place(holds, s3_proxy, s3_proxy.direct.bucket(lock=True))


def test_held_until_it_is_released_and_a_day_after(client: Client, place: Place) -> None:
    one, two = place.put("a"), place.put("b")
    version = client.log("mnist", place.uri)
    plan = client.plan_hold(version, kind="event-hold")
    done = client.hold(version, kind="event-hold")
    assert (plan.ok, done.held) == (True, 2)
    assert dict(done.requests) == dict(plan.requests)
    assert {kept.event for kept in place.holds.kept.values()} == {"ON"}
    with pytest.raises(ClientError, match="AccessDenied"):
        place.proxied.client.delete_object(Bucket=place.bucket, Key="data/a", VersionId=one[1])
    assert client.hold(version, kind="event-hold").kept == 2
    assert client.release(version).released == 2
    kept = place.holds.kept[two]
    assert kept.event == "OFF"
    assert kept.until is not None
    assert timedelta(hours=23) < kept.until - datetime.now(UTC) < timedelta(hours=25)


def test_how_many_days_after_is_an_option(tmp_path: Path, place: Place) -> None:
    one = place.put("a")
    client = Client(
        f"sqlite:///{tmp_path / 'registry.db'}", options={place.uri: {"event_hold_days": 30}}
    )
    client.hold(client.log("mnist", place.uri), kind="event-hold")
    assert place.holds.kept[one].duration == timedelta(days=30)
    client.close()


def test_what_else_is_set_stays(client: Client, place: Place) -> None:
    one = place.put("a")
    until = datetime(2099, 1, 1, tzinfo=UTC)
    place.holds.kept[one] = Retention("COMPLIANCE", until)
    version = client.log("mnist", place.uri)
    client.hold(version, kind="event-hold")
    kept = place.holds.kept[one]
    assert (kept.mode, kept.until, kept.event) == ("COMPLIANCE", until, "ON")
    client.release(version)
    kept = place.holds.kept[one]
    assert (kept.mode, kept.until, kept.event) == ("COMPLIANCE", until, "OFF")


def test_a_colleagues_event_hold_stays(client: Client, place: Place) -> None:
    one = place.put("a")
    place.holds.kept[one] = Retention(event="ON", duration=timedelta(days=7))
    version = client.log("mnist", place.uri)
    assert client.hold(version, kind="event-hold").foreign == 1
    assert version.holds.objects == {HoldState.FOREIGN: 1}
    client.release(version)
    assert place.holds.kept[one] == Retention(event="ON", duration=timedelta(days=7))


def test_a_server_that_drops_it_is_found_out(client: Client, place: Place) -> None:
    place.put("a")
    place.holds.drops = True
    version = client.log("mnist", place.uri)
    with pytest.raises(Unverifiable, match="is not held"):
        client.hold(version, kind="event-hold")


@pytest.mark.parametrize("days", [0, 36_501])
def test_days_that_nobody_takes_are_refused(tmp_path: Path, place: Place, days: int) -> None:
    place.put("a")
    client = Client(
        f"sqlite:///{tmp_path / 'registry.db'}", options={place.uri: {"event_hold_days": days}}
    )
    with pytest.raises(InvalidInput, match="event_hold_days"):
        client.hold(client.log("mnist", place.uri), kind="event-hold")
    client.close()


def test_an_old_botocore_is_named(
    client: Client, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.put("a")
    version = client.log("mnist", place.uri)

    shape = SimpleNamespace(members=("Mode", "RetainUntilDate"))
    model = SimpleNamespace(shape_for=lambda _: shape)
    old = SimpleNamespace(meta=SimpleNamespace(service_model=model))
    known = event_holds.check_client
    monkeypatch.setattr(event_holds, "check_client", lambda _: known(old))
    plan = client.plan_hold(version, kind="event-hold")
    assert [problem.message for problem in plan.problems] == [
        "this botocore does not know event holds"
    ]
    assert "pip install" in plan.problems[0].hint


def test_without_the_permission_nothing_is_held(client: Client, place: Place) -> None:
    from kit.servers.faults import Status

    place.put("a")
    version = client.log("mnist", place.uri)
    place.proxied.proxy.rules.clear()
    place.proxied.proxy.inject(Status(status=403, code="AccessDenied"), kind="put-object-retention")
    place.proxied.proxy.inject(place.holds)
    with pytest.raises(AccessDenied, match="s3:PutObjectRetention"):
        client.hold(version, kind="event-hold")
    assert not list(client.registry.holds.records())


def test_the_stand_in_refuses_what_the_model_does_not_have(place: Place) -> None:
    one = place.put("a")
    for body in (
        b"<Retention><Event>ON</Event></Retention>",
        b"<Retention><EventHold>on</EventHold></Retention>",
        b"<Retention><EventHold>ON</EventHold></Retention>",
        b"<Retention><EventHold>ON</EventHold><EventHoldDuration><Weeks>1</Weeks></EventHoldDuration></Retention>",
    ):
        from kit.servers.exchange import Request

        request = Request(
            method="PUT",
            target=f"{one[0]}?retention&versionId={one[1]}",
            headers={},
            body=body,
            kind="put-object-retention",
        )
        answer = place.holds.early(request)
        assert answer is not None
        assert answer.status == 400
    assert not place.holds.kept
