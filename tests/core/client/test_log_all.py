"""Many partitions are logged as each would be alone, and those that are as they were cost one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import landfast
import pytest
from landfast import Artifact, Reference
from landfast.manifests.held import HELD
from landfast.scans import scan_into
from sqlalchemy import Engine, event

KEYS = [f"2026-{number:04}" for number in range(12)]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for key in KEYS:
        fill(tmp_path / "data", key, "a")
    return tmp_path / "data"


def fill(place: Path, key: str, text: str, name: str = "f.bin") -> None:
    (place / f"dt={key}").mkdir(parents=True, exist_ok=True)
    (place / f"dt={key}" / name).write_text(key + text)


def looked(client, place, folder: Path, keys=KEYS, **artifact) -> list[Artifact]:
    """Scan the partitions into drafts."""
    ticket = client.ticket()
    places = [Reference(f"file://{place}/dt={key}/") for key in keys]
    drafts = []
    for key, scan in zip(keys, client.scan_folders(folder, places), strict=True):
        draft = Artifact("orders", "dataset", partition=key, client=client, **artifact)
        draft.add_scans([scan], ticket=ticket)
        drafts.append(draft)
    return drafts


@contextmanager
def statements() -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_connection, _cursor, statement: str, *_rest) -> None:
        seen.append(statement)

    def commit(_connection) -> None:
        seen.append("COMMIT")

    event.listen(Engine, "before_cursor_execute", note)
    event.listen(Engine, "commit", commit)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)
        event.remove(Engine, "commit", commit)


def test_mend_26_what_is_as_it_was_costs_one_transaction_and_no_manifest(
    any_client, place, tmp_path
):
    any_client.begin_run()
    first = any_client.log_all(looked(any_client, place, tmp_path))
    assert [(version.created, version.changed) for version in first] == [(True, True)] * len(KEYS)
    folder = tmp_path / "again"
    folder.mkdir()
    costs = []
    for keys in (KEYS[:4], KEYS):
        drafts = looked(any_client, place, folder, keys, metadata={"seen": len(keys)})
        with statements() as seen:
            again = any_client.log_all(drafts)
        assert [(version.created, version.changed) for version in again] == [(False, False)] * len(
            keys
        )
        assert again == first[: len(keys)]
        assert seen.count("COMMIT") == 1
        costs.append(len(seen))
    assert costs[0] == costs[1]
    assert list(folder.iterdir()) == []
    for version in first:
        seen_at = [each.metadata for each in any_client.history(version)]
        assert seen_at[0] == {"seen": len(KEYS)}


def test_mend_26_only_what_changed_is_written(any_client, place, tmp_path):
    first = any_client.log_all(looked(any_client, place, tmp_path))
    fill(place, KEYS[3], "other")
    fill(place, KEYS[7], "b", name="g.bin")
    fill(place, "new", "a")
    keys = [*KEYS, "new"]
    drafts = looked(any_client, place, tmp_path, keys)
    versions = any_client.log_all(drafts)
    changed = {version.partition: version.version for version in versions if version.changed}
    assert changed == {KEYS[3]: "v1", KEYS[7]: "v1", "new": "v0"}
    assert [draft.is_logged for draft in drafts] == [True] * len(keys)
    assert [entry.path for entry in versions[7].entries()] == ["f.bin", "g.bin"]
    fill(place, KEYS[3], "a")
    (back,) = any_client.log_all(looked(any_client, place, tmp_path, [KEYS[3]]))
    assert (back.created, back.changed, back) == (False, True, first[3])


def test_mend_26_each_is_logged_as_it_would_be_alone(any_client, place, tmp_path):
    batch = any_client.log_all(looked(any_client, place, tmp_path), aliases=["prod"], tags=["t"])
    for key, version in zip(KEYS, batch, strict=True):
        alone = any_client.log(
            "alone", place / f"dt={key}", partition=key, aliases=["prod"], tags=["t"]
        )
        assert (alone.digest, alone.sources) == (version.digest, version.sources)
        assert (alone.aliases, alone.tags) == (version.aliases, version.tags)
        assert list(alone.entries()) == list(version.entries())
    again = any_client.log_all(looked(any_client, place, tmp_path), aliases=["prod", "more"])
    assert {version.aliases for version in again} == {("latest", "more", "prod")}


def test_mend_26_an_error_of_one_leaves_the_others_logged(any_client, place, tmp_path):
    any_client.log_all(looked(any_client, place, tmp_path))
    fill(place, KEYS[2], "b")
    fill(place, KEYS[5], "b")
    drafts = looked(any_client, place, tmp_path)
    for number in (1, 2):
        drafts[number] = wrong = Artifact("orders", "model", partition="x", client=any_client)
        wrong.add_reference(place / f"dt={KEYS[number]}")
    with pytest.raises(landfast.Conflict, match="another type") as caught:
        any_client.log_all(drafts)
    assert len(caught.value.__notes__) == 1
    logged = [draft.is_logged for draft in drafts]
    assert logged == [True, False, False, *[True] * (len(KEYS) - 3)]
    assert drafts[5].version == "v1"


def test_mend_26_a_stale_look_moves_latest_of_none(any_client, place, tmp_path):
    keys = KEYS[:3]
    stale = looked(any_client, place, tmp_path, keys)
    for key in keys:
        fill(place, key, "newer")
    any_client.log_all(looked(any_client, place, tmp_path, keys))
    versions = any_client.log_all(stale)
    assert [version.changed for version in versions] == [False] * 3
    for key, version in any_client.partitions("orders").items():
        assert (key in keys, version.version) == (True, "v0")
        assert next(iter(version.entries())).size == len(key + "newer")


def test_mend_26_files_of_the_store_are_looked_after_in_a_batch_too(any_client, place):
    def drafts() -> list[Artifact]:
        made = [Artifact("copies", "dataset", partition=key, client=any_client) for key in KEYS[:3]]
        for key, draft in zip(KEYS, made, strict=False):
            draft.add_dir(place / f"dt={key}")
        return made

    any_client.log_all(drafts())
    again = any_client.log_all(drafts())
    assert [version.changed for version in again] == [False] * 3
    assert [Path(version.download()).joinpath("f.bin").read_text() for version in again] == [
        f"{key}a" for key in KEYS[:3]
    ]


def test_mend_26_copied_versions_are_used_in_a_batch_too(any_client, place, tmp_path):
    first = any_client.log_all(looked(any_client, place, tmp_path, KEYS[:3]))
    drafts = []
    for version in first:
        draft = Artifact("copy", "dataset", partition=version.partition, client=any_client)
        draft.add_reference(version.uri)
        drafts.append(draft)
    any_client.log_all(drafts)
    for version in first:
        assert [edge.direction for edge in any_client.uses(version)] == ["used"]


@pytest.mark.parametrize("count", [HELD, HELD + 1])
def test_mend_26_a_held_manifest_is_the_one_that_a_file_would_be(any_client, tmp_path, count):
    for number in range(count):
        fill(tmp_path / "data", "x", str(number), name=f"{number:04}")
    scan = scan_into(any_client.context, tmp_path, Reference(f"file://{tmp_path}/data/dt=x/"))[0]
    version = any_client.log_scans("held", [scan])
    assert len(list(version.entries())) == version.file_count == count
    assert any_client.context.open_manifest(version.record.blob).summary == scan.manifest.summary
    shard = any_client.plan(f"file://{tmp_path}/data/dt=x/").shards[0]
    passed = landfast.ShardScan.from_json(any_client.scan_shard(shard).to_json())
    assert passed.manifest.summary == scan.manifest.summary
    assert not any_client.log_scans("held", [passed]).changed
