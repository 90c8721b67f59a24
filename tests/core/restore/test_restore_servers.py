"""Restore against servers of others: one that restores, one that does not, one that needs none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from landfast.cli import main
from landfast.errors import AccessDenied, InvalidInput


def run(*arguments: str) -> tuple[int, str]:
    found = CliRunner().invoke(main, arguments)
    return found.exit_code, found.output


@pytest.fixture
def cold(s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name a version of two archived objects and one that is not."""
    monkeypatch.setenv("LANDFAST_REGISTRY_URL", f"sqlite:///{tmp_path / 'r.db'}")
    monkeypatch.chdir(tmp_path)
    bucket: str = s3.bucket("Enabled")
    for name, storage in (("a", "GLACIER"), ("b", "DEEP_ARCHIVE"), ("c", "STANDARD")):
        s3.client.put_object(Bucket=bucket, Key=f"d/{name}", Body=b"12345", StorageClass=storage)
    assert run("put", f"s3://{bucket}/d/", "-n", "cold")[0] == 0
    return "cold"


def test_from_plan_to_download_on_moto(cold: str) -> None:
    code, text = run("restore", cold, "--plan")
    assert code == 0
    assert "need      2 archive retrievals, 10 B" in text
    code, text = run("get", cold)
    assert code == 13
    assert "landfast restore default/uncategorized/cold:v0 --wait" in text
    code, text = run("restore", cold, "--tier", "bulk")
    assert code == 0
    assert "2 objects (10 B) asked for, 1 in no archive" in text
    code, text = run("restore", cold, "--wait", "--json")
    facts = json.loads(text)
    assert (code, facts["restored"], facts["complete"]) == (0, 2, True)
    assert facts["until"]
    assert run("get", cold)[0] == 0


@pytest.mark.system
def test_a_server_without_restore_is_a_typed_error(
    radosgw: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Radosgw stores the class that it is told, reads the object all the same, and knows no RestoreObject."""
    from landfast.model.location import Location
    from landfast.model.storage.archive import Tier
    from landfast.stores.s3 import S3Store

    bucket = radosgw.bucket("Enabled")
    radosgw.put(bucket, "d/x", b"x")
    store = S3Store()
    where = Location.parse(f"s3://{bucket}/d/x")
    with pytest.raises((InvalidInput, AccessDenied)) as caught:
        store.restore(where, Tier.STANDARD, 1)
    assert isinstance(caught.value, InvalidInput)
    assert caught.value.details["unsupported"] is True
    refusal = store.refusal(where)
    assert isinstance(refusal, InvalidInput)
    assert refusal.details["unsupported"] is True
