"""Whatever is in a file of another tool, what comes of it is entries that can be recorded, or an error with a name."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from landfast.errors import LandfastError
from landfast.migrate.base import PeerPlace
from landfast.migrate.manifest import read_manifest
from landfast.migrate.peers import peer_versions
from landfast.stores.opener import Stores

from tests.core.migrate.making import RECORDED

# Of each tool the files that may be damaged, and where they are read from.
FILES = {
    "wandb": ("exported/acme/vision/mnist/v1/wandb_manifest.json", "exported"),
    "wandb facts": ("exported/acme/vision/mnist/v1/artifact.json", "exported"),
    "wandb run": ("wandb/offline-run-20261127_181602-ts3a02g4/run-ts3a02g4.wandb", "wandb"),
    "quilt": ("data/Quilt/packages/.quilt/packages", "data/Quilt/packages"),
    "quilt pointer": (
        "data/Quilt/packages/.quilt/named_packages/team/mnist",
        "data/Quilt/packages",
    ),
    "dvc": ("kept.dvc", "kept.dvc"),
    "dvc listing": (".dvc/cache/files/md5/8e/2a1c5008341cc57d26438b926989ce.dir", "plain.dvc"),
    "dvc config": (".dvc/config", "kept.dvc"),
    "datachain": ("root/.datachain/db", "root"),
}
HOSTILE: tuple[Any, ...] = (
    *(None, True, -1, 2**63, 10**40, 1.5, float("nan"), "", "\0", "\ud800", "../../etc/passwd"),
    *("/etc/passwd", "s3://", "s3://b/", "s3://u:p@b/k", "file://host/x", "x" * 9_000, [], {}),
    *([[]], {"a": {"b": {}}}, "https://h/?token=secret", "gs://b/k#1", "s3://b/k?versionId=1"),
)


def read_all(peer: str, place: Path) -> int:
    """Read everything that is there; return how many entries can be recorded."""
    stores, count = Stores(), 0
    with tempfile.TemporaryDirectory() as folder:
        for version in peer_versions(peer, PeerPlace(path=str(place), stores=stores, name="a/b")):
            found = read_manifest(version, Path(folder))
            for entry in found.manifest.manifest.entries():  # type: ignore[union-attr]
                assert not entry.path.startswith("/")
                assert ".." not in entry.path.split("/")
                assert entry.size is None or 0 <= entry.size < 2**63
                assert "secret" not in entry.uri
                count += 1
    return count


@pytest.fixture(scope="module", params=FILES)
def scene(request: pytest.FixtureRequest) -> Iterator[tuple[str, Path, Path]]:
    """Copy what a tool recorded: the tool, the file to damage, and what is to be read."""
    name, (damaged, place) = request.param, FILES[request.param]
    peer = name.partition(" ")[0]
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(RECORDED / peer, copy)
        file = copy / damaged
        if file.is_dir():
            file = min(file.iterdir())
        yield peer, file, copy / place


def check_outcome(peer: str, place: Path) -> None:
    """Read everything, where only errors with a name may come out."""
    try:
        read_all(peer, place)
    except LandfastError as error:
        said = str(error)
    else:
        return
    assert said
    assert "secret" not in said


@settings(max_examples=25, database=None)
@given(st.data())
def test_damaged_bytes_are_read_or_refused(
    scene: tuple[str, Path, Path], data: st.DataObject
) -> None:
    peer, file, place = scene
    whole = file.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    length = data.draw(st.integers(0, min(40, len(whole) - at)))
    instead = data.draw(st.binary(max_size=12))
    try:
        file.write_bytes(whole[:at] + instead + whole[at + length :])
        check_outcome(peer, place)
        file.write_bytes(whole[:at])
        check_outcome(peer, place)
    finally:
        file.write_bytes(whole)


def places_in(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every value within a JSON document."""
    yield at
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places_in(inner, (*at, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from places_in(inner, (*at, number))


def with_value(value: Any, at: tuple[Any, ...], new: Any) -> Any:
    """Return a document with another value at a place."""
    if not at:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[at[0]] = with_value(value[at[0]], at[1:], new)
    return copy


JSON = ("wandb", "wandb facts", "quilt")


@pytest.mark.parametrize("scene", JSON, indirect=True)
def test_any_value_of_a_document_may_be_hostile(scene: tuple[str, Path, Path]) -> None:
    peer, file, place = scene
    whole = file.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in whole.splitlines()] if peer == "quilt" else None
    document = lines[1] if lines else json.loads(whole)
    ways = list(places_in(document))
    try:
        for number, hostile in enumerate(HOSTILE):
            for at in ways[number % 4 :: 4]:
                damaged = with_value(document, at, hostile)
                text = json.dumps(damaged)
                if lines:
                    text = "\n".join(map(json.dumps, [lines[0], damaged, *lines[2:]]))
                file.write_text(text, encoding="utf-8")
                check_outcome(peer, place)
    finally:
        file.write_text(whole, encoding="utf-8")
