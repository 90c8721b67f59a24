"""Holds of Cloud Storage, over a server that was written from Google's reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from google.api_core.exceptions import Forbidden
from kit.gcs_server import GcsServer
from landfast import Client
from landfast.errors import AccessDenied, InvalidInput
from landfast.model.storage.holds import HoldState


@dataclass(frozen=True, slots=True)
class Place:
    server: GcsServer
    name: str

    @property
    def uri(self) -> str:
        return f"gs://{self.name}/data/"

    def put(self, key: str, body: bytes = b"x") -> str:
        return self.server.put(self.name, f"data/{key}", body)

    def blob(self, key: str, generation: str | None = None) -> Any:
        at = int(generation) if generation else None
        return self.server.client.bucket(self.name).blob(f"data/{key}", generation=at)

    def holds(self, key: str, generation: str) -> tuple[bool, bool]:
        blob = self.blob(key, generation)
        blob.reload()
        return bool(blob.temporary_hold), bool(blob.event_based_hold)

    def hold(self, key: str, *, on: bool, name: str = "temporary_hold") -> None:
        blob = self.blob(key)
        setattr(blob, name, on)
        blob.patch()


@pytest.fixture
def place(gcs: GcsServer) -> Place:
    return Place(gcs, gcs.bucket(versioning=True))


def test_a_held_generation_is_neither_deleted_nor_overwritten(client: Client, place) -> None:
    generation = place.put("a")
    version = client.log("mnist", place.uri)
    plan = client.plan_hold(version)
    done = client.hold(version)
    assert dict(plan.requests) == dict(done.requests)
    assert done.held == 1
    assert place.holds("a", generation) == (True, False)
    with pytest.raises(Forbidden, match="under active Temporary hold"):
        place.blob("a", generation).delete()
    with pytest.raises(Forbidden, match="under active Temporary hold"):
        place.blob("a").delete()
    with pytest.raises(Forbidden, match="overwritten or archived"):
        place.blob("a").upload_from_string(b"new")
    client.gc(dry_run=False)
    assert place.holds("a", generation) == (True, False)
    assert client.release(version).released == 1
    place.blob("a").upload_from_string(b"new")
    place.blob("a", generation).delete()


def test_a_hold_is_no_change_though_etag_and_metageneration_move(client: Client, place) -> None:
    place.put("a")
    version = client.log("mnist", place.uri)
    before = place.blob("a")
    before.reload()
    client.hold(version)
    after = place.blob("a")
    after.reload()
    assert (before.etag, before.metageneration) != (after.etag, after.metageneration)
    again = client.log("mnist", place.uri)
    assert (again, again.created, again.changed) == (version, False, False)
    assert len(client.registry.pin_sets(version.record.id)) == 1
    assert client.probe(place.uri) == version.digest
    assert set(version.verify().counts) == {"intact"}


def test_either_kind_can_be_asked_for(client: Client, place) -> None:
    generation = place.put("a")
    version = client.log("mnist", place.uri)
    client.hold(version, kind="event-based-hold")
    assert place.holds("a", generation) == (False, True)
    client.release(version)
    assert place.holds("a", generation) == (False, False)
    with pytest.raises(InvalidInput, match="no legal-hold, but temporary-hold and event-based"):
        client.hold(version, kind="legal-hold")


def test_a_colleagues_hold_stays(client: Client, place) -> None:
    generation = place.put("a")
    place.hold("a", on=True)
    version = client.log("mnist", place.uri)
    assert client.hold(version).foreign == 1
    client.release(version)
    assert place.holds("a", generation) == (True, False)


def test_who_is_quicker_than_us_keeps_the_hold(client: Client, place) -> None:
    generation = place.put("a")
    version = client.log("mnist", place.uri)
    asked = 0

    def colleague(request: Any) -> None:
        nonlocal asked
        if request.method == "PATCH" and b"emporaryHold" in request.body and not asked:
            asked = 1
            place.server.api.state.patch(
                place.name, "data/a", int(generation), {"temporaryHold": True}
            )

    place.server.before = colleague
    done = client.hold(version)
    assert asked
    assert (done.held, done.foreign) == (0, 1)
    assert version.holds.objects == {HoldState.FOREIGN: 1}
    client.release(version)
    assert place.holds("a", generation) == (True, False)


@pytest.mark.parametrize("permission", ["storage.objects.get", "storage.objects.update"])
def test_a_missing_permission_is_named_and_nothing_is_held(
    client: Client, place, permission: str
) -> None:
    generation = place.put("a")
    version = client.log("mnist", place.uri)
    place.server.deny(permission)
    (problem,) = client.plan_hold(version).problems
    assert (problem.permission, problem.count) == (permission, 1)
    with pytest.raises(AccessDenied, match=permission):
        client.hold(version)
    place.server.api.denied.clear()
    assert place.holds("a", generation) == (False, False)
    assert not list(client.registry.holds.records())
