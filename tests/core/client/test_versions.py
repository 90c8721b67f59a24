"""When a version appears, where `latest` goes, and what is kept of a look that changed nothing."""

from __future__ import annotations

import pickle
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import landfast
import pytest
from landfast import ChangeKind, Client, RunKey


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "d").mkdir()
    return tmp_path / "d"


def read(version: landfast.ArtifactVersion, path: str) -> bytes:
    with version.open(path) as stream:
        return stream.read()


def fill(folder: Path, text: str) -> Path:
    (folder / "file").write_text(text)
    return folder


def test_content_a_b_a_is_two_versions_and_three_changes(any_client, folder):
    logged = [any_client.log("d", fill(folder, text)) for text in ("a", "b", "a")]
    assert [(v.version, v.created, v.changed) for v in logged] == [
        ("v0", True, True),
        ("v1", True, True),
        ("v0", False, True),
    ]
    changes = list(any_client.changes())
    assert [(c.position, c.kind, c.version.index) for c in changes] == [
        (1, ChangeKind.CREATED, 0),
        (2, ChangeKind.CREATED, 1),
        (3, ChangeKind.RETURNED, 0),
    ]
    assert any_client.get("d").version == "v0"
    assert len({c.id for c in changes}) == 3


def test_metadata_alone_makes_no_version_but_stays_on_the_observation(any_client, folder):
    first = any_client.log("d", fill(folder, "a"), metadata={"step": 1})
    again = any_client.log("d", folder, metadata={"step": 2})
    assert (again.version, again.created, again.changed) == ("v0", False, False)
    assert any_client.get("d").metadata == first.metadata == {"step": 1}
    assert [o.metadata for o in any_client.history("d")] == [{"step": 2}, {"step": 1}]


def test_a_backfilled_partition_leaves_the_others_alone(any_client, folder):
    june = any_client.log("d", fill(folder, "june"), partition="2026-06")
    may = any_client.log("d", fill(folder, "may"), partition="2026-05")
    again = any_client.log("d", fill(folder, "may, late"), partition="2026-05")
    assert any_client.get("d~2026-06") == june
    assert [v.version for v in (june, may, again)] == ["v0", "v0", "v1"]
    assert any_client.get("d~2026-05") == again
    with pytest.raises(landfast.NotFound):
        any_client.get("d")
    assert {key: v.version for key, v in any_client.partitions("d").items()} == {
        "2026-05": "v1",
        "2026-06": "v0",
    }


@pytest.mark.parametrize("key", ["a/b", "a:b", "a|b", "50%", "two words", "a~b@c", "日本"])
def test_any_text_is_a_partition_key(any_client, folder, key):
    version = any_client.log("d", fill(folder, key), partition=key)
    assert any_client.get(version.qualified_name) == version
    assert any_client.get(version.uri).partition == key


def test_a_slow_stale_scan_does_not_turn_time_back(any_client, folder):
    slow = landfast.Artifact("d", "dataset", client=any_client)
    slow.add_reference(str(fill(folder, "old")))
    newer = any_client.log("d", fill(folder, "new"))
    stale = any_client.log_artifact(slow)
    assert (stale.created, stale.changed) == (True, False)
    assert any_client.get("d") == newer


def test_move_latest_false_leaves_latest(any_client, folder):
    first = any_client.log("d", fill(folder, "a"))
    back = any_client.log("d", fill(folder, "b"), move_latest=False, aliases=["backfill"])
    assert any_client.get("d") == first
    assert any_client.get("d:backfill") == back


def test_deleted_content_that_returns_is_a_new_index(any_client, folder):
    any_client.log("d", fill(folder, "a"))
    any_client.log("d", fill(folder, "b"))
    any_client.delete("d:v0")
    back = any_client.log("d", fill(folder, "a"))
    assert (back.version, back.created) == ("v2", True)


def test_a_version_with_aliases_is_deleted_only_on_request(any_client, folder):
    any_client.log("d", fill(folder, "a"))
    latest = any_client.log("d", fill(folder, "b"), aliases=["prod"])
    with pytest.raises(landfast.Conflict, match="prod"):
        latest.delete()
    latest.delete(delete_aliases=True)
    assert any_client.get("d").version == "v0"
    assert [c.kind for c in any_client.changes()][-1] == ChangeKind.DELETED
    assert folder.joinpath("file").exists()


def test_versions_past_their_time_go_unless_an_alias_names_them(any_client, folder):
    brief = timedelta(seconds=1)
    any_client.log("d", fill(folder, "a"), ttl=brief)
    any_client.log("d", fill(folder, "b"), ttl=brief, aliases=["keep"])
    any_client.log("d", fill(folder, "c"), ttl=brief)
    time.sleep(1.1)
    any_client.gc(dry_run=False)
    assert [v.version for v in any_client.versions("d")] == ["v2", "v1"]


