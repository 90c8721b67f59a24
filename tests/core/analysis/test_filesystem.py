"""`landfast://` as a filesystem: what is there, the pinned bytes of it, and nothing else."""

from __future__ import annotations

import io
import os
import pickle
from datetime import datetime
from pathlib import Path

import fsspec
import landfast
import pytest
from kit.gcs_server import GcsServer
from kit.servers.moto import Moto
from kit.servers.nginx import Nginx
from kit.servers.scripted import Scripted
from landfast import Client, InvalidInput, NotFound, ObjectChanged, Reference
from landfast.filesystem.files import LandfastFileSystem

from tests.conftest import ProxiedS3
from tests.core.analysis.conftest import FILES, URL, Points


@pytest.fixture
def fs(points: Points) -> LandfastFileSystem:
    found = fsspec.filesystem("landfast")
    assert isinstance(found, LandfastFileSystem)
    return found


# -- what is there ----------------------------------------------------------------------------


def test_a_folder_lists_its_folders_and_files(fs: LandfastFileSystem) -> None:
    root = "vision/points:prod"
    assert fs.ls(URL, detail=False) == [f"{root}/c", f"{root}/p"]
    assert fs.ls(f"{URL}/c/", detail=False) == [f"{root}/c/a.csv", f"{root}/c/b.csv"]
    assert fs.ls(f"{URL}/c/a.csv", detail=False) == [f"{root}/c/a.csv"]
    assert fs.find(URL) == [f"{root}/{path}" for path in FILES]
    assert fs.find(f"{URL}/c/a.csv") == [f"{root}/c/a.csv"]
    assert fs.find(f"{URL}/none") == []
    assert list(fs.walk(URL)) == [
        (root, ["c", "p"], []),
        (f"{root}/c", [], ["a.csv", "b.csv"]),
        (f"{root}/p", [], ["a.parquet", "b.parquet"]),
    ]
    assert fs.du(URL) == sum(map(len, FILES.values()))


def test_find_says_folders_and_stops_where_it_is_told(fs: LandfastFileSystem) -> None:
    root = "vision/points:prod"
    assert fs.find(URL, maxdepth=1) == []
    assert fs.find(URL, maxdepth=1, withdirs=True) == [root, f"{root}/c", f"{root}/p"]
    assert f"{root}/c/a.csv" in fs.find(URL, maxdepth=2, withdirs=True)
    with pytest.raises(ValueError, match="maxdepth"):
        fs.find(URL, maxdepth=0)


def test_globs_are_those_of_fsspec(fs: LandfastFileSystem) -> None:
    for pattern, found in {
        "*.csv": [],
        "*/*.csv": ["c/a.csv", "c/b.csv"],
        "**/a.*": ["c/a.csv", "p/a.parquet"],
        "?": ["c", "p"],
        "c/[ab].csv": ["c/a.csv", "c/b.csv"],
    }.items():
        assert fs.glob(f"{URL}/{pattern}") == [f"vision/points:prod/{path}" for path in found]


def test_a_file_tells_its_pins_and_a_folder_that_it_is_one(
    fs: LandfastFileSystem, points: Points
) -> None:
    entry = points.version.get_entry("c/a.csv")
    found = fs.info(f"{URL}/c/a.csv")
    assert found["type"] == "file"
    assert (found["size"], found["version_id"], found["etag"], found["checksum"]) == (
        entry.size,
        entry.version_id,
        entry.etag,
        str(entry.checksum),
    )
    assert fs.modified(f"{URL}/c/a.csv") == entry.modified_at
    assert isinstance(fs.modified(f"{URL}/c"), datetime)
    assert fs.isfile(f"{URL}/c/a.csv")
    assert fs.isdir(f"{URL}/c")
    assert fs.isdir(URL)
    assert not fs.isdir(f"{URL}/c/a.csv")
    assert not fs.exists(f"{URL}/c/none")
    assert fs.size(f"{URL}/c/b.csv") == 8


