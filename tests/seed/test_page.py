"""Every snippet of the page that the product started from runs, with only the import changed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import landfast
import pytest

HERE = Path(__file__).parent
CODE = re.compile(r"^\s*(#.*|\)|'.*|import .*|with .*|pass.*|[\w.]+\s*[=(.].*)?$")
START = re.compile(r"^\s*import (wandb|boto3)$")


def snippets(page: str) -> Iterator[str]:
    lines = iter(page.splitlines())
    for line in lines:
        if not START.match(line):
            continue
        block = [line.strip()]
        for following in lines:
            if not CODE.match(following):
                break
            block.append(following)
        yield "\n".join(block).strip() + "\n"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The snippets in the order of the page, after the repairs of its typesetting."""
    folder = tmp_path_factory.mktemp("page")
    shutil.copy(HERE / "page.txt", folder)
    subprocess.run(["git", "apply", HERE / "typesetting.patch"], cwd=folder, check=True)
    return list(snippets((folder / "page.txt").read_text(encoding="utf-8")))


def run(snippet: str, python: Sequence[str] = (sys.executable,)) -> None:
    script = snippet.replace("import wandb", "import landfast as wandb")
    subprocess.run([*python, "-c", script], check=True, timeout=300)


def test_the_patch_makes_at_most_six_repairs():
    assert (HERE / "typesetting.patch").read_text(encoding="utf-8").count("\n@@ ") <= 6


def test_the_page_has_eight_snippets(page):
    assert len(page) == 8
    assert sum("s3://my-bucket/datasets/mnist" in snippet for snippet in page) == 2
    assert sum("file:///mount" in snippet for snippet in page) == 3


@pytest.fixture
def bucket(s3) -> str:
    s3.client.create_bucket(Bucket="my-bucket")
    s3.set_versioning("my-bucket", "Enabled")
    s3.put("my-bucket", "datasets/mnist/a.png", b"first")
    s3.put("my-bucket", "datasets/mnist2/other.png", b"sibling")
    Path("my_model.h5").write_bytes(b"weights")
    return "my-bucket"


def cloud(page: list[str]) -> list[str]:
    return [
        snippet for snippet in page if "/mount" not in snippet and "entity/project" not in snippet
    ]


def test_s3_snippets_run(page, s3, bucket, python):
    log, download, workflow, model = cloud(page)
    run(log, python)
    s3.put(bucket, "datasets/mnist/a.png", b"overwritten")
    run(download, python)
    assert Path("artifacts/mnist:v0/a.png").read_bytes() == b"first"
    run(workflow, python)
    assert Path("artifacts/mnist:v1/a.png").read_bytes() == b"overwritten"
    run(model, python)
    client = landfast.Client()
    assert [entry.path for entry in client.get("cnn").entries()] == ["my_model.h5"]
    assert client.get("cnn").type == "model"
    assert [version.version for version in client.versions("mnist")] == ["v1", "v0"]
    # The workflow marks the dataset as its input; so does the script that only downloads.
    assert len(client.get("mnist:v1").used_by()) == 1
    assert len(client.get("mnist:v0").used_by()) == 1
    assert {record.status for record in client.runs()} == {landfast.RunStatus.FINISHED}


def test_the_endpoint_variable_of_the_page_is_honoured(page, s3, bucket, monkeypatch, python):
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3")
    monkeypatch.setenv("AWS_S3_ENDPOINT_URL", s3.url)
    run(cloud(page)[0], python)
    assert len(landfast.Client().get("mnist").manifest) == 1


def test_gcs_snippets_run(page, gcs, python):
    client = gcs.client
    bucket = client.create_bucket("my-bucket")
    bucket.versioning_enabled = True
    bucket.patch()
    bucket.blob("datasets/mnist/a.png").upload_from_string(b"first")
    log, download, workflow, _ = [snippet.replace("s3://", "gs://") for snippet in cloud(page)]
    run(log, python)
    bucket.blob("datasets/mnist/a.png").upload_from_string(b"overwritten")
    run(download, python)
    assert Path("artifacts/mnist:v0/a.png").read_bytes() == b"first"
    run(workflow, python)
    assert Path("artifacts/mnist:v1/a.png").read_bytes() == b"overwritten"


@pytest.fixture
def mount(tmp_path, page) -> Iterator[tuple[Path, list[str]]]:
    """The page's /mount: the real one where it may be made, else another folder in its place."""
    folder = tmp_path / "mount"
    (folder / "datasets/mnist").mkdir(parents=True)
    (folder / "datasets/mnist/a.png").write_bytes(b"first")
    (folder / "cnn").mkdir()
    (folder / "cnn/my_model.h5").write_bytes(b"weights")
    named = [snippet for snippet in page if "/mount" in snippet or "entity/project" in snippet]
    root = Path("/mount")
    if os.path.lexists(root) or not os.access("/", os.W_OK):
        yield folder, [snippet.replace("/mount", str(folder)) for snippet in named]
        return
    root.symlink_to(folder)
    try:
        yield folder, named
    finally:
        root.unlink()


def test_folder_snippets_run(mount, monkeypatch):
    folder, (log, download, workflow, model) = mount
    run(log)
    client = landfast.Client()
    assert [entry.path for entry in client.get("mnist").entries()] == ["a.png"]

    client.log("entity/project/mnist", folder / "datasets/mnist")
    run(download)
    assert Path("artifacts/mnist:v0/a.png").read_bytes() == b"first"

    (folder / "datasets/mnist/a.png").write_bytes(b"overwritten")
    failed = subprocess.run(
        [
            sys.executable,
            "-c",
            "import landfast; landfast.init().use_artifact('mnist:v0').download('again')",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert failed.returncode != 0
    assert "ObjectChanged" in failed.stderr

    run(workflow)
    assert Path("artifacts/mnist:v1/a.png").read_bytes() == b"overwritten"
    run(model)
    assert [entry.path for entry in client.get("cnn").entries()] == ["my_model.h5"]


def test_the_command_of_the_page_logs_a_path(tmp_path):
    (tmp_path / "data.bin").write_bytes(b"x")
    page = (HERE / "page.txt").read_text(encoding="utf-8")
    [line] = re.findall(r"^\$ wandb (artifact put .*)$", page, re.MULTILINE)
    arguments = line.replace("TYPE", "dataset").replace("PATH", str(tmp_path / "data.bin")).split()
    subprocess.run([sys.executable, "-m", "landfast", *arguments], check=True)
    version = landfast.Client().get("project/artifact_name")
    assert (version.type, version.file_count, version.version) == ("dataset", 1, "v0")
