"""What each page takes for granted: buckets with something in them, files, a PostgreSQL."""

from __future__ import annotations

import contextlib
import os
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.docs.reader import Reader

Setup = Callable[[pytest.FixtureRequest, Reader], None]


def files(**texts: str) -> Setup:
    """Write files; `__` in a name is a slash, `_dot_` a dot."""

    def setup(_request: pytest.FixtureRequest, _reader: Reader) -> None:
        for name, text in texts.items():
            path = Path(name.replace("__", "/").replace("_dot_", "."))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    return setup


def bucket(name: str, *keys: str, versioned: bool = True, lock: bool = False) -> Setup:
    """Make a bucket on the S3 server, with an object under every key."""

    def setup(request: pytest.FixtureRequest, reader: Reader) -> None:
        server = request.getfixturevalue("s3")
        more = {"ObjectLockEnabledForBucket": True} if lock else {}
        server.client.create_bucket(Bucket=name, **more)
        if versioned:
            server.set_versioning(name, "Enabled")
        for key in keys:
            server.put(name, key, b"" if key.endswith("/") else f"bytes of {key}".encode())
        reader.words.setdefault("https://minio.example:9000", server.url)

    return setup


def logged(name: str, uri: str) -> Setup:
    """Record a place in the project of the pages."""

    def setup(_request: pytest.FixtureRequest, _reader: Reader) -> None:
        import landfast

        with contextlib.closing(landfast.Client(project="vision")) as client:
            client.log(name, uri)

    return setup


def archive(request: pytest.FixtureRequest, reader: Reader) -> None:
    """Record a prefix of a bucket of which a lifecycle rule has archived a part."""
    import landfast

    server = request.getfixturevalue("s3")
    server.client.create_bucket(Bucket="my-archive")
    server.set_versioning("my-archive", "Enabled")
    for key, storage in (("2018", "DEEP_ARCHIVE"), ("2019", "GLACIER"), ("2020", "STANDARD")):
        server.client.put_object(
            Bucket="my-archive",
            Key=f"scans/{key}.tar",
            Body=f"bytes of scans/{key}.tar, cold".encode(),
            StorageClass=storage,
        )
    with contextlib.closing(landfast.Client(project="vision")) as client:
        client.log("scans", "s3://my-archive/scans/")


def inventory(name: str, of: str) -> Setup:
    """Make a bucket with an S3 Inventory report of another one."""

    def setup(request: pytest.FixtureRequest, _reader: Reader) -> None:
        from tests.core.inventory.inventories import Inventory, rows_of

        server = request.getfixturevalue("s3")
        server.client.create_bucket(Bucket=name)
        Inventory(server=server, bucket=name).deliver(of, rows_of(server, of))

    return setup


def peer(name: str, *places: str) -> Setup:
    """Put back what another tool recorded, and lay some of its files into the working folder."""

    def setup(request: pytest.FixtureRequest, _reader: Reader) -> None:
        from tests.core.migrate.making import restore

        found = restore(name, request.getfixturevalue("s3"), Path(f".{name}-recorded"))
        for place in places:
            (found / place).rename(Path(place).name)

    return setup


def gs_bucket(name: str, *keys: str) -> Setup:
    """Make a bucket on the Cloud Storage server."""

    def setup(request: pytest.FixtureRequest, _reader: Reader) -> None:
        server = request.getfixturevalue("gcs")
        server.bucket(name=name, versioning=True)
        for key in keys:
            server.put(name, key, f"bytes of {key}".encode())

    return setup


def postgres(request: pytest.FixtureRequest, reader: Reader) -> None:
    """Let the made-up host of the pages be a real database."""
    url = request.getfixturevalue("postgres_url")
    address = url.partition("@")[2]
    reader.database = url
    reader.words["postgresql://registry.example/landfast"] = url
    reader.words["@registry.example/landfast"] = f"@{address}"


def web(**texts: str) -> Setup:
    """Let the made-up web server be nginx."""

    def setup(request: pytest.FixtureRequest, reader: Reader) -> None:
        site = request.getfixturevalue("nginx_site")
        for name, text in texts.items():
            site.put(name.replace("_dot_", "."), text.encode(), modified=1_700_000_000)
        reader.words["https://data.example"] = site.url

    return setup


def variables(**values: str) -> Setup:
    """Set environment variables."""

    def setup(_request: pytest.FixtureRequest, reader: Reader) -> None:
        for name, value in values.items():
            reader.monkeypatch.setenv(name, value)

    return setup


def wandb(_request: pytest.FixtureRequest, reader: Reader) -> None:
    """Stand in for wandb, which is not installed: a run with a page, which takes metrics."""

    class Run:
        url = "https://wandb.example/vision/runs/abc123"

        def log(self, metrics: dict[str, Any]) -> None:
            assert metrics

    module = types.ModuleType("wandb")
    module.init = lambda **_: Run()  # type: ignore[attr-defined]
    reader.monkeypatch.setitem(sys.modules, "wandb", module)


