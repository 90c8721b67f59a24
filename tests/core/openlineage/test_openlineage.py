"""Lineage is told in OpenLineage's words: at least once, in order, the same whenever it is told."""

from __future__ import annotations

import json
import sys
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import jsonschema
import landfast
import pytest
from click.testing import CliRunner, Result
from landfast.cli import main
from landfast.follow import delivery
from landfast.model.lineage import RunEvent, RunEventKind
from landfast.openlineage import facets, inline, jobs
from landfast.openlineage.datasets import identity, physical
from landfast.registry.opener import open_registry
from landfast.testing.registry.drafts import NAME, RUN, begin, log
from openlineage.client import event_v2
from openlineage.client.facet_v2 import dataset_version_dataset, parent_run, symlinks_dataset

LISTEN = "OPENLINEAGE_URL"


@pytest.fixture(autouse=True)
def at_once(monkeypatch) -> None:
    monkeypatch.setattr(delivery, "backoff", lambda attempt: 0.0)


def told(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["openlineage", "--once", *arguments])
    assert result.exit_code == code, (result.stdout, result.stderr, result.exception)
    return result


@pytest.fixture
def to_server(server, monkeypatch):
    """Let OpenLineage's configuration name the server, in a way that tells nothing while runs go on."""
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "http")
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__URL", server.url)
    return server


def short(event: dict[str, Any]) -> str:
    if "dataset" in event:
        alias = event["dataset"]["facets"]["landfast_alias"]
        return f"{event['dataset']['name']} {alias['alias']}={alias['version']}"
    version = lambda one: f"{one['name']}:{one['facets']['version']['datasetVersion']}"  # noqa: E731
    sides = [[version(one) for one in event[side]] for side in ("inputs", "outputs")]
    return f"{event['eventType']} {event['job']['name']} {','.join(sides[0])}>{','.join(sides[1])}"


def test_each_run_begins_uses_logs_and_ends(work, to_server, received) -> None:
    work("1")
    told()
    events = received()
    assert [short(event) for event in events] == [
        "START vision/clean >",
        "RUNNING vision/clean vision/raw:v0>",
        "RUNNING vision/clean >vision/clean~2026%2F05:v0",
        "COMPLETE vision/clean vision/raw:v0>vision/clean~2026%2F05:v0",
        "START vision/train >",
        "RUNNING vision/train vision/clean~2026%2F05:v0>",
        "FAIL vision/train vision/clean~2026%2F05:v0>",
        "START vision/train >",
        "RUNNING vision/train >vision/model:v0",
        "COMPLETE vision/train vision/clean~2026%2F05:v0>vision/model:v0",
        "vision/raw latest=v0",
        "vision/clean~2026%2F05 latest=v0",
        "vision/clean~2026%2F05 prod=v0",
        "vision/model latest=v0",
    ]
    ids = [event["run"]["runId"] for event in events if "run" in event]
    assert [len(set(ids[:4])), len(set(ids[4:7])), len(set(ids[7:])), len(set(ids))] == [1, 1, 1, 3]
    assert all(uuid.UUID(one).version == 7 for one in ids)
    assert {event["job"]["namespace"] for event in events if "job" in event} == {
        "landfast://default"
    }
    assert "s3cret-token" not in json.dumps(events)
    told()
    assert received() == []


def test_a_replayed_history_equals_what_was_told_live(work, to_server, received) -> None:
    live = []
    for content in ("1", "2", "1"):
        work(content)
        told()
        live += received()
    assert len(live) > 30
    told("--from", "start")
    replayed = received()

    def by_stream(events: list[dict[str, Any]]) -> tuple[list[Any], list[Any]]:
        return [e for e in events if "run" in e], [e for e in events if "dataset" in e]

    assert by_stream(replayed) == by_stream(live)
    told("--consumer", "another", "--runs-only")
    assert received() == by_stream(live)[0]


def test_from_the_middle_an_end_still_tells_all(work, to_server, received) -> None:
    work("1")
    told()
    whole = received()
    told("--from", whole[9]["eventTime"])
    assert received()[0] == whole[9]


