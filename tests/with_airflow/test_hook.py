"""LandfastHook: which registry a connection names, with whose credentials."""

from __future__ import annotations

import asyncio
import itertools
import json
import pickle
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import landfast
import pytest
from airflow.sdk import BaseHook
from asgiref.sync import SyncToAsync
from landfast.registry.opener import init_registry
from landfast_provider.hooks import fields
from landfast_provider.hooks.credentials import AwsClients, GoogleClients
from landfast_provider.hooks.landfast import LandfastHook
from landfast_provider.hooks.local_registry import configured_executors
from landfast_provider.version_compat import AirflowNotFoundException


def connect(monkeypatch: pytest.MonkeyPatch, name: str, **said: Any) -> None:
    """Make a connection, as a deployment would by environment variable."""
    said.setdefault("conn_type", "landfast")
    monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(said))


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'connected.db'}"


def test_the_connection_names_the_registry(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    connect(monkeypatch, "landfast_default", password=url)
    monkeypatch.setenv("LANDFAST_REGISTRY_URL", "sqlite:////nowhere/else.db")
    assert LandfastHook().get_conn().display_url == url


def test_without_a_connection_the_environment_names_the_registry(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("LANDFAST_REGISTRY_URL", url)
    assert LandfastHook().get_conn().display_url == url


def test_a_connection_without_a_registry_leaves_it_to_the_environment(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    connect(monkeypatch, "landfast_default", extra={"ui_url": "https://landfast.example.org"})
    monkeypatch.setenv("LANDFAST_REGISTRY_URL", url)
    hook = LandfastHook()
    assert hook.get_conn().display_url == url
    assert hook.fields().ui_url == "https://landfast.example.org"


def test_a_named_connection_that_does_not_exist_is_an_error(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("LANDFAST_REGISTRY_URL", url)
    with pytest.raises(AirflowNotFoundException, match="missing"):
        LandfastHook("missing").get_conn()


def test_an_extra_that_means_nothing_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    connect(monkeypatch, "landfast_default", extra={"registry_url": url})
    with pytest.raises(landfast.InvalidInput, match=r"registry_url.*password field"):
        LandfastHook().get_conn()


def test_a_connection_of_another_type_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    connect(monkeypatch, "other", conn_type="http", password=url)
    with pytest.raises(landfast.InvalidInput, match="expected landfast, found http"):
        LandfastHook("other").get_conn()


def test_a_registry_that_is_named_twice_is_refused(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    connect(monkeypatch, "landfast_default", password=url, extra={"postgres_conn_id": "pg"})
    with pytest.raises(landfast.Conflict, match="names the registry twice"):
        LandfastHook().get_conn()


def test_an_existing_postgres_connection_is_the_registry(
    monkeypatch: pytest.MonkeyPatch, postgres_url: str, tmp_path: Path
) -> None:
    init_registry(postgres_url, store_url=f"file://{tmp_path / 'store'}")
    (tmp_path / "a.txt").write_text("one")
    parts = urlsplit(postgres_url)
    connect(
        monkeypatch,
        "pg",
        conn_type="postgres",
        host=parts.hostname,
        port=parts.port,
        login=parts.username,
        password=parts.password,
        schema=parts.path.strip("/"),
    )
    connect(monkeypatch, "landfast_default", extra={"postgres_conn_id": "pg"})
    assert LandfastHook().get_conn().log("a", tmp_path / "a.txt").version == "v0"
    assert landfast.Client(postgres_url).get("a").version == "v0"


def test_a_postgres_connection_is_written_as_a_url_with_its_odd_characters() -> None:
    from airflow.sdk import Connection

    found = Connection(
        conn_id="pg",
        conn_type="postgres",
        host="db.example.org",
        login="al@ice",
        password="p/w:1",
        schema="land fast",
        extra=json.dumps({"sslmode": "require", "cursor": "dictcursor"}),
    )
    url = fields.postgres_url(found)
    assert url == "postgresql://al%40ice:p%2Fw%3A1@db.example.org/land%20fast?sslmode=require"


def test_the_test_button_opens_the_registry(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    landfast.Client(url).init_registry()
    connect(monkeypatch, "landfast_default", password=url)
    assert LandfastHook().test_connection()[0] is True
    connect(monkeypatch, "landfast_default", password="postgresql://u:secret-word@127.0.0.1:9/x")
    ok, message = LandfastHook().test_connection()
    assert ok is False
    assert "127.0.0.1" in message
    assert "secret-word" not in message


def test_a_trigger_asks_airflow_only_in_threads_that_its_loop_answers(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    connect(monkeypatch, "landfast_default", password=url, extra={"aws_conn_id": "s3_server"})
    connect(monkeypatch, "s3_server", conn_type="aws", login="KEY", password="word")
    asked: dict[str, list[Any]] = {}
    find = LandfastHook.get_connection.__func__  # type: ignore[attr-defined]

    def get_connection(cls: type[Any], conn_id: str) -> Any:
        loop = getattr(SyncToAsync.threadlocal, "main_event_loop", None)
        asked.setdefault(conn_id, []).append((threading.current_thread(), loop))
        return find(cls, conn_id)

    monkeypatch.setattr(BaseHook, "get_connection", classmethod(get_connection))

    async def trigger() -> tuple[asyncio.AbstractEventLoop, str]:
        hook = LandfastHook()
        client = await hook.aget_client()
        assert client.display_url == url
        make = hook._factories(hook.fields())["s3"]
        # A thread of a scan, which asgiref knows nothing of, is the first to need a client.
        made = await asyncio.to_thread(make)
        client.close()
        return asyncio.get_running_loop(), made._request_signer._credentials.access_key

    loop, key = asyncio.run(trigger())
    assert key == "KEY"
    assert set(asked) == {"landfast_default", "s3_server"}
    for thread, its_loop in itertools.chain(*asked.values()):
        assert thread is not threading.main_thread()
        assert its_loop is loop


# -- the registry that nobody named ---------------------------------------------------------------


def test_tasks_of_one_machine_share_the_embedded_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "LocalExecutor")
    assert LandfastHook().get_conn().display_url.startswith("sqlite:///")


@pytest.mark.parametrize(
    "executor",
    [
        "CeleryExecutor",
        "LocalExecutor,KubernetesExecutor",
        "airflow.providers.celery.executors.celery_executor.CeleryExecutor",
    ],
)
def test_workers_on_several_machines_do_not_get_an_embedded_registry_each(
    monkeypatch: pytest.MonkeyPatch, executor: str, url: str
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", executor)
    with pytest.raises(landfast.InvalidInput, match="LANDFAST_REGISTRY_URL"):
        LandfastHook().get_conn()
    monkeypatch.setenv("LANDFAST_ALLOW_LOCAL", "1")
    assert LandfastHook().get_conn().display_url.startswith("sqlite:///")
    monkeypatch.delenv("LANDFAST_ALLOW_LOCAL")
    monkeypatch.setenv("LANDFAST_REGISTRY_URL", url)
    assert LandfastHook().get_conn().display_url == url


def test_executors_are_read_in_all_their_spellings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "AIRFLOW__CORE__EXECUTOR",
        "LocalExecutor,k8s:my.module.KubernetesExecutor;team=CeleryExecutor",
    )
    assert configured_executors() == ["LocalExecutor", "KubernetesExecutor", "CeleryExecutor"]


# -- credentials ----------------------------------------------------------------------------------


@pytest.fixture
def s3_server(moto_server: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An S3 server that only the connection `s3_server` knows: the environment does not."""
    connect(
        monkeypatch,
        "s3_server",
        conn_type="aws",
        login=moto_server.access_key,
        password=moto_server.secret_key,
        extra={"endpoint_url": moto_server.url, "region_name": moto_server.region},
    )
    yield moto_server
    moto_server.reset()


def test_data_and_manifests_are_read_with_the_aws_connection(
    s3_server: Any, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    data, store = s3_server.bucket("Enabled"), s3_server.bucket()
    s3_server.put(data, "corpus/a.txt", b"one")
    for name, value in s3_server.environment().items():
        monkeypatch.setenv(name, value)
    init_registry(url, store_url=f"s3://{store}/manifests")
    for name in s3_server.environment():
        monkeypatch.delenv(name)
    connect(monkeypatch, "landfast_default", password=url, extra={"aws_conn_id": "s3_server"})
    version = LandfastHook().get_conn().log("corpus", f"s3://{data}/corpus/")
    with version.open("a.txt") as file:
        assert file.read() == b"one"
    kept = s3_server.client.list_objects_v2(Bucket=store).get("Contents", [])
    assert any(row["Key"].startswith("manifests/") for row in kept)


def test_an_operators_credentials_do_not_read_the_manifest_store_of_the_connection(
    s3_server: Any, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    connect(monkeypatch, "vendor", conn_type="aws", login="VENDOR", password="word")
    store = s3_server.bucket()
    for name, value in s3_server.environment().items():
        monkeypatch.setenv(name, value)
    init_registry(url, store_url=f"s3://{store}/manifests")
    connect(monkeypatch, "landfast_default", password=url, extra={"aws_conn_id": "s3_server"})
    hook = LandfastHook(aws_conn_id="vendor")
    said = hook.fields()
    factories = {**hook._factories(said), **hook._store_factories(hook.get_conn(), said)}
    assert factories == {
        "s3": AwsClients(aws_conn_id="vendor"),
        f"s3://{store}/manifests/": AwsClients(aws_conn_id="s3_server"),
    }


def test_what_makes_clients_pickles_as_the_id_of_its_connection(s3_server: Any) -> None:
    amazon = AwsClients(aws_conn_id="s3_server")
    assert amazon() is not None
    sent = pickle.dumps(amazon)
    assert s3_server.secret_key.encode() not in sent
    assert pickle.loads(sent) == amazon
    google = GoogleClients(gcp_conn_id="google")
    assert pickle.loads(pickle.dumps(google)) == google


def test_google_data_is_read_with_the_google_connection(
    gcs_server: Any, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    pytest.importorskip(
        "airflow.providers.google", reason="the google provider of that time is not installed"
    )
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs_server.environment()["STORAGE_EMULATOR_HOST"])
    connect(
        monkeypatch,
        "google",
        conn_type="google_cloud_platform",
        extra={"is_anonymous": True, "project": "test"},
    )
    connect(monkeypatch, "landfast_default", password=url, extra={"gcp_conn_id": "google"})
    bucket = gcs_server.bucket()
    gcs_server.put(bucket, "corpus/a.txt", b"one")
    version = LandfastHook().get_conn().log("corpus", f"gs://{bucket}/corpus/")
    with version.open("a.txt") as file:
        assert file.read() == b"one"
    gcs_server.reset()


def test_a_missing_provider_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "airflow.providers.amazon.aws.hooks.s3", None)
    with pytest.raises(landfast.MissingExtra, match=r"airflow-provider-landfast\[amazon\]"):
        AwsClients(aws_conn_id="any")()
