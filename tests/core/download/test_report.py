"""What a download reports, however much it is; and that short ways say what long ones do."""

import hashlib
import json
import pickle
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from landfast.download import paths
from landfast.download.folder import fact_of
from landfast.download.paths import Disk
from landfast.model.checksum import Checksum
from landfast.model.manifest import ManifestEntry
from landfast.system import spilled_rows

from tests.core.download.downloads import Download, tree


@pytest.mark.parametrize("most", [2, 50_000])
def test_what_is_missing_is_in_the_report_by_path_however_many(
    scan: Any, get: Download, root: Path, tmp_path: Path, monkeypatch: Any, most: int
) -> None:
    monkeypatch.setattr(spilled_rows, "MOST_IN_MEMORY", most)
    folder = tmp_path / "files"
    folder.mkdir()
    for number in range(7):
        (folder / f"x{number}").write_text(str(number))
    scanned = scan(f"{folder}/")
    for number in (0, 2, 3, 5, 6):
        (folder / f"x{number}").unlink()
    report = get(scanned, allow_missing=True, exact=True)
    gone = ["x0", "x2", "x3", "x5", "x6"]
    assert [file.path for file in report.missing] == gone
    assert len(report.missing) == 5
    assert report.missing[1].reason == "NotFound"
    assert sorted(tree(root)) == ["x1", "x4"]
    assert isinstance(report.missing, spilled_rows.SpilledRows) is (most == 2)
    told = json.loads(json.dumps(report.to_dict()))
    assert [file["path"] for file in told["missing"]] == gone
    assert list(pickle.loads(pickle.dumps(report)).missing) == list(report.missing)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(
    path=texts,
    size=st.none() | st.integers(0, 2**63),
    value=st.none() | texts.filter(bool),
    algorithm=st.sampled_from(["md5", "s3-etag", "http-etag"]),
    version=st.none() | texts.filter(bool),
)
def test_what_is_remembered_of_an_entry_is_the_hash_of_its_identity_as_json(
    path: str, size: int | None, value: str | None, algorithm: str, version: str | None
) -> None:
    checksum = None if value is None else Checksum(algorithm, value)
    entry = ManifestEntry(
        path=path, size=size, checksum=checksum, uri="s3://b/" + path, version_id=version
    )
    text = json.dumps(entry.identity)
    assert fact_of(entry) == hashlib.sha256(text.encode()).hexdigest()


@given(
    path=st.lists(
        st.text(st.sampled_from("a.é/\0😀"), max_size=5) | st.sampled_from([".landfast", "..", ""]),
        max_size=4,
    ).map("/".join),
    longer=st.integers(0, 70),
    disk=st.builds(Disk, max_name=st.sampled_from([20, 143, 255])),
    room=st.integers(0, 400),
)
def test_a_path_that_is_quickly_told_to_be_possible_is(
    path: str, longer: int, disk: Disk, room: int
) -> None:
    path += "😀" * longer
    quick = paths._why_not(path, disk, room)
    short = paths._SHORT
    try:
        paths._SHORT = re.compile(r"(?!)")
        assert paths._why_not(path, disk, room) == quick
    finally:
        paths._SHORT = short
