"""Measure downloads of small pinned files beside boto3's `download_file`, and from the cache beside `cp -rl`.

    python benchmarks/downloads.py

Every file is asked for by its version id and verified. boto3 downloads one after the other, by version id too, and
verifies nothing. obstore is measured where it is installed (`pip install obstore`): a bare GET by version id, written
to a file. The floor in Python is urllib3: a GET by version id, unsigned, hashed, written once for the target and once
for the cache. The endpoint is a process of its own (`s3_objects.py`), whose CPU is not counted.

Each run has a cache of its own, and nothing is deleted before the end: ext4 looks past every inode that was freed in
the last minutes when it makes a file, which would double the time of whoever runs after.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import tempfile
from argparse import Namespace
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

from rows import Row, command, median, ran, spent
from s3_objects import BUCKET, serving

_OBSTORE = (
    "it writes the bytes of a recorded version to a file, and compares, hashes, caches and remembers nothing. It has"
    " its own credentials, endpoints, proxies, retries and errors, beside those of the client that you pass: Landfast"
    " keeps the client's"
)


class _Scene:
    def __init__(self, folder: Path, files: int) -> None:
        import landfast

        self.folder = folder
        self.files = files
        self._numbers = count()
        self._url = f"sqlite:///{folder}/bench.db"
        landfast.Client(self._url).log(
            "bench/files", f"s3://{BUCKET}/data/", max_objects=landfast.UNLIMITED
        )
        self.empty_cache()

    def empty_cache(self) -> None:
        """Go on with a cache that holds nothing."""
        import landfast

        os.environ["LANDFAST_CACHE_DIR"] = str(self.folder / f"cache-{next(self._numbers)}")
        self.version = landfast.Client(self._url).get("bench/files")

    def target(self) -> Path:
        return self.folder / f"target-{next(self._numbers)}"

    def get(self, **options: Any) -> None:
        self.version.download(root=self.target(), **options)

    def boto3(self) -> None:
        import boto3

        client, root = boto3.client("s3"), self.target()
        for entry in self.version.manifest.entries():
            path = root / entry.path
            path.parent.mkdir(parents=True, exist_ok=True)
            key = entry.uri.removeprefix(f"s3://{BUCKET}/")
            extra = {"VersionId": entry.version_id}
            client.download_file(BUCKET, key, str(path), ExtraArgs=extra)

    def urllib3(self) -> None:
        import urllib3

        pool = urllib3.PoolManager()
        url, root, cache = os.environ["AWS_ENDPOINT_URL_S3"], self.target(), self.target()
        cache.mkdir()
        for entry in self.version.manifest.entries():
            path = root / entry.path
            path.parent.mkdir(parents=True, exist_ok=True)
            key = entry.uri.removeprefix("s3://")
            data = pool.request("GET", f"{url}/{key}?versionId={entry.version_id}").data
            path.write_bytes(data)
            (cache / hashlib.sha256(data).hexdigest()).write_bytes(data)

    def obstore(self) -> None:
        import obstore
        from obstore.store import S3Store

        url, root = os.environ["AWS_ENDPOINT_URL_S3"], self.target()
        store = S3Store(
            BUCKET,
            endpoint=url,
            client_options={"allow_http": True},
            virtual_hosted_style_request=False,
        )
        for entry in self.version.manifest.entries():
            path = root / entry.path
            path.parent.mkdir(parents=True, exist_ok=True)
            key = entry.uri.removeprefix(f"s3://{BUCKET}/")
            got = obstore.get(store, key, options={"version": entry.version_id})
            path.write_bytes(got.bytes())


def measure(given: Namespace) -> Iterator[Row]:
    """Download a version of small files."""
    with (
        tempfile.TemporaryDirectory(prefix="landfast-bench-") as name,
        serving(given.files) as environment,
    ):
        folder = Path(name)
        os.environ.update(environment)
        scene = _Scene(folder, given.files)

        def cleared(work: Callable[[], Any]) -> Any:
            return spent(work, given.repeat, before=scene.empty_cache)

        peer = cleared(scene.boto3)
        what = f"{given.files:,} small pinned files"
        beside = {"beside": peer.cpu_s, "peer": "boto3 download_file"}
        if importlib.util.find_spec("obstore"):
            bare = cleared(scene.obstore)
            yield Row(f"{what}, bare obstore", bare.cpu_s, "s CPU", **beside, note=_OBSTORE)
        floor = cleared(scene.urllib3)
        yield Row(f"{what}, urllib3 alone, in Python (floor)", floor.cpu_s, "s CPU", **beside)
        without = cleared(scene.get)
        ours, alone = (each.cpu_s / given.files * 1e6 for each in (without, floor))
        note = (
            f"{ours:,.0f} us a file, x {ours / alone:.1f} of urllib3 alone, which takes {alone:,.0f} for the request,"
            " the hash and two files: signature, checks, lock, the cache's name and 16 threads are the rest"
        )
        yield Row(f"{what}", without.cpu_s, "s CPU", **beside, ratio_at_most=1 / 4, note=note)
        yield from _from_cache(scene, what, given.repeat)


def _from_cache(scene: _Scene, what: str, repeat: int) -> Iterator[Row]:
    scene.get(link="hard")
    target = scene.target()
    scene.version.download(root=target, link="hard")
    links = median([ran(["cp", "-rl", target, scene.target()]) for _ in range(repeat)])
    copies = median([ran(["cp", "-r", target, scene.target()]) for _ in range(repeat)])
    hard = spent(lambda: scene.get(link="hard"), repeat)
    yield Row(
        f"{what} from the cache, link='hard'",
        hard.cpu_s,
        "s CPU",
        beside=links.cpu_s,
        peer="cp -rl",
        ratio_at_most=5,
    )
    bare = spent(lambda: _linked(target, scene.target()), repeat)
    yield Row(
        f"{what}: os.link alone, in Python",
        bare.cpu_s,
        "s CPU",
        beside=links.cpu_s,
        peer="cp -rl",
        note="the floor of hard links in Python",
    )
    copied = spent(scene.get, repeat)
    yield Row(
        f"{what} from the cache, copied", copied.cpu_s, "s CPU", beside=copies.cpu_s, peer="cp -r"
    )
    again = spent(lambda: scene.version.download(root=target, link="hard"), repeat)
    yield Row(
        f"{what} that are there already", again.cpu_s, "s CPU", beside=links.cpu_s, peer="cp -rl"
    )


def _linked(root: Path, target: Path) -> None:
    """Link every file of a folder, and compare nothing."""
    for above, _, names in os.walk(root):
        folder = target / Path(above).relative_to(root)
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            os.link(f"{above}/{name}", f"{folder}/{name}")


if __name__ == "__main__":
    command("downloads", "Downloads", measure, __doc__, files=(2_000, 10_000))