def test_told_while_runs_go_on_is_the_same(work, server, received, monkeypatch) -> None:
    monkeypatch.setenv(LISTEN, server.url)
    work("1")
    live = received()
    assert len(live) == 10
    monkeypatch.delenv(LISTEN)
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "http")
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__URL", server.url)
    told("--runs-only")
    assert received() == live


@pytest.mark.parametrize(
    ("setting", "url", "expected"),
    [(None, False, False), (None, True, True), ("off", True, False), ("on", False, True)],
)
def test_who_wants_it_says_so(setting, url, expected, monkeypatch) -> None:
    if url:
        monkeypatch.setenv(LISTEN, "http://127.0.0.1:9")
    assert inline.is_wanted(setting) is expected


@pytest.mark.parametrize("value", ["on", "off", "true", "false", "ON"])
def test_the_setting_is_a_switch(value, monkeypatch) -> None:
    monkeypatch.setenv("LANDFAST_OPENLINEAGE", value)
    assert landfast.load_settings().openlineage in {"on", "off"}


def test_a_setting_that_is_no_switch_is_refused(monkeypatch) -> None:
    monkeypatch.setenv("LANDFAST_OPENLINEAGE", "perhaps")
    with pytest.raises(landfast.InvalidInput, match="on or off"):
        landfast.load_settings()


def test_an_outage_fails_nothing_is_said_once_and_lost_nowhere(
    work, server, received, monkeypatch, caplog
) -> None:
    monkeypatch.setenv(LISTEN, server.url)
    server.change("/api/v1/lineage", statuses=(503,) * 1000)
    work("1")
    assert len(received()) == 1  # then silence
    assert [record.message.partition(";")[0] for record in caplog.records] == [
        "the OpenLineage server answered 503"
    ]
    server.change("/api/v1/lineage", statuses=())
    monkeypatch.delenv(LISTEN)
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "http")
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__URL", server.url)
    told("--runs-only")
    assert len(received()) == 10


def test_in_a_task_of_airflow_the_core_is_silent(server, received, url, monkeypatch) -> None:
    monkeypatch.setenv(LISTEN, server.url)
    key = landfast.RunKey(system="airflow", deployment="d", run_id="dag/run", node="task")
    client = landfast.Client(run=key)
    client.begin_run()
    client.finish_run(landfast.RunStatus.FINISHED)
    assert received() == []
    monkeypatch.delenv(LISTEN)
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "http")
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__URL", server.url)
    told("--without", "airflow")
    assert received() == []
    told("--from", "start")
    assert [event["eventType"] for event in received()] == ["START", "COMPLETE"]


def test_what_is_refused_ends_it_and_is_told_again_or_skipped(work, to_server, received) -> None:
    work("1")
    to_server.change("/api/v1/lineage", statuses=(422,))
    assert "answered 422" in told(code=15).stderr
    assert len(received()) == 1
    to_server.change("/api/v1/lineage", statuses=(503, 503))
    assert "answered 503" in told("--retries", "1", code=15).stderr
    to_server.change("/api/v1/lineage", statuses=(422,))
    received()
    lines = told("--skip-failed", "--json").stdout.splitlines()
    assert [json.loads(line)["delivered"] for line in lines] == [False] + [True] * 13
    assert len(received()) == 14


def test_a_server_that_does_not_answer_is_named_without_its_secrets(work, url, monkeypatch) -> None:
    work("1")
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "http")
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__URL", "http://ann:hunter2@127.0.0.1:9")
    result = told("--retries", "0", code=15)
    assert "does not answer" in result.stderr
    assert "hunter2" not in result.output


@pytest.mark.parametrize(
    "variables", [{}, {"OPENLINEAGE_DISABLED": "true"}, {"OPENLINEAGE__TRANSPORT__TYPE": "pigeon"}]
)
def test_nobody_to_tell_is_an_error(work, url, variables, monkeypatch) -> None:
    work("1")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert "OpenLineage" in told(code=2).stderr


