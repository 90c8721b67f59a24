"""What DVC wrote comes over as it was: outputs at each commit, version ids, and hashes of files in its remotes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from kit.servers.moto import Moto
from landfast import Client, ImportState, InvalidInput, NotFound, Verdict
from landfast.errors import Conflict

from tests.core.migrate.conftest import Recorded, files


@pytest.fixture
def repository(recorded: Recorded) -> Path:
    """A repository of DVC with three commits."""
    return recorded("dvc")


def test_outputs_come_over_as_they_were_at_each_commit(client: Client, repository: Path) -> None:
    report = client.import_from("dvc", repository)
    assert [(str(each.name).rpartition("/")[2], each.state) for each in report.versions] == [
        (f"{name}:v{index}", state)
        for name in ("kept", "mnist", "one.txt", "plain")
        for index, state in ((0, "created"), (1, "created"), (0, "returned"))
    ]
    assert report.exit_code == 0
    verdicts = {str(each.name).rpartition("/")[2]: each.verified for each in report.versions}
    assert verdicts == {
        "kept:v0": "2 intact",
        "kept:v1": "1 intact, 1 overwritten",
        "mnist:v0": "4 intact",
        "mnist:v1": "3 intact, 1 overwritten, 1 deleted",
        "one.txt:v0": "1 intact",
        "one.txt:v1": "1 overwritten",
        "plain:v0": "2 moved",
        "plain:v1": "2 moved",
    }
    second = client.get("mnist:v1")
    assert second.description == "step 1"
    assert second.metadata["imported"]["created_at"] == "2026-05-02T00:00:00.000000Z"
    (tag,) = second.tags
    assert re.fullmatch(r"dvc-[0-9a-f]{12}", tag)


OLD = {
    "mnist:v1": {
        "a b%20+ü.txt": b"odd",
        "labels.csv": b"0,1,2\n",
        "train/0.png": b"zero",
        "train/1.png": b"one",
        "train/2.png": b"two",
    },
    "kept:v1": {"a.txt": b"kept a 1\n", "b.txt": b"kept b\n"},
    "one.txt:v1": {"one.txt": b"one 1\n"},
    "plain:v1": {"a.txt": b"plain a 1\n", "b.txt": b"plain b\n"},
}


def test_old_commits_are_downloaded_and_importing_again_adds_nothing(
    client: Client, repository: Path, tmp_path: Path
) -> None:
    client.import_from("dvc", repository, verify=False)
    for name, found in OLD.items():
        client.download(name, tmp_path / name)
        assert files(tmp_path / name) == found
    position = client.head()
    again = client.import_from("dvc", repository, verify=False)
    assert {each.state for each in again.versions} == {ImportState.PRESENT}
    assert client.head() == position


def test_what_was_imported_is_what_logging_the_place_finds(
    client: Client, repository: Path
) -> None:
    client.import_from("dvc", repository / "mnist.dvc", verify=False)
    logged = client.log("mnist", "s3://peer-data/mnist")
    assert (logged.version, logged.changed) == ("v0", False)


def test_one_file_without_git_is_one_version(
    client: Client, repository: Path, tmp_path: Path
) -> None:
    shutil.rmtree(repository / ".git")
    report = client.import_from("dvc", repository / "plain.dvc")
    assert [(str(each.name), each.verified) for each in report.versions] == [
        ("default/uncategorized/plain:v0", "2 moved")
    ]
    assert report.versions[0].tag.startswith("dvc-worktree-")


def test_a_change_that_is_not_committed_comes_last(client: Client, repository: Path) -> None:
    file = repository / "plain.dvc"
    commits = subprocess.run(
        ["git", "log", "--format=%H", "--", "plain.dvc"],
        cwd=repository,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    before = subprocess.run(
        ["git", "cat-file", "blob", f"{commits[1]}:plain.dvc"],
        cwd=repository,
        capture_output=True,
        check=True,
    ).stdout
    file.write_bytes(before)
    report = client.import_from("dvc", file, verify=False)
    assert [str(each.name)[-2:] for each in report.versions] == ["v0", "v1", "v0", "v1"]
    assert client.get("plain:latest").version == "v1"


def test_a_listing_that_is_not_in_the_cache_is_read_from_the_remote(
    client: Client, repository: Path, tmp_path: Path
) -> None:
    shutil.rmtree(repository / ".dvc/cache")
    client.import_from("dvc", repository / "plain.dvc", verify=False)
    client.download("plain", tmp_path / "there")
    assert files(tmp_path / "there") == {"a.txt": b"plain a 0\n", "b.txt": b"plain b\n"}


def test_a_listing_that_nobody_has_is_not_found(client: Client, repository: Path, s3: Moto) -> None:
    shutil.rmtree(repository / ".dvc/cache")
    for row in s3.client.list_objects_v2(Bucket="peer-data", Prefix="dvc-store/")["Contents"]:
        s3.client.delete_object(Bucket="peer-data", Key=row["Key"])
    with pytest.raises(NotFound, match=r"neither in DVC's cache nor in its remote 'store'"):
        client.import_from("dvc", repository / "plain.dvc")


def test_a_remote_at_another_endpoint_is_refused_before_anything_is_recorded(
    client: Client, repository: Path, tmp_path: Path
) -> None:
    config = repository / ".dvc/config.local"
    config.write_text(re.sub(r"http://\S+", "http://127.0.0.1:9", config.read_text()))
    with pytest.raises(Conflict, match="an endpoint that differs"):
        client.import_from("dvc", repository / "mnist.dvc")
    assert not (tmp_path / "registry.db").exists()
    assert client.import_from("dvc", repository / "mnist.dvc", any_endpoint=True).ok


def write(folder: Path, name: str, text: str) -> Path:
    """Write a file of DVC into a repository without Git."""
    (folder / ".dvc").mkdir(exist_ok=True)
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


REMOTE = "[core]\n    remote = r\n['remote \"r\"']\n    url = s3://b/store\n"
MD5 = "5d41402abc4b2a76b9719d911017c592"


def test_stages_of_a_pipeline_come_over_by_their_outputs(client: Client, tmp_path: Path) -> None:
    write(tmp_path, ".dvc/config", REMOTE)
    write(
        tmp_path,
        "dvc.yaml",
        "stages:\n  train:\n    cmd: x\n    outs:\n    - models/m.bin\n    metrics:\n    - m.json: {cache: false}\n",
    )
    lock = write(
        tmp_path,
        "dvc.lock",
        f"""
