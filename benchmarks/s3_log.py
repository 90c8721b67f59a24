"""Measure the log of an S3 prefix by reference, beside boto3's bare paginator over the same list in the same run.

    python benchmarks/s3_log.py [--entries 200000] [--memory 600000]

Client CPU from list page to stored version, signed, of the first log and of one that finds nothing changed, for keys
that pages percent-encode and for others; the floor, which is to read the same pages; where the CPU goes; how many
requests it took; the peak of anonymous memory. The endpoint runs in processes of its own (`s3_endpoint.py`).
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from functools import partial
from types import FrameType
from typing import Any

from listing import UNLIMITED, URI, fresh_client, paginate
from rows import Row, Spent, command, median, ran, spent
from s3_endpoint import BUCKET, PREFIX, Endpoint, serving

# Of boto3's paginator, at most this part, by what keys are like.
TARGETS = {"plain": 1 / 20, "encoded": 1 / 15}
MOST_ANONYMOUS_MIB = 200
# Where a sample falls: the innermost of these in its stack counts.
STAGES = {
    "clouds/": "transport",
    "botocore/": "transport",
    "urllib3/": "transport",
    "stores/": "parse",
    "scan/": "scan",
    "manifests/digest": "digest",
    "manifests/summary": "summary",
    "model/folders": "summary",
    "manifests/": "write",
    "blobs/": "store",
    "registry/": "store",
    "sqlalchemy/": "store",
}


def measure(given: Namespace) -> Iterator[Row]:
    """Measure CPU for each kind of keys, then memory."""
    for keys, target in TARGETS.items():
        with serving(given.entries, keys=keys) as endpoint:
            os.environ |= endpoint.environment()
            yield from cpu(endpoint, keys, target, given.repeat)
    if given.memory:
        with serving(given.memory) as endpoint:
            yield memory(endpoint)


def cpu(endpoint: Endpoint, keys: str, target: float, repeat: int) -> Iterator[Row]:
    """Log into a fresh registry, log again, and let boto3 list the same."""
    with fresh_client() as client:  # what is imported late is not what is measured
        client.log("warm", f"{URI}000000/")
    many = f"{endpoint.entries:,} {keys} keys"

    def row(what: str, found: Spent, **facts: Any) -> Row:
        us = found.cpu_s / endpoint.entries * 1e6
        peer = peer_s / endpoint.entries * 1e6
        return Row(what, us, "us CPU a key", beside=peer, peer="boto3 paginator", **facts)

    peer_s = spent(paginate, repeat).cpu_s
    yield row(f"read the pages of {many} (floor)", spent(lambda: sum(map(len, pages(endpoint)))))
    firsts, again = [], []
    for _ in range(repeat):
        with fresh_client() as client:
            client.log("warm", f"{URI}000000/")  # a registry is made once, not for each log
            before = Counter(endpoint.counts())
            firsts.append(spent(partial(log, client), 1))
            requests = Counter(endpoint.counts()) - before
            again.append(spent(partial(log, client), 1))
    told = ", ".join(f"{count} {kind}" for kind, count in requests.items())
    yield row(f"log of {many}", median(firsts), ratio_at_most=target, note=told)
    yield row(f"log of {many}, unchanged", median(again), ratio_at_most=target, note=shares())


def shares() -> str:
    """Tell where a first log and an unchanged one spend CPU, of runs that are not measured: looking costs some."""
    found: Counter[str] = Counter()
    with fresh_client() as client, samples(found):
        log(client)
        log(client)
    total = sum(found.values()) or 1
    return ", ".join(f"{stage} {count / total:.0%}" for stage, count in found.most_common())


def log(client: Any) -> None:
    """Log everything."""
    client.log("bench", URI, **UNLIMITED)


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
def samples(counted: Counter[str]) -> Iterator[None]:
    """Count in which stage this process spends its CPU; what runs in threads counts where the main thread waits."""

    def look(_: int, frame: FrameType | None) -> None:
        counted[stage_of(frame)] += 1

    signal.signal(signal.SIGPROF, look)
    signal.setitimer(signal.ITIMER_PROF, 0.002, 0.002)
    try:
        yield
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


def memory(endpoint: Endpoint) -> Row:
    """Log in a process of its own, and sample its anonymous memory."""
    with tempfile.TemporaryDirectory() as folder:
        code = (
            "import landfast\n"
            f"landfast.Client('sqlite:///{folder}/bench.db').log("
            f"'bench', '{URI}', max_objects=landfast.UNLIMITED)\n"
        )
        environment = endpoint.environment() | {"LANDFAST_CACHE_DIR": f"{folder}/cache"}
        used = ran([sys.executable, "-c", code], environment)
    what = f"anonymous memory, log of {endpoint.entries:,}"
    return Row(what, used.anonymous_mib, "MiB", at_most=MOST_ANONYMOUS_MIB)


if __name__ == "__main__":
    command(
        "s3_log",
        "Log of an S3 prefix by reference",
        measure,
        __doc__,
        entries=(50_000, 200_000),
        memory=(100_000, 600_000),
    )
