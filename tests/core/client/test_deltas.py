"""What little is new of a manifest is stored as a delta, and nobody who reads or collects notices."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from landfast import ArtifactVersion, Client
from landfast.errors import Conflict, LandfastError, NotFound
from landfast.publish import log as publish_log
from landfast.publish import shrink
from landfast.registry import opener
from landfast.registry.schema import creation, identity, tables, upgrade

NOW = timedelta(0)
FILES = 32
NIGHTLY = [pytest.mark.system, pytest.mark.nightly]


@pytest.fixture(autouse=True)
def small_deltas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Store deltas of manifests of any size, whatever a footer weighs."""
    monkeypatch.setattr(shrink, "SMALL_BYTES", 0)
    monkeypatch.setattr(shrink, "_MOST_BYTES", 100)
    monkeypatch.setattr(shrink, "_MOST_ROWS", 1 / 2)


@pytest.fixture
def client(tmp_path: Path, store: str) -> Iterator[Client]:
    client = Client(f"sqlite:///{tmp_path / 'a.db'}", store_url=store)
    yield client
    client.close()


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Client]:
    client = Client(f"sqlite:///{tmp_path / 'a.db'}", store_url=str(tmp_path / "store"))
    yield client
    client.close()


@pytest.fixture
def many(tmp_path: Path) -> Path:
    folder = tmp_path / "many"
    for number in range(FILES):
        put(folder, number, "first")
    return folder


def put(folder: Path, number: int, text: str) -> None:
    path = folder / f"d{number % 4}" / f"f{number:02}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text} {number}")


def chain_of(version: ArtifactVersion) -> tuple[str, ...]:
    """Return the blobs that a version's manifest is made of, as they are stored."""
    return version.manifest.chain


def check(client: Client, version: ArtifactVersion) -> None:
    """Read a version as another machine would, and compute anew all that it says of itself."""
    with client.context.manifest_of(client.get(version.qualified_name).record) as manifest:
        assert manifest.digest == version.digest
        manifest.check()


def logged(client: Client, folder: Path, *numbers: int, text: str = "second") -> ArtifactVersion:
    for number in numbers:
        put(folder, number, text)
    return client.log("d", folder)


def test_a_small_change_is_stored_as_a_delta(client: Client, many: Path, tmp_path: Path) -> None:
    first = client.log("d", many)
    second = logged(client, many, 3, 17)
    third = logged(client, many, 5)
    full = first.record.blob
    assert chain_of(second) == (full, second.record.blob)
    assert chain_of(third) == (full, second.record.blob, third.record.blob)
    again = Client(settings=replace(client.settings, cache_dir=tmp_path / "other-cache"))
    for version in (first, second, third):
        check(again, version)
    assert again.diff(first, third).counts["modified"] == 3
    assert again.get("d").manifest.get("d1/f05").size == len("second 5")
    assert again.verify("d").ok
    again.download("d", tmp_path / "target")
    assert (tmp_path / "target/d1/f05").read_text() == "second 5"


def test_a_chain_stays_short(local: Client, many: Path) -> None:
    versions = [local.log("d", many)]
    for number in range(shrink.MOST_DELTAS + 4):
        versions.append(logged(local, many, number % 5, text=f"turn {number}"))
    lengths = [len(chain_of(version)) - 1 for version in versions]
    assert max(lengths) == shrink.MOST_DELTAS
    # It was made shorter without a full file.
    assert 0 < min(lengths[shrink.MOST_DELTAS + 1 :]) < shrink.MOST_DELTAS
    for version in versions[::3]:
        check(local, version)