def import_here(_request: pytest.FixtureRequest, reader: Reader) -> None:
    """Let a page import the modules that it shows, here and in processes that it starts."""
    reader.monkeypatch.syspath_prepend(os.getcwd())
    reader.monkeypatch.setenv("PYTHONPATH", os.getcwd())


def data_folder(_request: pytest.FixtureRequest, _reader: Reader) -> None:
    """Write a folder of three small files."""
    for path, text in {
        "data/train/a.csv": "1,2\n",
        "data/train/b.csv": "3,4\n",
        "data/labels.csv": "a,b\n",
    }.items():
        os.makedirs(os.path.dirname(path), exist_ok=True)
        Path(path).write_text(text, encoding="utf-8")


def receiver(request: pytest.FixtureRequest, reader: Reader) -> None:
    """Let the made-up receiver of webhooks be a server that takes them."""
    server = request.getfixturevalue("http_script")
    reader.words["https://hooks.example/landfast"] = server.put("/landfast")


def lineage_server(request: pytest.FixtureRequest, reader: Reader) -> None:
    """Let the made-up lineage server be one that takes everything."""
    server = request.getfixturevalue("http_script")
    server.put("/api/v1/lineage")
    reader.words["https://lineage.example"] = server.url


MNIST = tuple(f"datasets/mnist/{path}" for path in ("labels.csv", "train/0.png", "train/1.png"))

FLOWERS = ("flowers/a.jpg", "flowers/thumbnails/a.jpg", "flowers/notes.txt")

WORLDS: dict[str, list[Setup]] = {
    "README.md": [
        bucket("my-bucket", *MNIST, "models/cnn/weights.h5"),
        bucket("team-bucket"),
        postgres,
    ],
    "core/README.md": [bucket("my-bucket", *MNIST)],
    "docs/snapshots.md": [
        bucket("example-bucket", *FLOWERS, "orders/dt=2026-05-01/a.csv"),
        gs_bucket("example-labels", "train/a.txt", "test/a.txt"),
    ],
    "docs/quickstart.md": [
        bucket("my-bucket", *MNIST),
        bucket("team-bucket"),
        postgres,
    ],
    "docs/scanning.md": [
        bucket(
            "my-bucket",
            *MNIST,
            "datasets/digits/train/0.png",
            "datasets/digits/",
            "odd/report?versionId=7",
            "events/dt=2026-05-01/a.csv",
            "events/dt=2026-05-02/a.csv",
        ),
        inventory("my-inventory", of="my-bucket"),
        files(extra_dot_txt="more"),
    ],
    "docs/versions.md": [data_folder],
    "docs/restore.md": [archive],
    "docs/plan.md": [
        bucket("my-bucket", *MNIST),
        logged("mnist", "s3://my-bucket/datasets/mnist/"),
    ],
    "docs/retention.md": [bucket("my-bucket", *MNIST)],
    "docs/hold.md": [bucket("locked-bucket", *MNIST, lock=True)],
    "docs/verify.md": [
        bucket("my-bucket", *MNIST),
        data_folder,
        files(points__a_dot_csv="1,2", points__b_dot_csv="3,4"),
    ],
    "docs/lineage.md": [bucket("my-bucket", *MNIST), data_folder],
    "docs/growing-up.md": [bucket("my-bucket", *MNIST), bucket("team-bucket"), postgres],
    "docs/registry.md": [bucket("my-bucket", *MNIST), bucket("team-bucket"), postgres],
    "docs/errors.md": [data_folder],
    "docs/how-to.md": [data_folder],
    "docs/operate/recovery.md": [files(points__a_dot_csv="1,2")],
    "docs/cli.md": [data_folder],
    "docs/monitoring.md": [data_folder],
    "docs/extending.md": [import_here],
    "docs/downloads.md": [bucket("my-bucket", *MNIST), data_folder],
    "docs/stores.md": [
        bucket("my-bucket", *MNIST),
        gs_bucket("photos", "2026/a.jpg"),
        web(a_dot_csv="1,2", get="3,4"),
    ],
    "docs/python.md": [data_folder],
    "docs/analysis.md": [data_folder],
    "docs/watch.md": [data_folder, receiver],
    "docs/openlineage.md": [data_folder, lineage_server],
    "docs/security.md": [web(a_dot_csv="1,2")],
    "docs/coming-from-wandb.md": [
        bucket("my-bucket", *MNIST),
        wandb,
        peer("wandb", "exported"),
    ],
    "docs/coming-from-quilt.md": [peer("quilt")],
    "docs/coming-from-dvc.md": [
        peer("dvc", ".git", ".dvc", "kept.dvc", "mnist.dvc", "one.txt.dvc", "plain.dvc")
    ],
    "docs/coming-from-datachain.md": [peer("datachain", "root/.datachain")],
}
