"""Measure the log of an S3 prefix by reference, beside boto3's bare paginator over the same list in the same run.

    python benchmarks/s3_log.py [--entries 200000] [--repeat 3] [--memory 600000]

Client CPU from list page to stored version, of the first log and of one that finds nothing changed; the share of each
stage in it; how many requests it took; the peak of anonymous memory. The endpoint runs in processes of its own
(`s3_endpoint.py`). Ratios are what to quote.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from s3_endpoint import BUCKET, PREFIX, Endpoint, serving

URI = f"s3://{BUCKET}/{PREFIX}"
# Of boto3's paginator, at most this part.
TARGET = 12
MOST_ANONYMOUS_MB = 200
# Where a sample falls: the innermost of these in its stack counts.
STAGES = {
    "clouds/": "transport",
    "botocore/": "transport",
    "urllib3/": "transport",
    "stores/": "parse",
    "scan/": "scan",
    "services/": "scan",
    "manifests/digest": "digest",
    "manifests/summary": "summary",
    "model/folders": "summary",
    "manifests/": "write",
    "blobs/": "store",
    "registry/": "store",
    "sqlalchemy/": "store",
}


def cpu_us(work: Callable[[], Any], entries: int, repeat: int) -> float:
    """Return the median microseconds of CPU that this process spends for an entry."""
    spent = []
    for _ in range(repeat):
        before = time.process_time()
        work()
        spent.append(time.process_time() - before)
    return statistics.median(spent) / entries * 1e6


def row(title: str, us: float, peer: float, note: str = "") -> None:
    """Print one measurement beside that of boto3's paginator."""
    ratio = f"1/{peer / us:.1f}" if us < peer else f"x {us / peer:.1f}"
    print(f"  {title:<44}{us:8.2f} us/entry   {ratio:>7}   {note}")


def cpu_per_entry(endpoint: Endpoint, repeat: int) -> None:
    """Log into a fresh registry, log again, and let boto3 list the same."""
    import boto3

    entries = endpoint.entries
    boto = boto3.client("s3")

    def paginate() -> None:
        found = boto.get_paginator("list_object_versions").paginate(Bucket=BUCKET, Prefix=PREFIX)
        for page in found:
            page.get("Versions")

    with fresh_client() as client:  # what is imported late is not what is measured
        client.log("warm", f"{URI}000000/")
    print(f"log {entries:,} versions of objects by reference")
    peer = cpu_us(paginate, entries, repeat)
    row("boto3 paginator: list only", peer, peer)
    row(
        "read the pages, parse nothing",
        cpu_us(lambda: sum(map(len, pages(endpoint))), entries, repeat),
        peer,
    )
    before = Counter(endpoint.counts())
    with fresh_client() as client, samples() as found:
        first = cpu_us(partial(log, client), entries, 1)
        requests = Counter(endpoint.counts()) - before
        again = cpu_us(partial(log, client), entries, repeat)
    firsts = [first]
    for _ in range(repeat - 1):
        with fresh_client() as client, samples(found):
            firsts.append(cpu_us(partial(log, client), entries, 1))
    first = statistics.median(firsts)
    row("landfast log: list to stored version", first, peer, f"target 1/{TARGET}")
    row("landfast log, unchanged", again, peer, "no dearer than the first")
    print(f"  requests of a log: {', '.join(f'{n} {kind}' for kind, n in requests.items())}")
    total = sum(found.values()) or 1
    shares = ", ".join(f"{stage} {count / total:.0%}" for stage, count in found.most_common())
    print(f"  where its CPU goes: {shares}")


def log(client: Any) -> None:
    """Log everything."""
    import landfast

    client.log("bench", URI, max_objects=landfast.UNLIMITED)


@contextlib.contextmanager
def fresh_client() -> Iterator[Any]:
    """Open a client of a new SQLite registry beside a new folder of blobs."""
    import landfast

    with tempfile.TemporaryDirectory(prefix="landfast-bench-") as folder:
        os.environ["LANDFAST_CACHE_DIR"] = f"{folder}/cache"
        yield landfast.Client(f"sqlite:///{folder}/bench.db")


def pages(endpoint: Endpoint) -> Iterator[bytes]:
    """Read every page over one connection, as its bytes."""
    import urllib3

    pool = urllib3.PoolManager()
    at = f"{endpoint.url}/{BUCKET}?versions&prefix={PREFIX}&max-keys=1000&encoding-type=url"
    more = ""
    while True:
        body: bytes = pool.request("GET", at + more).data
        yield body
        key, version = text_of(body, b"NextKeyMarker"), text_of(body, b"NextVersionIdMarker")
        if not key:
            return
        more = f"&key-marker={key}&version-id-marker={version}"


def text_of(body: bytes, name: bytes) -> str:
    """Return what the first element of this name holds; pages are percent-encoded as queries are."""
    return body.partition(b"<%s>" % name)[2].partition(b"<")[0].decode()


@contextlib.contextmanager
def samples(found: Counter[str] | None = None) -> Iterator[Counter[str]]:
    """Count in which stage this process spends its CPU; what runs in threads counts where the main thread waits."""
    counted: Counter[str] = Counter() if found is None else found

    def look(_: int, frame: FrameType | None) -> None:
        counted[stage_of(frame)] += 1

    signal.signal(signal.SIGPROF, look)
    signal.setitimer(signal.ITIMER_PROF, 0.002, 0.002)
    try:
        yield counted
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def stage_of(frame: FrameType | None) -> str:
    """Return the stage that a stack is in."""
    while frame is not None:
        path = frame.f_code.co_filename.replace("/landfast/", "/")
        for part, stage in STAGES.items():
            if f"/{part}" in path:
                return stage
        frame = frame.f_back
    return "other"


def memory(entries: int) -> None:
    """Log in a process of its own, and sample its anonymous memory."""
    with serving(entries) as endpoint, tempfile.TemporaryDirectory() as folder:
        code = (
            "import landfast, sys\n"
            f"landfast.Client('sqlite:///{folder}/bench.db').log("
            f"'bench', '{URI}', max_objects=landfast.UNLIMITED)\n"
        )
        environment = (
            os.environ | endpoint.environment() | {"LANDFAST_CACHE_DIR": f"{folder}/cache"}
        )
        began = time.monotonic()
        logging = subprocess.Popen([sys.executable, "-c", code], env=environment)  # noqa: S603
        most = 0.0
        while logging.poll() is None:
            most = max(most, anonymous_mb(logging.pid))
            time.sleep(0.02)
        if logging.returncode:
            raise SystemExit(logging.returncode)
        stored = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    print(f"log {entries:,} versions of objects in a process of its own")
    print(f"  most anonymous memory{most:31.0f} MB            at most {MOST_ANONYMOUS_MB}")
    print(
        f"  time{time.monotonic() - began:48.1f} s      stored{stored / entries:6.1f} bytes an entry"
    )


def anonymous_mb(pid: int) -> float:
    """Return the anonymous memory of a process that may have ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    found = [line.split()[1] for line in status.splitlines() if line.startswith("RssAnon:")]
    return int(found[0]) / 1024 if found else 0.0


def run(entries: int, repeat: int, most: int) -> None:
    """Measure CPU, then memory."""
    with serving(entries) as endpoint:
        os.environ |= endpoint.environment()
        cpu_per_entry(endpoint, repeat)
    if most:
        memory(most)


def main() -> None:
    """Run with the sizes that are given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=200_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--memory", type=int, default=600_000, help="entries; 0 leaves it out")
    given = parser.parse_args()
    run(given.entries, given.repeat, given.memory)


if __name__ == "__main__":
    main()
