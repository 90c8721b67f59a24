"""Settings: the call wins over the environment, the environment over the file, the file over defaults."""

from __future__ import annotations

from pathlib import Path

import landfast
import pytest
from landfast import Client, Verdict, load_settings


def test_defaults_need_nothing(tmp_path):
    settings = load_settings()
    assert (settings.entity, settings.project, settings.max_objects) == (
        "default",
        "uncategorized",
        10_000,
    )
    assert (
        settings.effective_registry_url
        == f"sqlite:///{tmp_path}/home/.local/share/landfast/registry.db"
    )


def test_the_file_is_found_from_below_and_either_name_works():
    Path("below").mkdir()
    Path("pyproject.toml").write_text('[tool.landfast]\nproject = "from-pyproject"\n')
    assert load_settings(Path("below")).project == "from-pyproject"
    Path("landfast.toml").write_text(
        'project = "from-toml"\nmax_objects = "unlimited"\ncache_size = "1 GiB"\n'
    )
    settings = load_settings(Path("below"))
    assert (settings.project, settings.max_objects, settings.cache_size) == (
        "from-toml",
        landfast.UNLIMITED,
        2**30,
    )


def test_the_call_wins_over_the_environment_and_that_over_the_file(monkeypatch):
    Path("landfast.toml").write_text('project = "file"\nentity = "file"\nmax_objects = 5\n')
    monkeypatch.setenv("LANDFAST_PROJECT", "environment")
    monkeypatch.setenv("LANDFAST_ENTITY", "environment")
    settings = load_settings(project="call")
    assert (settings.project, settings.entity, settings.max_objects) == ("call", "environment", 5)


def test_a_project_without_settings_of_ours_is_passed_over(tmp_path):
    Path("pyproject.toml").write_text('[project]\nname = "theirs"\n')
    (tmp_path / "landfast.toml").write_text('project = "above"\n')
    assert load_settings().project == "above"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("projct = 'x'", "projct"),
        ("project = 'two words'", "two words"),
        ("max_objects = 0", "max_objects|landfast.toml"),
        ("cache_size = 'much'", "much"),
        ("options = 3", "options"),
        ("project = ", "not valid TOML"),
    ],
)
def test_a_wrong_file_is_named(text, word):
    Path("landfast.toml").write_text(text)
    with pytest.raises(landfast.InvalidInput, match=word) as caught:
        load_settings()
    assert "landfast.toml" in str(caught.value) or "two words" in str(caught.value)


def test_the_limit_of_the_environment_holds(monkeypatch, tmp_path):
    for name in "abc":
        (tmp_path / "home" / name).write_text(name)
    monkeypatch.setenv("LANDFAST_MAX_OBJECTS", "2")
    with pytest.raises(landfast.LimitExceeded, match="at most 2"):
        Client().probe(tmp_path / "home")
    assert Client().probe(tmp_path / "home", max_objects=landfast.UNLIMITED, exclude=[".*/**"])


def test_options_reach_the_store_of_their_prefix(s3, monkeypatch):
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "d/k", b"x")
    for name in s3.environment():
        monkeypatch.delenv(name)
    Path("landfast.toml").write_text(
        f'[options."s3://{bucket}/"]\nendpoint = "{s3.url}"\nregion = "us-east-1"\n'
        f'access_key_id = "{s3.access_key}"\nsecret_access_key = "{s3.secret_key}"\n'
    )
    version = Client().log("d", f"s3://{bucket}/d/")
    assert version.file_count == 1
    assert s3.secret_key not in repr(Client().settings)
    assert s3.secret_key not in str(version.to_dict())


def test_a_path_map_finds_mounts_that_differ(tmp_path):
    (tmp_path / "here/set").mkdir(parents=True)
    (tmp_path / "here/set/f").write_text("x")
    Path("landfast.toml").write_text(f'[path_map]\n"/mnt/elsewhere" = "{tmp_path}/here"\n')
    version = Client().log("d", "file:///mnt/elsewhere/set/")
    assert [entry.uri for entry in version.entries()] == ["file:///mnt/elsewhere/set/f"]
    assert Path(version.download("out"), "f").read_text() == "x"
    assert version.path("f") == tmp_path / "here/set/f"


def test_a_folder_that_moved_after_it_was_recorded_is_read_by_a_path_map(tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old/f").write_text("x")
    version = Client().log("d", tmp_path / "old")
    (tmp_path / "old").rename(tmp_path / "new")
    assert version.verify().counts == {Verdict.GONE: 1}
    Path("landfast.toml").write_text(f'[path_map]\n"{tmp_path}/old" = "{tmp_path}/new"\n')
    moved = Client().get("d")
    assert moved.verify().ok
    assert Path(moved.download("out"), "f").read_text() == "x"


def test_the_registry_that_nobody_named_is_refused_where_work_is_done_elsewhere(monkeypatch):
    with pytest.raises(landfast.InvalidInput) as caught:
        load_settings().require_shared("SomeExecutor", "Name one")
    assert caught.value.subject == "LANDFAST_REGISTRY_URL"
    for word in ("SomeExecutor", "Name one", "LANDFAST_ALLOW_LOCAL=1"):
        assert word in str(caught.value)
    load_settings(registry_url="postgresql://registry/landfast").require_shared("SomeExecutor")
    for value, is_allowed in [("0", False), ("1", True)]:
        monkeypatch.setenv("LANDFAST_ALLOW_LOCAL", value)
        if is_allowed:
            load_settings().require_shared("SomeExecutor")
        else:
            with pytest.raises(landfast.InvalidInput):
                load_settings().require_shared("SomeExecutor")