def test_a_file_is_a_transport_too(work, url, tmp_path, monkeypatch) -> None:
    work("1")
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "file")
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__LOG_FILE_PATH", str(tmp_path / "events.json"))
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__APPEND", "true")
    told()
    assert len((tmp_path / "events.json").read_text().splitlines()) == 14


# -- what the events say ----------------------------------------------------------------------


def test_a_dataset_tells_its_version_its_digest_and_where_its_bytes_lie(
    work, to_server, received, tmp_path
) -> None:
    work("1")
    told("--runs-only")
    events = received()
    (raw,) = events[3]["inputs"]
    assert (raw["namespace"], raw["name"]) == ("landfast://default", "vision/raw")
    version = landfast.Client(project="vision").get("raw")
    own = raw["facets"]["landfast_version"]
    assert (own["digest"], own["index"], own["fileCount"], own["size"]) == (version.digest, 0, 1, 1)
    symlinks = raw["facets"]["symlinks"]["identifiers"]
    assert symlinks == [{"namespace": "file", "name": str(tmp_path / "raw"), "type": "LOCATION"}]
    assert raw["inputFacets"]["inputStatistics"]["fileCount"] == 1
    (clean,) = events[3]["outputs"]
    assert clean["facets"]["landfast_version"]["partition"] == "2026/05"
    assert "symlinks" not in clean["facets"]  # managed files lie in the registry's own store


def test_every_event_is_what_openlineages_own_classes_and_our_schemas_say(
    work, to_server, received
) -> None:
    work("1")
    told()
    seen = set()
    for event in received():
        data = [event["dataset"]] if "dataset" in event else event["inputs"] + event["outputs"]
        for dataset in data:
            made = {}
            for name, facet in dataset["facets"].items():
                seen.add(name)
                plain = {k: v for k, v in facet.items() if not k.startswith("_")}
                if name == "version":
                    made[name] = dataset_version_dataset.DatasetVersionDatasetFacet(**plain)
                elif name == "symlinks":
                    pairs = [symlinks_dataset.Identifier(**one) for one in plain["identifiers"]]
                    made[name] = symlinks_dataset.SymlinksDatasetFacet(identifiers=pairs)
                else:
                    check(name, facet)
            event_v2.Dataset(dataset["namespace"], dataset["name"], facets=made)
        if "run" in event:
            check("landfast_run", event["run"]["facets"]["landfast_run"])
            event_v2.RunEvent(
                eventTime=event["eventTime"],
                eventType=event_v2.RunState[event["eventType"]],
                run=event_v2.Run(event["run"]["runId"]),
                job=event_v2.Job(event["job"]["namespace"], event["job"]["name"]),
            )
    assert seen == {"version", "symlinks", "landfast_version", "landfast_alias"}


def check(name: str, facet: dict[str, Any]) -> None:
    """Check a facet of ours against its published schema, without what OpenLineage's own says of all facets."""
    kind = {
        "landfast_version": "LandfastVersionDatasetFacet",
        "landfast_alias": "LandfastAliasDatasetFacet",
        "landfast_run": "LandfastRunFacet",
    }[name]
    schema = facets.schema(kind)
    assert facet["_schemaURL"] == f"{schema['$id']}#/$defs/{kind}"
    own = schema["$defs"][kind]["allOf"][1]
    jsonschema.Draft202012Validator.check_schema(own)
    jsonschema.validate(facet, own, cls=jsonschema.Draft202012Validator)
    told_of = set(facet) - {"_producer", "_schemaURL"}
    assert told_of <= set(own["properties"])


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("s3://b/datasets/mnist/", ("s3://b", "datasets/mnist")),
        ("s3://b/", ("s3://b", "/")),
        ("s3://b/key?x=1", ("s3://b", "key?x=1")),
        ("gs://b/a/b.csv", ("gs://b", "a/b.csv")),
        ("file:///data/a%20b/", ("file", "/data/a b")),
        ("file:///", ("file", "/")),
        ("https://ann:pw@h:8/a/b.csv?sig=s3cret", ("https://h:8", "a/b.csv")),
        ("abfss://c@a.dfs.core.windows.net/p", ("abfss://c@a.dfs.core.windows.net", "p")),
        ("blob:sha256:" + "0" * 64, None),
        ("landfast://e/p/c?version=v1", None),
    ],
)
def test_a_place_is_named_as_openlineage_names_it(uri, expected) -> None:
    assert physical(uri) == expected


