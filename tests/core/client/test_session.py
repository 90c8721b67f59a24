"""W&B's shape: a run begins with init, ends with the process, and edges carry it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import landfast
import pytest


def python(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | environment,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/file").write_text("a")
    return tmp_path / "d"


def only_run() -> landfast.RunStatus:
    [record] = landfast.Client().runs()
    return record.status


def test_a_run_ends_with_its_process():
    assert python("import landfast; landfast.init(job_type='train')").returncode == 0
    assert only_run() == landfast.RunStatus.FINISHED


def test_an_exception_marks_the_run_failed():
    assert python("import landfast; landfast.init(); raise SystemError('boom')").returncode != 0
    assert only_run() == landfast.RunStatus.FAILED


def test_an_exception_in_the_block_marks_the_run_failed():
    with pytest.raises(SystemError), landfast.init():
        raise SystemError
    assert only_run() == landfast.RunStatus.FAILED


def test_a_second_init_begins_a_second_run():
    first = landfast.init()
    second = landfast.init()
    assert first.id != second.id
    second.finish()
    assert [record.status for record in landfast.Client().runs()] == [
        landfast.RunStatus.FINISHED
    ] * 2


def test_the_same_id_meets_the_same_run_again():
    with landfast.init(id="nightly-7") as first, landfast.init(id="nightly-7") as second:
        assert first.id == second.id


def test_init_needs_no_argument_and_says_which_it_does_not_know():
    with landfast.init(tags=["w&b"], notes="ignored", save_code=True) as run:
        assert (run.project, run.entity) == ("uncategorized", "default")
    with pytest.raises(landfast.InvalidInput, match="projct"):
        landfast.init(projct="vision")


def test_a_link_to_the_metrics_run_is_kept_without_secrets():
    with landfast.init(link="https://wandb.ai/t/p/runs/1?token=s3cr3t") as run:
        pass
    assert landfast.Client().run(run.id).link == "https://wandb.ai/t/p/runs/1?token=***"


def test_a_subprocess_joins_the_run(folder):
    with landfast.init() as run:
        script = f"import landfast; landfast.init().log_artifact({str(folder)!r}, name='out', type='dataset')"
        done = python(script, **run.env())
        assert done.returncode == 0, done.stderr
        done = subprocess.run(
            [sys.executable, "-m", "landfast", "get", "out", "--root", "got"],
            check=True,
            env=os.environ | run.env(),
        )
        assert landfast.Client().run(run.id).status == landfast.RunStatus.RUNNING
    client = landfast.Client()
    assert [record.id for record in client.runs()] == [run.id]
    directions = [edge.direction for edge in client.registry.edges(runs=[run.key])]
    assert sorted(directions) == ["logged", "used"]


@pytest.mark.parametrize(
    ("url", "is_sent"),
    [
        ("sqlite:////data/registry.db", True),
        ("postgresql://registry/landfast?sslmode=require", True),
        ("postgresql://ann:s3cr3t@registry/landfast", False),
        ("postgresql://registry/landfast?password=s3cr3t", False),
    ],
)
def test_a_subprocess_is_told_the_registry_unless_its_url_holds_a_secret(url, is_sent):
    given = landfast.Client(url, entity="lab", project="vision").run_env()
    assert (given["LANDFAST_ENTITY"], given["LANDFAST_PROJECT"]) == ("lab", "vision")
    assert given.get("LANDFAST_REGISTRY_URL") == (url if is_sent else None)
    assert landfast.RunKey.decode(given["LANDFAST_RUN"]).system == "script"
    assert "s3cr3t" not in str(given)


def test_a_bad_joined_run_is_said_in_one_line():
    done = python("import landfast; landfast.init()", LANDFAST_RUN="nonsense")
    assert "LANDFAST_RUN does not name a run" in done.stderr


def test_a_path_is_copied_and_a_uri_referred_to(folder):
    with landfast.init() as run:
        copied = run.log_artifact(str(folder / "file"))
        referred = run.log_artifact(f"file://{folder}/", name="ref")
    assert copied.name == f"run-{run.id}-file:v0"
    assert copied.type == "unspecified"
    assert [e.uri.split(":")[0] for e in copied.entries()] == ["blob"]
    assert [e.uri for e in referred.entries()] == [f"file://{folder}/file"]


def test_wandb_names_say_what_to_use():
    for name, advice in (
        ("Table", "add_file"),
        ("login", "LANDFAST_REGISTRY_URL"),
        ("log", "metrics"),
    ):
        with pytest.raises(AttributeError, match=advice):
            getattr(landfast, name)
    with landfast.init() as run:
        with pytest.raises(AttributeError, match="metrics"):
            run.log({"loss": 1})
        with pytest.raises(AttributeError, match="promote"):
            run.link_artifact("a", "b")


def test_a_run_that_uses_and_logs_leaves_both_edges(folder):
    client = landfast.Client()
    client.log("data", folder)
    with landfast.init(job_type="train") as run:
        data = run.use_artifact("data:latest", type="dataset")
        model = landfast.Artifact("model", "model")
        model.add_file(folder / "file")
        made = run.log_artifact(model, aliases=["best", "latest"])
        run.use_artifact(data)
    assert made.aliases == ("best", "latest")
    lineage = client.lineage(made)
    assert [str(n) for n in lineage.upstream] == [data.qualified_name]
    assert [record.id for record in data.used_by()] == [run.id]
    assert made.logged_by().id == run.id
    assert [str(n) for n in client.lineage(data).downstream] == [made.qualified_name]
