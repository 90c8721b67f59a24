"""W&B's shape: a run begins with init, ends with the process, and edges carry it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import landfast
import pytest
from click.testing import CliRunner
from landfast.cli import main
from landfast.model.run import JoinedRun
from landfast.registry.opener import init_registry
from landfast.settings import load_settings


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
    ("user", "query", "is_sent"),
    [
        ("postgres", "?sslmode=prefer", True),
        ("postgres:s3cr3t", "", False),
        ("postgres", "?password=s3cr3t", False),
    ],
)
def test_a_subprocess_is_told_the_registry_unless_its_url_holds_a_secret(
    postgres_url, tmp_path, user, query, is_sent
):
    init_registry(postgres_url, store_url=str(tmp_path / "store"))
    url = postgres_url.replace("postgres@", f"{user}@") + query
    given = landfast.Client(url, entity="lab", project="vision").run_env()
    assert (given["LANDFAST_ENTITY"], given["LANDFAST_PROJECT"]) == ("lab", "vision")
    assert given.get("LANDFAST_REGISTRY_URL") == (url if is_sent else None)
    joined = JoinedRun.decode(given["LANDFAST_RUN"])
    assert (joined.key.system, joined.registry_id) == (
        "script",
        landfast.Client(url).registry.info.id,
    )
    assert "s3cr3t" not in str(given) + str(joined)


@pytest.fixture
def refusals(tmp_path, monkeypatch):
    """Use the environment's registry by every door, and tell with what words each refused."""
    (tmp_path / "f").write_text("f")

    def refused(**environment: str) -> Iterator[str]:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        for door in (
            landfast.init,
            lambda: landfast.init(id="own"),
            lambda: landfast.Client().collections(),
            lambda: landfast.Client().log("f", tmp_path / "f"),
            lambda: landfast.Artifact("f", "t").add_file(tmp_path / "f"),
        ):
            with pytest.raises((landfast.Conflict, landfast.InvalidInput)) as caught:
                door()
            yield str(caught.value)
        for line in (f"put {tmp_path}/f", "get f", "ls", "lineage f", "show f", "run ls", "rm f"):
            done = CliRunner().invoke(main, line.split())
            assert done.exit_code in {2, 11}
            yield done.stderr

    return refused


def test_mend_32_a_joined_run_refuses_the_registry_that_nobody_named(
    tmp_path, postgres_url, refusals
):
    init_registry(postgres_url, store_url=str(tmp_path / "store"))
    url = postgres_url.replace("postgres@", "postgres:s3cr3t@")
    given = landfast.Client(url).run_env()
    assert "LANDFAST_REGISTRY_URL" not in given
    for said in refusals(**given):
        assert "no registry is named, and the run that LANDFAST_RUN names" in said
        assert f"Set LANDFAST_REGISTRY_URL to {landfast.Client(url).display_url}" in said
        assert "s3cr3t" not in said
    assert not embedded().exists()


def test_mend_32_a_text_of_an_older_parent_refuses_it_too_and_may_be_overruled(
    monkeypatch, refusals
):
    key = landfast.RunKey(system="airflow", deployment="d", run_id="1")
    for said in refusals(LANDFAST_RUN=key.encode()):
        assert "Set LANDFAST_REGISTRY_URL" in said
    assert not embedded().exists()
    monkeypatch.setenv("LANDFAST_ALLOW_LOCAL", "1")
    with landfast.init() as run:
        assert run.key == key


def test_mend_32_a_joined_run_refuses_another_registry(tmp_path, refusals):
    parent = landfast.Client(f"sqlite:///{tmp_path}/parent.db")
    other = landfast.Client(f"sqlite:///{tmp_path}/other.db")
    both = [init_registry(client.display_url) for client in (parent, other)]
    given = parent.run_env() | {"LANDFAST_REGISTRY_URL": other.display_url}
    for said in refusals(**given):
        assert all(info.id in said and info.url in said for info in both)
    assert list(other.registry.runs(entity="default")) == []


def test_mend_32_a_joined_run_makes_no_registry_where_the_one_of_its_parent_should_be(
    tmp_path, refusals
):
    given = landfast.Client(f"sqlite:///{tmp_path}/parent.db").run_env()
    given["LANDFAST_REGISTRY_URL"] = f"sqlite:///{tmp_path}/nobody/made.db"
    for said in refusals(**given):
        assert f"none at sqlite:///{tmp_path}/nobody/made.db" in said
    assert not (tmp_path / "nobody").exists()


