"""One resource: the registry, the credentials, and in whose name things are logged."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import dagster as dg
import landfast
import pytest
from dagster_aws.s3 import S3Resource
from dagster_landfast import LandfastReferenceIOManager, LandfastResource, Reference

from tests.with_dagster import pipeline_job
from tests.with_dagster.running import asset, materialize

Data = Callable[..., Path]


def test_without_arguments_everything_comes_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/r.db"
    monkeypatch.setenv("LANDFAST_REGISTRY_URL", url)
    monkeypatch.setenv("LANDFAST_PROJECT", "vision")
    client = LandfastResource().client
    assert (client.display_url, client.settings.project) == (url, "vision")


def test_nothing_is_opened_before_it_is_needed(tmp_path: Path) -> None:
    resource = LandfastResource(registry_url=f"sqlite:///{tmp_path}/r.db")
    dg.Definitions(resources={"registry": resource, "io": LandfastReferenceIOManager()})
    assert resource.client.settings.project == "uncategorized"
    assert not (tmp_path / "r.db").exists()
    resource.client.begin_run()
    assert (tmp_path / "r.db").exists()


def test_fields_win_over_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: Data
) -> None:
    monkeypatch.setenv("LANDFAST_PROJECT", "environment")
    monkeypatch.setenv("LANDFAST_MAX_OBJECTS", "100")
    resource = LandfastResource(
        registry_url=f"sqlite:///{tmp_path}/r.db", entity="team", project="vision", max_objects=1
    )
    assert resource.client.log("raw", data("raw", a="1")).qualified_name == "team/vision/raw:v0"
    with pytest.raises(landfast.LimitExceeded):
        resource.client.log("raw", data("raw", a="1", b="2"))


def test_environment_variables_are_read_where_the_run_is(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: Data
) -> None:
    place = data("raw", a="1")
    raw = asset(lambda: Reference(place), name="raw")
    resource = LandfastResource(registry_url=dg.EnvVar("REGISTRY"), project=dg.EnvVar("PROJECT"))
    url = f"sqlite:///{tmp_path}/r.db"
    monkeypatch.setenv("REGISTRY", url)
    monkeypatch.setenv("PROJECT", "vision")
    io = LandfastReferenceIOManager(landfast=resource)
    dg.materialize([raw], instance=instance, resources={"io": io})
    assert landfast.Client(url).get("vision/raw").version == "v0"


def test_an_alias_is_promoted(data: Data) -> None:
    resource = LandfastResource()
    resource.client.log("raw", data("raw", a="1"))
    assert resource.promote("raw:v0", "prod").aliases == ("latest", "prod")
    assert resource.client.get("raw:prod").version == "v0"


def test_the_page_of_a_version_is_linked_where_there_are_pages(data: Data) -> None:
    resource = LandfastResource(ui_url="https://landfast.example")
    version = resource.client.log("raw", data("raw", a="1"), partition="eu/west")
    expected = "https://landfast.example/default/uncategorized/raw?version=v0&partition=eu%2Fwest"
    assert resource.url_of(version) == expected
    assert LandfastResource().url_of(version) is None


# -- pickling and secrets ---------------------------------------------------------------------


def test_an_opened_resource_of_a_run_pickles(
    instance: dg.DagsterInstance, tmp_path: Path, data: Data
) -> None:
    place = data("raw", a="1")
    sent: list[bytes] = []

    @dg.asset
    def raw(context: dg.AssetExecutionContext, registry: LandfastResource) -> None:
        registry.for_context(context).log("raw", place)
        sent.append(pickle.dumps(registry))

    url = f"sqlite:///{tmp_path}/r.db"
    resource = LandfastResource(
        registry_url=url,
        project="vision",
        storage_options={"s3://b/": {"anonymous": True}},
        s3=S3Resource(region_name="eu-west-1"),
        clients={"s3://other/": S3Resource(profile_name="other")},
    )
    materialize([raw], instance, resources={"registry": resource})
    received = pickle.loads(sent[0])
    assert received.client.get("raw").version == "v0"
    assert received.storage_options == resource.storage_options
    assert received.s3.region_name == "eu-west-1"
    assert received.clients["s3://other/"].profile_name == "other"


def test_a_password_is_neither_pickled_nor_shown() -> None:
    resource = LandfastResource(registry_url="postgresql://ann:hunter2@db/landfast")
    assert b"hunter2" not in pickle.dumps(resource)
    assert "hunter2" not in f"{resource!r} {resource}"
    assert pickle.loads(pickle.dumps(resource)).registry_url is None


def test_explicit_keys_are_not_sent_to_another_process() -> None:
    s3 = S3Resource(aws_access_key_id="k", aws_secret_access_key="s3cr3t")
    for resource in (LandfastResource(s3=s3), LandfastResource(clients={"s3://b/": s3})):
        with pytest.raises(landfast.InvalidInput, match="S3Resource with explicit keys") as raised:
            pickle.dumps(resource)
        assert "s3cr3t" not in str(raised.value)
        with pytest.raises(landfast.InvalidInput, match="explicit keys"):
            pickle.dumps(resource.client)


def test_a_version_is_read_on_in_a_process_without_the_environment(
    tmp_path: Path, data: Data
) -> None:
    resource = LandfastResource(
        registry_url=f"sqlite:///{tmp_path}/r.db",
        s3=S3Resource(aws_access_key_id="k", aws_secret_access_key="s3cr3t"),
    )
    version = resource.client.log("raw", data("raw", a="1"))
    sent = [pickle.dumps(version) for _ in range(2)]
    assert b"s3cr3t" not in sent[0]
    received = [pickle.loads(each) for each in sent]
    assert [[entry.path for entry in each.entries()] for each in received] == [["a"], ["a"]]
    assert received[0].context is received[1].context


# -- credentials ------------------------------------------------------------------------------


def test_credentials_of_an_s3_resource_are_used(
    s3: Any, monkeypatch: pytest.MonkeyPatch, instance: dg.DagsterInstance
) -> None:
    bucket = s3.bucket("Enabled")
    version_id = s3.put(bucket, "raw/a", b"1")
    for name in s3.environment():
        monkeypatch.delenv(name)
    monkeypatch.setenv("THEIR_SECRET", s3.secret_key)
    resource = LandfastResource(
        s3=S3Resource(
            endpoint_url=s3.url,
            region_name=s3.region,
            aws_access_key_id=s3.access_key,
            aws_secret_access_key=dg.EnvVar("THEIR_SECRET"),
        )
    )
    raw = asset(lambda: Reference(f"s3://{bucket}/raw/"), name="raw")
    io = LandfastReferenceIOManager(landfast=resource)
    dg.materialize([raw], instance=instance, resources={"io": io})
    (entry,) = landfast.Client().get("raw").entries()
    assert entry.version_id == version_id


def test_credentials_of_a_gcs_resource_are_used(gcs: Any, data: Data) -> None:
    from dagster_gcp.gcs import GCSResource  # warns of some versions of Python

    bucket = gcs.bucket(versioning=True)
    gcs.put(bucket, "raw/a", b"1")
    made: list[Any] = []

    class Counted(GCSResource):
        def get_client(self) -> Any:
            made.append(self)
            return gcs.client

    version = LandfastResource(gcs=Counted(project="test")).client.log("raw", f"gs://{bucket}/raw/")
    assert version.file_count == 1
    assert made


def test_the_longest_prefix_decides_whose_credentials(s3: Any) -> None:
    ours, theirs = s3.bucket(), s3.bucket()
    for bucket in (ours, theirs):
        s3.put(bucket, "data/a", b"1")
    used: list[str] = []

    class Named(S3Resource):
        name: str = ""

        def get_client(self) -> Any:
            used.append(self.name)
            return super().get_client()

    resource = LandfastResource(
        s3=Named(name="all"), clients={f"s3://{theirs}/": Named(name="theirs")}
    )
    resource.client.log("one", f"s3://{ours}/data/")
    resource.client.log("two", f"s3://{theirs}/data/")
    assert used == ["all", "theirs"]


def test_environment_variables_in_credentials_by_prefix_are_read(
    s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = s3.bucket()
    s3.put(bucket, "data/a", b"1")
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3")
    monkeypatch.setenv("THEIR_ENDPOINT", s3.url)
    clients = {"s3://": S3Resource(endpoint_url=dg.EnvVar("THEIR_ENDPOINT"))}
    version = LandfastResource(clients=clients).client.log("one", f"s3://{bucket}/data/")
    assert version.sources[0].endpoint == s3.url


def test_a_client_itself_is_taken_too(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = s3.bucket()
    s3.put(bucket, "data/a", b"1")
    made = boto3.client("s3")
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3")
    version = LandfastResource(clients={"s3://": made}).client.log("one", f"s3://{bucket}/data/")
    assert version.file_count == 1


def test_options_by_prefix_are_used(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = s3.bucket()
    s3.put(bucket, "data/a", b"1")
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3")
    options = {f"s3://{bucket}/": {"endpoint": s3.url}}
    version = LandfastResource(storage_options=options).client.log("one", f"s3://{bucket}/data/")
    assert version.sources[0].endpoint == s3.url


def test_a_name_that_is_no_prefix_is_refused() -> None:
    with pytest.raises(landfast.InvalidInput, match=r"'bucket'.*s3://team-b/"):
        assert LandfastResource(clients={"bucket": S3Resource()}).client


# -- the implicit registry --------------------------------------------------------------------


@pytest.fixture
def run_elsewhere(data: Data, monkeypatch: pytest.MonkeyPatch) -> Callable[..., bool]:
    monkeypatch.setenv("LANDFAST_PIPELINE", str(data("raw", a="1")))

    def run(instance: dg.DagsterInstance, url: str = "") -> bool:
        monkeypatch.setenv("LANDFAST_PIPELINE_REGISTRY", url)
        job = dg.reconstructable(pipeline_job.elsewhere)
        with dg.execute_job(job, instance=instance, raise_on_error=True) as result:
            return result.success

    return run


def test_the_registry_that_nobody_chose_is_refused_where_steps_run_elsewhere(
    disk_instance: dg.DagsterInstance, run_elsewhere: Callable[..., bool]
) -> None:
    with pytest.raises(landfast.InvalidInput, match=r"LANDFAST_REGISTRY_URL.*LANDFAST_ALLOW_LOCAL"):
        run_elsewhere(disk_instance)
    assert not list(Path.home().rglob("registry.db"))


def test_a_registry_that_somebody_chose_is_used_where_steps_run_elsewhere(
    disk_instance: dg.DagsterInstance, run_elsewhere: Callable[..., bool], tmp_path: Path
) -> None:
    assert run_elsewhere(disk_instance, url=f"sqlite:///{tmp_path}/r.db")


def test_the_registry_that_nobody_chose_may_be_allowed(
    disk_instance: dg.DagsterInstance,
    run_elsewhere: Callable[..., bool],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LANDFAST_ALLOW_LOCAL", "1")
    assert run_elsewhere(disk_instance)


def test_a_context_outside_a_run_gets_a_run_of_its_own(data: Data) -> None:
    client = LandfastResource().for_context(dg.build_op_context())
    version = client.log("raw", data("raw", a="1"))
    run = version.logged_by()
    assert run is not None
    assert run.key.system == "script"
