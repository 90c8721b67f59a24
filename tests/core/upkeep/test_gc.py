"""Garbage collection: takes what nothing needs, and nothing else, also beside writers."""

import hashlib
import itertools
import json
import os
import signal
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from kit.forks import context, fork
from landfast.blobs.local import LocalBlobStore
from landfast.errors import NotFound, Unavailable
from landfast.manifests.base import Manifest
from landfast.manifests.memory import MemoryManifest
from landfast.manifests.reader import ManifestFile
from landfast.manifests.writer import ManifestWriter
from landfast.model.checksum import Checksum
from landfast.model.manifest import ManifestEntry
from landfast.model.names import ArtifactName
from landfast.model.source import Source
from landfast.model.version import VersionRecord
from landfast.publish.log import publish
from landfast.publish.retain import keep_managed
from landfast.publish.upload import LocalFile, upload, upload_all
from landfast.registry.opener import open_registry
from landfast.registry.registry import Registry
from landfast.registry.schema import tables
from landfast.registry.values import LogOutcome, LogRequest
from landfast.upkeep.gc import collect_garbage
from sqlalchemy import update

NOW = timedelta(0)
LEASE = timedelta(seconds=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A registry with its blobs, and how to log into it."""

    registry: Registry
    blobs: LocalBlobStore
    folder: Path

    def log(
        self,
        collection: str,
        text: str,
        *,
        pin: str = "1",
        files: dict[str, bytes] | None = None,
        **more: Any,
    ) -> LogOutcome:
        """Log one referenced object, and some managed files."""
        rows = [_referenced(text, pin)] + [
            self._managed(path, data) for path, data in (files or {}).items()
        ]
        target = self.folder / f"{uuid.uuid4().hex}.parquet"
        with ManifestWriter(target) as writer:
            writer.extend(sorted(rows, key=lambda row: row.path))
            written = writer.finish()
        managed = (Source(uri="blob:sha256"),) if files else ()
        request = LogRequest(
            name=ArtifactName(entity="e", project="p", collection=collection),
            type="dataset",
            summary=written.summary,
            sources=(Source(uri="s3://bucket/d/"), *managed),
            ticket=self.registry.ticket(),
            **more,
        )
        find = self._finder(list((files or {}).values()))
        outcome = publish(self.registry, self.blobs, request, written, find=find)
        target.unlink()
        return outcome

    def _finder(self, files: list[bytes]) -> Any:
        def find(sha256: str) -> Path | None:
            for data in files:
                if sha(data) == sha256:
                    file = self.folder / f"{uuid.uuid4().hex}.bin"
                    file.write_bytes(data)
                    return file
            return None

        return find

    def _managed(self, path: str, data: bytes) -> ManifestEntry:
        sha256 = hashlib.sha256(data).hexdigest()
        file = self.folder / f"{uuid.uuid4().hex}.bin"
        file.write_bytes(data)
        upload(self.registry, self.blobs, file, sha256, len(data))
        file.unlink()
        return ManifestEntry(
            path=path,
            size=len(data),
            checksum=Checksum("sha256", sha256),
            uri=f"blob:sha256:{sha256}",
        )

    def delete(self, outcome: LogOutcome) -> None:
        self.registry.delete(outcome.version.name, delete_aliases=True)

    def open(self, version: VersionRecord) -> Manifest:
        target = self.folder / f"{uuid.uuid4().hex}.parquet"
        self.blobs.fetch(version.blob, target)
        return ManifestFile(target)

    def collect(self, grace: timedelta = NOW, **options: Any) -> Any:
        options = {"dry_run": False, **options}
        return collect_garbage(self.registry, self.blobs, self.open, grace=grace, **options)

    def stored(self) -> set[str]:
        return {info.sha256 for info in self.blobs.list()}


def _referenced(text: str, pin: str) -> ManifestEntry:
    return ManifestEntry(
        path="ref",
        size=len(text),
        checksum=Checksum("sha256", hashlib.sha256(text.encode()).hexdigest()),
        uri="s3://bucket/d/ref",
        version_id=pin,
    )


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def house_at(url: str, folder: Path) -> House:
    folder.mkdir(exist_ok=True, parents=True)
    return House(
        registry=open_registry(url, lease=LEASE),
        blobs=LocalBlobStore(folder / "store"),
        folder=folder,
    )


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/registry.db"
    url: str = request.getfixturevalue("postgres_registry")((tmp_path / "house" / "store").as_uri())
    return url


@pytest.fixture
def house(url: str, tmp_path: Path) -> Iterator[House]:
    house = house_at(url, tmp_path / "house")
    yield house
    house.registry.close()


def test_dry_run_tells_and_changes_nothing(house: House) -> None:
    doomed = house.log("a", "one")
    kept = house.log("a", "two")
    house.delete(doomed)
    before = house.stored()
    report = collect_garbage(house.registry, house.blobs, house.open, grace=NOW)
    assert report.dry_run
    assert (report.deleted.count, report.deleted.examples) == (1, (doomed.version.blob,))
    assert house.stored() == before
    assert kept.version.blob in before
    told = json.loads(json.dumps(report.to_dict()))
    assert (told["blobs"], told["dry_run"]) == (1, True)
    assert "would delete 1 blobs" in report.summary


def test_deleted_version_goes_after_the_grace_period(house: House) -> None:
    doomed, kept = house.log("a", "one"), house.log("a", "two")
    house.delete(doomed)
    assert house.collect(timedelta(hours=1)).deleted.count == 0
    assert house.stored() == {doomed.version.blob, kept.version.blob}
    report = house.collect(timedelta(hours=1), now=datetime.now(UTC) + timedelta(hours=2))
    assert report.deleted.count == 1
    assert report.deleted.size > 0
    assert house.stored() == {kept.version.blob}
    assert house.open(kept.version).get("ref").size == 3
    assert house.collect().deleted.count == 0


def test_every_pin_set_of_a_live_version_is_kept(house: House) -> None:
    first = house.log("a", "one", pin="1")
    again = house.log("a", "one", pin="2")
    assert not again.created
    house.collect()
    pins = house.registry.pin_sets(first.version.id)
    assert len(pins) == 2
    assert house.stored() == {pin.blob for pin in pins}


def test_blob_that_another_version_names_is_kept(house: House) -> None:
    doomed, other = house.log("a", "one"), house.log("b", "one")
    assert doomed.version.blob == other.version.blob
    house.delete(doomed)
    assert house.collect().deleted.count == 0
    assert house.stored() == {other.version.blob}


def test_managed_files_of_live_and_restorable_versions_are_kept(house: House) -> None:
    house.log("a", "live", files={"x": b"live", "both": b"both"})
    doomed = house.log("a", "doomed", files={"x": b"doomed", "both": b"both"})
    house.log("a", "other")
    house.delete(doomed)
    an_hour = timedelta(hours=1)
    house.collect(an_hour)
    assert {sha(b"live"), sha(b"doomed"), sha(b"both"), doomed.version.blob} <= house.stored()
    later = datetime.now(UTC) + timedelta(minutes=59)
    assert house.collect(an_hour, now=later).deleted.count == 0
    report = house.collect(an_hour, now=later + timedelta(minutes=2))
    assert report.kept.count == 2
    assert house.stored() & {sha(b"live"), sha(b"doomed"), sha(b"both")} == {
        sha(b"live"),
        sha(b"both"),
    }
    assert doomed.version.blob not in house.stored()


def test_managed_files_of_a_later_pin_set_are_kept(house: House) -> None:
    data = b"managed later"
    entry = ManifestEntry(
        path="ref",
        size=len(data),
        checksum=Checksum("sha256", sha(data)),
        uri="file:///somewhere/ref",
    )

    def log(entry: ManifestEntry, source: str) -> LogOutcome:
        target = house.folder / f"{uuid.uuid4().hex}.parquet"
        with ManifestWriter(target) as writer:
            writer.extend([entry])
            written = writer.finish()
        request = LogRequest(
            name=ArtifactName(entity="e", project="p", collection="c"),
            type="dataset",
            summary=written.summary,
            sources=(Source(uri=source),),
            ticket=house.registry.ticket(),
        )
        return publish(house.registry, house.blobs, request, written)

    log(entry, "file:///somewhere/ref")
    house._managed("ref", data)
    again = log(replace(entry, uri=f"blob:sha256:{sha(data)}"), "blob:sha256")
    assert not again.created
    house.collect()
    assert sha(data) in house.stored()


def test_version_past_its_time_to_live_expires_and_its_blob_goes_later(house: House) -> None:
    expiring = house.log("a", "one", ttl_seconds=60)
    house.log("a", "two")
    aliased = house.log("b", "three", ttl_seconds=60, aliases=("prod",))
    later = datetime.now(UTC) + timedelta(seconds=61)
    report = house.collect(timedelta(hours=1), now=later, dry_run=True)
    assert [str(record.name) for record in report.expired] == ["e/p/a:v0"]
    assert house.registry.get(expiring.version.name).deleted_at is None
    assert house.collect(timedelta(hours=1), now=later, expire=False).expired == ()
    report = house.collect(timedelta(hours=1), now=later)
    assert [str(record.name) for record in report.expired] == ["e/p/a:v0"]
    with pytest.raises(NotFound):
        house.registry.get(expiring.version.name)
    assert expiring.version.blob in house.stored()
    house.collect(timedelta(hours=1), now=later + timedelta(hours=2))
    assert expiring.version.blob not in house.stored()
    assert aliased.version.blob in house.stored()


def test_pending_upload_is_kept_until_the_grace_period_is_over(house: House) -> None:
    house._managed("x", b"not logged yet")
    assert house.collect(timedelta(hours=1)).deleted.count == 0
    assert house.collect().deleted.count == 1
    assert house.stored() == set()


def test_orphan_is_made_known_first_and_deleted_a_grace_period_later(house: House) -> None:
    file = house.folder / "orphan"
    file.write_bytes(b"orphan")
    house.blobs.put(file, sha(b"orphan"))
    an_hour = timedelta(hours=1)
    assert house.collect(an_hour).orphans.count == 0
    later = datetime.now(UTC) + timedelta(hours=2)
    assert house.collect(an_hour, now=later, dry_run=True).orphans.count == 1
    assert house.collect(an_hour, now=later, orphans=False).orphans.count == 0
    report = house.collect(an_hour, now=later)
    assert (report.orphans.count, report.orphans.size) == (1, len(b"orphan"))
    assert (report.deleted.count, house.stored()) == (0, {sha(b"orphan")})
    report = house.collect(an_hour, now=later)
    assert (report.deleted.count, house.stored()) == (1, set())


def test_reused_orphan_is_not_deleted(house: House) -> None:
    file = house.folder / "orphan"
    file.write_bytes(b"reused")
    house.blobs.put(file, sha(b"reused"))
    house.collect()
    house.log("a", "one", files={"x": b"reused"})
    house.collect()
    assert sha(b"reused") in house.stored()


def test_missing_manifest_of_managed_files_stops_the_collection(house: House) -> None:
    kept = house.log("a", "one", files={"x": b"precious"})
    house._managed("y", b"garbage")
    house.blobs.delete(kept.version.blob)
    with pytest.raises(NotFound):
        house.collect()
    assert house.stored() == {sha(b"precious"), sha(b"garbage")}


def test_manifest_that_another_collection_took_meanwhile_stops_nothing(house: House) -> None:
    outcome = house.log("a", "one", files={"x": b"managed"})
    house._managed("y", b"garbage")
    overtaken = False

    def open_late(version: VersionRecord) -> Manifest:
        nonlocal overtaken
        if not overtaken:
            overtaken = True
            house.delete(outcome)
            assert house.collect().deleted.count > 0
        return house.open(version)

    later = datetime.now(UTC) + timedelta(hours=1)
    collect_garbage(
        house.registry,
        house.blobs,
        open_late,
        grace=timedelta(hours=1),
        now=later,
        dry_run=False,
    )
    assert overtaken
    assert house.stored() == set()


def test_missing_manifest_of_a_restorable_version_stops_the_collection(house: House) -> None:
    outcome = house.log("a", "one", files={"x": b"managed"})
    garbage = house._managed("y", b"garbage")
    moment = datetime.now(UTC)
    house.delete(outcome)
    house.blobs.delete(outcome.version.blob)
    with pytest.raises(NotFound):
        house.collect(timedelta(hours=1), now=moment + timedelta(hours=1))
    assert garbage.uri.removeprefix("blob:sha256:") in house.stored()


def test_condemned_blob_is_left_to_the_collector_that_condemned_it(house: House) -> None:
    house._managed("x", b"garbage")
    name = sha(b"garbage")
    moment = datetime.now(UTC) + timedelta(seconds=1)
    assert house.registry.condemn([name], older_than=moment) == [name]
    assert house.registry.condemn([name], older_than=moment) == []
    report = house.collect()
    assert (report.deleted.count, house.stored()) == (0, {name})


def test_managed_file_that_was_collected_before_the_log_is_stored_again(house: House) -> None:
    entry = house._managed("x", b"slow draft")
    house.collect()
    assert house.stored() == set()
    manifest = MemoryManifest([entry, replace(entry, path="same")])
    with pytest.raises(NotFound, match="grace period"):
        keep_managed(house.registry, house.blobs, manifest)
    find = house._finder([b"slow draft"])
    assert keep_managed(house.registry, house.blobs, manifest, find) == 1
    assert house.stored() == {sha(b"slow draft")}
    assert keep_managed(house.registry, house.blobs, manifest) == 0


def test_of_many_files_those_that_were_condemned_are_uploaded_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = []
    for data in (b"one", b"two", b"three"):
        (house.folder / data.decode()).write_bytes(data)
        files.append(LocalFile(house.folder / data.decode(), sha(data), len(data)))
    upload_all(house.registry, house.blobs, files)
    moment = datetime.now(UTC) + timedelta(seconds=1)
    assert house.registry.condemn([sha(b"two")], older_than=moment) == [sha(b"two")]
    let_leases_end(house.registry)  # so that nobody waits for the collector
    again: list[str] = []
    monkeypatch.setattr(LocalBlobStore, "put", lambda _self, _source, name: again.append(name))
    # What is condemned is there still: its bytes are not trusted all the same.
    assert len(house.stored()) == 3
    upload_all(house.registry, house.blobs, [*files, files[1]])
    assert again == [sha(b"two")]


def let_leases_end(registry: Registry) -> None:
    """Make what is condemned free again, as it were after the lease."""
    earlier = datetime.now(UTC) - 2 * registry.collection_lease
    condemned = tables.blobs.c.condemned_at.is_not(None)
    with registry._database.open().engine.begin() as connection:
        connection.execute(update(tables.blobs).where(condemned).values(condemned_at=earlier))


def test_killed_collection_is_finished_by_the_next(url: str, tmp_path: Path) -> None:
    folder = tmp_path / "house"
    house = house_at(url, folder)
    for number in range(3):
        house._managed("x", b"garbage %d" % number)
    kept = house.log("a", "one", files={"x": b"kept"})
    house.registry.close()
    for step in ("condemn", "delete", "forget"):
        child = fork(_collect_and_die, url, folder, step)
        child.start()
        child.join(120)
        assert child.exitcode == -signal.SIGKILL, step
        house = house_at(url, folder)
        assert {kept.version.blob, sha(b"kept")} <= house.stored()
        let_leases_end(house.registry)
        house.registry.close()
    house = house_at(url, folder)
    house.collect()
    assert house.stored() == {kept.version.blob, sha(b"kept")}
    moment = datetime.now(UTC) + timedelta(days=1)
    left = {row.sha256 for row in house.registry.garbage(older_than=moment)}
    assert left == {sha(b"kept")}
    house.registry.close()


def _collect_and_die(url: str, folder: Path, step: str) -> None:
    house = house_at(url, folder)

    def die(*_: Any, **__: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    registry, blobs = house.registry, house.blobs
    if step == "condemn":
        blobs.delete = die  # type: ignore[method-assign]
    elif step == "delete":
        registry.forget_blobs = die  # type: ignore[method-assign]
    else:
        forget = registry.forget_blobs
        registry.forget_blobs = lambda *names: (forget(*names), die())  # type: ignore[method-assign]
    house.collect()


class Slow(LocalBlobStore):
    """Takes `delay_s` for each deletion."""

    delay_s = 0.0

    def delete(self, sha256: str) -> None:
        time.sleep(self.delay_s)
        super().delete(sha256)


class Stopwatch:
    """A clock for the collection that stands still but for what each deletion is said to take."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now_s = 0.0

    def monotonic(self) -> float:
        with self._lock:
            return self._now_s

    def spend(self, seconds: float) -> None:
        with self._lock:
            self._now_s += seconds


class Timed(LocalBlobStore):
    """Spends `delay_s` of a stopwatch for each deletion but the first `fast` ones."""

    delay_s = 0.0
    fast = 0

    def __init__(self, folder: Path, watch: Stopwatch) -> None:
        super().__init__(folder)
        self._watch = watch
        self._deletions = itertools.count()

    def delete(self, sha256: str) -> None:
        if next(self._deletions) >= self.fast:
            self._watch.spend(self.delay_s)
        super().delete(sha256)


def test_slow_collection_leaves_what_a_writer_may_have_again(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "house"
    folder.mkdir()
    watch = Stopwatch()
    monkeypatch.setattr("landfast.upkeep.gc.time", watch)
    timed = Timed(folder / "store", watch)
    registry = open_registry(url, lease=LEASE)
    house = House(registry=registry, blobs=timed, folder=folder)
    for number in range(60):
        house._managed("x", b"garbage %d" % number)
    # Batches of 8 and 16 pass in no time; of the third, half of the lease is spent after five.
    timed.fast, timed.delay_s = 24, LEASE.total_seconds() / 10
    report = house.collect()
    assert report.left.count + report.deleted.count == 60
    assert report.left.count > 0
    assert len(house.stored()) == report.left.count
    timed.delay_s = 0
    let_leases_end(registry)
    assert house.collect().left.count == 0
    assert house.stored() == set()
    moment = datetime.now(UTC) + timedelta(days=1)
    assert list(house.registry.garbage(older_than=moment)) == []
    house.registry.close()


def test_writer_gets_its_bytes_again_while_they_are_being_deleted(url: str, tmp_path: Path) -> None:
    folder = tmp_path / "house"
    folder.mkdir()
    slow = Slow(folder / "store")
    slow.delay_s = 0.5
    house = House(registry=open_registry(url, lease=LEASE), blobs=slow, folder=folder)
    house._managed("x", b"wanted again")
    with ThreadPoolExecutor() as pool:
        collection = pool.submit(house.collect)
        name = sha(b"wanted again")
        moment = datetime.now(UTC) + timedelta(days=1)
        while not any(row.condemned_at for row in house.registry.garbage(older_than=moment)):
            assert not collection.done()
            time.sleep(0.01)
        house.log("a", "one", files={"x": b"wanted again"})
        assert collection.result().deleted.examples == (name,)
    assert house.stored() >= {name}
    house.registry.close()


def test_collection_beside_writers_loses_nothing(url: str, tmp_path: Path) -> None:
    folder = tmp_path / "house"
    house_at(url, folder).registry.close()
    stop, problems = context.Event(), context.Queue()
    writers = [fork(_write, url, folder, number, problems) for number in range(3)]
    collectors = [fork(_collect, url, folder, stop, problems) for _ in range(2)]
    for process in (*writers, *collectors):
        process.start()
    for process in writers:
        process.join(300)
    stop.set()
    for process in collectors:
        process.join(120)
    found = []
    while not problems.empty():
        found.append(problems.get())
    deleted = sum(item for item in found if isinstance(item, int))
    assert [item for item in found if not isinstance(item, int)] == []
    assert [p.exitcode for p in (*writers, *collectors)] == [0] * 5
    assert deleted > 10, "the collectors had nothing to do, so this shows nothing"
    house = house_at(url, folder)
    read = 0
    for collection in house.registry.collections(entity="e"):
        name = ArtifactName(entity="e", project="p", collection=collection.name)
        for version in house.registry.versions(name):
            for pins in house.registry.pin_sets(version.id):
                for entry in house.open(replace(version, blob=pins.blob)).entries():
                    read += 1
                    if entry.uri.startswith("blob:"):
                        data = b"".join(house.blobs.open(entry.uri[len("blob:sha256:") :]))
                        assert len(data) == entry.size
    assert read > 10
    house.registry.close()


def persistently(log: Any, *arguments: Any, **options: Any) -> LogOutcome:
    """Log until the collectors, which spare nothing here, come in between no more."""
    for _ in range(50):
        try:
            outcome: LogOutcome = log(*arguments, **options)
        except Unavailable:
            continue
        return outcome
    raise AssertionError("fifty logs in a row came to nothing")


def _write(url: str, folder: Path, number: int, problems: Any) -> None:
    house = house_at(url, folder)

    def log(*arguments: Any, **options: Any) -> LogOutcome:
        return persistently(house.log, *arguments, **options)

    shared = [b"shared %d" % n for n in range(3)]
    try:
        plain = None
        for step in range(12):
            own = f"own-{number}"
            first = log(own, f"content {step % 4}", files={"f": shared[step % 3]})
            log("shared", f"content {step % 3}", pin=f"{number}", files={"g": shared[step % 2]})
            if plain is not None:
                house.delete(plain)
            plain = log(own, f"plain {number} {step}", pin=str(step))
            if step % 2:
                house.delete(first)
            house.open(house.registry.get(ArtifactName(entity="e", project="p", collection=own)))
    except BaseException as error:
        problems.put(f"writer {number}: {type(error).__name__}: {error}")
        raise
    finally:
        house.registry.close()


def _collect(url: str, folder: Path, stop: Any, problems: Any) -> None:
    house = house_at(url, folder)
    deleted = 0
    try:
        while not stop.is_set():
            deleted += house.collect(timedelta(milliseconds=1)).deleted.count
            time.sleep(0.02)
        problems.put(deleted)
    except BaseException as error:
        problems.put(f"collector: {type(error).__name__}: {error}")
        raise
    finally:
        house.registry.close()
