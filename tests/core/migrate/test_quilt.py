"""What Quilt wrote comes over as it was: packages, revisions by time, metadata, version ids, hashes."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from kit.servers.moto import Moto
from landfast import Checksum, Client, ImportState, InvalidInput, ManifestEntry, NotFound, Verdict
from landfast.errors import Conflict
from landfast.pins.checksums import Outcome, Proof

from tests.core.migrate.conftest import Recorded, files

LOCAL = "data/Quilt/packages"


@pytest.fixture(params=["local", "bucket"])
def registry(recorded: Recorded, request: pytest.FixtureRequest) -> str:
    """A registry of Quilt: on this machine, or in a bucket."""
    folder = recorded("quilt")
    return str(folder / LOCAL) if request.param == "local" else "s3://peer-data"


def test_revisions_come_over_in_the_order_of_time(client: Client, registry: str) -> None:
    report = client.import_from("quilt", registry)
    assert [str(each.name) for each in report.versions] == [
        f"default/team/mnist:v{index}" for index in (0, 1, 0)
    ]
    assert [dict(each.verdicts or {}) for each in report.versions] == [
        {Verdict.INTACT: 4},
        {Verdict.INTACT: 3, Verdict.OVERWRITTEN: 1, Verdict.DELETED: 1},
        {Verdict.INTACT: 4},
    ]
    second = client.get("team/mnist:v1")
    assert second.description == "step 1"
    assert second.metadata["step"] == 1
    assert len(second.metadata["imported"]["top_hash"]) == 64
    assert {e.checksum.algorithm for e in second.entries() if e.checksum} == {"sha2-256-chunked"}
    assert all(entry.version_id for entry in second.entries())


def test_an_old_revision_is_downloaded_by_its_pins(
    client: Client, recorded: Recorded, tmp_path: Path
) -> None:
    assert client.import_from("quilt", recorded("quilt") / LOCAL).exit_code == 0
    client.download("team/mnist:v1", tmp_path / "there")
    assert files(tmp_path / "there") == {
        "a b%20+ü.txt": b"odd",
        "labels.csv": b"0,1,2\n",
        "train/0.png": b"zero",
        "train/1.png": b"one",
        "train/2.png": b"two",
    }


def test_importing_again_adds_nothing(client: Client, copied: Recorded) -> None:
    registry = copied("quilt") / LOCAL
    client.import_from("quilt", registry, verify=False)
    position = client.head()
    again = client.import_from("quilt", registry, verify=False)
    assert {each.state for each in again.versions} == {ImportState.PRESENT}
    assert client.head() == position


def test_latest_follows_theirs_when_it_was_rolled_back(client: Client, copied: Recorded) -> None:
    folder = copied("quilt") / LOCAL
    pointers = folder / ".quilt/named_packages/team/mnist"
    second = sorted(path for path in pointers.iterdir() if path.name != "latest")[1]
    (pointers / "latest").write_text(second.read_text())
    client.import_from("quilt", folder, verify=False)
    assert client.get("team/mnist:latest").version == "v1"


def test_a_damaged_or_cut_manifest_is_noticed_by_its_hash(
    client: Client, copied: Recorded, tmp_path: Path
) -> None:
    folder = copied("quilt") / LOCAL
    manifest = next((folder / ".quilt/packages").iterdir())
    whole = manifest.read_text()
    for damaged in (whole.replace('"size": 4', '"size": 5', 1), "\n".join(whole.splitlines()[:-1])):
        manifest.write_text(damaged)
        with pytest.raises(Conflict, match="is not what its name says"):
            client.import_from("quilt", folder)
    manifest.write_text(whole[:-20])
    with pytest.raises(Conflict, match=r"line \d"):
        client.import_from("quilt", folder)
    assert not (tmp_path / "registry.db").exists()


def test_a_manifest_that_a_pointer_names_and_nobody_has_is_not_found(
    client: Client, copied: Recorded
) -> None:
    folder = copied("quilt") / LOCAL
    next((folder / ".quilt/packages").iterdir()).unlink()
    with pytest.raises(NotFound, match=r"\.quilt/packages/[0-9a-f]{64} does not exist"):
        client.import_from("quilt", folder)


ROW: dict[str, Any] = {
    "logical_key": "a",
    "physical_keys": ["s3://b/a?versionId=x"],
    "size": 1,
    "hash": {"type": "SHA256", "value": "0" * 64},
    "meta": {},
}


def manifest(folder: Path, *rows: Any, version: object = "v0") -> Path:
    """Write a manifest by itself."""
    file = folder / "manifest.jsonl"
    head = {"version": version, "user_meta": {}, "message": None}
    file.write_text("\n".join(json.dumps(row) for row in (head, *rows)))
    return file


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"logical_key": "../a"}, "stays under the artifact"),
        ({"logical_key": None}, "no path"),
        ({"size": None}, "size"),
        ({"size": 10**30}, "size"),
        ({"physical_keys": ["s3://b/a", "s3://b/b"]}, "several places"),
        ({"physical_keys": "s3://b/a"}, "several places"),
        ({"physical_keys": ["gs://b/a"]}, "s3:// or file://"),
        ({"physical_keys": ["s3://b/a?x=1"]}, "no query but versionId="),
        ({"physical_keys": ["s3://b/%ff"]}, "UTF-8"),
        ({"hash": {"type": "SHA256", "value": "ABC"}}, "hexadecimal"),
        ({"hash": {"type": "sha2-256-chunked", "value": "AAAA"}}, "32 bytes in Base64"),
        ({"hash": {"type": "md4", "value": "x"}}, "kind that is not known, 'md4'"),
        ({"hash": None}, "kind that is not known"),
    ],
)
def test_an_entry_that_cannot_come_over_is_named(
    client: Client, tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    file = manifest(tmp_path, ROW | change)
    with pytest.raises(InvalidInput, match=re.escape(reason)):
        client.import_from("quilt", file, name="a/b")


def test_keys_are_decoded_and_every_kind_of_hash_is_kept(client: Client, tmp_path: Path) -> None:
    crc = base64.b64encode(bytes(range(8))).decode()
    chunked = base64.b64encode(bytes(32)).decode()
    file = manifest(
        tmp_path,
        {"logical_key": "folder/", "meta": {"user_meta": {"x": 1}}},
        ROW | {"physical_keys": ["s3://b/a%20b%25%23?versionId=x%2By"]},
        ROW | {"logical_key": "b", "hash": {"type": "CRC64NVME", "value": crc}},
        ROW
        | {"logical_key": "c", "hash": {"type": "sha2-256-chunked", "value": chunked}}
        | {"physical_keys": ["file:///d/a%20b"]},
    )
    client.import_from("quilt", file, name="a/b", verify=False)
    found = {e.path: (e.uri, e.version_id, str(e.checksum)) for e in client.get("a/b").entries()}
    assert found == {
        "a": ("s3://b/a b%#", "x+y", "sha256:" + "0" * 64),
        "b": ("s3://b/a", "x", "crc64nvme:0001020304050607"),
        "c": ("file:///d/a%20b", None, f"sha2-256-chunked:{chunked}"),
    }


@pytest.mark.parametrize(
    ("text", "error", "found"),
    [
        ("", Conflict, "no object in its first line"),
        ("[1]", Conflict, "no object in its first line"),
        ('{"version": "v1"}', InvalidInput, "another version: expected v0, found 'v1'"),
        ('{"version": "v0"}\n[]', Conflict, "a line that is no object"),
        ('{"version": "v0"}\n{"a', Conflict, "line 2"),
        ('{"version": "v0", "user_meta": 3}', InvalidInput, "metadata"),
    ],
)
def test_a_manifest_that_is_none_is_a_typed_error(
    client: Client, tmp_path: Path, text: str, error: type[Exception], found: str
) -> None:
    file = tmp_path / "manifest.jsonl"
    file.write_text(text)
    with pytest.raises(error, match=found):
        client.import_from("quilt", file, name="a/b")


def test_a_path_that_is_there_twice_is_a_conflict(client: Client, tmp_path: Path) -> None:
    other = ROW | {"physical_keys": ["s3://b/other"]}
    with pytest.raises(Conflict, match="two references put different objects at the path 'a'"):
        client.import_from("quilt", manifest(tmp_path, ROW, other), name="a/b")


def chunked(data: bytes, part: int) -> str:
    """Hash as Quilt documents it: the hash of the hashes of the parts."""
    parts = [data[at : at + part] for at in range(0, len(data), part)]
    whole = hashlib.sha256(b"".join(hashlib.sha256(each).digest() for each in parts))
    return base64.b64encode(whole.digest()).decode()


@pytest.mark.parametrize("size", [0, 1, (8 << 20) - 1, 8 << 20, (8 << 20) + 1, 17 << 20])
def test_bytes_are_proven_by_the_chunked_hash(size: int) -> None:
    data = (b"0123456789abcde\n" * ((size >> 4) + 1))[:size]
    entry = ManifestEntry(
        path="a",
        size=size,
        checksum=Checksum("sha2-256-chunked", chunked(data, 8 << 20)),
        uri="s3://b/a",
    )
    proof = Proof(entry)
    for at in range(0, size, 1_000_003):
        proof.update(data[at : at + 1_000_003])
    assert proof.outcome() is Outcome.PROVEN
    if size:
        wrong = Proof(entry)
        wrong.update(data[:-1] + b"!")
        assert wrong.outcome() is Outcome.WRONG


def test_a_deep_look_compares_the_chunked_hash(
    client: Client, recorded: Recorded, s3: Moto
) -> None:
    client.import_from("quilt", recorded("quilt") / LOCAL, verify=False)
    assert client.verify("team/mnist", deep=True).ok


def test_a_large_manifest_is_sorted_in_bounded_memory(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("landfast.migrate.manifest._ROWS_PER_RUN", 1_000)
    keys = [f"{(number * 7_919) % 5_000:05d}" for number in range(5_000)]
    rows = [ROW | {"logical_key": key, "physical_keys": [f"s3://b/d/{key}"]} for key in keys]
    client.import_from("quilt", manifest(tmp_path, *rows), name="a/b", verify=False)
    version = client.get("a/b")
    assert [entry.path for entry in version.entries()] == sorted(keys)
    assert [source.uri for source in version.sources] == ["s3://b/d/"]
