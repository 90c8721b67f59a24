"""A scan by an executor of somebody else's: threads, processes, Dask workers in another folder."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import landfast
import pytest
from kit import forks
from landfast import Client
from landfast.scans import scan_shard
from landfast.stores.s3 import S3Store

KEYS = [f"d/{first}/{second:02}" for first in "abxy" for second in range(12)]


@pytest.fixture
def place(s3, monkeypatch: pytest.MonkeyPatch) -> str:
    """A folder of many pages, as this process sees it."""
    whole = S3Store.list_page
    monkeypatch.setattr(
        S3Store,
        "list_page",
        lambda self, request: whole(self, replace(request, limit=request.limit or 4)),
    )
    bucket = s3.bucket("Enabled")
    for key in KEYS:
        s3.put(bucket, key, key.encode())
    return f"s3://{bucket}/d/"


def be_here(environment: dict[str, str]) -> None:
    os.environ.clear()  # of what was there when the server of forks began
    os.environ.update(environment)


@pytest.fixture
def processes(s3) -> Iterator[Executor]:
    here = (dict(os.environ),)
    with ProcessPoolExecutor(
        2, mp_context=forks.context, initializer=be_here, initargs=here
    ) as pool:
        yield pool


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Dask's workers, processes, for all tests of this module; their client."""
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address=None,
            local_directory=str(tmp_path_factory.mktemp("dask")),
        ) as cluster,
        distributed.Client(cluster) as dask,
    ):
        yield dask


@pytest.fixture
def dask_elsewhere(place: str, cluster: Any, tmp_path: Path) -> Any:
    """The same in another folder than this test, with its environment."""
    folder = tmp_path / "worker"
    folder.mkdir()
    cluster.run(be_here, dict(os.environ))
    cluster.run(os.chdir, str(folder))
    return cluster


SLOW = pytest.mark.system  # workers that start take a second


@pytest.mark.parametrize(
    ("kind", "shards"),
    [
        *itertools.product(["threads"], [1, 2, 7, 64]),
        *itertools.product(["processes"], [2, 64]),
        *(pytest.param("processes", shards, marks=SLOW) for shards in (1, 7)),
    ],
)
def test_a_scan_by_an_executor_is_that_of_one_stream(place, processes, kind, shards):
    client = Client(project="vision")
    digest = client.probe(place)
    with ThreadPoolExecutor(3) as threads:
        executor = threads if kind == "threads" else processes
        version = client.log("d", place, shards=shards, executor=executor)
        assert executor.submit(int, "7").result() == 7  # it is still its owner's
    assert version.digest == digest
    assert version.file_count == len(KEYS)
    assert [entry.version_id for entry in version.entries()].count(None) == 0


def test_the_limit_is_that_of_all_shards(place, processes):
    client = Client(project="vision")
    with pytest.raises(landfast.LimitExceeded):
        client.log("d", place, max_objects=30, shards=7, executor=processes)
    assert client.collections() == []


def test_what_does_not_pickle_is_said(place, processes):
    client = Client(project="vision", clients={"s3": lambda: boto3.client("s3")})
    with pytest.raises(landfast.InvalidInput, match="cannot be sent"):
        client.log("d", place, executor=processes)


def test_an_error_of_a_worker_is_typed(place, processes):
    draft = landfast.Artifact("d", "dataset")
    with pytest.raises(landfast.Unverifiable):
        draft.add_reference(place, checksum="crc64nvme", executor=processes)


class Elsewhere(ThreadPoolExecutor):
    """Workers that have the folders of another machine."""

    def submit(self, act, *arguments, **named):
        act._folder = Path("/nowhere")
        return super().submit(act, *arguments, **named)


def test_workers_on_other_machines_leave_their_parts_in_the_store(place):
    client = Client(project="vision")
    with Elsewhere(2) as executor:
        version = client.log("d", place, shards=5, executor=executor)
    assert version.digest == client.probe(place)


def test_a_worker_without_the_store_is_told(place, tmp_path):
    client, other = Client(project="vision"), Client(f"sqlite:///{tmp_path}/other/other.db")
    found = scan_shard(other.context, client.plan(place).shards[0])
    found = replace(found, manifest=replace(found.manifest, path=Path("/nowhere/x")))
    with pytest.raises(landfast.NotFound, match="store that all of them reach"):
        client.log_scans("d", [found])


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_an_executor_rereads_what_is_verified(place, processes, s3, kind):
    client = Client(project="vision")
    version = client.log("d", place)
    bucket = landfast.Reference(place).location.authority
    s3.client.delete_object(
        Bucket=bucket, Key=KEYS[3], VersionId=version.manifest.get("a/03").version_id
    )
    alone = version.verify(deep=True)
    with ThreadPoolExecutor(3) as threads:
        executor = threads if kind == "threads" else processes
        report = version.verify(deep=True, executor=executor)
    assert report.counts == alone.counts
    assert [row.path for row in report.rows] == ["a/03"]


