"""Downloads, whole and in part, again, and of one file."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from kit.gcs_server import GcsServer
from kit.servers.faults import Body, Status, Truncate
from kit.servers.moto import Moto
from landfast.cache import BlobCache
from landfast.download.open import open_entry, path_in_place
from landfast.errors import (
    InvalidInput,
    NotFound,
    ObjectChanged,
    Unavailable,
)
from landfast.model.reference import Reference
from landfast.pins.sets import PinSets
from landfast.stores.opener import Stores

from tests.core.download.downloads import MEBIBYTE, Download, read, tree

# Whole and in part


def test_every_file_comes_with_its_bytes(s3: Moto, scan: Any, get: Download, root: Path) -> None:
    bucket = s3.bucket("Enabled")
    files = {"a.txt": b"a", "empty": b"", "deep/er/b": b"b" * 3_000_000, "é #1?x%20": b"odd"}
    for name, data in files.items():
        s3.put(bucket, f"data/{name}", data)
    report = get(scan(f"s3://{bucket}/data/"))
    assert tree(root) == files
    assert (report.files, report.bytes) == (4, 3_000_004)
    assert (report.fetched, report.from_cache, report.already_there) == (4, 0, 0)
    assert report.fetched_bytes == 3_000_004
    assert (report.missing, report.unverified, report.opaque) == ([], 0, 0)
    assert json.loads(json.dumps(report.to_dict()))["files"] == 4


def test_folder_holds_nothing_else_but_its_marker(
    s3: Moto, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "data/x", b"x")
    get(scan(f"s3://{bucket}/data/"))
    left = {path.relative_to(root).as_posix() for path in root.rglob("*")}
    assert left == {"x", ".landfast", ".landfast/identity.json", ".landfast/state.sqlite3"}


def test_paths_and_globs_select(s3: Moto, scan: Any, get: Download, root: Path) -> None:
    bucket = s3.bucket()
    for name in ["a/1.csv", "a/2.txt", "a/b/3.csv", "ab/4.csv", "c"]:
        s3.put(bucket, f"data/{name}", name.encode())
    scanned = scan(f"s3://{bucket}/data/")

    def names(**selected: Any) -> list[str]:
        shutil.rmtree(root, ignore_errors=True)
        get(scanned, **selected)
        return list(tree(root))

    assert names(paths=["a"]) == ["a/1.csv", "a/2.txt", "a/b/3.csv"]
    assert names(paths=["a/", "a/b", "c"]) == ["a/1.csv", "a/2.txt", "a/b/3.csv", "c"]
    assert names(paths="c") == ["c"]
    assert names(include=["a/*.csv"]) == ["a/1.csv"]
    assert names(include=["**/*.csv"], exclude=["a/b/**"]) == ["a/1.csv", "ab/4.csv"]
    assert names(paths=["a"], exclude=["**/*.csv"]) == ["a/2.txt"]


def test_selecting_nothing_is_an_error(s3: Moto, scan: Any, get: Download, root: Path) -> None:
    bucket = s3.bucket()
    s3.put(bucket, "data/x", b"x")
    scanned = scan(f"s3://{bucket}/data/")
    with pytest.raises(NotFound, match="no file or folder 'y'"):
        get(scanned, paths=["x", "y"])
    with pytest.raises(NotFound, match="no file of the version is selected"):
        get(scanned, include=["*.csv"])
    assert not root.exists()


def test_a_part_then_the_rest_fetches_each_file_once(
    s3_proxy: Any, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    for n in range(4):
        s3_proxy.direct.put(bucket, f"data/{n}", b"%d" % n)
    scanned = scan(f"s3://{bucket}/data/")
    get(scanned, paths=["1", "2"])
    report = get(scanned)
    assert s3_proxy.proxy.counts["get-object"] == 4
    assert (report.fetched, report.already_there) == (2, 2)
    assert len(tree(root)) == 4


@pytest.mark.parametrize("workers", [1, 3, 40])
def test_many_files_come_with_any_number_of_workers(
    s3: Moto, scan: Any, get: Download, root: Path, workers: int
) -> None:
    bucket = s3.bucket()
    files = {f"{n % 5}/{n:03}": b"%d" % n for n in range(120)}
    for name, data in files.items():
        s3.put(bucket, f"d/{name}", data)
    seen: list[tuple[int, int | None]] = []
    scanned = scan(f"s3://{bucket}/d/")
    get(scanned, workers=workers, progress=lambda *done: seen.append(done))
    assert tree(root) == files
    total = sum(map(len, files.values()))
    assert seen[-1] == (total, total)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


# The second time


def test_second_download_makes_no_request_for_bytes(
    s3_proxy: Any, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    for n in range(10):
        s3_proxy.direct.put(bucket, f"d/{n}", b"%d" % n)
    scans = [
        scan(f"s3://{bucket}/d/"),
        scan(Reference(f"s3://{bucket}/d/", checksum=False)),
    ]
    for number, scanned in enumerate(scans):
        options = {"root": root / str(number), "identity": str(number)}
        get(scanned, **options)
        before = len(s3_proxy.proxy.requests)
        report = get(scanned, **options)
        assert report.already_there == 10
        assert len(s3_proxy.proxy.requests) == before


def test_second_download_hashes_where_the_state_is_lost(
    s3_proxy: Any, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    s3_proxy.direct.put(bucket, "d/x", b"recorded")
    scanned = scan(f"s3://{bucket}/d/")
    get(scanned)
    for path in (root / ".landfast").glob("state*"):
        path.unlink()
    assert get(scanned).already_there == 1
    assert s3_proxy.proxy.counts["get-object"] == 1


def test_edited_file_is_replaced_by_the_recorded_one(
    s3: Moto, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3.bucket("Enabled")
    for name in "xyz":
        s3.put(bucket, f"d/{name}", b"recorded")
    scanned = scan(f"s3://{bucket}/d/")
    get(scanned)
    (root / "x").write_bytes(b"EDITED!!")
    (root / "y").unlink()
    report = get(scanned)
    assert tree(root) == dict.fromkeys("xyz", b"recorded")
    assert (report.fetched, report.already_there) == (2, 1)


def test_progress_ends_at_the_total_when_the_newest_pins_fail_on_the_way(
    gcs: GcsServer, scan: Any, get: Download, root: Path
) -> None:
    bucket, data = gcs.bucket(versioning=True), os.urandom(2 * MEBIBYTE)
    gcs.put(bucket, "d/x", data)
    first = scan(f"gs://{bucket}/d/")
    gcs.put(bucket, "d/x", data)
    second = scan(f"gs://{bucket}/d/")
    gcs.inject(Body(body=os.urandom(2 * MEBIBYTE)), kind="get-object", at=1)
    seen: list[tuple[int, int | None]] = []
    get(second, first, progress=lambda *done: seen.append(done))
    assert seen[-1] == (2 * MEBIBYTE, 2 * MEBIBYTE)
    assert tree(root) == {"x": data}


def test_file_in_a_part_of_an_earlier_download_is_never_trusted_unchecked(
    gcs: GcsServer, scan: Any, get: Download, root: Path
) -> None:
    """What a kill left behind is damaged: the whole is noticed to be wrong and fetched again."""
    bucket, data = gcs.bucket(versioning=True), os.urandom(3 * MEBIBYTE)
    gcs.put(bucket, "d/x", data)
    scanned = scan(f"gs://{bucket}/d/")
    gcs.inject(Truncate(keep=2 * MEBIBYTE), kind="get-object", at=1)
    gcs.inject(Status(status=503), kind="get-object", when=lambda r: "range" in r.headers)
    with pytest.raises(Unavailable):
        get(scanned)
    (part,) = (root / ".landfast" / "parts").iterdir()
    assert part.stat().st_size == 2 * MEBIBYTE
    with part.open("r+b") as file:
        file.write(b"damaged")
    gcs.rules.clear()
    report = get(scanned)
    assert tree(root) == {"x": data}
    assert report.fetched_bytes == MEBIBYTE + len(data)


# One file


def test_one_file_opens_with_the_recorded_bytes(
    s3: Moto, scan: Any, stores: Stores, cache: BlobCache, tmp_path: Path
) -> None:
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "d/x", b"recorded")
    scanned = scan(f"s3://{bucket}/d/")
    s3.put(bucket, "d/x", b"OVERWROT")
    assert read(scanned, "x", stores) == b"recorded"
    assert read(scanned, "x", stores, cache) == b"recorded"
    with open_entry(
        PinSets([(scanned.manifest, scanned.sources)], stores),
        scanned.manifest.get("x"),
        cache=cache,
    ) as stream:
        assert (stream.read(3), stream.seekable()) == (b"rec", True)
    assert list((cache.folder / "tmp").iterdir()) == []


def test_one_changed_file_does_not_open(scan: Any, stores: Stores, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"recorded")
    scanned = scan(str(tmp_path / "x"))
    (tmp_path / "x").write_bytes(b"OVERWROT")
    with pytest.raises(ObjectChanged):
        read(scanned, "x", stores)


def test_file_in_place_is_verified(scan: Any, stores: Stores, tmp_path: Path, s3: Moto) -> None:
    (tmp_path / "x").write_bytes(b"recorded")
    scanned = scan(str(tmp_path / "x"))
    pins = PinSets([(scanned.manifest, scanned.sources)], stores)
    assert path_in_place(pins, scanned.manifest.get("x")) == tmp_path / "x"
    (tmp_path / "x").write_bytes(b"OVERWROT")
    with pytest.raises(ObjectChanged):
        path_in_place(pins, scanned.manifest.get("x"))
    bucket = s3.bucket()
    s3.put(bucket, "d/x", b"x")
    remote = scan(f"s3://{bucket}/d/")
    with pytest.raises(InvalidInput, match="no file on this machine"):
        path_in_place(
            PinSets([(remote.manifest, remote.sources)], stores), remote.manifest.get("x")
        )
