"""What the store lost or damaged is stored again when the same content is logged again."""

from collections.abc import Callable
from pathlib import Path

import pytest
from landfast import Artifact, ArtifactVersion, Client
from landfast.blobs.base import BlobStore
from landfast.blobs.names import blob_key
from landfast.errors import NotFound

Damage = Callable[[bytes], bytes | None]

DAMAGES: dict[str, Damage] = {
    "deleted": lambda _: None,
    "emptied": lambda _: b"",
    "cut": lambda whole: whole[: len(whole) // 2],
    "longer": lambda whole: whole + b"\0",
    "overwritten": lambda whole: b"x" * len(whole),
    "a-bit-turned": lambda whole: (
        whole[: len(whole) // 3]
        + bytes([whole[len(whole) // 3] ^ 1])
        + whole[len(whole) // 3 + 1 :]
    ),
}


@pytest.fixture
def client(tmp_path: Path, store: str) -> Client:
    return Client(f"sqlite:///{tmp_path / 'a.db'}", store_url=store)


@pytest.fixture
def again(client: Client, tmp_path: Path) -> Client:
    """Another process with a cache of its own."""
    from dataclasses import replace

    return Client(settings=replace(client.settings, cache_dir=tmp_path / "other-cache"))


@pytest.fixture(params=DAMAGES)
def damage(request: pytest.FixtureRequest) -> Damage:
    return DAMAGES[request.param]


def overwrite(blobs: BlobStore, sha256: str, data: bytes | None) -> None:
    """Change a blob behind the store's back."""
    if data is None:
        blobs.delete(sha256)
    elif blobs.url.startswith("file:"):
        path = Path(blobs.url.removeprefix("file://")) / blob_key(sha256)
        path.chmod(0o644)
        path.write_bytes(data)
    else:
        blobs._objects.put(blobs._key(sha256), data)


def break_blob(blobs: BlobStore, sha256: str, damage: Damage) -> None:
    overwrite(blobs, sha256, damage(b"".join(blobs.open(sha256))))


def check_whole(version: ArtifactVersion, target: Path) -> None:
    assert [entry.path for entry in version.entries()] == ["a.txt"]
    assert version.verify().ok
    assert (Path(version.download(target)) / "a.txt").read_bytes() == b"a"


def test_mend_02_a_manifest_that_was_damaged_is_stored_again(
    client: Client, again: Client, data: Path, damage: Damage, tmp_path: Path
) -> None:
    first = client.log("d", data)
    break_blob(client.context.blobs, first.record.blob, damage)
    with pytest.raises((NotFound, ValueError), match=r"[Ll]og the content again"):
        list(again.get("d").entries())
    healed = client.log("d", data)
    assert (healed.version, healed.created, healed.changed) == ("v0", False, False)
    check_whole(again.get("d"), tmp_path / "target")


@pytest.mark.parametrize("kind", ["deleted", "cut", "overwritten"])
def test_mend_02_a_manifest_whose_pins_are_others_now_is_replaced(
    client: Client, again: Client, s3, kind: str, tmp_path: Path
) -> None:
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "d/a.txt", b"a")
    first = client.log("d", f"s3://{bucket}/d/")
    s3.put(bucket, "d/a.txt", b"a")
    second = client.log("d", f"s3://{bucket}/d/")
    assert second.version == "v0"
    named = {pins.blob for pins, _ in client.pinned_manifests("d")}
    assert len(named) == 2
    for blob in named:
        break_blob(client.context.blobs, blob, DAMAGES[kind])
        client.log("d", f"s3://{bucket}/d/")
    assert first.record.blob not in {pins.blob for pins, _ in again.pinned_manifests("d")}
    check_whole(again.get("d"), tmp_path / "target")


def test_mend_02_a_manifest_swapped_for_another_is_stored_again(
    client: Client, again: Client, data: Path, tmp_path: Path
) -> None:
    one = client.log("d", data)
    (data / "b.txt").write_bytes(b"b")
    other = client.log("d", data)
    (data / "b.txt").unlink()
    overwrite(
        client.context.blobs,
        one.record.blob,
        b"".join(client.context.blobs.open(other.record.blob)),
    )
    assert client.log("d", data).version == "v0"
    check_whole(again.get("d:v0"), tmp_path / "target")


def test_mend_02_times_that_make_another_manifest_do_not_hinder(
    client: Client, again: Client, data: Path, tmp_path: Path
) -> None:
    import os

    first = client.log("d", data)
    client.context.blobs.delete(first.record.blob)
    os.utime(data / "a.txt", (1, 1))
    healed = client.log("d", data)
    assert (healed.version, healed.created) == ("v0", False)
    assert healed.record.blob != first.record.blob
    check_whole(again.get("d"), tmp_path / "target")
    client.gc(dry_run=False)
    check_whole(again.get("d"), tmp_path / "target2")


def test_mend_02_one_set_of_pins_that_is_lost_does_not_hinder_reading(
    client: Client, again: Client, s3, tmp_path: Path
) -> None:
    bucket = s3.bucket("Enabled")
    for _ in range(3):
        s3.put(bucket, "d/a.txt", b"a")
        client.log("d", f"s3://{bucket}/d/")
    newest, middle, _ = [pins.blob for pins, _ in client.pinned_manifests("d")]
    for number, blob in enumerate((middle, newest)):
        client.context.blobs.delete(blob)
        check_whole(again.get("d"), tmp_path / f"target{number}")


@pytest.mark.parametrize("kind", ["deleted", "cut"])
def test_mend_02_many_logged_at_once_are_looked_at_too(
    client: Client, again: Client, data: Path, kind: str, tmp_path: Path
) -> None:
    def log_all() -> list[ArtifactVersion]:
        drafts = []
        for number in range(25):
            draft = Artifact("d", "dataset", partition=str(number), client=client)
            draft.add_reference(data)
            draft.add_reference(data, name=f"{number}")
            drafts.append(draft)
        return client.log_all(drafts)

    broken = log_all()[7]
    break_blob(client.context.blobs, broken.record.blob, DAMAGES[kind])
    assert not any(version.changed for version in log_all())
    assert [entry.path for entry in again.get("d~7").entries()] == ["7/a.txt", "a.txt"]


@pytest.mark.parametrize("kind", ["deleted", "longer", "overwritten"])
def test_mend_02_a_managed_file_that_was_damaged_is_stored_again(
    client: Client, again: Client, data: Path, kind: str, tmp_path: Path
) -> None:
    def put() -> ArtifactVersion:
        draft = Artifact("f", "dataset", client=client)
        draft.add_dir(data)
        return client.log_artifact(draft)

    (data / "a.txt").write_bytes(b"a")
    version = put()
    (entry,) = version.entries()
    sha256 = entry.uri.removeprefix("blob:sha256:")
    break_blob(client.context.blobs, sha256, DAMAGES[kind])
    healed = put()
    assert (healed.version, healed.changed) == ("v0", False)
    check_whole(again.get("f"), tmp_path / "target")


@pytest.mark.parametrize("kind", ["deleted", "longer", "overwritten"])
def test_mend_02_a_file_copied_to_a_place_of_ones_own_is_mended_too(
    client: Client, data: Path, store: str, kind: str
) -> None:
    place = f"{store}-own"
    uri = client.copy_into(place, data / "a.txt")
    sha256 = uri.rpartition("/")[2]
    blobs = client.context.blobs_at(place)
    break_blob(blobs, sha256, DAMAGES[kind])
    assert client.copy_into(place, data / "a.txt") == uri
    assert b"".join(blobs.open(sha256)) == b"a"


def test_mend_02_an_unchanged_log_looks_with_one_request(
    s3_proxy, tmp_path: Path, data: Path
) -> None:
    store = f"s3://{s3_proxy.direct.bucket()}"
    client = Client(f"sqlite:///{tmp_path / 'a.db'}", store_url=store)
    client.log("d", data)
    before = s3_proxy.proxy.counts.total()
    client.log("d", data)
    assert s3_proxy.proxy.counts.total() - before == 1


def test_mend_02_of_many_unchanged_a_listing_tells(s3_proxy, tmp_path: Path, data: Path) -> None:
    store = f"s3://{s3_proxy.direct.bucket()}"
    client = Client(f"sqlite:///{tmp_path / 'a.db'}", store_url=store)
    drafts = [Artifact("d", "dataset", partition=str(n), client=client) for n in range(60)]
    again = [Artifact("d", "dataset", partition=str(n), client=client) for n in range(60)]
    for n, draft in enumerate((*drafts, *again)):
        draft.add_reference(data, name=str(n % 60))
    client.log_all(drafts)
    before = s3_proxy.proxy.counts.total()
    client.log_all(again)
    assert s3_proxy.proxy.counts.total() - before == 1
