"""What jobs of each kind do in two buckets, and the rights that the page gives them."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from kit.servers.s3 import S3Server
from landfast import Artifact, Client
from landfast.blobs.parts import PART_BYTES

PAGE = Path(__file__).parents[3] / "docs/operate/store.md"
DATA, STORE = "datasets", "landfast"
JOBS = {
    "reader": ("recorded data", "reader"),
    "writer": ("recorded data", "writer"),
    "collector": ("collector",),
    "holder": ("recorded data", "reader", "holder"),
    "auditor": ("recorded data", "reader", "auditor"),
}
"""The sections of the page that a job needs."""


def statements(section: str) -> list[dict[str, Any]]:
    """Return the statements of a section of the page."""
    text = re.search(
        rf"^#+ {section}$.*?```json\n(.*?)```",
        PAGE.read_text(),
        re.MULTILINE | re.DOTALL | re.IGNORECASE,
    )
    assert text, section
    found = json.loads(text[1])
    return found if isinstance(found, list) else [found]


def actions(section: str) -> set[tuple[str, str]]:
    """Return the actions of a section, each with `store` or `data`."""
    return {
        ("store" if "team-bucket" in one["Resource"] else "data", action)
        for one in statements(section)
        for action in one["Action"]
    }


@dataclass(frozen=True, kw_only=True)
class World:
    """A registry with something of everything, its store, and data in buckets with and without versions."""

    server: S3Server
    registry: str
    data: str
    plain: str
    store: str
    folder: Path

    @property
    def uri(self) -> str:
        return f"s3://{self.data}/{DATA}/"

    def files(self) -> Iterator[Path]:
        """Make files that nobody has seen."""
        for number in itertools.count():
            path = self.folder / f"file {number}"
            if not path.exists():
                path.write_text(f"file {number} of {self.store}")
                yield path


def make_world(server: S3Server, folder: Path) -> World:
    """Record a bucket with versions, one without, and managed files."""
    data, plain, store = server.bucket(lock=True), server.bucket(), server.bucket("Enabled")
    for bucket in (data, plain):
        for name in ("a", "b"):
            body = f"bytes of {name}".encode()
            server.client.put_object(
                Bucket=bucket, Key=f"{DATA}/{name}", Body=body, Tagging="keep=no"
            )
    folder.mkdir(exist_ok=True)
    world = World(
        server=server,
        registry=f"sqlite:///{folder / 'registry.db'}",
        data=data,
        plain=plain,
        store=store,
        folder=folder,
    )
    with closing(Client(world.registry, store_url=f"s3://{store}/{STORE}", project="p")) as client:
        client.init_registry()
        client.log("data", world.uri)
        client.log("plain", f"s3://{plain}/{DATA}/")
        draft = Artifact("managed", type="dataset", client=client)
        draft.add_file(next(world.files()))
        draft.save()
        client.log("gone", world.folder / "file 0")
        client.delete("gone:v0", delete_aliases=True)
    return world


def read(client: Client, world: World) -> None:
    """Download, open, verify and compare."""
    for name in ("data", "plain", "managed"):
        version = client.get(name)
        version.download(world.folder / f"download {name}")
        path = next(iter(version.entries())).path
        with version.open(path) as file:
            assert file.read()
        assert version.verify().ok
        assert version.verify(deep=True).ok


def write(client: Client, world: World) -> None:
    """Record changes, managed files small and large, and one that breaks off."""
    world.server.put(world.data, f"{DATA}/new", b"new")
    client.log("data", world.uri)
    client.log("data", world.uri)
    client.log("plain", f"s3://{world.plain}/{DATA}/")
    large = world.folder / "large"
    large.write_bytes(b"x" * (PART_BYTES + 1))
    draft = Artifact("managed", type="dataset", client=client)
    draft.add_file(next(world.files()))
    draft.add_file(large)
    draft.save()


def collect(client: Client, world: World) -> None:
    """Remove what nobody needs, and look whether all else is there."""
    assert client.gc(grace=timedelta(0), dry_run=False).deleted
    assert client.check_registry(deep=True).ok


def hold(client: Client, world: World) -> None:
    """Hold and release."""
    assert client.hold("data").held
    assert client.release("data").released


def audit(client: Client, world: World) -> None:
    """Ask what the rules of the bucket take."""
    for name in ("data", "plain"):
        client.retention(name, locks=True)


WORK: dict[str, Callable[[Client, World], None]] = {
    "reader": read,
    "writer": write,
    "collector": collect,
    "holder": hold,
    "auditor": audit,
}
