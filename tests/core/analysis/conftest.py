"""A versioned bucket with CSV and Parquet in it, recorded, and then overwritten."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from kit.servers.moto import Moto
from landfast import ArtifactVersion, Client

URL = "landfast://vision/points:prod"


def parquet(start: int, count: int = 100) -> bytes:
    """Make a file of numbers and their texts."""
    numbers = list(range(start, start + count))
    file = io.BytesIO()
    pq.write_table(pa.table({"n": numbers, "s": [str(n) for n in numbers]}), file)
    return file.getvalue()


FILES = {
    "c/a.csv": b"x,y\n1,2\n",
    "c/b.csv": b"x,y\n3,4\n",
    "p/a.parquet": parquet(0),
    "p/b.parquet": parquet(100),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """What was recorded of a bucket."""

    server: Moto
    bucket: str
    client: Client
    version: ArtifactVersion

    def overwrite(self, *paths: str) -> None:
        """Put other bytes in the place of some files."""
        for path in paths:
            self.server.put(self.bucket, f"d/{path}", b"overwritten since")


def recorded(s3: Moto, versioning: str | None) -> Points:
    bucket = s3.bucket(versioning)  # type: ignore[arg-type]
    for path, data in FILES.items():
        s3.put(bucket, f"d/{path}", data)
    client = Client()
    version = client.log("vision/points", f"s3://{bucket}/d/", aliases=["prod"])
    return Points(server=s3, bucket=bucket, client=client, version=version)


@pytest.fixture
def points(s3: Moto) -> Iterator[Points]:
    """Recorded as `vision/points:prod`, every object overwritten since."""
    made = recorded(s3, "Enabled")
    made.overwrite(*FILES)
    yield made
    made.client.close()


@pytest.fixture
def unversioned(s3: Moto) -> Iterator[Points]:
    """The same in a bucket that keeps nothing, as it was recorded."""
    made = recorded(s3, None)
    yield made
    made.client.close()