def test_another_type_is_a_conflict(any_client, folder):
    any_client.log("d", fill(folder, "a"), type="dataset")
    with pytest.raises(landfast.Conflict, match="dataset"):
        any_client.log("d", folder, type="model")
    with pytest.raises(landfast.Conflict, match="model"):
        any_client.use("d", type="model")


def test_as_of_answers_what_was_current(any_client, folder):
    any_client.log("d", fill(folder, "a"))
    between = any_client.log("d", fill(folder, "b")).created_at - timedelta(microseconds=1)
    assert any_client.as_of("d", between).version == "v0"
    assert any_client.as_of("d", datetime.now(UTC) + timedelta(days=1)).version == "v1"


def test_a_version_pickles_and_reads_on_elsewhere(any_client, folder, registry_url, monkeypatch):
    version = any_client.log("d", fill(folder, "a"))
    monkeypatch.setenv("LANDFAST_REGISTRY_URL", registry_url)
    copy = pickle.loads(pickle.dumps(version))
    assert copy == version
    assert [entry.path for entry in copy.entries()] == ["file"]
    monkeypatch.setenv("LANDFAST_REGISTRY_URL", "sqlite:///other.db")
    with pytest.raises(landfast.Conflict, match="another registry"):
        pickle.loads(pickle.dumps(version)).entries()


def test_a_copied_artifact_survives_its_source(any_client, folder):
    source = any_client.log("raw", fill(folder, "a"))
    copied = any_client.log("curated", source.uri)
    assert copied.digest == source.digest
    assert [str(name) for name in any_client.lineage(copied).upstream] == [source.qualified_name]
    source.delete(delete_aliases=True)
    assert read(copied, "file") == b"a"


def test_managed_files_are_copied_once(any_client, folder, tmp_path):
    draft = landfast.Artifact("m", "model", client=any_client)
    draft.add_dir(fill(folder, "same"), name="a")
    draft.add_file(folder / "file", name="b.txt")
    with draft.new_file("notes.md") as notes:
        notes.write("fine")
    version = any_client.log_artifact(draft)
    (folder / "file").write_text("gone")
    assert [e.path for e in version.entries()] == ["a/file", "b.txt", "notes.md"]
    assert read(version, "a/file") == read(version, "b.txt") == b"same"
    assert read(version, "notes.md") == b"fine"
    assert len(list(any_client.context.blobs.list())) == 3  # one manifest, two distinct contents
    any_client.gc(grace=timedelta(0), dry_run=False)
    assert read(version, "notes.md") == b"fine"


def test_a_draft_is_no_version_yet(any_client, folder):
    draft = landfast.Artifact("d", "dataset", client=any_client)
    draft.add_reference(str(fill(folder, "a")))
    for name in ("download", "version", "entries", "digest"):
        with pytest.raises(landfast.NotLogged, match="log_artifact"):
            getattr(draft, name)
    any_client.log_artifact(draft)
    assert draft.version == "v0"
    with pytest.raises(landfast.Conflict, match="new_draft"):
        draft.add_reference(str(folder))
    following = draft.new_draft()
    with following.new_file("more") as more:
        more.write("x")
    assert [e.path for e in any_client.log_artifact(following).entries()] == ["file", "more"]


def test_two_clients_on_one_registry_meet(registry_url, folder):
    first, second = (Client(registry_url, project="vision") for _ in range(2))
    first.log("d", fill(folder, "a"))
    assert not second.log("d", folder).created
    assert second.get("d").version == "v0"
    first.close()
    second.close()


def test_uses_of_a_partition_name_every_run_that_used_or_declared_a_version(any_client, tmp_path):
    (tmp_path / "a.txt").write_text("a")
    first = any_client.log("points", tmp_path / "a.txt")
    (tmp_path / "a.txt").write_text("b")
    second = any_client.log("points", tmp_path / "a.txt")
    assert any_client.uses("points") == []

    keys = [RunKey(system="test", deployment="here", run_id=name) for name in ("one", "two")]
    any_client.with_defaults(run=keys[0]).use(first)
    any_client.with_defaults(run=keys[1]).use(second, declared=True)
    any_client.delete(first, delete_aliases=True)

    found = any_client.uses("points:v1")
    assert [(edge.run, edge.version.index) for edge in found] == [(keys[0], 0), (keys[1], 1)]
    assert any_client.uses("points~other") == any_client.uses("nothing") == []