def test_what_is_mostly_new_is_stored_in_full(local: Client, many: Path) -> None:
    local.log("d", many)
    assert len(chain_of(logged(local, many, *range(FILES // 2 + 1)))) == 1


def test_a_small_manifest_is_stored_in_full(
    local: Client, many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shrink, "SMALL_BYTES", 1024 * 1024)
    local.log("d", many)
    assert len(chain_of(logged(local, many, 1))) == 1


def test_new_pins_of_equal_content_are_a_delta(client: Client, s3) -> None:
    bucket = s3.bucket("Enabled")
    for number in range(20):
        s3.put(bucket, f"d/{number:02}", b"same")
    first = client.log("d", f"s3://{bucket}/d/")
    s3.put(bucket, "d/07", b"same")
    again = client.log("d", f"s3://{bucket}/d/")
    assert not again.created
    (newest, _), (oldest, _) = client.pinned_manifests("d")[0], client.pinned_manifests("d")[-1]
    assert oldest.blob == first.record.blob
    with client.context.open_manifest(newest.blob) as manifest:
        assert manifest.chain == (oldest.blob, newest.blob)
        manifest.check()


def test_a_base_outlives_its_version(any_client: Client, many: Path) -> None:
    client = any_client
    first, second = client.log("d", many), logged(client, many, 1)
    third = logged(client, many, 2)
    first.delete()
    second.delete()
    client.gc(grace=NOW, dry_run=False)
    check(client, third)
    check(client, logged(client, many, 3))
    assert client.check_registry(deep=True).ok
    for version in client.versions("d"):
        version.delete(delete_aliases=True)
    client.gc(grace=NOW, dry_run=False)
    assert list(client.context.blobs.list()) == []


def test_an_expired_base_and_one_that_is_undeleted(local: Client, many: Path) -> None:
    first, second = local.log("d", many), logged(local, many, 1)
    third = logged(local, many, 2)
    second.delete()
    third.delete(delete_aliases=True)
    first.update(ttl=timedelta(seconds=1))
    local.context.registry.expire(datetime.now(UTC) + timedelta(days=1))
    check(local, local.undelete(third))
    local.gc(grace=NOW, dry_run=False)
    check(local, third)
    with pytest.raises(NotFound):
        local.get(second.qualified_name)


def test_a_base_that_was_lost_is_not_stood_on(local: Client, many: Path) -> None:
    first = local.log("d", many)
    local.context.blobs.delete(first.record.blob)
    second = logged(local, many, 1)
    assert chain_of(second) == (second.record.blob,)
    check(local, second)


def test_a_lost_file_of_a_chain_is_made_good_when_the_content_is_logged_again(
    client: Client, many: Path, tmp_path: Path
) -> None:
    first, second = client.log("d", many), logged(client, many, 1)
    client.context.blobs.delete(first.record.blob)
    found = client.check_registry()
    # Of one blob two versions are in need.
    assert [(problem.sha256, problem.needed_by) for problem in found.problems] == [
        (first.record.blob, 2)
    ]
    healed = client.log("d", many)
    assert (healed.version, healed.created) == (second.version, False)
    again = Client(settings=replace(client.settings, cache_dir=tmp_path / "other-cache"))
    check(again, healed)
    with pytest.raises(NotFound):
        again.get(first.qualified_name).manifest.get("d1/f01")


def test_a_base_that_is_collected_while_it_is_stood_on(
    local: Client, many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = local.log("d", many)
    upload, registry = publish_log.upload, local.context.registry

    def collected(*given: object) -> None:
        upload(*given)  # type: ignore[arg-type]
        first.delete(delete_aliases=True)
        local.gc(grace=NOW, dry_run=False)
        monkeypatch.undo()

    monkeypatch.setattr(publish_log, "upload", collected)
    second = logged(local, many, 1)
    assert chain_of(second) == (second.record.blob,)
    assert registry.manifest_bases([second.record.blob]) == {}
    check(local, second)


def test_an_older_client_reads_and_is_told_to_upgrade_before_it_writes_or_collects(
    any_client: Client, registry_url: str, many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = any_client.log("d", many), logged(any_client, many, 3)
    assert len(chain_of(second)) == 2
    first.delete(delete_aliases=True)
    with monkeypatch.context() as before_deltas:
        # As the last one before the bases of deltas were recorded.
        for module in (tables, opener, identity, creation, upgrade):
            before_deltas.setattr(module, "REVISIONS", ("0001", "0002"))
        before_deltas.setattr("importlib.metadata.version", lambda _: "0.1.0")
        older = Client(registry_url, project="vision")
        assert older.get("d").digest == second.digest
        refused = r"too old to write .* expected landfast 0\.1\.1 .* pip install --upgrade landfast"
        with pytest.raises(Conflict, match=refused):
            logged(older, many, 4)
        with pytest.raises(Conflict, match=refused):
            older.gc(grace=NOW, dry_run=False)
        older.close()
    check(any_client, second)


def test_a_copy_of_a_registry_has_the_bases_too(local: Client, many: Path, tmp_path: Path) -> None:
    local.log("d", many)
    second = logged(local, many, 1)
    local.close()
    (tmp_path / "copy.db").write_bytes((tmp_path / "a.db").read_bytes())
    settings = replace(local.settings, registry_url=f"sqlite:///{tmp_path / 'copy.db'}")
    copy = Client(settings=replace(settings, store_url=None))
    copy.fork_registry(str(tmp_path / "own"))
    check(copy, second)
    assert copy.check_registry(deep=True).ok


@pytest.mark.parametrize("seed", [0, *(pytest.param(n, marks=NIGHTLY) for n in range(1, 12))])
def test_every_live_version_reads_as_it_was_logged_whatever_happened(
    local: Client, many: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shrink, "MOST_DELTAS", 3)
    chosen = random.Random(seed)
    expected: dict[str, list[str]] = {}
    for turn in range(14):
        act = chosen.choice(["edit", "edit", "remove", "add", "return", "delete", "undelete", "gc"])
        live = list(local.versions("d")) if expected else []
        if act == "delete" and len(live) > 1:
            chosen.choice(live).delete(delete_aliases=True)
        elif act == "undelete" and expected:
            with_luck(local, chosen.choice(sorted(expected)))
        elif act == "gc" and expected:  # the first log makes the registry
            local.gc(grace=NOW, dry_run=False)
        else:
            number = chosen.randrange(FILES * 2 if act == "add" else FILES)
            put(many, number, f"turn {turn}" if act != "return" else "first")
            if act == "remove":
                (many / f"d{number % 4}" / f"f{number:02}").unlink()
            version = local.log("d", many)
            expected[version.qualified_name] = texts(many)
        for version in local.versions("d") if expected and not turn % 3 else []:
            found = [f"{entry.path} {entry.checksum}" for entry in version.entries()]
            assert len(found) == len(expected[version.qualified_name])
            check(local, version)
    assert local.check_registry(deep=True).ok


def with_luck(client: Client, name: str) -> None:
    try:
        client.undelete(name)
    except LandfastError:  # collected, or logged again since
        return


def texts(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
