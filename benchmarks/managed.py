"""Measure managed files, copied into the registry's store, beside `cp -r` in the same run.

    python benchmarks/managed.py

The copies of `cp -r` are not durable; ours are when the version is answered, so `cp -r` and `sync` stands there too.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from local_scan import make
from rows import Row, command, median, ran, spent


def measure(given: Namespace) -> Iterator[Row]:
    """Put a folder into a new registry."""
    with tempfile.TemporaryDirectory(prefix="landfast-bench-") as name:
        folder = Path(name)
        os.environ["LANDFAST_CACHE_DIR"] = str(folder / "cache")
        import landfast

        root, numbers = folder / "files", count()
        make(root, "nested", given.files)
        os.sync()
        time.sleep(2.5)

        def put() -> None:
            client = landfast.Client(f"sqlite:///{folder}/{next(numbers)}/bench.db")
            draft = landfast.Artifact("managed", type="dataset", client=client)
            draft.add_dir(str(root), max_objects=landfast.UNLIMITED)
            client.log_artifact(draft)

        def copy(more: str = "") -> str:
            return f"cp -r {root} {folder}/copy-{next(numbers)}{more}"

        def barest() -> None:
            target = folder / f"floor-{next(numbers)}"
            target.mkdir()
            for above, _, names in os.walk(root):
                for name in names:
                    _kept(f"{above}/{name}", target)

        plain = median([ran(["sh", "-c", copy()]) for _ in range(given.repeat)])
        synced = median([ran(["sh", "-c", copy(" && sync")]) for _ in range(given.repeat)])
        ours = spent(put, given.repeat)
        what = f"{given.files:,} small managed files"
        yield Row(what, ours.cpu_s, "s CPU", beside=plain.cpu_s, peer="cp -r", ratio_at_most=5)
        floor = spent(barest, given.repeat)
        yield Row(
            f"{what}: read, hash, write, rename alone, in Python",
            floor.cpu_s,
            "s CPU",
            beside=plain.cpu_s,
            peer="cp -r",
            note="the floor of a copy under a hash in Python, in one thread, not durable",
        )
        yield Row(f"{what}, durable", ours.wall_s, "s", beside=synced.wall_s, peer="cp -r && sync")


def _kept(path: str, target: Path) -> None:
    """Copy a file under the sha256 of its bytes."""
    handle = os.open(path, os.O_RDONLY)
    data = os.read(handle, 1 << 20)
    os.close(handle)
    place = f"{target}/{hashlib.sha256(data).hexdigest()}"
    handle = os.open(f"{place}.part", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    os.write(handle, data)
    os.close(handle)
    os.replace(f"{place}.part", place)  # noqa: PTH105 - the barest way


if __name__ == "__main__":
    command("managed", "Managed files", measure, __doc__, files=(2_000, 10_000))