def test_what_is_not_there_is_a_file_not_found(fs: LandfastFileSystem) -> None:
    for verb in (fs.info, fs.open, fs.cat_file, fs.ls, fs.modified):
        for path in (f"{URL}/c/none", "landfast://vision/points:v9/a"):
            with pytest.raises(FileNotFoundError) as caught:
                verb(path)
            assert isinstance(caught.value, NotFound)
    assert isinstance(pickle.loads(pickle.dumps(caught.value)), FileNotFoundError)


def test_a_folder_cannot_be_opened(fs: LandfastFileSystem) -> None:
    with pytest.raises(IsADirectoryError, match="points:prod/c is a folder"):
        fs.open(f"{URL}/c")


# -- names ------------------------------------------------------------------------------------


def test_every_form_of_a_name_leads_there(points: Points) -> None:
    digest = points.version.digest
    for name in (
        "vision/points:prod",
        "vision/points:latest",
        "vision/points:v0",
        f"vision/points@{digest}",
        "default/vision/points:v0",
        "default/vision/points?version=v0",
        f"default/vision/points?version={digest}",
    ):
        with fsspec.open(f"landfast://{name}/c/a.csv") as file:
            assert file.read() == FILES["c/a.csv"]
    with fsspec.open("landfast://points:v0/c/a.csv", "rt", project="vision") as file:
        assert file.readline() == "x,y\n"


