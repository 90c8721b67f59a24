"""What the real tools recorded, put back on an S3 server, and a client beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from kit.servers.moto import Moto
from landfast import Client

from tests.core.migrate.making import copy, restore

Recorded = Callable[[str], Path]


@pytest.fixture
def recorded(s3: Moto, tmp_path: Path) -> Recorded:
    """Put back what a tool recorded: `recorded("wandb")` is the folder of its files."""
    return lambda peer: restore(peer, s3, tmp_path / peer)


@pytest.fixture
def copied(tmp_path: Path) -> Recorded:
    """Copy the files of a tool, without the objects: for what is wrong before anybody looks at them."""
    return lambda peer: copy(peer, tmp_path / f"{peer}-copied")


@pytest.fixture
def client(tmp_path: Path) -> Client:
    """A client of a registry of its own."""
    return Client(f"sqlite:///{tmp_path}/registry.db")


def files(folder: Path) -> dict[str, bytes]:
    """Read what was downloaded."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in found
        if ".landfast" not in path.parts
    }