def embedded() -> Path:
    return Path(load_settings().effective_registry_url.removeprefix("sqlite:///"))


def test_mend_32_the_local_registry_of_a_joined_run_has_to_be_the_same_too(tmp_path, monkeypatch):
    landfast.Client().log("own", __file__)
    given = landfast.Client(f"sqlite:///{tmp_path}/parent.db").run_env()
    monkeypatch.setenv("LANDFAST_ALLOW_LOCAL", "1")
    monkeypatch.setenv("LANDFAST_RUN", given["LANDFAST_RUN"])
    with pytest.raises(landfast.Conflict, match="LANDFAST_RUN names a run of another registry"):
        landfast.init()


def test_mend_32_a_grandchild_gets_the_registry_from_the_child(tmp_path):
    parent = landfast.Client(f"sqlite:///{tmp_path}/parent.db")
    old = {**parent.run_env(), "LANDFAST_RUN": parent.context.run_key.encode()}
    done = python("import landfast; print(landfast.init().env()['LANDFAST_RUN'])", **old)
    assert JoinedRun.decode(done.stdout.strip()).registry_id == parent.registry.info.id


def test_mend_32_who_was_given_another_run_may_use_another_registry(tmp_path, monkeypatch):
    parent = landfast.Client(f"sqlite:///{tmp_path}/parent.db")
    monkeypatch.setenv("LANDFAST_RUN", parent.run_env()["LANDFAST_RUN"])
    own = landfast.RunKey(system="dagster", deployment="d", run_id="1")
    other = landfast.Client(f"sqlite:///{tmp_path}/other.db", run=own)
    assert other.begin_run().key == own


def test_mend_32_the_wire_name_of_a_version_is_one_word_for_a_shell(tmp_path):
    (tmp_path / "f").write_text("f")
    nasty = "side b&c='1'; $(touch gone) | `x` \\ * ? ~ # ! é/{a,b}"
    version = landfast.Client().log("corpus", tmp_path / "f", partition=nasty)
    command = f"{sys.executable} -m landfast get {version.qualified_name} --root out"
    subprocess.run(["sh", "-c", command], check=True)
    assert Path("out/f").read_text() == "f"
    assert not Path("gone").exists()


def test_mend_12_a_second_init_takes_what_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("LANDFAST_PROJECT", "environments")
    one = landfast.Client(f"sqlite:///{tmp_path}/one.db")
    first = landfast.init("lab", "vision", client=one)
    second = landfast.init()
    assert (second.entity, second.project) == ("default", "environments")
    assert second.client.display_url == landfast.Client().display_url
    assert first.record.status is landfast.RunStatus.RUNNING
    assert one.run(first.id).status is landfast.RunStatus.FINISHED
    third = landfast.init(project="given")
    monkeypatch.setenv("LANDFAST_REGISTRY_URL", f"sqlite:///{tmp_path}/two.db")
    monkeypatch.setenv("LANDFAST_ENTITY", "changed")
    fourth = landfast.init()
    assert (third.project, fourth.project, fourth.entity) == ("given", "environments", "changed")
    assert fourth.client.display_url.endswith("two.db")
    draft = landfast.Artifact("a", "t")
    assert draft.context is fourth.client.context
    fourth.finish()


def test_mend_12_what_is_asked_for_in_a_run_is_asked_in_its_project(tmp_path):
    (tmp_path / "f").write_text("f")
    with landfast.init(project="vision"):
        assert landfast.Artifact("a", "t").client.settings.project == "vision"
        landfast.init(project="other").finish()
        assert landfast.Artifact("a", "t").client.settings.project != "vision"


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


def test_the_edges_within_a_run_are_those_of_all_its_nodes_and_of_no_other(
    tmp_path: Path,
) -> None:
    client = landfast.Client(f"sqlite:///{tmp_path}/registry.db")
    (tmp_path / "a.txt").write_text("a")
    version = client.log("a", tmp_path / "a.txt")

    def use(run_id: str, node: str, system: str = "prefect") -> landfast.RunKey:
        key = landfast.RunKey(system=system, deployment="d", run_id=run_id, node=node)
        client.with_defaults(run=key).use("a")
        return key

    first, second = use("1", "load"), use("1", "train")
    use("10", "load")
    use("1", "load", system="dagster")
    for run in (first, second):
        found = client.edges_within(run)
        assert [(edge.run, edge.version) for edge in found] == [
            (key, version.full_name) for key in (first, second)
        ]
    assert client.edges_within(landfast.RunKey(system="prefect", deployment="d", run_id="2")) == []