schema: '2.0'
stages:
  train:
    cmd: x
    deps:
    - {{path: in.csv, hash: md5, md5: {MD5}, size: 5}}
    outs:
    - {{path: models/m.bin, hash: md5, md5: {MD5}, size: 5}}
    - {{path: m.json, hash: md5, md5: {MD5}, size: 5}}
""",
    )
    report = client.import_from("dvc", lock, verify=False)
    assert [str(each.name) for each in report.versions] == ["default/uncategorized/models.m.bin:v0"]
    (entry,) = client.get("models.m.bin").entries()
    assert (entry.path, entry.uri) == ("m.bin", f"s3://b/store/files/md5/5d/{MD5[2:]}")
    assert str(entry.checksum) == f"md5:{MD5}"


def test_a_hash_of_dvc_2_is_no_md5_of_the_bytes(client: Client, tmp_path: Path) -> None:
    write(tmp_path, ".dvc/config", REMOTE)
    file = write(tmp_path, "a.dvc", f"outs:\n- {{path: a, md5: {MD5}, size: 5}}\n")
    client.import_from("dvc", file, verify=False)
    (entry,) = client.get("a").entries()
    assert (entry.uri, entry.checksum) == (f"s3://b/store/5d/{MD5[2:]}", None)


def test_without_a_remote_the_cache_is_where_the_bytes_lie(client: Client, tmp_path: Path) -> None:
    file = write(tmp_path, "a.dvc", f"outs:\n- {{path: a, hash: md5, md5: {MD5}, size: 5}}\n")
    write(tmp_path, f".dvc/cache/files/md5/5d/{MD5[2:]}", "hello")
    client.import_from("dvc", file, verify=False)
    client.download("a", tmp_path / "there")
    assert files(tmp_path / "there") == {"a": b"hello"}


def test_what_people_wrote_about_an_output_is_kept(client: Client, tmp_path: Path) -> None:
    write(tmp_path, ".dvc/config", REMOTE)
    about = "desc: words, type: model, labels: [best], meta: {a: 1}"
    file = write(
        tmp_path, "a.dvc", f"outs:\n- {{path: a, hash: md5, md5: {MD5}, size: 5, {about}}}\n"
    )
    client.import_from("dvc", file, verify=False)
    version = client.get("a")
    assert (version.description, version.type, version.metadata["a"]) == ("words", "model", 1)
    assert "best" in version.tags


OUT = "path: a, hash: md5"


@pytest.mark.parametrize(
    ("text", "error", "found"),
    [
        ("{", Conflict, "cannot be read as YAML"),
        ("- 1", Conflict, "a file of DVC: found list"),
        ("outs: 3", Conflict, "outs that are no list"),
        ("outs: [3]", InvalidInput, "the outs of .* expected an object"),
        ("outs: [{md5: x}]", Conflict, "an output without a path"),
        (f"outs: [{{{OUT}, md5: XY}}]", InvalidInput, "hexadecimal digits"),
        (f"outs: [{{{OUT}, md5: {MD5}, size: -1}}]", InvalidInput, "size"),
        (f"outs: [{{{OUT}, md5: {MD5}, size: '5'}}]", InvalidInput, "size"),
        (f"outs: [{{{OUT}}}]", InvalidInput, "was it ever pushed"),
        (f"outs: [{{{OUT}, remote: no, md5: {MD5}}}]", InvalidInput, "remote"),
        (
            f"outs: [{{path: ../../a, hash: md5, md5: {MD5}}}]",
            InvalidInput,
            "outside of the repository",
        ),
        (f"outs: [{{{OUT}, files: [{{relpath: ../x, md5: {MD5}}}]}}]", InvalidInput, "stays under"),
        (f"outs: [{{{OUT}, files: [3]}}]", InvalidInput, "expected an object"),
        (
            f"deps: [{{path: a, repo: {{url: 'https://h/r'}}}}]\nouts: [{{{OUT}, md5: {MD5}}}]",
            InvalidInput,
            "another repository.*https://h/r",
        ),
        (
            "deps: [{path: 'azure://c/a', etag: x}]\nouts: [{path: a}]",
            InvalidInput,
            "azure://, which cannot be imported",
        ),
        ("&a [" + "[*a, *a]" + "]", Conflict, "a file of DVC"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_typed_error(
    client: Client, tmp_path: Path, text: str, error: type[Exception], found: str
) -> None:
    write(tmp_path, ".dvc/config", REMOTE)
    file = write(tmp_path, "a.dvc", text)
    with pytest.raises(error, match=found):
        client.import_from("dvc", file)


@pytest.mark.parametrize(
    ("listing", "error", "found"),
    [
        ("{", Conflict, "cannot be read as JSON"),
        ("{}", Conflict, "a folder of DVC: found dict"),
        ("[3]", InvalidInput, "expected an object"),
        (json.dumps([{"relpath": "/x", "md5": MD5}]), InvalidInput, "stays under"),
        (json.dumps([{"relpath": "x", "md5": 3}]), InvalidInput, "hexadecimal"),
    ],
)
def test_a_damaged_listing_is_a_typed_error(
    client: Client, tmp_path: Path, listing: str, error: type[Exception], found: str
) -> None:
    write(tmp_path, f".dvc/cache/files/md5/5d/{MD5[2:]}.dir", listing)
    file = write(tmp_path, "a.dvc", f"outs:\n- {{path: a, hash: md5, md5: {MD5}.dir}}\n")
    with pytest.raises(error, match=found):
        client.import_from("dvc", file)


def test_a_configuration_that_cannot_be_read_is_a_conflict(client: Client, tmp_path: Path) -> None:
    write(tmp_path, ".dvc/config", "no section")
    with pytest.raises(Conflict, match=r"\.dvc/config cannot be read"):
        client.import_from("dvc", write(tmp_path, "a.dvc", "outs: []"))


def test_a_folder_without_files_of_dvc_says_so(client: Client, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"\*\.dvc or dvc\.lock"):
        client.import_from("dvc", tmp_path)


def test_an_md5_that_is_the_etag_is_told_from_a_list(client: Client, repository: Path) -> None:
    client.import_from("dvc", repository / "plain.dvc", verify=False)
    # Nothing was pinned, and the bucket keeps versions now.
    assert dict(client.verify("plain").counts) == {Verdict.MOVED: 2}
