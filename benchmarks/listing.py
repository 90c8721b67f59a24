"""Measure how a large prefix is listed: requests, time where each page is waited for, and that cuts change nothing.

    python benchmarks/listing.py [--entries 100000] [--full]

The endpoint runs in processes of its own (`s3_endpoint.py`) and holds each answer back for 20 ms, where it is said.
Who is beside is boto3's bare paginator over the same list in the same run, which parses pages and keeps nothing.
"""

from __future__ import annotations

import os
import tempfile
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any

from rows import Row, command, median, spent
from s3_endpoint import BUCKET, KEYS, PREFIX, Endpoint, serving

URI = f"s3://{BUCKET}/{PREFIX}"
LATENCY_S = 0.02
# Beside a page for each thousand objects.
MORE = 30


def measure(given: Namespace) -> Iterator[Row]:
    """Measure all of it."""
    with serving(given.entries, latency_s=LATENCY_S) as endpoint:
        os.environ |= endpoint.environment()
        yield from times(endpoint, given.repeat)
        yield requests(endpoint, "folders")
    # A fifth shows of these what there is to see.
    some = given.entries // 5
    with serving(some) as endpoint:
        os.environ |= endpoint.environment()
        yield from shards(endpoint, given.repeat)
        yield from digests(endpoint)
    for keys in [each for each in KEYS if each != "folders"]:
        with serving(some, latency_s=LATENCY_S, keys=keys) as endpoint:
            os.environ |= endpoint.environment()
            yield requests(endpoint, keys)
    with serving(some, keys="numbers", depth=9) as endpoint:
        os.environ |= endpoint.environment()
        yield from deep(endpoint)


def times(endpoint: Endpoint, repeat: int) -> Iterator[Row]:
    """Compare the clock, the start of processes counted."""
    log()  # what is imported late is not what is measured
    peer = spent(paginate, 1).wall_s
    for workers in (1, os.cpu_count() or 1):
        ours = spent(partial(log, workers=workers), repeat)
        yield Row(
            f"log of {endpoint.entries:,} at {LATENCY_S * 1000:.0f} ms a page, workers={workers}",
            ours.wall_s,
            "s",
            beside=peer,
            peer="boto3 in one stream",
            ratio_at_most=1 / 20 if workers > 1 else None,
            note=f"{ours.cpu_s / endpoint.entries * 1e6:.1f} us CPU a key",
        )


def shards(endpoint: Endpoint, repeat: int) -> Iterator[Row]:
    """Compare the clock of shards with that of one, where no page is waited for: there is nothing to win by them."""
    counts = (1, 2, 7, 64)
    runs = [[spent(partial(log, shards=count), 1) for count in counts] for _ in range(repeat)]
    one, *others = (median(each) for each in zip(*runs, strict=True))
    for count, ours in zip(counts[1:], others, strict=True):
        yield Row(
            f"log of {endpoint.entries:,} without latency, shards={count}",
            ours.wall_s,
            "s",
            beside=one.wall_s,
            peer="shards=1",
            ratio_at_most=1.05,
            note=f"CPU x {ours.cpu_s / one.cpu_s:.2f}",
        )


def digests(endpoint: Endpoint) -> Iterator[Row]:
    """Count how many digests there are, however the listing is cut: one."""
    found = {log(), *(log(shards=shards) for shards in (2, 7, 64)), log(workers=2)}
    with ThreadPoolExecutor(4) as threads:
        found |= {log(shards=shards, executor=threads) for shards in (7, 64)}
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes:
        found.add(log(shards=7, executor=processes))
    how = "1, 2, 7, 64 shards; threads, processes, executors"
    yield Row(f"digests of {endpoint.entries:,}: {how}", len(found), "", at_most=1)


def requests(endpoint: Endpoint, keys: str) -> Row:
    """Count what a listing of keys of one kind takes."""
    before = Counter(endpoint.counts())
    log()
    counts = Counter(endpoint.counts()) - before
    pages = counts["list-versions"] + counts["list-objects"]
    return Row(
        f"list requests for {endpoint.entries:,}, keys: {keys}",
        pages,
        at_most=-(-endpoint.entries // 1000) + 1 + MORE,
        note=f"{counts['head']} HEAD",
    )


def deep(endpoint: Endpoint) -> Iterator[Row]:
    """Count what a second log takes where nine of ten versions are history."""
    with fresh_client() as client:
        for turn in ("first log", "again"):
            before = Counter(endpoint.counts())
            client.log("bench", URI, **UNLIMITED)
            counts = Counter(endpoint.counts()) - before
            told = ", ".join(f"{count} {kind}" for kind, count in counts.items())
            what = f"requests where 9 of 10 of {endpoint.entries:,} are history, {turn}"
            yield Row(what, sum(counts.values()), note=told)


def paginate() -> None:
    """List with boto3."""
    import boto3

    found = boto3.client("s3").get_paginator("list_object_versions")
    for page in found.paginate(Bucket=BUCKET, Prefix=PREFIX):
        page.get("Versions")


UNLIMITED: dict[str, Any] = {"max_objects": 2**63 - 1}


def log(**how: Any) -> str:
    """Log everything into a fresh registry; return the digest."""
    with fresh_client() as client:
        digest: str = client.log("bench", URI, **UNLIMITED, **how).digest
        return digest


class fresh_client:  # noqa: N801 - a context manager
    """A client of a new SQLite registry beside a new folder of blobs."""

    def __enter__(self) -> Any:
        import landfast

        self._folder = tempfile.TemporaryDirectory(prefix="landfast-bench-")
        folder = self._folder.name
        os.environ["LANDFAST_CACHE_DIR"] = f"{folder}/cache"
        os.environ["LANDFAST_REGISTRY_URL"] = f"sqlite:///{folder}/bench.db"
        return landfast.Client()

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()


if __name__ == "__main__":
    command("listing", "List a large prefix", measure, __doc__, entries=(60_000, 1_000_000))
