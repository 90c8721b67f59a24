"""Verify local files, and managed ones."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from landfast.blobs.local import LocalBlobStore
from landfast.manifests.memory import MemoryManifest
from landfast.model.checksum import Checksum
from landfast.model.manifest import ManifestEntry
from landfast.model.reference import Reference
from landfast.model.verdict import Verdict
from landfast.stores.opener import Stores
from landfast.verify.run import verify

from tests.core.verify.reports import check, folder, row, verdicts


def test_files_are_compared_by_their_bytes(tmp_path: Path, stores: Stores, scan: Any) -> None:
    root = folder(tmp_path, changed=b"one", gone=b"gone", intact=b"intact", touched=b"touched")
    (root / "a b#é").write_bytes(b"odd")
    scanned = scan(f"{root}/")
    assert check(scanned, stores).ok
    (root / "changed").write_bytes(b"two")
    (root / "gone").unlink()
    os.utime(root / "touched", (1, 1))
    (root / "new").write_bytes(b"new")
    report = check(scanned, stores)
    assert verdicts(report) == {"changed": "changed", "gone": "gone"}
    assert report.counts[Verdict.INTACT] == 3
    assert report.added == 1


def test_missing_folder_is_gone(tmp_path: Path, stores: Stores, scan: Any) -> None:
    root = folder(tmp_path, x=b"x")
    scanned = scan(f"{root}/")
    (root / "x").unlink()
    root.rmdir()
    assert verdicts(check(scanned, stores)) == {"x": "gone"}


def test_single_file_is_verified_in_place(tmp_path: Path, stores: Stores, scan: Any) -> None:
    root = folder(tmp_path, x=b"x", y=b"y")
    scanned = scan(str(root / "x"), str(root / "y"))
    (root / "y").write_bytes(b"longer")
    assert verdicts(check(scanned, stores)) == {"y": "changed"}


def test_stat_checksum_believes_size_and_time_and_deep_does_too(
    tmp_path: Path, stores: Stores, scan: Any
) -> None:
    root = folder(tmp_path, x=b"one", y=b"one")
    scanned = scan(Reference(f"{root}/", checksum="stat"))
    before = (root / "x").stat()
    (root / "x").write_bytes(b"two")
    os.utime(root / "x", ns=(before.st_atime_ns, before.st_mtime_ns))
    (root / "y").write_bytes(b"three")
    report = check(scanned, stores)
    assert verdicts(report) == {"y": "changed"}


def test_deep_reads_files_again_past_the_stat_cache(
    tmp_path: Path, stores: Stores, scan: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = folder(tmp_path, x=b"one", y=b"yes")
    scanned = scan(f"{root}/")
    lie = scanned.manifest.get("x")
    (root / "x").write_bytes(b"two")
    # What a stat cache would say that trusts a restored time: the recorded token.
    from landfast.stores.local import store as file_store

    monkeypatch.setattr(
        file_store,
        "sha256_of_file",
        lambda path, cache, staging: (
            scanned.manifest.get(os.path.basename(os.fsdecode(path))).checksum.value,
            os.stat(path),
        ),
    )
    assert check(scanned, stores).ok
    report = check(scanned, stores, deep=True)
    assert verdicts(report) == {"x": "changed"}
    assert "sha256" in row(report, "x").detail
    assert lie.checksum is not None
    assert lie.checksum.value not in row(report, "x").detail


@contextmanager
def unprivileged() -> Iterator[None]:
    """Be nobody for a while: root may read everything."""
    was = os.geteuid()
    if was == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(was)


def test_unreadable_file_is_denied_and_the_others_are_judged(stores: Stores, scan: Any) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        for file in ("a", "b", "c"):
            (root / file).write_bytes(file.encode())
        scanned = scan(Reference(f"{root}/", options={"stat_cache": False}))
        (root / "b").write_bytes(b"B")
        (root / "b").chmod(0)
        (root / "c").write_bytes(b"C")
        with unprivileged():
            report = check(scanned, stores)
    assert verdicts(report) == {"b": "denied", "c": "changed"}
    assert report.counts[Verdict.INTACT] == 1


def test_managed_files_are_looked_up_in_the_blob_store(tmp_path: Path) -> None:
    import hashlib

    blobs = LocalBlobStore(tmp_path / "blobs")
    rows = []
    for name in ("gone", "intact", "rotten"):
        file = tmp_path / name
        file.write_bytes(name.encode())
        sha256 = hashlib.sha256(name.encode()).hexdigest()
        blobs.put(file, sha256)
        rows.append(
            ManifestEntry(
                path=name,
                size=len(name),
                checksum=Checksum("sha256", sha256),
                uri=f"blob:sha256:{sha256}",
            )
        )
    manifest = MemoryManifest(rows)
    stores = Stores(blobs=blobs)
    assert verify(manifest, [], stores).ok
    gone, _, rotten = (hashlib.sha256(entry.path.encode()).hexdigest() for entry in rows)
    blobs.delete(gone)
    path = blobs.path(rotten)
    assert path is not None
    path.chmod(0o644)
    path.write_bytes(b"ROTTEN")
    assert verdicts(verify(manifest, [], stores)) == {"gone": "gone"}
    assert verdicts(verify(manifest, [], stores, deep=True)) == {
        "gone": "gone",
        "rotten": "changed",
    }
