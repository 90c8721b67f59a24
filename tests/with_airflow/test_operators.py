"""The operators: what each hands to the next, announces, and leaves in the registry."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import landfast
import pendulum
import pytest
from landfast.registry.opener import init_registry
from landfast_provider import artifact_asset
from landfast_provider.assets import outlets_of

CORPUS = artifact_asset("nlp/corpus")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.txt").write_text("A")
    return folder


def add_snapshot(airflow: Any, uri: str, more: str = "", after: str = "") -> None:
    """Add a DAG whose first task is a snapshot."""
    airflow.add(f"""
        from airflow.sdk import DAG
        from landfast_provider.operators import *

        with DAG("d", schedule=None) as d:
            snapshot = LandfastSnapshotOperator(
                task_id="snapshot", artifact="nlp/corpus", uri={uri!r}, {more}
            )
            {after}
    """)


def told(airflow: Any) -> list[str]:
    return [extra["version"] for extra in airflow.events(CORPUS)]


def test_the_output_of_one_operator_feeds_the_next(
    airflow: Any, data: Path, tmp_path: Path
) -> None:
    root = tmp_path / "mounted"
    add_snapshot(
        airflow,
        str(data),
        after=f"""
            verify = LandfastVerifyOperator(task_id="verify", artifact=snapshot.output)
            promote = LandfastPromoteOperator(
                task_id="promote", artifact=verify.output, alias="{{{{ params.alias }}}}",
                params={{"alias": "prod"}},
            )
            LandfastDownloadOperator(
                task_id="download", artifact=promote.output, root={str(root)!r}
            )
        """,
    )
    run = airflow.run("d")
    assert set(airflow.states(run).values()) == {"success"}
    uri = "landfast://default/nlp/corpus?version=v0"
    for task_id in ("snapshot", "verify", "promote"):
        assert airflow.xcom(run, task_id) == uri
    assert airflow.xcom(run, "verify", "report")["ok"] is True
    assert Path(airflow.xcom(run, "download"), "a.txt").read_text() == "A"
    assert set(airflow.client.get("nlp/corpus:prod").aliases) == {"latest", "prod"}
    (reader,) = airflow.client.used_by(uri)
    assert reader.key.node == "download"


def test_a_version_that_drifted_fails_the_verification_and_what_follows_it(
    airflow: Any, data: Path
) -> None:
    airflow.client.log("nlp/corpus", str(data))
    (data / "a.txt").write_text("overwritten")
    airflow.add("""
        from airflow.sdk import DAG
        from landfast_provider.operators import *

        with DAG("d", schedule=None) as d:
            verify = LandfastVerifyOperator(task_id="verify", artifact="nlp/corpus:latest")
            LandfastPromoteOperator(task_id="promote", artifact=verify.output, alias="prod")
            LandfastVerifyOperator(
                task_id="report", artifact="nlp/corpus:latest", fail_on="never"
            )
    """)
    run = airflow.run("d")
    assert airflow.states(run) == {
        "verify": "failed",
        "promote": "upstream_failed",
        "report": "success",
    }
    report = airflow.xcom(run, "report", "report")
    assert (report["ok"], report["worst"]) == (False, "changed")


@pytest.mark.parametrize(
    ("on_unchanged", "state", "events", "following"),
    [
        ("no_event", "success", ["v0"], "success"),
        ("event", "success", ["v0", "v0"], "success"),
        ("skip", "skipped", ["v0"], "skipped"),
    ],
)
def test_unchanged_content_is_met_as_it_was_asked_for(
    airflow: Any, data: Path, on_unchanged: str, state: str, events: list[str], following: str
) -> None:
    add_snapshot(
        airflow,
        str(data),
        more=f"on_unchanged={on_unchanged!r}",
        after="""
            LandfastVerifyOperator(task_id="next", artifact=snapshot.output)
        """,
    )
    assert set(airflow.states(airflow.run("d")).values()) == {"success"}
    assert airflow.states(airflow.run("d")) == {"snapshot": state, "next": following}
    assert told(airflow) == events


def test_clearing_a_succeeded_snapshot_looks_again_and_announces_only_what_changed(
    airflow: Any, data: Path
) -> None:
    add_snapshot(airflow, str(data))
    run = airflow.run("d")
    airflow.clear("d", run.run_id, "snapshot")
    assert told(airflow) == ["v0"]
    assert len(airflow.client.history("nlp/corpus")) == 2
    (data / "a.txt").write_text("B")
    airflow.clear("d", run.run_id, "snapshot")
    assert told(airflow) == ["v0", "v1"]
    (logger,) = {record.key for record in airflow.client.runs()}
    assert logger.run_id == f"d/{run.run_id}"


def test_a_backfilled_partition_moves_no_other_latest(airflow: Any, data: Path) -> None:
    for day in ("2026-05-01", "2026-06-01"):
        (data / day).mkdir()
        (data / day / "a.txt").write_text(day)
    add_snapshot(airflow, f"{data}/{{{{ ds }}}}/", more='partition="{{ ds }}"')
    airflow.run("d", logical_date=pendulum.datetime(2026, 6, 1))
    june = airflow.client.get("nlp/corpus~2026-06-01")
    airflow.run("d", logical_date=pendulum.datetime(2026, 5, 1))
    latest = airflow.client.partitions("nlp/corpus")
    assert set(latest) == {"2026-05-01", "2026-06-01"}
    assert latest["2026-06-01"] == june
    assert [extra["partition"] for extra in airflow.events(CORPUS)] == ["2026-06-01", "2026-05-01"]
    assert airflow.events(CORPUS)[1]["uri"] == latest["2026-05-01"].uri


def test_what_somebody_else_logged_is_announced_by_the_next_snapshot(
    airflow: Any, data: Path
) -> None:
    airflow.client.log("nlp/corpus", str(data))
    add_snapshot(airflow, str(data))
    airflow.run("d")
    assert told(airflow) == ["v0"]
    airflow.run("d")
    assert told(airflow) == ["v0"]


def test_a_snapshot_reads_s3_with_an_aws_connection_and_leaves_no_secret(
    airflow: Any, moto_server: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> None:
    bucket = moto_server.bucket("Enabled")
    moto_server.put(bucket, "corpus/a.txt", b"one")
    connection = {
        "conn_type": "aws",
        "login": moto_server.access_key,
        "password": moto_server.secret_key,
        "extra": {"endpoint_url": moto_server.url, "region_name": moto_server.region},
    }
    monkeypatch.setenv("AIRFLOW_CONN_S3_SERVER", json.dumps(connection))
    add_snapshot(airflow, f"s3://{bucket}/corpus/", more='aws_conn_id="s3_server"')
    run = airflow.run("d")
    assert airflow.states(run) == {"snapshot": "success"}
    version = airflow.client.get("nlp/corpus")
    assert version.get_entry("a.txt").version_id
    assert version.sources[0].endpoint == moto_server.url
    (event,) = airflow.events(CORPUS)
    said = json.dumps([airflow.xcom(run, "snapshot"), event, version.to_dict()])
    out, err = capfd.readouterr()
    assert moto_server.secret_key not in said + out + err
    moto_server.reset()


def test_a_rule_that_removes_what_was_recorded_too_soon_fails_the_task(
    airflow: Any, s3: Any
) -> None:
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "corpus/a.txt", b"one")
    version = airflow.client.log("nlp/corpus", f"s3://{bucket}/corpus/")
    s3.put(bucket, "corpus/a.txt", b"two")
    s3.expire_overwritten(bucket, 14)
    airflow.add("""
        from datetime import timedelta
        from airflow.sdk import DAG
        from landfast_provider.operators import LandfastRetentionOperator

        with DAG("d", schedule=None):
            for days in (7, 30):
                LandfastRetentionOperator(
                    task_id=f"stays_{days}", artifact="nlp/corpus:v0", within=timedelta(days=days)
                )
    """)
    run = airflow.run("d")
    assert airflow.states(run) == {"stays_7": "success", "stays_30": "failed"}
    assert airflow.xcom(run, "stays_7") == version.uri
    report = airflow.xcom(run, "stays_30", "report")
    assert (report["ok"], report["due"], report["rules"][0]["rule"]) == (False, 1, "tidy")
    assert report["rules"][0]["prevented_by"] == "set Status of the rule 'tidy' to Disabled"


def test_the_password_of_the_registry_is_nowhere_to_be_read(
    airflow: Any,
    data: Path,
    tmp_path: Path,
    postgres_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture,
    caplog: pytest.LogCaptureFixture,
) -> None:
    parts = urlsplit(postgres_url)
    word = parts.password or "for-this-test-only"
    url = f"postgresql://{parts.username}:{word}@{parts.hostname}:{parts.port}{parts.path}"
    init_registry(url, store_url=f"file://{tmp_path / 'store'}")
    connection = {"conn_type": "landfast", "password": url}
    monkeypatch.setenv("AIRFLOW_CONN_LANDFAST_DEFAULT", json.dumps(connection))
    add_snapshot(
        airflow,
        str(data),
        after="""
            LandfastVerifyOperator(task_id="verify", artifact=snapshot.output)
            LandfastPromoteOperator(task_id="fails", artifact="nlp/missing:latest", alias="prod")
        """,
    )
    run = airflow.run("d")
    assert airflow.states(run) == {"snapshot": "success", "verify": "success", "fails": "failed"}
    assert landfast.Client(url).get("nlp/corpus").version == "v0"
    out, err = capfd.readouterr()
    assert "nlp/missing" in out + err + caplog.text
    kept = (airflow.dags.parent / "airflow.db").read_bytes()
    for text in (out, err, caplog.text, kept.decode("latin-1")):
        assert word not in text


def test_no_thread_of_a_scan_outlives_the_task(airflow: Any, data: Path) -> None:
    from unittest.mock import MagicMock

    from landfast_provider.operators import LandfastSnapshotOperator

    operator = LandfastSnapshotOperator(task_id="s", artifact="nlp/corpus", uri=str(data))
    ti = MagicMock(
        dag_id="d",
        run_id="r",
        task_id="s",
        map_index=-1,
        try_number=1,
        log_url="http://x/",
        task=operator,
    )
    before = set(threading.enumerate())
    operator.execute({"ti": ti, "outlet_events": MagicMock()})
    assert set(threading.enumerate()) <= before


def test_the_asset_of_a_snapshot_is_no_outlet_of_its_own() -> None:
    from landfast_provider.operators import LandfastSnapshotOperator

    with pytest.raises(landfast.InvalidInput, match="among the outlets of its own snapshot"):
        LandfastSnapshotOperator(task_id="s", artifact=CORPUS, uri="s3://b/c/", outlets=[CORPUS])
    made = LandfastSnapshotOperator(
        task_id="s", artifact=CORPUS, uri="s3://b/c/", outlets=[CORPUS.on_change]
    )
    assert made.outlets == outlets_of(CORPUS)


def test_mapped_snapshots_announce_each_change(airflow: Any, data: Path) -> None:
    for key in ("de", "at"):
        (data / key).mkdir()
        (data / key / "a.txt").write_text(key)
    airflow.add(f"""
        from airflow.sdk import DAG
        from landfast_provider.operators import LandfastPromoteOperator, LandfastSnapshotOperator

        with DAG("d", schedule=None) as d:
            snapshots = LandfastSnapshotOperator.partial(
                task_id="snapshot", artifact="nlp/corpus"
            ).expand_kwargs(
                [dict(uri={str(data)!r} + "/" + key, partition=key) for key in ("de", "at")]
            )
            LandfastPromoteOperator.partial(task_id="promote", alias="prod").expand(
                artifact=snapshots.output
            )
    """)
    run = airflow.run("d")
    assert set(airflow.states(run).values()) == {"success"}
    assert {extra["partition"] for extra in airflow.events(CORPUS)} == {"de", "at"}
    found = airflow.client.partitions("nlp/corpus")
    assert set(found) == {"de", "at"}
    assert all("prod" in version.aliases for version in found.values())


def test_a_template_is_not_looked_at_before_it_is_rendered() -> None:
    from landfast_provider.operators import (
        LandfastDownloadOperator,
        LandfastPromoteOperator,
        LandfastVerifyOperator,
    )

    broken = "{{ not closed"
    LandfastDownloadOperator(task_id="a", artifact=broken, root=broken)
    LandfastVerifyOperator(task_id="b", artifact=broken)
    LandfastPromoteOperator(task_id="c", artifact=broken, alias=broken)


def test_the_link_leads_to_the_page_of_the_version(
    airflow: Any, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"conn_type": "landfast", "extra": {"ui_url": "https://landfast.example.org/"}}
    monkeypatch.setenv("AIRFLOW_CONN_LANDFAST_DEFAULT", json.dumps(said))
    add_snapshot(airflow, str(data), more='partition="de/at"')
    run = airflow.run("d")
    page = airflow.xcom(run, "snapshot", "_link_LandfastLink")
    assert page == ("https://landfast.example.org/default/nlp/corpus?version=v0&partition=de%2Fat")


def test_a_run_of_the_registry_leads_back_to_the_task(airflow: Any, data: Path) -> None:
    add_snapshot(airflow, str(data))
    run = airflow.run("d")
    (record,) = airflow.client.runs()
    assert record.key == landfast.RunKey(
        system="airflow",
        deployment="https://airflow.example",
        run_id=f"d/{run.run_id}",
        node="snapshot",
    )
    assert record.status is landfast.RunStatus.FINISHED
    assert "/dags/d/runs/" in record.link
    assert record.link.partition("?")[0].endswith("/tasks/snapshot")


def test_a_task_that_fails_leaves_a_failed_run(airflow: Any, tmp_path: Path) -> None:
    add_snapshot(airflow, str(tmp_path / "missing"))
    assert airflow.states(airflow.run("d")) == {"snapshot": "failed"}
    (record,) = airflow.client.runs()
    assert record.status is landfast.RunStatus.FAILED


def test_every_operator_survives_serialization() -> None:
    from airflow.sdk import DAG
    from landfast_provider import operators

    try:
        from airflow.serialization.serialized_objects import DagSerialization as Serialization
    except ImportError:
        from airflow.serialization.serialized_objects import SerializedDAG as Serialization
    with DAG("d", schedule=None) as dag:
        snapshot = operators.LandfastSnapshotOperator(
            task_id="snapshot",
            artifact="nlp/corpus",
            uri=["s3://b/a/", "s3://b/c/"],
            metadata={"from": "{{ ds }}"},
            max_objects=landfast.UNLIMITED,
        )
        operators.LandfastVerifyOperator(task_id="verify", artifact=snapshot.output)
        operators.LandfastPromoteOperator(task_id="promote", artifact="nlp/corpus", alias="prod")
        operators.LandfastDownloadOperator(task_id="download", artifact="nlp/corpus", root="/mnt")
        operators.sharded_snapshot("shards", artifact="nlp/big", uri="s3://b/big/", shards=4)
    read = Serialization.deserialize_dag(Serialization.serialize_dag(dag))
    assert set(read.task_dict) == set(dag.task_dict)
    assert read.task_dict["snapshot"].uri == ["s3://b/a/", "s3://b/c/"]
    assert [inlet.uri for inlet in read.task_dict["promote"].inlets] == [CORPUS.uri]
    assert read.task_dict["promote"].operator_extra_links[0].name == "Landfast"


@pytest.mark.parametrize(
    ("root", "more", "there"),
    [
        ("corpus/{version}", "", ["v0/a.txt", "v1/a.txt"]),
        ("corpus", ", replace=True", ["a.txt"]),
    ],
)
def test_mend_36_a_fixed_root_serves_the_second_version(
    root: str, more: str, there: list[str], airflow: Any, data: Path, tmp_path: Path
) -> None:
    download = f"LandfastDownloadOperator(task_id='get', artifact=snapshot.output, root={str(tmp_path / root)!r}{more})"
    add_snapshot(airflow, str(data), after=download)
    for text in "AB":
        (data / "a.txt").write_text(text)
        assert airflow.run("d").state == "success"
    corpus = tmp_path / "corpus"
    files = [path for path in corpus.rglob("a.txt") if ".landfast" not in path.parts]
    assert sorted(path.relative_to(corpus).as_posix() for path in files) == there
    assert (corpus / there[-1]).read_text() == "B"
