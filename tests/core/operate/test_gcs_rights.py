"""The permissions of the page on Cloud Storage are those of the requests that are sent, by Google's reference."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from kit.gcs_server import GcsServer
from kit.servers.exchange import Request
from landfast import Artifact, Client
from landfast.blobs import bucket as blobs
from landfast.blobs.parts import PART_BYTES
from landfast.errors import AccessDenied

PAGE = Path(__file__).parents[3] / "docs/operate/store.md"
# https://cloud.google.com/storage/docs/access-control/iam-json: the permission of each method.
NEEDED = {
    "list-objects-v2": {"objects.list"},
    "list-versions": {"objects.list"},
    "head": {"objects.get"},
    "get-object": {"objects.get"},
    "put-object": {"objects.create"},
    "patch-object": {"objects.get", "objects.update"},
    "delete-object": {"objects.delete"},
    "get-bucket": {"buckets.get"},
}
# The reader's, which jobs have too; to be told 404 and not 403; to replace an object.
SPARE = {
    ("data", "objects.get"),
    ("data", "objects.list"),
    ("store", "objects.list"),
    ("store", "objects.delete"),
}


def given() -> dict[str, set[tuple[str, str]]]:
    """Return what the table of the page gives to each job, each with `store` or `data`."""
    section = PAGE.read_text().partition("## Cloud Storage")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    found: dict[str, set[tuple[str, str]]] = {}
    for who, *cells in (row for row in rows if row[0] != "who"):
        found[who] = set()
        for place, cell in zip(("data", "store"), cells, strict=True):
            found[who] |= {(place, name) for name in re.findall(r"`storage\.([\w.]+)`", cell)}
            if "reader's" in cell or "also" in cell:
                reader = found["reads, downloads, verifies"]
                found[who] |= {one for one in reader if one[0] == place}
    return found


def read(client: Client, folder: Path, _: GcsServer) -> None:
    for name in ("data", "managed"):
        version = client.get(name)
        version.download(folder / f"download {name}")
        assert version.verify().ok
        assert version.verify(deep=True).ok


def write(client: Client, folder: Path, server: GcsServer) -> None:
    server.put("data", "datasets/new", b"new")
    client.log("data", "gs://data/datasets/")
    (folder / "large").write_bytes(b"x" * (PART_BYTES + 1))
    draft = Artifact("managed", type="dataset", client=client)
    draft.add_file(folder / "file", "again")
    draft.add_file(folder / "large")
    draft.save()
    client.log("gone", folder / "gone")  # whose blobs a collector had condemned


def collect(client: Client, _: Path, __: GcsServer) -> None:
    assert client.gc(grace=timedelta(0), dry_run=False).deleted
    assert client.check_registry(deep=True).ok


def hold(client: Client, _: Path, __: GcsServer) -> None:
    assert client.hold("data").held
    assert client.release("data").released


def audit(client: Client, _: Path, __: GcsServer) -> None:
    client.retention("data", locks=True)


JOBS: dict[str, Callable[[Client, Path, GcsServer], None]] = {
    "reads, downloads, verifies": read,
    "records": write,
    "`gc --apply`, `registry check`": collect,
    "`hold`, `release`": hold,
    "`verify --retention`, `doctor`": audit,
}


@pytest.fixture
def world(gcs: GcsServer, tmp_path: Path) -> str:
    """Record a bucket, a managed file, and a version that is deleted."""
    for name in ("data", "store"):
        gcs.bucket(versioning=True, name=name)
    gcs.put("data", "datasets/a", b"bytes")
    url = f"sqlite:///{tmp_path / 'registry.db'}"
    (tmp_path / "file").write_text("managed")
    with closing(Client(url, store_url="gs://store/landfast", project="p")) as client:
        client.init_registry()
        client.log("data", "gs://data/datasets/")
        draft = Artifact("managed", type="dataset", client=client)
        draft.add_file(tmp_path / "file")
        draft.save()
        (tmp_path / "gone").write_text("gone")
        client.log("gone", tmp_path / "gone")
        client.delete("gone:v0", delete_aliases=True)
    return url


def asked(request: Request) -> set[tuple[str, str]]:
    """Return the permissions that a request needs, each with `store` or `data`."""
    bucket = request.path.partition("/b/")[2].partition("/")[0]
    if request.path.endswith("/iam/testPermissions"):
        return set()  # buckets.testIamPermissions needs none
    return {(bucket, permission) for permission in NEEDED[request.kind]}


@pytest.mark.parametrize("job", JOBS)
def test_a_job_needs_the_permissions_of_the_page_and_all_of_them(
    job: str, world: str, gcs: GcsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blobs, "FRESH", timedelta(0))  # what is there already was stored long ago
    with closing(Client(world, project="p")) as client:
        if job == "records":
            gcs.deny("storage.objects.delete")
            with pytest.raises(AccessDenied):
                client.gc(grace=timedelta(0), dry_run=False)
        gcs.clear()
        JOBS[job](client, tmp_path, gcs)
    needed = set().union(*(asked(one) for one in gcs.requests))
    page = given()[job]
    assert needed <= page, "the page gives too little"
    assert page - needed <= SPARE, f"it gives what is not needed: {page - needed - SPARE}"


def test_the_table_has_a_row_for_each_job() -> None:
    assert set(given()) == set(JOBS)
