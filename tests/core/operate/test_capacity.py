"""How many bytes a version, a look and an entry take: measured, and as the page says, give or take a third."""

from __future__ import annotations

import re
import sqlite3
import uuid
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from hashlib import md5
from pathlib import Path
from typing import Any

import psycopg
import pytest
from kit.recorded import record
from landfast import Client
from landfast.model.checksum import Checksum
from landfast.model.manifest import ManifestEntry
from landfast.model.run import RunKey

pytestmark = pytest.mark.system
PAGE = Path(__file__).parents[3] / "docs/operate/capacity.md"
VERSIONS = LOOKS = 400
ENTRIES = 20_000


def said(what: str, column: int) -> float:
    """Return a figure of the page's tables."""
    row = re.search(rf"^\| {re.escape(what)} \|(.*)\|$", PAGE.read_text(), re.MULTILINE)
    assert row, what
    return float(row[1].split("|")[column].strip().split()[0].replace(",", ""))


def is_about(found: float, what: str, column: int = 0) -> None:
    print(f"{what}: {found:,.1f}")
    assert found == pytest.approx(said(what, column), rel=1 / 3)


def of_sqlite(url: str) -> int:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        (free,) = connection.execute("PRAGMA freelist_count").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    return int((pages - free) * size)


def of_postgresql(url: str) -> int:
    asked = "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r'"
    asked += " AND relnamespace = 'public'::regnamespace"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM")
        row = connection.execute(asked).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize(
    ("database", "column", "size"),
    [("sqlite", 0, of_sqlite), ("postgresql", 1, of_postgresql)],
    ids=["sqlite", "postgresql"],
)
def test_a_registry_takes_what_the_page_says(
    database: str,
    column: int,
    size: Callable[[str], int],
    tmp_path: Path,
    postgres_registry: Any,
) -> None:
    url = f"sqlite:///{tmp_path / 'registry.db'}"
    if database == "postgresql":
        url = postgres_registry(str(tmp_path / "store"))
    data = tmp_path / "data.csv"

    def log(text: str) -> None:
        """Log as a job of its own does."""
        data.write_text(text)
        key = RunKey(
            system="airflow", deployment="https://airflow.example", run_id=uuid.uuid4().hex
        )
        with closing(Client.on(shared.context.with_defaults(project="p", run=key))) as client:
            client.log("orders", data)

    with closing(Client(url, project="p")) as shared:
        for number in range(50):
            log(str(number))
        empty = size(url)
        for number in range(VERSIONS):
            log(f"another {number}")
        versions = size(url)
        for _ in range(LOOKS):
            log("the same")
        looks = size(url)
    is_about(
        (versions - empty) / VERSIONS,
        "a version, with its run, observation, edge and change",
        column,
    )
    is_about(
        (looks - versions) / LOOKS,
        "an observation that finds nothing new, with its run and edge",
        column,
    )


def entries() -> list[ManifestEntry]:
    """Make entries as a list of S3 has them."""
    return [
        ManifestEntry(
            path=f"train/{number // 1000:04}/image-{number:07}.jpg",
            size=100_000 + number * 37 % 50_000,
            checksum=Checksum("s3-etag", hex_of(number, 0)),
            uri=f"s3://bucket/data/train/{number // 1000:04}/image-{number:07}.jpg",
            version_id=hex_of(number, 7),
            modified_at=datetime(2026, 5, 1 + number % 28, tzinfo=UTC),
        )
        for number in range(ENTRIES)
    ]


def hex_of(*numbers: int) -> str:
    return md5(repr(numbers).encode(), usedforsecurity=False).hexdigest()


def test_a_manifest_takes_what_the_page_says(tmp_path: Path) -> None:
    store = tmp_path / "registry.blobs"

    with closing(Client(f"sqlite:///{tmp_path / 'registry.db'}")) as client:
        record(client, "images", entries())
    stored = sum(path.stat().st_size for path in store.rglob("*") if path.is_file())
    is_about(stored / ENTRIES, "an entry of a manifest")
