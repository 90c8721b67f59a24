"""Measure the scan of unchanged local files beside `find -printf`, and of new ones beside hashing them.

    python benchmarks/local_scan.py

Three folders: nested as data sets are, one flat folder, and names of 255 bytes. An unchanged scan is the whole verb:
`client.log`, from the walk to the answer that nothing is new. The last rows are of a mount whose every open takes some
time, as network mounts do: a folder on FUSE would need rights that not everybody has, so it is `os.open` that waits.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shlex
import shutil
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rows import Row, command, median, ran, spent

FORMAT = "%p %s %T@ %C@ %i\n"


def make(root: Path, kind: str, count: int) -> None:
    """Write small files, each with other bytes."""
    for number in range(count):
        folder = root if kind == "flat" else root / f"{number // 1000:03}"
        if kind == "nested":
            folder /= f"{number // 100 % 10}"
        name = (
            f"{number:07}".ljust(255, "x")
            if kind == "names of 255 bytes"
            else f"file-{number:07}.bin"
        )
        if number % 100 == 0:
            folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"%d" % number * 20)


def walked(folder: str) -> int:
    """Look at every file in the barest way there is in Python: what a walk costs before anything is compared."""
    count = 0
    with os.scandir(folder) as found:
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                count += walked(entry.path)
            else:
                entry.stat(follow_symlinks=False)
                count += 1
    return count


def unchanged(client: Any, folder: Path, count: int, repeat: int) -> Iterator[Row]:
    """Scan each kind of folder again."""
    import landfast

    for kind in ("nested", "flat", "names of 255 bytes"):
        root = folder / kind
        make(root, kind, count)
        os.sync()
        time.sleep(2.5)  # what was written a moment ago is not trusted
        name = f"bench/{kind.replace(' ', '-')}"

        def log(name: str = name, root: Path = root) -> None:
            client.log(name, root, max_objects=landfast.UNLIMITED)

        find = shlex.join(["find", str(root), "-type", "f", "-printf", FORMAT])
        first = spent(log, 1)
        ours = spent(log, repeat)
        floor = median([ran(["sh", "-c", f"{find} >/dev/null"]) for _ in range(repeat)])
        yield Row(
            f"log of {count:,} unchanged files, {kind}",
            ours.cpu_s,
            "s CPU",
            beside=floor.cpu_s,
            peer="find -printf (floor)",
            ratio_at_most=3,
            note=f"the first time {first.cpu_s:.1f} s CPU, {first.wall_s:.1f} s",
        )
        bare = spent(lambda root=root: walked(str(root)), repeat)
        yield Row(
            f"os.scandir and stat alone, in Python, {kind}",
            bare.cpu_s,
            "s CPU",
            beside=floor.cpu_s,
            peer="find -printf (floor)",
            note="the floor of a scan in Python",
        )
        shutil.rmtree(root)


@contextlib.contextmanager
def slow_opens(seconds: float) -> Iterator[None]:
    """Let each open of a file wait."""
    real = os.open

    def waiting(path: Any, flags: int, *more: Any, **named: Any) -> int:
        if not flags & os.O_DIRECTORY:
            time.sleep(seconds)
        return real(path, flags, *more, **named)

    os.open = waiting
    try:
        yield
    finally:
        os.open = real


def first_scans(client: Any, folder: Path, count: int, repeat: int) -> Iterator[Row]:
    """Hash everything: bare and in one thread, and as the whole verb does it; threads are to pay where opens wait."""
    import landfast

    root = folder / "new"
    make(root, "nested", count)

    def one_thread() -> None:
        for path in sorted(root.rglob("*.bin")):
            handle = os.open(path, os.O_RDONLY)
            os.fdatasync(handle)
            hashlib.sha256(os.read(handle, 1 << 20)).hexdigest()
            os.close(handle)

    def probe() -> None:
        client.probe(root, max_objects=landfast.UNLIMITED, options={"stat_cache": False})

    for where, latency_s in (("on the local disk", 0.0), ("where an open takes 5 ms", 0.005)):
        with slow_opens(latency_s) if latency_s else contextlib.nullcontext():
            alone, ours = spent(one_thread, repeat), spent(probe, repeat)
        yield Row(
            f"first scan of {count:,} small files {where}",
            ours.wall_s,
            "s",
            beside=alone.wall_s,
            peer="bare hashing in one thread (floor)",
            ratio_at_most=1.0 if latency_s else None,
        )


def measure(given: Namespace) -> Iterator[Row]:
    """Scan folders of small files."""
    with tempfile.TemporaryDirectory(prefix="landfast-bench-") as name:
        folder = Path(name)
        os.environ["LANDFAST_CACHE_DIR"] = str(folder / "cache")
        import landfast

        client = landfast.Client(f"sqlite:///{folder}/bench.db")
        yield from unchanged(client, folder, given.files, given.repeat)
        yield from first_scans(client, folder, given.new, given.repeat)


if __name__ == "__main__":
    command(
        "local-scan",
        "Scan of local files",
        measure,
        __doc__,
        files=(20_000, 100_000),
        new=(1_000, 2_000),
    )
