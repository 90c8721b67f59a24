"""Whatever `verify` vouches for can be read, without a new log; and nothing else comes under the old names.

A matrix: store, versioning, checksum and the reader's permissions, over objects to each of which something
else happened.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from kit.servers.faults import Status
from landfast.download.open import open_entry
from landfast.download.run import download
from landfast.errors import LandfastError
from landfast.manifests.base import Manifest
from landfast.manifests.memory import MemoryManifest
from landfast.model.reference import Reference
from landfast.model.verdict import Verdict
from landfast.pins.sets import PinSets
from landfast.stores.opener import Stores
from landfast.verify.run import verify

OK = {Verdict.INTACT, Verdict.MOVED}


def recorded(name: str) -> bytes:
    return f"recorded {name}".encode()


def other(name: str) -> bytes:
    return f"OVERWROT {name}".encode()


@dataclass
class Told:
    """What verify said of each entry, and what a download brought."""

    verdicts: dict[str, Verdict]
    came: dict[str, bytes]
    missing: dict[str, str] = field(default_factory=dict)


def look(scanned: Any, stores: Stores, root: Path, *, deep: bool = True) -> Told:
    """Verify, download and open everything, and hold the three against each other."""
    manifest: Manifest = scanned.manifest
    sets = [(manifest, scanned.sources)]
    report = verify(manifest, scanned.sources, stores)
    told = {row.path: row.verdict for row in report.rows}
    got = download(
        sets, stores=stores, cache=None, identity="e/p/c:v0 lf1:0", root=root, allow_missing=True
    )
    missing = {file.path: file.message for file in got.missing}
    reread = verify(manifest, scanned.sources, stores, deep=True) if deep else report
    deeper = {row.path: row.verdict for row in reread.rows}
    pins, came = PinSets(sets, stores), {}
    for entry in manifest.entries():
        verdict = told.setdefault(entry.path, Verdict.INTACT)
        where = f"{entry.uri} is {verdict}"
        assert verdict not in OK or deeper.get(entry.path, Verdict.INTACT) in OK, where
        if (root / entry.path).exists():
            came[entry.path] = (root / entry.path).read_bytes()
            assert came[entry.path] == recorded(entry.path), where
            with open_entry(pins, entry, cache=None) as stream:
                assert stream.read() == recorded(entry.path), where
        else:
            assert verdict not in OK, f"{where}, and does not come: {missing[entry.path]}"
            with pytest.raises(LandfastError):
                open_entry(pins, entry, cache=None)
    return Told(told, came, missing)


# S3


class S3World:
    """Does things to objects, past the proxy that readers go through."""

    def __init__(self, server: Any, versioning: Any, options: dict[str, Any]) -> None:
        self.server, self.options = server, options
        self.bucket = server.bucket(versioning)
        self.uri = f"s3://{self.bucket}/d/"

    def put(self, name: str, body: bytes) -> None:
        self.server.client.put_object(
            Bucket=self.bucket, Key=f"d/{name}", Body=body, **self.options
        )

    def delete(self, name: str) -> None:
        self.server.client.delete_object(Bucket=self.bucket, Key=f"d/{name}")

    def in_parts(self, name: str, body: bytes) -> None:
        client, where = self.server.client, {"Bucket": self.bucket, "Key": f"d/{name}"}
        upload = client.create_multipart_upload(**where)["UploadId"]
        part = client.upload_part(**where, UploadId=upload, PartNumber=1, Body=body)
        client.complete_multipart_upload(
            **where,
            UploadId=upload,
            MultipartUpload={"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]},
        )

    def expire(self, name: str) -> None:
        """Remove all versions that are not current, as a lifecycle rule does."""
        rows = self.server.client.list_object_versions(Bucket=self.bucket, Prefix=f"d/{name}")
        for row in rows.get("Versions", ()):
            if not row["IsLatest"]:
                self.server.client.delete_object(
                    Bucket=self.bucket, Key=row["Key"], VersionId=row["VersionId"]
                )


class GcsWorld:
    def __init__(self, server: Any, versioned: bool) -> None:
        self.server = server
        self.bucket = server.bucket(versioning=versioned)
        self.uri = f"gs://{self.bucket}/d/"

    def put(self, name: str, body: bytes) -> None:
        self.server.put(self.bucket, f"d/{name}", body)

    def delete(self, name: str) -> None:
        self.server.delete(self.bucket, f"d/{name}")

    in_parts = put

    def expire(self, name: str) -> None:
        for blob in self.server.client.list_blobs(self.bucket, prefix=f"d/{name}", versions=True):
            if blob.time_deleted is not None:
                self.server.delete(self.bucket, blob.name, str(blob.generation))


HAPPENINGS: dict[str, Callable[[Any, str], None]] = {
    "nothing": lambda *_: None,
    "same": lambda w, n: w.put(n, recorded(n)),
    "same-and-expired": lambda w, n: (w.put(n, recorded(n)), w.expire(n)),
    "same-in-parts-and-expired": lambda w, n: (w.in_parts(n, recorded(n)), w.expire(n)),
    "other": lambda w, n: w.put(n, other(n)),
    "other-and-expired": lambda w, n: (w.put(n, other(n)), w.expire(n)),
    "other-and-back": lambda w, n: (w.put(n, other(n)), w.put(n, recorded(n)), w.expire(n)),
    "longer": lambda w, n: (w.put(n, recorded(n) + b"!"), w.expire(n)),
    "deleted": lambda w, n: w.delete(n),
    "deleted-and-expired": lambda w, n: (w.delete(n), w.expire(n)),
    "deleted-and-put-again": lambda w, n: (w.delete(n), w.put(n, recorded(n)), w.expire(n)),
}
AGAIN = {"same", "same-and-expired", "other-and-back", "deleted-and-put-again"}


def happen(world: Any) -> None:
    for name, happening in HAPPENINGS.items():
        happening(world, name)


READERS: dict[str, tuple[Callable[[Any], bool], ...]] = {
    "may-all": (),
    "not-GetObjectVersion": (
        lambda r: r.kind in {"get-object", "head"} and "versionId" in r.query,
    ),
    "not-ListBucketVersions": (lambda r: r.kind == "list-versions",),
    "neither": (
        lambda r: r.kind in {"get-object", "head"} and "versionId" in r.query,
        lambda r: r.kind == "list-versions",
    ),
}


@pytest.mark.parametrize("checksum", [None, "sha256", "crc64nvme", False])
@pytest.mark.parametrize("versioning", ["Enabled", None])
def test_mend_03_what_verify_vouches_for_on_s3_is_read(
    s3_proxy: Any,
    stores: Stores,
    scan: Any,
    tmp_path: Path,
    versioning: Any,
    checksum: Any,
) -> None:
    sums = {"ChecksumAlgorithm": checksum.upper()} if checksum else {}
    world = S3World(s3_proxy.direct, versioning, sums)
    for name in HAPPENINGS:
        world.put(name, recorded(name))
    scanned = scan(Reference(world.uri, checksum=checksum))
    happen(world)
    for reader, refused in READERS.items() if versioning else [("may-all", ())]:
        for when in refused:
            s3_proxy.proxy.inject(Status(status=403, code="AccessDenied"), when=when)
        told = look(scanned, stores, tmp_path / reader, deep=reader == "may-all")
        if reader == "may-all" and checksum is not False:
            assert {name for name, verdict in told.verdicts.items() if verdict in OK} >= AGAIN
        assert "nothing" in told.came
        s3_proxy.proxy.clear()


def test_mend_03_a_reader_without_the_right_to_versions_reads_what_is_current(
    s3_proxy: Any, stores: Stores, scan: Any, tmp_path: Path
) -> None:
    world = S3World(s3_proxy.direct, "Enabled", {})
    for name in ("still", "gone", "changed"):
        world.put(name, recorded(name))
    for checksum in (None, False):
        scanned = scan(Reference(world.uri, checksum=checksum))
        s3_proxy.proxy.inject(
            Status(status=403, code="AccessDenied"), when=READERS["not-GetObjectVersion"][0]
        )
        assert look(scanned, stores, tmp_path / f"{checksum}").came["still"]
        s3_proxy.proxy.clear()
    world.put("changed", other("changed"))
    world.delete("gone")
    s3_proxy.proxy.inject(
        Status(status=403, code="AccessDenied"), when=READERS["not-GetObjectVersion"][0]
    )
    for checked in (scanned, scan(Reference(world.uri + "still"))):
        told = look(checked, stores, tmp_path / f"later-{checked.manifest.digest}")
        assert set(told.came) == {"still"}
    told = look(scanned, stores, tmp_path / "hints")
    assert "s3:GetObjectVersion" in told.missing["changed"]


@pytest.mark.parametrize("versioned", [True, False])
@pytest.mark.parametrize("checksum", [None, "crc32c", False])
def test_mend_03_what_verify_vouches_for_on_gcs_is_read(
    gcs: Any, stores: Stores, scan: Any, tmp_path: Path, versioned: bool, checksum: Any
) -> None:
    world = GcsWorld(gcs, versioned)
    for name in HAPPENINGS:
        world.put(name, recorded(name))
    scanned = scan(Reference(world.uri, checksum=checksum))
    happen(world)
    told = look(scanned, stores, tmp_path / "target")
    if checksum is not False:
        assert {name for name, verdict in told.verdicts.items() if verdict in OK} >= AGAIN


# HTTP


WEB: dict[str, Callable[[Any, str, bytes, bytes], None]] = {
    "nothing": lambda *_: None,
    "touched": lambda s, p, *_: s.change(p, modified=2_000_000),
    "same-other-etag": lambda s, p, *_: s.change(p, etag='"of another server"'),
    "same-no-etag": lambda s, p, *_: s.change(p, etag=None),
    "same-weak-etag": lambda s, p, *_: s.change(p, etag="weak"),
    "other": lambda s, p, _, new: s.change(p, body=new),
    "other-touched": lambda s, p, _, new: s.change(p, body=new, modified=2_000_000),
    "longer": lambda s, p, old, _: s.change(p, body=old + b"!"),
    "gone": lambda s, p, *_: s.remove(p),
}


def _is_told(kind: Any, etag: str | None, what: str) -> bool:
    """Whether something that was recorded tells these bytes of equal size from the recorded ones."""
    if kind == "sha256" or (kind, etag) == (None, None):
        return True
    is_etag = etag in {"strong", "weak", "fresh"} and kind != "http-last-modified"
    is_time = etag is None or kind == "http-last-modified"
    return is_etag or what not in ({"other"} if is_time else {"other", "other-touched"})


@pytest.mark.parametrize("conditions", [True, False])
@pytest.mark.parametrize("etag", ["strong", "weak", "fresh", '"fixed"', None])
def test_mend_03_what_verify_vouches_for_on_http_is_read(
    http_script: Any,
    stores: Stores,
    scan: Any,
    tmp_path: Path,
    etag: str | None,
    conditions: bool,
) -> None:
    kinds: list[Any] = [None, "sha256", "http-last-modified", False]
    kinds += {"weak": ["http-weak-etag"], None: []}.get(etag, ["http-etag"])
    references, happenings = [], {}
    for kind in kinds:
        for what, do in WEB.items():
            if not _is_told(kind, etag, what):
                continue
            name = f"{kind}/{what}"
            happenings[name] = do
            url = http_script.put(
                f"/{name}", recorded(name), etag=etag, modified=1_000_000, conditions=conditions
            )
            references.append(Reference(url, checksum=kind, name=name))
    scanned = scan(*references)
    for name, do in happenings.items():
        do(http_script, f"/{name}", recorded(name), other(name))
    told = look(scanned, stores, tmp_path / "target")
    kept = {"nothing", "touched", "same-other-etag", "same-no-etag", "same-weak-etag"}
    assert {f"sha256/{what}" for what in kept} <= set(told.came)


# Places that fsspec opens


def test_mend_03_what_verify_vouches_for_elsewhere_is_read(
    stores: Stores, scan: Any, tmp_path: Path
) -> None:
    from fsspec.implementations.memory import MemoryFileSystem

    memory = MemoryFileSystem()
    for checksum in ("sha256", False):
        for name in ("nothing", "same", "longer", "gone"):
            memory.pipe_file(f"/vouched/{name}", recorded(name))
        scanned = scan(Reference("memory://vouched/", checksum=checksum))
        memory.pipe_file("/vouched/same", recorded("same"))
        memory.pipe_file("/vouched/longer", recorded("longer") + b"!")
        memory.rm_file("/vouched/gone")
        told = look(scanned, stores, tmp_path / f"{checksum}")
        assert {"nothing"} <= set(told.came) <= {"nothing", "same"}
    memory.store.clear()


def test_mend_03_a_token_alone_leads_to_what_is_there(
    s3: Any, gcs: Any, stores: Stores, scan: Any, tmp_path: Path
) -> None:
    """Manifests of other writers may have no ETag beside the checksum."""
    for number, world in enumerate((S3World(s3, "Enabled", {}), GcsWorld(gcs, True))):
        for name in ("again", "in-parts", "other"):
            world.put(name, recorded(name))
        scanned = scan(Reference(world.uri))
        bare = MemoryManifest(replace(e, etag=None) for e in scanned.manifest.entries())
        world.put("again", recorded("again"))
        world.in_parts("in-parts", recorded("in-parts"))
        world.put("other", other("other"))
        for name in ("again", "in-parts", "other"):
            world.expire(name)
        told = look(replace(scanned, manifest=bare), stores, tmp_path / f"{number}")
        assert told.verdicts["again"] is Verdict.MOVED
        assert "other" not in told.came


def test_mend_03_the_error_says_whether_logging_again_would_mend_it(
    s3: Any, stores: Stores, scan: Any, tmp_path: Path
) -> None:
    world = S3World(s3, "Enabled", {})
    for name in ("deleted", "other"):
        world.put(name, recorded(name))
    scanned = scan(Reference(world.uri))
    world.put("other", other("other"))
    world.delete("deleted")
    for name in ("deleted", "other"):
        world.expire(name)
    told = look(scanned, stores, tmp_path / "target")
    assert "Nothing is there now" in told.missing["deleted"]
    assert "records what is there now as a new version" in told.missing["other"]
    assert all("version" in told.missing[name] for name in ("deleted", "other"))
