"""Two machines that share a database, a bucket and credentials, and nothing else, understand each other."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from kit.servers.moto import Moto

OBJECTS = {"d/a": b"first", "d/b/c": b"second", "d/empty": b""}

PRODUCER = """
import sys, landfast

place = sys.argv[1]
with landfast.init(project="vision", job_type="produce") as run:
    data = run.log_artifact(place, name="data", type="dataset")
    with open("weights.bin", "wb") as weights:
        weights.write(b"weights of the first run")
    model = landfast.Artifact("model", "model", metadata={"step": 1})
    model.add_file("weights.bin")
    with model.new_file("notes/README.md") as notes:
        notes.write("fine")
    model.add_reference(place + "a", name="trained-on")
    run.use_artifact(data)
    run.log_artifact(model, aliases=["prod"])
"""

CONSUMER = """
import json, landfast
from pathlib import Path

with landfast.init(project="vision", job_type="consume") as run:
    model = run.use_artifact("model:prod")
    folder = Path(model.download())
    files = {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*")
             if p.is_file() and ".landfast" not in p.parts}
    before, now = run.client.get("data:v0"), run.use_artifact("data:latest")
    diff = before.diff(now)
    with now.open("b/c") as stream:
        opened = stream.read().decode()
    print(json.dumps({
        "files": files, "metadata": model.metadata, "folder": str(folder), "opened": opened,
        "added": [row.path for row in diff.added], "unchanged": diff.unchanged,
        "upstream": [str(name) for name in model.lineage().upstream],
        "job_types": sorted(r.job_type for r in [model.logged_by(), *model.used_by()]),
    }))
"""


@pytest.fixture
def shared(s3: Moto, postgres_url: str) -> dict[str, str]:
    """All that the two have in common."""
    return {**s3.environment(), "LANDFAST_REGISTRY_URL": postgres_url}


def answer(done: Any) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_consumer_reads_what_a_producer_logged(
    s3: Moto, shared: dict[str, str], machine: Callable[..., Any]
) -> None:
    bucket, store = s3.bucket("Enabled"), s3.bucket()
    for key, body in OBJECTS.items():
        s3.put(bucket, key, body)
    admin, producer, consumer = (machine(name, **shared) for name in ("admin", "maker", "user"))
    url = shared["LANDFAST_REGISTRY_URL"]
    made = answer(admin.cli("registry", "init", url, "--store", f"s3://{store}/blobs", "--json"))
    assert made["store_url"].startswith(f"s3://{store}/blobs")

    place = f"s3://{bucket}/d/"
    done = producer.python("-c", PRODUCER, place)
    assert done.returncode == 0, done.stderr
    s3.put(bucket, "d/new", b"third")
    answer(producer.cli("put", place, "--name", "vision/data", "--json"))

    seen = answer(consumer.python("-c", CONSUMER))
    assert seen["files"] == {
        "weights.bin": "weights of the first run",
        "notes/README.md": "fine",
        "trained-on": "first",
    }
    assert seen["folder"].startswith(("artifacts", str(consumer.work)))
    assert seen["metadata"] == {"step": 1}
    assert (seen["added"], seen["unchanged"]) == (["new"], 3)
    assert seen["opened"] == "second"
    assert seen["upstream"] == ["default/vision/data:v0"]
    assert seen["job_types"] == ["consume", "produce"]

    got = answer(consumer.cli("get", "vision/data:v0", "--json"))
    assert got["files"] == 3
    target = consumer.work / "artifacts" / "data:v0"
    assert {k: (target / k[2:]).read_bytes() for k in OBJECTS} == OBJECTS
    diff = answer(consumer.cli("diff", "vision/data:v0", "vision/data", "--json"))
    assert "new" in json.dumps(diff)
    assert answer(producer.cli("ls", "vision/model", "--json"))


def test_another_store_than_the_registrys_is_a_conflict(
    s3: Moto, shared: dict[str, str], machine: Callable[..., Any]
) -> None:
    store, url = s3.bucket(), shared["LANDFAST_REGISTRY_URL"]
    admin = machine("admin", **shared)
    answer(admin.cli("registry", "init", url, "--store", f"s3://{store}/blobs", "--json"))
    for agreeing in (f"s3://{store}/blobs", f"s3://{store}/blobs/"):
        assert admin.cli("ls", LANDFAST_STORE_URL=agreeing).returncode == 0
    refused = admin.cli("ls", LANDFAST_STORE_URL=f"s3://{store}/elsewhere")
    assert refused.returncode == 11
    assert f"s3://{store}/blobs" in refused.stderr
    assert "elsewhere" in refused.stderr
    assert "LANDFAST_STORE_URL" in refused.stderr
    again = admin.cli("registry", "init", url, "--store", f"s3://{store}/elsewhere")
    assert again.returncode == 11


def test_postgresql_that_nobody_prepared_names_the_command(
    shared: dict[str, str], machine: Callable[..., Any]
) -> None:
    refused = machine("user", **shared).cli("ls")
    assert refused.returncode == 10
    assert "landfast registry init postgresql://" in refused.stderr
    assert "--store" in refused.stderr
    assert refused.stderr.count("\n") == 1
    storeless = machine("admin", **shared).cli("registry", "init", shared["LANDFAST_REGISTRY_URL"])
    assert storeless.returncode == 2
    assert "--store" in storeless.stderr
