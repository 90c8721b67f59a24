"""Measure the scan of unchanged local files beside `find -printf`, and of new ones beside hashing them.

    python benchmarks/local_scan.py [--files 100000] [--repeat 5]

CPU seconds of the process tree, medians. Three folders: nested as data sets are, one flat folder, and names of
255 bytes. An unchanged scan is the whole verb: `client.log`, from the walk to the answer that nothing is new. The
last table is of a mount whose every open takes some time, as network mounts do: a folder on FUSE would need rights
that not everybody has, so it is `os.open` that waits.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from run import cpu_s

MOST = 3.0
FORMAT = "%p %s %T@ %C@ %i\n"


def make(root: Path, kind: str, count: int) -> None:
    """Write small files, each with other bytes."""
    for number in range(count):
        folder = root if kind == "flat" else root / f"{number // 1000:03}"
        if kind == "nested":
            folder /= f"{number // 100 % 10}"
        name = f"{number:07}".ljust(255, "x") if kind == "long names" else f"file-{number:07}.bin"
        if number % 100 == 0:
            folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"%d" % number * 20)


def unchanged(client: Any, folder: Path, count: int, repeat: int) -> None:
    """Print the row of each kind of folder."""
    import landfast

    for kind in ("nested", "flat", "long names"):
        root = folder / kind
        make(root, kind, count)
        os.sync()
        time.sleep(2.5)  # what was written a moment ago is not trusted
        name = f"bench/{kind.replace(' ', '-')}"

        def log(name: str = name, root: Path = root) -> None:
            client.log(name, root, max_objects=landfast.UNLIMITED)

        def find(root: Path = root) -> None:
            command = ["find", str(root), "-type", "f", "-printf", FORMAT]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603

        first = cpu_s(log, 1)
        ours, floor = cpu_s(log, repeat), cpu_s(find, repeat)
        ratio = ours / floor
        said = "ok" if ratio <= MOST else "MISSED"
        print(
            f"  {kind:<12}find {floor:6.3f} s   landfast unchanged {ours:6.3f} s   x {ratio:4.2f}"
            f"   target {MOST}   {said}   (first time {first:.2f} s)"
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


def first_scans(client: Any, folder: Path, count: int, repeat: int) -> None:
    """Print wall seconds of hashing everything, in one thread and as Landfast does it."""
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

    for title, latency in (("local disk", 0.0), ("5 ms an open", 0.005)):
        with slow_opens(latency) if latency else contextlib.nullcontext():
            alone, ours = (wall_s(work, repeat) for work in (one_thread, probe))
        print(
            f"  {title:<14}one thread {alone:7.2f} s   landfast {ours:7.2f} s   x {ours / alone:4.2f}"
        )


def wall_s(work: Callable[[], Any], repeat: int) -> float:
    """Return the median seconds that something takes."""
    spent = []
    for _ in range(repeat):
        began = time.perf_counter()
        work()
        spent.append(time.perf_counter() - began)
    return statistics.median(spent)


def main() -> None:
    """Run both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--new", type=int, default=2_000)
    parser.add_argument("--repeat", type=int, default=5)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="landfast-bench-"))
    os.environ["LANDFAST_CACHE_DIR"] = str(folder / "cache")
    import landfast

    client = landfast.Client(f"sqlite:///{folder}/bench.db")
    try:
        print(f"{given.files:,} unchanged files, CPU seconds ({sys.platform}, {folder})")
        unchanged(client, folder, given.files, given.repeat)
        print(f"{given.new:,} files hashed, wall seconds")
        first_scans(client, folder, given.new, min(3, given.repeat))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
