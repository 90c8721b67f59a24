"""Verdicts agree with what can be read, whatever happened to the objects."""

import random
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from landfast.errors import NotFound, ObjectChanged
from landfast.manifests.memory import MemoryManifest
from landfast.model.location import Location
from landfast.model.manifest import ManifestEntry
from landfast.model.reference import Reference
from landfast.model.verdict import Verdict
from landfast.stores.base import Pin
from landfast.stores.opener import Stores
from landfast.verify.run import verify

from tests.core.verify.reports import check, folder, verdicts

# All of them


def readable(stores: Stores, entry: ManifestEntry) -> bool:
    """Whether the recorded bytes come under the recorded pins."""
    location = Location.parse(entry.uri, pins=False)
    pin = Pin(
        location=location,
        version_id=entry.version_id,
        etag=entry.etag,
        size=entry.size,
        checksum=entry.checksum,
    )
    try:
        with stores.at(location).open(pin) as reader:
            return b"".join(reader) == entry.path.encode()
    except (NotFound, ObjectChanged):
        return False


def shake(chance: random.Random, server: Any, bucket: str, keys: list[str]) -> None:
    """Do something to some of the keys."""
    for key in keys:
        for _ in range(chance.randint(0, 3)):
            match chance.choice(["same", "other", "delete", "versioning", "expire"]):
                case "same":
                    server.put(bucket, f"d/{key}", key.encode())
                case "other":
                    server.put(bucket, f"d/{key}", f"other {chance.random()}".encode())
                case "delete":
                    server.remove(bucket, f"d/{key}")
                case "versioning":
                    server.switch(bucket, chance.choice([True, False]))
                case "expire":
                    server.expire(bucket, f"d/{key}")


class S3Hand:
    """Changes objects; suspends versioning only where `suspends`: moto then breaks its own state."""

    suspends = True

    def __init__(self, server: Any, chance: random.Random) -> None:
        self.server, self.chance, self.put = server, chance, server.put

    def bucket(self) -> str:
        states = [None, "Enabled", "Suspended"] if self.suspends else [None, "Enabled"]
        return f"s3://{self.server.bucket(self.chance.choice(states))}/"

    def remove(self, bucket: str, key: str, **version: str) -> None:
        self.server.client.delete_object(Bucket=bucket, Key=key, **version)

    def switch(self, bucket: str, on: bool) -> None:
        on = on or not self.suspends
        self.server.set_versioning(bucket, "Enabled" if on else "Suspended")

    def expire(self, bucket: str, key: str) -> None:
        found = self.server.client.list_object_versions(Bucket=bucket, Prefix=key)
        rows = [row for row in found.get("Versions", ()) if row["Key"] == key]
        if rows:
            self.remove(bucket, key, VersionId=self.chance.choice(rows)["VersionId"])


class MotoHand(S3Hand):
    suspends = False


class GcsHand:
    def __init__(self, server: Any, chance: random.Random) -> None:
        self.server, self.chance, self.put = server, chance, server.put

    def bucket(self) -> str:
        return f"gs://{self.server.bucket(versioning=self.chance.choice([True, False]))}/"

    def remove(self, bucket: str, key: str) -> None:
        with suppress(Exception):
            self.server.delete(bucket, key)

    def switch(self, bucket: str, on: bool) -> None:
        self.server.set_versioning(bucket, enabled=on)

    def expire(self, bucket: str, key: str) -> None:
        blobs = list(self.server.client.list_blobs(bucket, prefix=key, versions=True))
        if blobs:
            self.server.delete(bucket, key, str(self.chance.choice(blobs).generation))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    ("fixture", "hand"),
    [
        ("s3", MotoHand),
        ("gcs", GcsHand),
        pytest.param("radosgw", S3Hand, marks=pytest.mark.system),
    ],
)
def test_verdicts_agree_with_what_can_be_read(
    request: pytest.FixtureRequest, stores: Stores, scan: Any, fixture: str, hand: Any, seed: int
) -> None:
    chance = random.Random(seed)
    server = hand(request.getfixturevalue(fixture), chance)
    place = server.bucket()
    bucket = Location.parse(place).authority
    keys = [f"k{n}" for n in range(10)]
    for key in keys:
        server.put(bucket, f"d/{key}", key.encode())
    scanned = scan(f"{place}d/")
    shake(chance, server, bucket, keys)
    report = check(scanned, stores)
    told = verdicts(report)
    for entry in scanned.manifest.entries():
        verdict = told.get(entry.path, "intact")
        can = readable(stores, entry)
        if verdict in {"intact", "overwritten", "deleted"}:
            assert can, (entry, verdict)
        elif verdict in {"changed", "gone"}:
            assert not can, (entry, verdict)
        else:
            assert verdict == "moved"
            now = stores.at(Location.parse(entry.uri)).stat(Location.parse(entry.uri))
            assert (now.checksum, now.size) == (entry.checksum, entry.size)
            assert now.version_id != entry.version_id


def test_sources_of_every_kind_are_verified_together(
    s3: Any, http_script: Any, tmp_path: Path, stores: Stores, scan: Any
) -> None:
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "d/x", b"x")
    root = folder(tmp_path, x=b"x")
    scanned = scan(
        Reference(f"s3://{bucket}/d/", name="s3"),
        Reference(f"{root}/", name="file"),
        Reference(http_script.put("/x", b"x"), name="http/x"),
    )
    assert check(scanned, stores).counts == {Verdict.INTACT: 3}
    s3.put(bucket, "d/x", b"y")
    (root / "x").write_bytes(b"y")
    http_script.remove("/x")
    assert verdicts(check(scanned, stores)) == {
        "s3/x": "overwritten",
        "file/x": "changed",
        "http/x": "gone",
    }


def test_entries_of_no_recorded_source_are_found_by_their_own_uri(
    s3: Any, stores: Stores, scan: Any
) -> None:
    bucket = s3.bucket("Enabled")
    for name in ("a", "b", "sub/c"):
        s3.put(bucket, f"d/{name}", name.encode())
    scanned = scan(f"s3://{bucket}/d/")
    copied = MemoryManifest(
        replace(entry, path=f"else/{entry.path}") for entry in scanned.manifest.entries()
    )
    s3.put(bucket, "d/b", b"newer")
    report = verify(copied, [], stores, any_endpoint=True)
    assert verdicts(report) == {"else/b": "overwritten"}
    assert report.counts[Verdict.INTACT] == 2


def test_version_without_entries_is_ok(stores: Stores) -> None:
    report = verify(MemoryManifest([]), [], stores)
    assert (report.ok, report.exit_code, report.summary) == (True, 0, "no entries")