def test_a_partition_is_part_of_the_name() -> None:
    name = replace(NAME, partition="a/b")
    assert identity(name) == {"namespace": "landfast://default", "name": "vision/mnist~a%2Fb"}


def started(system: str, run_id: str, node: str = "", **given: Any) -> RunEvent:
    key = landfast.RunKey(system=system, deployment="d", run_id=run_id, node=node)
    return RunEvent(
        position=1,
        id="r:r1",
        kind=RunEventKind.STARTED,
        run=key,
        entity="e",
        project="p",
        attempt=1,
        at=datetime(2026, 5, 3, tzinfo=UTC),
        **given,
    )


FLOW = "0196952e-6f3c-7d3e-8a6b-2b5d3f6c1a2b"


@pytest.mark.parametrize(
    ("began", "job", "parent"),
    [
        (started("script", "1", job_type="train", name="x"), "p/train", None),
        (started("script", "1", name="nightly"), "p/nightly", None),
        (started("cli", "1"), "p/cli", None),
        (started("watch", "7", "retrain"), "p/retrain", None),
        (started("dagster", FLOW, "step", job_type="job"), "p/job.step", ("dagster", "job", FLOW)),
        (started("prefect", FLOW, job_type="flow"), "p/flow", ("default", "flow", FLOW)),
        (
            started("prefect", FLOW, "task", job_type="flow"),
            "p/flow.task",
            ("default", "flow", FLOW),
        ),
        (started("airflow", "dag/manual__1", "t"), "p/dag.t", ("default", "dag.t", None)),
    ],
)
def test_jobs_and_what_they_are_part_of(began, job, parent) -> None:
    assert jobs.job_name(began) == job
    found = jobs.parent(began)
    if parent is None:
        assert found is None
        return
    assert isinstance(found, parent_run.ParentRunFacet)
    assert (found.job.namespace, found.job.name) == parent[:2]
    assert parent[2] in {None, found.run.runId}


def test_the_namespace_of_orchestrators_is_openlineages_setting(monkeypatch) -> None:
    monkeypatch.setenv("OPENLINEAGE_NAMESPACE", "prod")
    found = jobs.parent(started("dagster", FLOW, "step", job_type="job"))
    assert found is not None
    assert found.job.namespace == "prod"


def test_an_attempt_of_a_run_has_one_id_whoever_tells_it() -> None:
    one = started("script", "1")
    assert jobs.run_id(one) == jobs.run_id(replace(one, position=0, name="called otherwise"))
    others = [replace(one, attempt=2), started("script", "2"), started("cli", "1")]
    assert len({jobs.run_id(other) for other in (one, *others)}) == 4


def test_what_is_logged_after_the_end_is_told_as_other(
    tmp_path, to_server, received, monkeypatch
) -> None:
    url = f"sqlite:///{tmp_path}/registry.db"
    monkeypatch.setenv("LANDFAST_REGISTRY_URL", url)
    registry = open_registry(url)
    begin(registry)
    registry.finish_run(RUN, landfast.RunStatus.FINISHED)
    log(registry, "a", run=RUN)
    registry.close()
    told("--runs-only")
    assert [event["eventType"] for event in received()] == ["START", "COMPLETE", "OTHER"]


def test_the_extra_is_named_where_it_is_missing(url, monkeypatch) -> None:
    for name in [name for name in sys.modules if name.startswith("landfast.openlineage.")]:
        monkeypatch.delitem(sys.modules, name)
    for name in [name for name in sys.modules if name.partition(".")[0] == "openlineage"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [_Absent(), *sys.meta_path])
    assert "pip install 'landfast[openlineage]'" in told(code=17).stderr


class _Absent:
    """Lets nobody import OpenLineage's client."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.partition(".")[0] == "openlineage":
            raise ModuleNotFoundError("No module named 'openlineage'", name="openlineage")
