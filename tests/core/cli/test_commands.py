"""Every command answers people in lines and programs in JSON, and errors in one line."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from click.testing import CliRunner, Result
from kit import forks
from landfast import Client
from landfast.cli import main


def call(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == code, (result.stdout, result.stderr, result.exception)
    return result


def ask(*arguments: object, code: int = 0) -> Any:
    return json.loads(call(*arguments, "--json", code=code).stdout)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "d/sub").mkdir(parents=True)
    (tmp_path / "d/a.csv").write_text("1,2")
    (tmp_path / "d/sub/b.txt").write_text("hello")
    return tmp_path / "d"


@pytest.fixture
def logged(folder: Path) -> Path:
    call(
        "put",
        "--reference",
        folder,
        "--name",
        "data",
        "--alias",
        "prod",
        "--tag",
        "raw",
        "--metadata",
        '{"n": 1}',
    )
    return folder


def test_put_tells_created_unchanged_and_returned(folder):
    first = ask("put", "--reference", folder, "--name", "data")
    assert (first["version"], first["created"], first["files"]) == ("v0", True, 2)
    assert call("put", "--reference", folder, "--name", "data").stdout.startswith(
        "unchanged at default/"
    )
    (folder / "a.csv").write_text("changed")
    assert call("put", "--reference", folder, "--name", "data").stdout.startswith("created")
    (folder / "a.csv").write_text("1,2")
    assert call("put", "--reference", folder, "--name", "data").stdout.startswith("returned")


def test_put_copies_local_paths_and_refers_to_uris(folder):
    copied = ask("put", folder, "--name", "copied")
    referred = ask("put", f"file://{folder}/", "--name", "referred")
    assert copied["digest"] == referred["digest"]
    assert [s["uri"] for s in copied["sources"]] == ["blob:sha256"]
    assert [s["uri"] for s in referred["sources"]] == [f"file://{folder}/"]


def test_put_filters_and_limits(folder):
    assert ask("put", "--reference", folder, "-n", "csv", "--include", "*.csv")["files"] == 1
    over = call("put", "--reference", folder, "-n", "few", "--max-objects", "1", code=14)
    assert "at most 1" in over.stderr
    assert over.stderr.count("\n") == 1


def test_ls_lists_collections_versions_and_entries(logged):
    assert [c["name"] for c in ask("ls")] == ["default/uncategorized/data"]
    assert [v["version"] for v in ask("ls", "data")] == ["v0"]
    assert [e["path"] for e in ask("ls", "data:prod")] == ["a.csv", "sub/b.txt"]
    assert [e["path"] for e in ask("ls", "data:prod", "--path", "sub/")] == ["sub/b.txt"]
    assert "a.csv" in call("ls", "data:v0").stdout


def test_ls_lists_partitions(folder):
    for key in ("2026-05", "2026-06"):
        call("put", "--reference", folder, "-n", "data", "--partition", key)
    assert [v["partition"] for v in ask("ls", "data", "--partitions")] == ["2026-05", "2026-06"]


def test_show_tells_everything(logged):
    shown = ask("show", "data")
    assert (shown["aliases"], shown["tags"], shown["metadata"]) == (
        ["latest", "prod"],
        ["raw"],
        {"n": 1},
    )
    assert "restorable  no" in call("show", "data").stdout


def test_history_and_changes(logged):
    call("put", "--reference", logged, "--name", "data")
    assert [o["created"] for o in ask("history", "data")] == [False, True]
    assert {(c["kind"], c["alias"]) for c in ask("changes")} == {
        ("created", "latest"),
        ("alias", "prod"),
    }
    assert ask("changes", "--after", 99) == []


def test_diff_shows_and_may_set_the_exit_code(logged):
    (logged / "a.csv").rename(logged / "z.csv")
    (logged / "new").write_text("new")
    call("put", "--reference", logged, "--name", "data")
    assert {row["kind"] for row in ask("diff", "data:v0", "data:v1")["rows"]} == {
        "renamed",
        "added",
    }
    assert "R a.csv -> z.csv" in call("diff", "data:v0", "data:v1").stdout
    call("diff", "data:v0", "data:v1", "--exit-code", code=1)
    call("diff", "data:v0", "data:v0", "--exit-code")


def test_programs_are_told_of_each_file_that_is_not_as_recorded(logged, tmp_path):
    (logged / "a.csv").unlink()
    (logged / "sub/b.txt").write_text("other")
    version = Client().get("data")
    found = ask("verify", "data", code=4)
    assert found == {"version": "default/uncategorized/data:v0", **version.verify().to_dict()}
    assert [row["path"] for row in found["rows"]] == ["a.csv", "sub/b.txt"]
    got = ask("get", "data", "--root", tmp_path / "got", "--allow-missing")
    assert [(one["path"], one["reason"]) for one in got["missing"]] == [
        ("a.csv", "NotFound"),
        ("sub/b.txt", "ObjectChanged"),
    ]
    assert got["files"] == 0
    assert (
        call("get", "data", "--root", tmp_path / "got", "--allow-missing").stdout.count("missing: ")
        == 2
    )


def test_verify_has_its_own_exit_codes(logged):
    assert ask("verify", "data")["counts"]["intact"] == 2
    (logged / "a.csv").write_text("other")
    assert "changed: a.csv" in call("verify", "data", code=4).stdout


def test_promote_tag_and_rm(logged):
    assert ask("promote", "data:v0", "champion")["aliases"] == ["champion", "latest", "prod"]
    call("unalias", "data", "champion")
    call("show", "data:champion", code=10)
    assert ask("tag", "data", "clean")["tags"] == ["clean", "raw"]
    assert ask("untag", "data", "clean")["tags"] == ["raw"]
    assert "prod" in call("rm", "data:v0", code=11).stderr
    call("rm", "data:v0", "--delete-aliases")
    call("ls", "data", code=10)
    assert (logged / "a.csv").exists()


def test_get_downloads_and_leaves_an_edge(logged):
    got = ask("get", "data:prod", "--root", "out")
    assert (got["files"], Path("out/sub/b.txt").read_text()) == (2, "hello")
    call("get", "data:prod", "--root", "part", "--path", "sub")
    assert not Path("part/a.csv").exists()
    directions = {
        edge["direction"]
        for run in ask("run", "ls")
        for edge in ask("run", "show", run["id"])["edges"]
    }
    assert directions == {"logged", "used"}


def test_mend_36_every_version_can_have_a_folder_of_its_own_or_take_the_one_before(logged):
    ask("get", "data", "--root", "own/{version}")
    ask("get", "data", "--root", "one")
    (logged / "a.csv").write_text("other")
    call("put", "--reference", logged, "--name", "data")
    ask("get", "data", "--root", "own/{version}")
    assert sorted(path.name for path in Path("own").iterdir()) == ["v0", "v1"]
    call("get", "data", "--root", "one", code=11)
    ask("get", "data", "--root", "one", "--replace")
    assert Path("one/a.csv").read_text() == "other"


def test_mend_36_a_partition_in_a_download_folder_is_one_folder_below_it(logged):
    for key in ("../up", "..", "2026|eu"):
        call("put", "--reference", logged, "--name", "parts", "--partition", key)
        got = ask("get", "parts~" + quote(key, safe=""), "--root", "parts/{partition}/{version}")
        assert Path(got["root"]).parent.parent == Path("parts").absolute()
    assert len(list(Path("parts").iterdir())) == 3


def test_lineage_of_versions_and_objects(logged):
    assert ask("lineage", "data")["root"].endswith("data:v0")
    found = ask("lineage", "--object", f"file://{logged}/a.csv")
    assert [name.rpartition("/")[2] for name in found["versions"]] == ["data:v0"]
    assert ask("lineage", "--object", f"file://{logged}/nothing")["versions"] == []


def test_snapshot_of_one_place_and_of_a_config(folder):
    assert ask("snapshot", "data", folder)["created"]
    Path("snapshots.yaml").write_text(
        f"snapshots:\n  - name: data\n    uri: {folder}/\n  - name: gone\n    uri: {folder}-gone/\n"
    )
    result = ask("snapshot", "--config", "snapshots.yaml", code=10)
    assert [(r["name"].rpartition("/")[2], "error" in r) for r in result] == [
        ("data:v0", False),
        ("gone", True),
    ]
    assert call("snapshot", "data", "--config", "snapshots.yaml").stdout.startswith("unchanged")


def test_doctor_tells_what_works(folder):
    assert ask("doctor", folder)["ok"]
    call("doctor", folder / "nothing", code=1)


def test_gc_is_a_dry_run_unless_told(logged):
    call("rm", "data:v0", "--delete-aliases")
    assert ask("gc", "--grace-hours", "0")["dry_run"]
    assert not ask("gc", "--grace-hours", "0", "--apply")["dry_run"]


def test_cache_info_and_cleanup(logged):
    assert ask("cache", "info")["files"] == 0
    assert ask("cache", "cleanup", "1GB") == {"freed": 0}


def test_registry_info_init_and_upgrade(tmp_path):
    url = f"sqlite:///{tmp_path / 'made.db'}"
    made = ask("registry", "init", url, "--store", tmp_path / "store")
    assert made["store_url"].endswith("/store")
    assert ask("registry", "info", "--registry", url)["id"] == made["id"]
    assert ask("registry", "upgrade", url)["schema"] == made["schema"]


def test_artifact_takes_wandb_arguments(folder):
    put = call(
        "artifact",
        "put",
        folder / "a.csv",
        "-n",
        "proj/thing",
        "-t",
        "model",
        "-a",
        "latest",
        "-a",
        "best",
    )
    assert put.stdout.startswith("default/proj/thing:v0 (model)")
    assert [v["name"] for v in ask("artifact", "ls", "proj")] == ["default/proj/thing:v0"]
    call("artifact", "get", "proj/thing:best", "--root", "out")
    assert Path("out/a.csv").read_text() == "1,2"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(shell):
    assert "_LANDFAST_COMPLETE" in call("completion", shell).stdout


def test_errors_are_one_line_with_an_exit_code():
    for arguments, code, word in (
        (("show", "nothing"), 10, "nothing"),
        (("show", "bad name"), 2, "bad name"),
        (("put", "nope://x/y", "-n", "x"), 2, "nope"),
        (("put", "s3://", "-n", "x"), 2, "bucket"),
        (("snapshot",), 2, "NAME"),
        (("put", "x", "--metadata", "[]"), 2, "--metadata"),
    ):
        result = call(*arguments, code=code)
        assert word in result.stderr
        assert result.stderr.startswith("landfast: ")
        assert result.stderr.count("\n") == 1
        assert "Traceback" not in result.stderr


def test_debug_shows_the_traceback():
    result = CliRunner().invoke(main, ["show", "nothing", "--debug"])
    assert result.exc_info is not None
    assert type(result.exception).__name__ == "NotFound"


def test_a_pipe_that_closes_is_no_error(logged):
    done = subprocess.run(
        f"{sys.executable} -m landfast ls data:v0 | true",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr


def test_progress_shows_on_a_terminal_and_not_in_a_pipe(logged):
    command = [sys.executable, "-m", "landfast", "get", "data", "--root"]
    piped = forks.command(["get", "data", "--root", "piped"], os.environ, Path.cwd())
    assert (piped.returncode, piped.stderr) == (0, "")
    master, slave = pty.openpty()
    with subprocess.Popen([*command, "shown"], stdout=subprocess.DEVNULL, stderr=slave) as process:
        os.close(slave)
        text = b""
        try:
            while chunk := os.read(master, 4096):
                text += chunk
        except OSError:
            pass
    os.close(master)
    assert process.returncode == 0
    assert b"downloading data:v0" in text


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    root = tmp_path / "pictures"
    for name in ("a.jpg", "notes.txt", "thumbs/a.jpg"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


def entries(name: str) -> list[str]:
    import landfast

    return [entry.path for entry in landfast.Client().get(name).entries()]


def test_mend_11b_put_of_a_folder_honours_its_filters(pictures):
    for number, options in enumerate((["--exclude", "thumbs"], ["--include", "*.jpg"])):
        copied = ask("put", pictures, "--name", f"c{number}", *options)
        referred = ask("put", "--reference", pictures, "--name", f"r{number}", *options)
        assert copied["digest"] == referred["digest"]
        assert copied["skipped"] == referred["skipped"]
    told = call("put", pictures, "--name", "told", "--exclude", "thumps").stderr
    assert "exclude 'thumps' matched nothing" in told
    shown = call("show", "told").stdout
    assert "exclude 'thumps' matched nothing" in shown


def test_mend_11b_put_of_a_folder_honours_its_limit_before_it_copies(pictures, tmp_path):
    failed = call("put", pictures, "--name", "c", "--max-objects", 2, code=14)
    assert "at most 2" in failed.stderr
    assert not [path for path in tmp_path.rglob("*") if path.parent.parent.name == "sha256"]
    call("put", pictures, "--name", "c", "--max-objects", 3)


def test_mend_11b_put_of_an_empty_folder_is_an_error_unless_allowed(tmp_path):
    (tmp_path / "empty").mkdir()
    call("put", tmp_path / "empty", "--name", "c", code=10)
    call("put", tmp_path / "empty", "--name", "c", "--allow-empty")
    assert entries("c") == []


@pytest.mark.parametrize("kind", ["stat", "none", "crc64nvme"])
def test_mend_11b_put_of_a_folder_refuses_another_checksum(pictures, kind):
    failed = call("put", pictures, "--name", "c", "--checksum", kind, code=2)
    assert "--checksum" in failed.stderr
    assert "--reference" in failed.stderr
    call("put", pictures, "--name", "c", "--checksum", "sha256")


def test_mend_11b_put_of_a_file_refuses_filters(pictures):
    failed = call("put", pictures / "a.jpg", "--name", "c", "--exclude", "x", code=2)
    assert "--exclude" in failed.stderr


def test_mend_11b_snapshots_of_a_config_refuse_options_of_one_place(tmp_path, pictures):
    config = tmp_path / "snapshots.yaml"
    config.write_text(f"snapshots:\n  - name: d\n    uri: {pictures}/\n")
    given = (["--include", "*"], ["--max-objects", 1], ["--checksum", "none"], ["--type", "x"])
    for options in (*given, ["--exclude", "a"], ["--allow-empty"]):
        failed = call("snapshot", "--config", config, *options, code=2)
        assert options[0] in failed.stderr
        assert "--config" in failed.stderr
    call("snapshot", "--config", config)


def test_mend_11b_a_copy_of_another_artifact_refuses_a_checksum(pictures):
    version = ask("put", pictures, "--name", "c")
    failed = call("put", version["uri"], "--name", "d", "--checksum", "none", code=2)
    assert "copied with the checksums that it has" in failed.stderr


def test_mend_11b_options_beside_a_reference_object_are_refused(pictures):
    import landfast

    client = landfast.Client()
    place = landfast.Reference(str(pictures))
    for given in ({"include": ["a"]}, {"max_objects": 1}, {"checksum": False}, {"name": "x"}):
        draft = landfast.Artifact("d", "dataset", client=client)
        with pytest.raises(landfast.InvalidInput, match=next(iter(given))):
            draft.add_reference(place, **given)


@pytest.mark.parametrize("place", ["*", "*.jpg", "thumbs/*"])
@pytest.mark.parametrize("options", [[], ["--name", "c"], ["--name", "c", "--reference"]])
def test_mend_14_put_of_a_glob_points_to_include(pictures, place, options):
    failed = call("put", f"{pictures}/{place}", *options, code=2 if not options else 10)
    assert "--include" in failed.stderr
    assert str(pictures) in failed.stderr


@pytest.mark.parametrize("how", ["--copy", "--reference"])
def test_mend_17_symlinks_have_a_flag(pictures, how):
    (pictures / "link.jpg").symlink_to("a.jpg")
    call("put", pictures, how, "--name", "follows")
    call("put", pictures, how, "--name", "skips", "--symlinks", "skip")
    assert sorted({*entries("follows")} - {*entries("skips")}) == ["link.jpg"]
    assert "1 symlink, such as 'link.jpg'" in call("show", "skips").stdout
    call("snapshot", "taken", pictures, "--symlinks", "skip")
    assert entries("taken") == entries("skips")


def test_mend_17_symlinks_are_of_files(s3):
    bucket = s3.bucket()
    s3.put(bucket, "d/k", b"x")
    failed = call("put", f"s3://{bucket}/d/", "--symlinks", "skip", code=2)
    assert "symlinks" in failed.stderr