def test_a_partition_is_part_of_the_name(points: Points, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("may")
    points.client.log("vision/days", tmp_path, partition="2026/05 1", aliases=["prod"])
    with fsspec.open("landfast://vision/days~2026%2F05%201:prod/a.txt") as file:
        assert file.read() == b"may"


def test_a_path_without_a_version_is_an_error_that_says_the_form() -> None:
    fs = fsspec.filesystem("landfast")
    for path in ("vision/points", "vision/points/c/a.csv", "a/b/c/d:v1", ""):
        with pytest.raises(InvalidInput, match=r"does not say a version.*COLLECTION"):
            fs.ls(f"landfast://{path}")


def test_odd_paths_are_read_as_they_are(tmp_path: Path) -> None:
    names = ["a b", "ü", "a%20b", "x:y@z", "~", "#1", "q?version=v1"]
    folder = tmp_path / "odd"
    folder.mkdir()
    for name in names:
        (folder / name).write_text(name)
    Client().log("odd", folder)
    fs = fsspec.filesystem("landfast")
    assert sorted(fs.find("landfast://odd:v0")) == sorted(f"odd:v0/{name}" for name in names)
    for name in names:
        assert fs.cat_file(f"landfast://odd:v0/{name}").decode() == name


def test_a_file_and_a_folder_of_one_name_are_both_there(s3: Moto) -> None:
    bucket = s3.bucket("Enabled")
    for key in ("d/a", "d/a/b"):
        s3.put(bucket, key, key.encode())
    Client().log("both", f"s3://{bucket}/d/")
    fs = fsspec.filesystem("landfast")
    assert fs.find("landfast://both:v0") == ["both:v0/a", "both:v0/a/b"]
    assert fs.info("landfast://both:v0/a")["type"] == "file"
    assert fs.ls("landfast://both:v0/a", detail=False) == ["both:v0/a/b"]
    assert fs.cat_file("landfast://both:v0/a/b") == b"d/a/b"


def test_a_name_stays_what_it_was_while_its_alias_moves(
    fs: LandfastFileSystem, points: Points
) -> None:
    assert fs.version(URL).version == "v0"
    newer = points.client.log("vision/points", f"s3://{points.bucket}/d/", aliases=["prod"])
    assert newer.version == "v1"
    assert fs.cat_file(f"{URL}/c/a.csv") == FILES["c/a.csv"]
    sent = pickle.loads(pickle.dumps(fs))
    assert sent.cat_file(f"{URL}/c/a.csv") == FILES["c/a.csv"]
    assert fsspec.filesystem("landfast").cat_file(f"{URL}/c/a.csv") == b"overwritten since"
    fs.invalidate_cache()
    assert fs.cat_file(f"{URL}/c/a.csv") == b"overwritten since"


def test_another_version_has_other_keys_in_whoever_caches_by_them(
    fs: LandfastFileSystem, points: Points
) -> None:
    points.client.log("vision/points", f"s3://{points.bucket}/d/", aliases=["prod"])
    later = fsspec.filesystem("landfast")
    for path in (URL, f"{URL}/c/a.csv"):
        assert fs.ukey(path) == fs.ukey(path)
        assert later.ukey(path) == later.ukey(path)
    assert fs.ukey(f"{URL}/c/a.csv") == fs.ukey(f"{URL}/c/a.csv")
    assert {fs.version(URL).version, later.version(URL).version} == {"v1"}
    old = fsspec.filesystem("landfast").ukey("landfast://vision/points:v0/c/a.csv")
    assert old != later.ukey(f"{URL}/c/a.csv")


# -- bytes ------------------------------------------------------------------------------------


def test_pieces_are_of_the_recorded_version(fs: LandfastFileSystem) -> None:
    path = f"{URL}/p/a.parquet"
    data = FILES["p/a.parquet"]
    assert fs.cat_file(path, 10, 20) == data[10:20]
    assert fs.cat_file(path, start=-4) == b"PAR1"
    assert fs.cat_file(path, end=-4) == data[:-4]
    assert fs.cat_file(path, 5, 5) == b""
    assert fs.cat_file(path, 10**9) == b""
    assert fs.cat(f"{URL}/c/*.csv") == {
        f"vision/points:prod/{name}": FILES[name] for name in ("c/a.csv", "c/b.csv")
    }
    with fs.open(path, block_size=16) as file:
        file.seek(-8, io.SEEK_END)
        assert file.read() == data[-8:]
        file.seek(3)
        assert file.read(50) == data[3:53]
        file.seek(-3, io.SEEK_END)
        assert file.read(10**9) == data[-3:]
        assert file.read() == file.read(5) == b""


def test_many_ranges_come_in_the_order_asked_for(fs: LandfastFileSystem) -> None:
    paths = [f"{URL}/c/a.csv", f"{URL}/none", f"{URL}/c/b.csv"]
    one, missing, other = fs.cat_ranges(paths, [0, 0, 4], [3, 3, None])
    assert (one, other) == (b"x,y", b"3,4\n")
    assert isinstance(missing, FileNotFoundError)
    assert fs.cat_ranges(paths[:1] * 3, 0, 1) == [b"x"] * 3
    with pytest.raises(FileNotFoundError):
        fs.cat_ranges(paths, 0, 1, on_error="raise")
    with pytest.raises(ValueError, match="length"):
        fs.cat_ranges(paths, [0], [1])


def test_a_download_through_fsspec_is_what_was_recorded(
    fs: LandfastFileSystem, tmp_path: Path
) -> None:
    fs.get(f"{URL}/c", str(tmp_path / "c"), recursive=True)
    assert (tmp_path / "c" / "a.csv").read_bytes() == FILES["c/a.csv"]


def test_a_piece_costs_one_request_and_a_block_serves_many(s3_proxy: ProxiedS3) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    data = bytes(range(256)) * 400
    s3_proxy.direct.put(bucket, "d/a", data)
    Client().log("big", f"s3://{bucket}/d/")
    fs = fsspec.filesystem("landfast")
    assert fs.info("landfast://big:v0/a")["size"] == len(data)
    s3_proxy.proxy.clear()
    assert fs.cat_file("landfast://big:v0/a", 1000, 1010) == data[1000:1010]
    (request,) = s3_proxy.proxy.of("get-object")
    assert request.headers["range"] == "bytes=1000-1009"
    s3_proxy.proxy.clear()
    with fs.open("landfast://big:v0/a", block_size=50_000) as file:
        for at in (90_000, 10, 95_000, 40_000):
            file.seek(at)
            assert file.read(5) == data[at : at + 5]
    asked = [request.headers["range"] for request in s3_proxy.proxy.of("get-object")]
    assert asked == ["bytes=50000-99999", "bytes=0-49999"]


def test_without_versions_the_bytes_are_the_recorded_or_an_error(unversioned: Points) -> None:
    fs = fsspec.filesystem("landfast")
    with fs.open(f"{URL}/c/a.csv") as file:
        assert file.read() == FILES["c/a.csv"]
    unversioned.overwrite("c/a.csv")
    with pytest.raises(ObjectChanged, match=r"c/a\.csv"):
        fs.cat_file(f"{URL}/c/a.csv")
    assert fs.cat_file(f"{URL}/c/b.csv") == FILES["c/b.csv"]


def test_an_overwrite_between_two_pieces_is_noticed(unversioned: Points) -> None:
    fs = fsspec.filesystem("landfast")
    with fs.open(f"{URL}/p/a.parquet", block_size=64) as file:
        assert file.read(4) == b"PAR1"
        unversioned.overwrite("p/a.parquet")
        file.seek(200)
        with pytest.raises(ObjectChanged):
            file.read(4)


def test_a_local_file_is_proven_at_every_piece(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(b"0123456789" * 10)
    Client().log("local", file)
    fs = fsspec.filesystem("landfast")
    with fs.open("landfast://local:v0/a.txt", block_size=10) as opened:
        assert opened.read(4) == b"0123"
        file.write_bytes(b"9876543210" * 10)
        opened.seek(50)
        with pytest.raises(ObjectChanged):
            opened.read(4)


def test_what_only_all_bytes_prove_is_brought_once_for_all_pieces(http_script: Scripted) -> None:
    url = http_script.put("/a.txt", b"0123456789" * 10, etag=None)
    Client().log("hashed", url)
    fs = fsspec.filesystem("landfast")
    path = "landfast://hashed:v0/a.txt"
    assert fs.cat_file(path, 3, 5) == b"34"
    asked = len(http_script.requests)
    http_script.put("/a.txt", b"changed", etag=None)
    with fs.open(path, block_size=10) as file:
        file.seek(90)
        assert file.read() == b"0123456789"
    assert fs.cat_file(path, -1) == b"9"
    assert len(http_script.requests) == asked


def test_a_file_of_unknown_size_can_be_read(http_script: Scripted) -> None:
    url = http_script.put("/a.txt", b"0123456789", length=False, ranges=False)
    version = Client().log("endless", url, checksum=False)
    assert version.get_entry("a.txt").size is None
    fs = fsspec.filesystem("landfast")
    with fs.open("landfast://endless:v0/a.txt") as file:
        assert file.read() == b"0123456789"
    assert fs.cat_file("landfast://endless:v0/a.txt", 2, 4) == b"23"


def test_managed_files_cloud_storage_and_the_web_are_read_the_same_way(
    tmp_path: Path, gcs: GcsServer, nginx_site: Nginx
) -> None:
    client, fs = Client(), fsspec.filesystem("landfast")
    draft = landfast.Artifact("managed", "dataset", client=client)
    (tmp_path / "a.txt").write_text("managed")
    draft.add_file(str(tmp_path / "a.txt"))
    client.log_artifact(draft)
    bucket = gcs.bucket(versioning=True)
    gcs.put(bucket, "d/a.txt", b"generation")
    client.log("cloud", f"gs://{bucket}/d/")
    gcs.put(bucket, "d/a.txt", b"another one")
    client.log("web", nginx_site.put("a.txt", b"over http"))
    assert fs.cat_file("landfast://managed:v0/a.txt") == b"managed"
    assert fs.cat_file("landfast://cloud:v0/a.txt", 3, 6) == b"era"
    assert fs.cat_file("landfast://web:v0/a.txt", 5) == b"http"


def test_empty_and_unverified_files_are_read_too(s3: Moto) -> None:
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "d/empty", b"")
    s3.put(bucket, "d/some", b"some")
    Client().log("bare", Reference(f"s3://{bucket}/d/", checksum=False))
    fs = fsspec.filesystem("landfast")
    assert fs.cat_file("landfast://bare:v0/empty") == b""
    with fs.open("landfast://bare:v0/empty") as file:
        assert file.read() == b""
    assert fs.cat_file("landfast://bare:v0/some") == b"some"
    assert fs.info("landfast://bare:v0/some")["checksum"] is None


# -- only reading -----------------------------------------------------------------------------


def test_nothing_can_be_written(fs: LandfastFileSystem, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x")
    path = f"{URL}/x"
    for write in (
        lambda: fs.open(path, "wb"),
        lambda: fs.open(path, "ab"),
        lambda: fs.open(path, "w"),
        lambda: fs.mkdir(path),
        lambda: fs.makedirs(path, exist_ok=True),
        lambda: fs.pipe(path, b""),
        lambda: fs.pipe_file(path, b""),
        lambda: fs.put(str(tmp_path / "x"), path),
        lambda: fs.rm(f"{URL}/c", recursive=True),
        lambda: fs.rm_file(f"{URL}/c/a.csv"),
        lambda: fs.mv(f"{URL}/c/a.csv", path),
        lambda: fs.copy(f"{URL}/c/a.csv", path),
        lambda: fs.touch(path),
        lambda: fs.rmdir(f"{URL}/c"),
        lambda: fs.write_text(path, "x"),
    ):
        with pytest.raises(InvalidInput, match=r"cannot be written.*client\.log") as caught:
            write()
        assert isinstance(caught.value, io.UnsupportedOperation)


def test_an_unknown_option_is_an_error_that_names_those_that_there_are() -> None:
    with pytest.raises(InvalidInput, match=r"registry.*any_endpoint"):
        fsspec.filesystem("landfast", registry="sqlite:///x")


# -- elsewhere, and in whose name -------------------------------------------------------------


def test_pickled_it_carries_no_secret(points: Points, monkeypatch) -> None:
    secret = points.server.secret_key
    client = Client(options={"s3://": {"access_key_id": "AKIA", "secret_access_key": secret}})
    fs = client.filesystem()
    with fs.open(f"{URL}/c/a.csv") as file:
        for sent in (fs, file):
            data = pickle.dumps(sent)
            assert secret.encode() not in data
        assert pickle.loads(data).read() == FILES["c/a.csv"]


def test_what_is_read_in_a_run_is_used_by_it(points: Points) -> None:
    path = f"{URL}/c/a.csv"
    with landfast.init(project="vision") as run:
        fs = fsspec.filesystem("landfast")
        fs.ls(URL)
        assert points.client.used_by("vision/points:v0") == []
        for _ in range(2):
            fs.cat_file(path)
        found = points.client.used_by("vision/points:v0")
    assert [used.id for used in found] == [run.id]


def test_what_is_read_outside_of_a_run_makes_none(fs: LandfastFileSystem, points: Points) -> None:
    fs.cat_file(f"{URL}/c/a.csv")
    assert points.client.used_by("vision/points:v0") == []


def test_in_a_forked_child_it_reads_as_well(fs: LandfastFileSystem) -> None:
    assert fs.cat_file(f"{URL}/c/a.csv") == FILES["c/a.csv"]
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writable, fs.cat_file(f"{URL}/c/b.csv"))
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writable)
    with os.fdopen(readable, "rb") as pipe:
        assert pipe.read() == FILES["c/b.csv"]
