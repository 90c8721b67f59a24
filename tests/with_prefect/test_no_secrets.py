"""No password and no key reaches events, stored parameters, states, logs, reports or results."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import landfast
import pytest
from kit.servers.moto import Moto
from landfast.registry.opener import init_registry
from prefect import flow, task
from prefect.settings import PREFECT_LOCAL_STORAGE_PATH
from prefect_aws import AwsCredentials
from prefect_landfast import (
    ARTIFACT_DIGEST,
    LandfastRegistry,
    log_reference,
    materialize_artifact,
    use_artifact,
)

from tests.with_prefect.server import PrefectServer, wait_for

PASSWORD = "plantedpassword1"
KEY = "PLANTEDSECRETKEY2"
PLANTS = (PASSWORD, KEY)
LAST_LINE = "all is said"
# What shows that a search has looked in the right place, where it is not the name of the artifact.
_TELLING = {
    "blocks": "landfast-registry",
    "flow runs": '"broken": "broken"',
    "task runs": "log_reference",
}
# Without those that other tests have scheduled: the server answers two hundred at most.
_NEWEST = {"flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}, "sort": "END_TIME_DESC"}


@pytest.fixture
def blocks(
    prefect_server: PrefectServer, postgres_url: str, s3: Moto, tmp_path: Path
) -> Iterator[None]:
    """A registry with a password, one that does not answer, and storage with a key."""
    assert prefect_server.api
    init_registry(postgres_url, store_url=str(tmp_path / "store"))
    AwsCredentials(
        aws_access_key_id="AKIAPLANTED",
        aws_secret_access_key=KEY,
        region_name=s3.region,
        aws_client_parameters={"endpoint_url": s3.url},
    ).save("secret", overwrite=True)
    credentials = {"s3://raw/": "aws-credentials/secret"}
    user, _, place = postgres_url.removeprefix("postgresql://").partition("@")
    for name, url in {
        "secret": f"postgresql://{user}:{PASSWORD}@{place}",
        "broken": f"postgresql://{user}:{PASSWORD}@127.0.0.1:1/landfast",
    }.items():
        LandfastRegistry(url=url, storage_credentials=credentials).save(name, overwrite=True)
    s3.client.create_bucket(Bucket="raw")
    s3.put("raw", "flowers/a", b"rose")
    yield
    for name in ("secret", "broken"):
        LandfastRegistry.delete(name)


def _telling(kind: str) -> str:
    return _TELLING.get(kind, "secretive")


def everything(prefect_server: PrefectServer, since: datetime) -> dict[str, str]:
    """Return what Prefect keeps, newest first, as text."""
    found: dict[str, Any] = {
        "events": _all_events(prefect_server, since),
        "flow runs": prefect_server.post("/flow_runs/filter", dict(_NEWEST)),
        "task runs": prefect_server.post("/task_runs/filter", {"sort": "END_TIME_DESC"}),
        "reports": prefect_server.post("/artifacts/filter"),
        "logs": prefect_server.post("/logs/filter", {"sort": "TIMESTAMP_DESC"}),
        "blocks": prefect_server.post("/block_documents/filter"),
    }
    texts = {kind: json.dumps(rows) for kind, rows in found.items()}
    results = Path(PREFECT_LOCAL_STORAGE_PATH.value()).rglob("*")
    texts["results"] = "".join(_readable(path) for path in results if path.is_file())
    return texts


def _readable(result: Path) -> str:
    """Return a stored result with what is packed in it: a pickle, in base64, in JSON."""
    text = result.read_text("latin-1")
    packed = re.findall(r'"result":\s*"([A-Za-z0-9+/=\\n]+)"', text)
    return text + "".join(
        base64.b64decode(each.replace("\\n", "")).decode("latin-1") for each in packed
    )


def _all_events(prefect_server: PrefectServer, since: datetime) -> list[Any]:
    chosen = {"occurred": {"since": since.isoformat()}}
    page = prefect_server.post("/events/filter", {"filter": chosen, "limit": 50})
    events = list(page["events"])
    while page.get("next_page"):
        page = prefect_server.get(page["next_page"].removeprefix(prefect_server.api))
        events += page["events"]
    return events


@pytest.mark.system
@pytest.mark.usefixtures("blocks")
def test_no_secret_reaches_what_prefect_keeps(
    prefect_server: PrefectServer, tmp_path: Path
) -> None:
    @task(cache_policy=ARTIFACT_DIGEST, persist_result=True)
    def keep(data: landfast.ArtifactVersion) -> landfast.ArtifactVersion:
        return data

    @materialize_artifact("vision/copies", "s3://raw/flowers/", registry="secret")
    def build(data: landfast.ArtifactVersion) -> None: ...

    @flow(log_prints=True, persist_result=True)
    def secretive(registry: str, broken: str) -> landfast.ArtifactVersion:
        logged = log_reference("vision/secretive", "s3://raw/flowers/", registry=registry)
        build(keep(use_artifact(logged, registry=registry)))
        with suppress(landfast.LandfastError):
            log_reference("flowers", "s3://raw/flowers/", registry=broken)
        with suppress(landfast.LandfastError):
            log_reference("flowers", "s3://raw/nothing/", registry=registry)
        print(LandfastRegistry.load(registry), logged)
        print(LAST_LINE)
        return logged

    since = datetime.now(UTC) - timedelta(minutes=2)
    secretive("secret", "broken")
    said = wait_for(
        "the last line of the log, the last event, and in each place what shows that it is the right one",
        lambda: (
            (found := everything(prefect_server, since))["logs"].count(LAST_LINE)
            and "prefect.asset.materialization.succeeded" in found["events"]
            and all(_telling(kind) in text for kind, text in found.items())
            and found
        ),
    )
    for kind, text in said.items():
        assert not [plant for plant in PLANTS if plant in text], kind
        # Where these are not, the search has looked in the wrong place.
        assert _telling(kind) in text, kind
    assert "127.0.0.1:1" in said["logs"], "the broken registry is named, without its password"
