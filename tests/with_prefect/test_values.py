"""What a task hands to the next: small, immutable, readable on any worker, silent about secrets."""

from __future__ import annotations

import pickle
from pathlib import Path

import cloudpickle
import landfast
import pytest
from prefect_landfast import LandfastRegistry, log_reference, use_artifact


@pytest.fixture
def version(tmp_path: Path) -> landfast.ArtifactVersion:
    folder = tmp_path / "data"
    folder.mkdir()
    for number in range(300):
        (folder / f"{number:05}").write_text(str(number))
    block = LandfastRegistry(url=f"sqlite:///{tmp_path}/SECRETWORD.db")
    return log_reference.fn("flowers", folder, registry=block)


def test_a_logged_version_tells_what_happened(version: landfast.ArtifactVersion) -> None:
    assert (version.created, version.changed) == (True, True)


def test_a_used_version_says_that_nothing_happened(
    version: landfast.ArtifactVersion, tmp_path: Path
) -> None:
    block = LandfastRegistry(url=f"sqlite:///{tmp_path}/SECRETWORD.db")
    used = use_artifact.fn("flowers", registry=block)
    assert (used.created, used.changed, used) == (False, False, version)


def test_a_version_of_many_files_is_small_and_holds_no_registry_url(
    version: landfast.ArtifactVersion,
) -> None:
    for sent in (pickle.dumps(version), cloudpickle.dumps(version)):
        assert len(sent) < 4_000
        assert b"SECRETWORD" not in sent


@pytest.mark.parametrize("field", ["digest", "version", "created", "changed", "record"])
def test_a_version_cannot_be_edited(version: landfast.ArtifactVersion, field: str) -> None:
    with pytest.raises(AttributeError):
        setattr(version, field, None)


def test_a_version_without_a_block_is_read_through_the_environment(
    registry_url: str, tmp_path: Path
) -> None:
    (tmp_path / "a").write_text("a")
    copy = pickle.loads(pickle.dumps(log_reference.fn("flowers", tmp_path / "a")))
    assert [entry.path for entry in copy.entries()] == ["a"]
    assert registry_url