def test_an_executor_hashes_local_files(tmp_path, processes):
    folder = tmp_path / "files"
    folder.mkdir()
    for number in range(30):
        (folder / f"{chr(33 + 3 * number)}").write_text(str(number))
    client = Client(project="vision")
    found = client.scan(f"{folder}/", shards=4, executor=processes)
    assert found.digest == client.probe(f"{folder}/")


@pytest.mark.parametrize(
    "shards", [7, *(pytest.param(shards, marks=SLOW) for shards in (1, 2, 64))]
)
def test_dask_workers_in_another_folder_scan_one_version(place, dask_elsewhere, shards):
    client = Client(project="vision")
    client.ticket()  # the registry is made by whom it belongs to
    version = client.log("d", place, shards=shards, executor=dask_elsewhere.get_executor())
    assert dask_elsewhere.submit(int, "7").result() == 7
    assert version.digest == client.probe(place)


# Downloads


def bodies() -> dict[str, bytes]:
    return {key.removeprefix("d/"): key.encode() for key in KEYS}


def files(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and ".landfast" not in path.parts
    }


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Portions of a few files, so that there are many."""
    monkeypatch.setattr("landfast.download.elsewhere._MOST_FILES", 7)


@pytest.mark.parametrize("kind", ["threads", "processes"])
@pytest.mark.parametrize("link", ["copy", "hard"])
def test_a_download_by_an_executor_is_that_of_threads(
    place, processes, tmp_path, small, kind, link
):
    version = Client(project="vision").log("d", place)
    seen: list[tuple[int, int]] = []
    with ThreadPoolExecutor(3) as threads:
        executor = threads if kind == "threads" else processes
        report = version.download_report(
            tmp_path / "one",
            executor=executor,
            link=link,
            progress=lambda *counts: seen.append(counts),
        )
        assert executor.submit(int, "7").result() == 7  # it is still its owner's
    assert files(tmp_path / "one") == bodies()
    total = sum(map(len, bodies().values()))
    assert (report.files, report.fetched, report.bytes) == (len(KEYS), len(KEYS), total)
    assert seen[-1] == (total, total)
    assert sorted(os.listdir(tmp_path / "one/.landfast")) == ["identity.json", "state.sqlite3"]


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_what_an_executor_wrote_is_known_to_the_next_download(
    place, processes, tmp_path, small, kind
):
    version = Client(project="vision").log("d", place)
    with ThreadPoolExecutor(3) as threads:
        executor = threads if kind == "threads" else processes
        version.download(tmp_path / "one", executor=executor)
        (tmp_path / "one/a/03").unlink()
        (tmp_path / "one/a/04").write_bytes(b"edited")
        (tmp_path / "one/b/more").write_bytes(b"of nobody")
        report = version.download_report(tmp_path / "one", executor=executor, exact=True)
    assert report.already_there == len(KEYS) - 2
    assert report.removed == 1
    assert files(tmp_path / "one") == bodies()
    assert version.download_report(tmp_path / "one").already_there == len(KEYS)


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_what_a_worker_misses_is_an_error_or_in_the_report(
    place, processes, s3, tmp_path, small, kind
):
    version = Client(project="vision").log("d", place)
    bucket = landfast.Reference(place).location.authority
    for path in ("a/03", "y/07"):
        pinned = version.manifest.get(path).version_id
        s3.client.delete_object(Bucket=bucket, Key=f"d/{path}", VersionId=pinned)
    with ThreadPoolExecutor(3) as threads:
        executor = threads if kind == "threads" else processes
        with pytest.raises(landfast.NotFound):
            version.download(tmp_path / "one", executor=executor)
        assert not list((tmp_path / "one/.landfast").glob("shared-*"))
        report = version.download_report(tmp_path / "one", executor=executor, allow_missing=True)
    assert [file.path for file in report.missing] == ["a/03", "y/07"]
    assert report.files == len(KEYS) - 2


def test_a_client_that_does_not_pickle_is_said_before_a_file_is_written(place, processes, tmp_path):
    client = Client(project="vision", clients={"s3": lambda: boto3.client("s3")})
    version = client.log("d", place)
    with pytest.raises(landfast.InvalidInput, match="cannot be sent"):
        version.download(tmp_path / "one", executor=processes)
    assert files(tmp_path / "one") == {}


class OtherDisk(ThreadPoolExecutor):
    """Workers that do not see the target."""

    def submit(self, act, *arguments, **named):
        return super().submit(replace(act, root=Path("/nowhere")), *arguments, **named)


def test_a_worker_that_does_not_see_the_folder_is_told(place, tmp_path):
    version = Client(project="vision").log("d", place)
    with (
        OtherDisk(2) as executor,
        pytest.raises(landfast.InvalidInput, match="does not see the download's folder"),
    ):
        version.download(tmp_path / "one", executor=executor)


def test_dask_workers_in_another_folder_write_one_download(place, dask_elsewhere, tmp_path, small):
    version = Client(project="vision").log("d", place)
    report = version.download_report(tmp_path / "one", executor=dask_elsewhere.get_executor())
    assert report.fetched == len(KEYS)
    assert files(tmp_path / "one") == bodies()
