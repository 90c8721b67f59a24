"""The folder of a download: what is in its way, and what is not touched."""

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kit.servers.moto import Moto
from landfast.errors import (
    AccessDenied,
    Conflict,
    InvalidInput,
    NotFound,
    Unavailable,
)
from landfast.model.reference import Reference
from landfast.stores.opener import Stores

from tests.core.download.downloads import MEBIBYTE, Download, tree

# The folder


def test_folder_of_another_version_is_refused_before_anything_is_written(
    s3_proxy: Any, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    s3_proxy.direct.put(bucket, "d/x", b"x")
    scanned = scan(f"s3://{bucket}/d/")
    get(scanned, identity="c:v0")
    before = tree(root)
    with pytest.raises(Conflict, match=r"expected c:v1, found c:v0"):
        get(scanned, identity="c:v1")
    assert tree(root) == before
    assert s3_proxy.proxy.counts["get-object"] == 1


def test_other_files_under_the_same_names_are_not_replaced(
    s3: Moto, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3.bucket("Enabled")
    for name in ["mine", "same", "new"]:
        s3.put(bucket, f"d/{name}", b"recorded")
    root.mkdir()
    (root / "mine").write_bytes(b"my own work")
    (root / "same").write_bytes(b"recorded")
    (root / "more").write_bytes(b"untouched")
    scanned = scan(f"s3://{bucket}/d/")
    with pytest.raises(Conflict, match=r"'mine', 'same'.*replace=True") as caught:
        get(scanned)
    assert caught.value.details["paths"] == ("mine", "same")
    assert tree(root) == {"mine": b"my own work", "same": b"recorded", "more": b"untouched"}
    (root / "mine").unlink()
    report = get(scanned, replace=True)
    assert (report.fetched, report.already_there) == (2, 1)
    assert tree(root)["more"] == b"untouched"


def test_target_that_is_a_file_is_refused(s3: Moto, scan: Any, get: Download, root: Path) -> None:
    bucket = s3.bucket()
    s3.put(bucket, "d/x", b"x")
    root.write_bytes(b"a file")
    with pytest.raises(InvalidInput, match="is a file, not a folder"):
        get(scan(f"s3://{bucket}/d/"))
    assert root.read_bytes() == b"a file"


def test_keys_that_cannot_be_files_are_all_named_before_a_byte_is_written(
    s3_proxy: Any, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3_proxy.direct.bucket()
    bad = ["a//b", "a/./b", "../up", "k/l", "x/../y", "n" * 300]
    for key in ["a/b", "k", *bad]:
        s3_proxy.direct.put(bucket, f"d/{key}", b"x")
    with pytest.raises(InvalidInput) as caught:
        get(scan(f"s3://{bucket}/d/"))
    assert sorted(caught.value.details["paths"]) == sorted(bad)
    assert not root.exists()
    assert s3_proxy.proxy.counts["get-object"] == 0


def test_mend_15_leaving_out_the_empty_objects_that_are_named_is_enough(
    s3: Moto, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3.bucket("Enabled")
    folders = ("a", "b", "b/c")
    for folder in folders:
        s3.put(bucket, f"d/{folder}", b"")
        for name in "xyz":
            s3.put(bucket, f"d/{folder}/{name}", b"x")
    s3.put(bucket, "d/empty", b"")
    # A scan of the folder skips them as markers: they are recorded where somebody names them.
    named = [
        Reference(scheme="s3", bucket=bucket, key=f"d/{folder}", name=folder) for folder in folders
    ]
    scanned = scan(f"s3://{bucket}/d/", *named)
    with pytest.raises(InvalidInput, match="exclude=") as caught:
        get(scanned)
    paths = caught.value.details["paths"]
    assert paths == folders
    assert get(scanned, exclude=caught.value.details["exclude"]).files == 10
    assert "empty" in tree(root)


def test_symlinks_are_not_followed_out_of_the_folder(
    s3: Moto, scan: Any, get: Download, root: Path, tmp_path: Path
) -> None:
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "d/sub/x", b"recorded")
    s3.put(bucket, "d/y", b"recorded")
    scanned = scan(f"s3://{bucket}/d/")
    get(scanned)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "y").write_bytes(b"precious")
    (root / "y").unlink()
    (root / "y").symlink_to(outside / "y")
    get(scanned)
    assert not (root / "y").is_symlink()
    shutil.rmtree(root / "sub")
    (root / "sub").symlink_to(outside)
    with pytest.raises(Conflict, match="can lead out of"):
        get(scanned)
    assert tree(outside) == {"y": b"precious"}


def test_folder_in_the_place_of_a_file_and_file_in_that_of_a_folder_are_named(
    s3: Moto, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "d/sub/x", b"recorded")
    s3.put(bucket, "d/y", b"recorded")
    scanned = scan(f"s3://{bucket}/d/")
    get(scanned)
    (root / "y").unlink()
    (root / "y").mkdir()
    with pytest.raises(Conflict, match="/y must be a file"):
        get(scanned)
    (root / "y").rmdir()
    shutil.rmtree(root / "sub")
    (root / "sub").write_bytes(b"")
    with pytest.raises(Conflict, match="/sub must be a folder"):
        get(scanned)


def test_exact_removes_what_is_not_in_the_version(
    s3: Moto, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "d/sub/x", b"x")
    scanned = scan(f"s3://{bucket}/d/")
    get(scanned)
    (root / "more" / "deep").mkdir(parents=True)
    (root / "more" / "deep" / "y").touch()
    (root / "sub" / "z").touch()
    (root / "link").symlink_to("/")
    assert get(scanned, exact=True).removed == 3
    assert sorted(path.name for path in root.iterdir()) == [".landfast", "sub"]
    assert tree(root) == {"sub/x": b"x"}


def test_mend_36_replace_turns_another_versions_folder_into_this_one(
    s3: Moto, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "d/same", b"same")
    s3.put(bucket, "d/old", b"old")
    s3.put(bucket, "d/both", b"0")
    get(scan(f"s3://{bucket}/d/"), identity="e/p/c:v0 lf1:0")
    s3.client.delete_object(Bucket=bucket, Key="d/old")
    s3.put(bucket, "d/both", b"1")
    newer = scan(f"s3://{bucket}/d/")
    with pytest.raises(Conflict, match=r"replace=True \(--replace\)"):
        get(newer, identity="e/p/c:v1 lf1:1")
    report = get(newer, identity="e/p/c:v1 lf1:1", replace=True)
    assert (report.removed, report.fetched, report.already_there) == (1, 1, 1)
    assert tree(root) == {"same": b"same", "both": b"1"}
    assert get(newer, identity="e/p/c:v1 lf1:1").already_there == 2
    for other in ("e/p/other:v0 lf1:0", "e/q/c:v0 lf1:0", "f/p/c:v0 lf1:0"):
        with pytest.raises(Conflict, match="holds another version"):
            get(newer, identity=other, replace=True)
    assert get(newer, identity="e/p/c~2026:v0 lf1:2", replace=True).already_there == 2


def test_mend_36_a_replacement_that_was_cut_short_leaves_no_old_bytes_under_the_new_name(
    s3: Moto, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3.bucket()
    for key in ("d/a", "d/b", "d/old"):
        s3.put(bucket, key, b"0")
    get(scan(f"s3://{bucket}/d/"), identity="e/p/c:v0 lf1:0")
    s3.client.delete_object(Bucket=bucket, Key="d/old")
    s3.put(bucket, "d/a", b"one")
    s3.put(bucket, "d/b", b"one")
    newer = scan(f"s3://{bucket}/d/")
    s3.client.delete_object(Bucket=bucket, Key="d/b")
    with pytest.raises(NotFound):
        get(newer, identity="e/p/c:v1 lf1:1", replace=True)
    report = get(newer, identity="e/p/c:v1 lf1:1", allow_missing=True)
    assert [file.path for file in report.missing] == ["b"]
    assert tree(root) == {"a": b"one"}


def test_mend_36_replace_never_empties_a_folder_of_ones_own(
    s3: Moto, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3.bucket()
    s3.put(bucket, "d/x", b"x")
    root.mkdir()
    (root / "x").write_bytes(b"years of work")
    with pytest.raises(Conflict, match="other files"):
        get(scan(f"s3://{bucket}/d/"), replace=True)
    assert tree(root) == {"x": b"years of work"}


def test_exact_never_empties_a_folder_of_ones_own(
    s3: Moto, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3.bucket()
    s3.put(bucket, "d/x", b"x")
    root.mkdir()
    (root / "thesis").write_bytes(b"years of work")
    with pytest.raises(Conflict, match="exact="):
        get(scan(f"s3://{bucket}/d/"), exact=True)
    assert tree(root) == {"thesis": b"years of work"}


def test_other_endpoint_than_the_recorded_one_is_refused_without_an_override(
    s3_proxy: Any, scan: Any, get: Download, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    s3_proxy.direct.put(bucket, "d/x", b"x")
    scanned = scan(f"s3://{bucket}/d/")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3_proxy.direct.url)
    with pytest.raises(Conflict, match=s3_proxy.url):
        get(scanned, stores=Stores())
    assert not root.exists()
    get(scanned, stores=Stores(), any_endpoint=True)
    assert tree(root) == {"x": b"x"}


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A filesystem of one mebibyte; needs root."""
    mount = tmp_path / "tiny"
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1M", "tmpfs", str(mount)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root mounts a filesystem")
    yield mount
    subprocess.run(["umount", str(mount)], check=True)


def test_full_disk_is_told_and_a_retry_continues(
    s3_proxy: Any, scan: Any, get: Download, tiny_disk: Path
) -> None:
    bucket, data = s3_proxy.direct.bucket("Enabled"), os.urandom(2 * MEBIBYTE)
    s3_proxy.direct.put(bucket, "d/x", data)
    scanned = scan(f"s3://{bucket}/d/")
    with pytest.raises(Unavailable, match=r"No space left on device.*Free some space"):
        get(scanned, root=tiny_disk / "target")
    assert s3_proxy.proxy.counts["get-object"] == 1
    assert tree(tiny_disk / "target") == {}
    subprocess.run(["mount", "-o", "remount,size=8M", str(tiny_disk)], check=True)
    assert get(scanned, root=tiny_disk / "target").fetched_bytes < len(data)
    assert tree(tiny_disk / "target") == {"x": data}


def test_read_only_disk_is_told_before_anything_is_fetched(
    s3_proxy: Any, scan: Any, get: Download, tiny_disk: Path
) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    s3_proxy.direct.put(bucket, "d/x", b"x")
    scanned = scan(f"s3://{bucket}/d/")
    subprocess.run(["mount", "-o", "remount,ro", str(tiny_disk)], check=True)
    with pytest.raises(AccessDenied, match="read-only"):
        get(scanned, root=tiny_disk / "target")
    assert s3_proxy.proxy.counts["get-object"] == 0


def test_what_is_all_there_on_a_read_only_disk_is_not_touched(
    s3_proxy: Any, scan: Any, get: Download, tiny_disk: Path
) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    s3_proxy.direct.put(bucket, "d/x", b"recorded")
    scanned = scan(Reference(f"s3://{bucket}/d/", checksum=False))
    get(scanned, root=tiny_disk / "target")
    subprocess.run(["mount", "-o", "remount,ro", str(tiny_disk)], check=True)
    assert get(scanned, root=tiny_disk / "target").already_there == 1
    assert s3_proxy.proxy.counts["get-object"] == 1


def test_disk_without_locks_will_do(
    s3: Moto, scan: Any, get: Download, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(handle: int, how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    bucket = s3.bucket("Enabled")
    s3.put(bucket, "d/x", b"recorded")
    scanned = scan(f"s3://{bucket}/d/")
    monkeypatch.setattr("fcntl.flock", refuse)
    get(scanned)
    assert tree(root) == {"x": b"recorded"}
