"""Verify over HTTP, on Cloud Storage, and wherever fsspec opens."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from landfast.errors import NotFound
from landfast.model.checksum import Checksum
from landfast.model.location import Location
from landfast.model.reference import Reference
from landfast.model.verdict import Verdict
from landfast.stores.base import Capabilities, ListRequest, ObjectBatch, ObjectInfo, Page
from landfast.stores.local import FileStore
from landfast.stores.opener import Stores

from tests.core.verify.reports import check, folder, row, verdicts

# What only own stores have


class Dated(FileStore):
    """Files that have versions: by their time, as some servers do, and with a validator only."""

    def capabilities(self) -> Capabilities:
        return replace(super().capabilities(), versions=True, in_place=False)

    def stat(
        self, location: Location, *, version_id: str | None = None, checksum: Any = None
    ) -> ObjectInfo:
        info = super().stat(location, checksum="stat")
        version = str(info.modified_at)
        if version_id not in {None, version}:
            raise NotFound(f"no version {version_id}")
        return replace(info, version_id=version, checksum=Checksum("own", "the same"))

    def list_page(self, request: ListRequest) -> Page:
        page = super().list_page(ListRequest(request.location))
        return Page(batches=[ObjectBatch.from_rows(self.stat(row.location) for row in page.rows)])


def test_validator_never_says_that_content_moved(tmp_path: Path, scan: Any) -> None:
    root = folder(tmp_path, x=b"one")
    stores = Stores(own={"file": Dated()})
    scanned = scan(f"{root}/", stores=stores)
    assert check(scanned, stores).ok
    os.utime(root / "x", (1, 1))
    report = check(scanned, stores)
    assert verdicts(report) == {"x": "unverifiable"}
    assert "own does not describe" in row(report, "x").detail


# HTTP


def test_http_objects_are_asked_about_one_by_one(
    http_script: Any, stores: Stores, scan: Any
) -> None:
    urls = {
        "changed": http_script.put("/changed", b"one"),
        "gone": http_script.put("/gone", b"gone"),
        "intact": http_script.put("/intact", b"intact"),
        "plain": http_script.put("/plain", b"no etag", etag=None),
        "plain2": http_script.put("/plain2", b"no etag", etag=None),
        "weak": http_script.put("/weak", b"weak", etag="weak", modified=1_700_000_000.0),
    }
    scanned = scan(*urls.values())
    assert check(scanned, stores).ok
    http_script.change("/changed", body=b"two")
    http_script.remove("/gone")
    http_script.change("/plain2", body=b"NO ETAG")
    http_script.requests.clear()
    report = check(scanned, stores)
    assert verdicts(report) == {"changed": "changed", "gone": "gone", "plain2": "changed"}
    assert http_script.methods("/intact") == ["HEAD"]


def test_http_answers_403_as_denied(http_script: Any, stores: Stores, scan: Any) -> None:
    url = http_script.put("/x", b"x")
    scanned = scan(url)
    http_script.change("/x", query={"token": "needed"})
    report = check(scanned, stores)
    assert verdicts(report) == {"x": "denied"}
    assert len(report.denials) == 1


def test_http_validator_is_never_moved(http_script: Any, stores: Stores, scan: Any) -> None:
    scanned = scan(http_script.put("/x", b"x"))
    http_script.change("/x", body=b"y")
    assert verdicts(check(scanned, stores)) == {"x": "changed"}
    http_script.change("/x", body=b"x")
    assert check(scanned, stores).ok


def test_http_server_that_stops_sending_etags_cannot_be_verified(
    http_script: Any, stores: Stores, scan: Any
) -> None:
    scanned = scan(http_script.put("/x", b"x"))
    http_script.change("/x", etag=None)
    report = check(scanned, stores)
    assert verdicts(report) == {"x": "unverifiable"}
    assert "http-etag" in row(report, "x").detail


# Google Cloud Storage


def test_versioned_gcs_bucket_shows_what_became_of_every_object(
    gcs: Any, stores: Stores, scan: Any
) -> None:
    bucket = gcs.bucket(versioning=True)
    names = ["changed", "deleted", "gone", "intact", "moved", "overwritten"]
    first = {name: gcs.put(bucket, f"d/{name}", name.encode()) for name in names}
    scanned = scan(f"gs://{bucket}/d/")
    gcs.put(bucket, "d/changed", b"other")
    gcs.delete(bucket, "d/changed", first["changed"])
    gcs.delete(bucket, "d/deleted")
    gcs.delete(bucket, "d/gone", first["gone"])
    gcs.put(bucket, "d/moved", b"moved")
    gcs.put(bucket, "d/overwritten", b"newer")
    gcs.put(bucket, "d/new", b"new")
    gcs.requests.clear()
    report = check(scanned, stores)
    assert verdicts(report) == {name: name for name in names if name != "intact"}
    assert report.added == 1
    assert gcs.counts == {"list-versions": 1}


def test_unversioned_gcs_bucket_has_nothing_to_fall_back_to(
    gcs: Any, stores: Stores, scan: Any
) -> None:
    bucket = gcs.bucket()
    for name in ("changed", "gone", "intact", "moved"):
        gcs.put(bucket, f"d/{name}", name.encode())
    scanned = scan(f"gs://{bucket}/d/")
    gcs.put(bucket, "d/changed", b"other")
    gcs.delete(bucket, "d/gone")
    gcs.put(bucket, "d/moved", b"moved")
    report = check(scanned, stores)
    assert verdicts(report) == {"changed": "changed", "gone": "gone", "moved": "moved"}


def test_denied_gcs_bucket_names_the_permission(gcs: Any, stores: Stores, scan: Any) -> None:
    bucket = gcs.bucket(versioning=True)
    gcs.put(bucket, "d/x", b"x")
    scanned = scan(f"gs://{bucket}/d/")
    gcs.deny("storage.objects.list")
    report = check(scanned, stores)
    assert verdicts(report) == {"x": "denied"}
    assert report.denials[0].permission == "storage.objects.list"


# Whatever fsspec opens


@pytest.mark.parametrize("checksum", ["sha256", False])
def test_places_that_fsspec_opens_are_verified(stores: Stores, scan: Any, checksum: Any) -> None:
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    for name in ("b/2", "a/1", "c", "single"):
        memory.pipe_file(f"/verify/{name}", name.encode())
    scanned = scan(
        Reference("memory://verify/", name="all", checksum=checksum),
        Reference("memory://verify/single", checksum=checksum),
    )
    assert check(scanned, stores).worst is (Verdict.INTACT if checksum else Verdict.UNVERIFIABLE)
    memory.pipe_file("/verify/c", b"longer than before")
    memory.rm_file("/verify/a/1")
    memory.rm_file("/verify/single")
    memory.pipe_file("/verify/new", b"new")
    report = check(scanned, stores)
    told = verdicts(report)
    assert told.pop("all/a/1") == told.pop("all/single") == told.pop("single") == "gone"
    assert told.pop("all/c") == "changed"
    assert told == ({} if checksum else {"all/b/2": "unverifiable"})
    assert report.added == 1
    memory.store.clear()
