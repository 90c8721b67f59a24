"""Measure a page of a version's files against reading its manifest: bytes and CPU.

    python benchmarks/file_pages.py [--entries 1000000]

Each page is asked for in a process of its own, which has shown a page of a small version before, so that imports
do not count; it has neither opened nor hashed the large manifest.  The bytes are all that the process read.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

# At most this part of the bytes of reading the manifest, beside the column that a page is sorted by; and of
# the CPU, where the files of a page stand together.
MOST = 1 / 20
ROWS = 50_000
# What is read instead of a page: all columns, or one.
WHOLE = {"whole": "", "whole size": "size", "whole modified": "modified_at"}
PAGES = {
    "flat": {
        "first page": "",
        "page in the middle": "page={middle}",
        "last page": "page={last}",
        "by size, largest": "sort=size",
        "by size, middle": "sort=size&page={middle}",
        "by time, newest": "sort=modified",
    },
    "nested": {
        "top: 100 folders, 50 of 100 files between": "page=3",
        "folder of 10,000 in 10 folders": "folder=d050/",
        "folder of 1,000": "folder=d050/s3/&page=10",
        "folder of 1,000, by size": "folder=d050/s3/&sort=size",
    },
}


def paths(shape: str, count: int) -> list[str]:
    """Name files: all in one folder, or 1,000 in each, with some between the folders at the top."""
    if shape == "flat":
        return [f"{n:07}.jpg" for n in range(count)]
    deep = [f"d{n // 10_000:03}/s{n // 1000 % 10}/{n:07}.jpg" for n in range(count)]
    return sorted([*deep, *(f"d{n:03}.json" for n in range(count // 10_000))])


def record(client: object, name: str, names: list[str]) -> None:
    """Log a version of such files of a bucket, without a bucket."""
    from landfast.client import Client
    from landfast.manifests.writer import ManifestWriter
    from landfast.publish.log import publish
    from landfast.registry.values import LogRequest

    assert isinstance(client, Client)
    context = client.context
    with tempfile.TemporaryDirectory() as folder, ManifestWriter(Path(folder) / "m") as writer:
        for batch in batches(names):
            writer.add_batch(batch)
        written = writer.finish()
        request = LogRequest(
            name=context.resolve_name(name),
            type="dataset",
            summary=written.summary,
            run=context.ensure_run(),
            ticket=context.registry.ticket(),
        )
        publish(context.registry, context.owned_blobs, request, written)


def batches(names: list[str]) -> Iterator[object]:
    """Make rows as a versioned bucket gives them: tokens and version ids that do not compress."""
    import pyarrow as pa
    from landfast.manifests import schema
    from landfast.manifests.batch import EntryBatch

    form = schema.entry_schema()
    for start in range(0, len(names), ROWS):
        part = names[start : start + ROWS]
        tokens = [hashlib.md5(name.encode()).hexdigest() for name in part]  # noqa: S324
        columns = [
            part,
            [int(token[:6], 16) for token in tokens],
            ["s3-etag"] * len(part),
            tokens,
            [f"s3://bucket/data/{name}" for name in part],
            [token[::-1] for token in tokens],
            [None] * len(part),
            [True] * len(part),
            [1_700_000_000_000_000 + int(token[6:14], 16) for token in tokens],
        ]
        arrays = [pa.array(c, f.type) for c, f in zip(columns, form, strict=True)]
        yield EntryBatch(pa.RecordBatch.from_arrays(arrays, schema=form))


def spent() -> tuple[int, float]:
    """Return the bytes that this process has read, and its CPU seconds."""
    return int(Path("/proc/self/io").read_text().split()[1]), time.process_time()


def measure(url: str, name: str, query: str) -> tuple[int, float]:
    """Return bytes and CPU seconds of a page as HTML; of the whole manifest, read as columns, without a query."""
    import landfast
    from landfast.web import render
    from landfast.web.pages.files import files
    from landfast.web.query import Query
    from landfast.web.view import Site

    client = landfast.Client(url)
    site = Site(client=client)

    def work(collection: str) -> None:
        where = {"entity": "default", "project": "bench", "collection": collection}
        if query in WHOLE:
            version = client.get(f"bench/{collection}")
            manifest = client.context.glance_at(version.record)
            if WHOLE[query]:
                manifest.rows.column(WHOLE[query], 0, len(manifest))
            for _ in () if WHOLE[query] else manifest.batches():
                pass
        else:
            asked = dict(pair.split("=") for pair in query.split("&") if pair)
            asked.pop("folder", None) if collection == "small" else None
            render.page(site, files(site, Query(where | asked)), twin="")

    work("small")
    before = spent()
    work(name)
    after = spent()
    return after[0] - before[0], after[1] - before[1]


def in_own_process(url: str, name: str, query: str) -> tuple[int, float]:
    """Measure in a fresh interpreter."""
    command = [sys.executable, __file__, "--url", url, "--name", name, "--query", query]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    read, seconds = done.stdout.split()
    return int(read), float(seconds)


def sorted_by(query: str) -> str:
    """Return the column that a page may read as a whole."""
    return next((name for name in ("size", "modified") if f"sort={name}" in query), "")


def line(title: str, found: tuple[int, float], floor: tuple[int, float], note: str = "") -> None:
    """Print a measurement and its shares of the floor."""
    shares = f"1/{floor[0] / found[0]:.0f} of the bytes, 1/{floor[1] / found[1]:.0f} of the CPU"
    print(f"  {title:<42}{found[0]:>12,} B {found[1]:8.3f} s CPU   {shares}   {note}")


def run(entries: int) -> bool:
    """Measure every page; return whether all are within the bound."""
    import landfast

    is_good = True
    with tempfile.TemporaryDirectory(prefix="landfast-bench-") as folder:
        os.environ["LANDFAST_CACHE_DIR"] = f"{folder}/cache"
        os.environ["LANDFAST_PROJECT"] = "bench"
        url = f"sqlite:///{folder}/bench.db"
        client = landfast.Client(url)
        record(client, "small", ["a/b", "c"])
        middle, last = entries // 100, entries // 50
        for shape, pages in PAGES.items():
            record(client, shape, paths(shape, entries))
            whole = in_own_process(url, shape, "whole")
            print(f"files of {entries:,} entries, {shape}")
            line("the whole manifest, as columns (floor)", whole, whole)
            for title, query in pages.items():
                asked = query.format(middle=middle, last=last)
                page = in_own_process(url, shape, asked)
                column = sorted_by(query)
                free = in_own_process(url, shape, f"whole {column}") if column else (0, 0.0)
                line(title, page, whole, f"the column alone {free[0]:,} B" if column else "")
                stands_together = not column and "between" not in title
                is_good &= (page[0] - free[0]) / whole[0] <= MOST
                is_good &= not stands_together or page[1] / whole[1] <= MOST
    return is_good


def main() -> None:
    """Measure all pages, or one for whoever does."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--url")
    parser.add_argument("--name")
    parser.add_argument("--query")
    given = parser.parse_args()
    if given.url:
        print(*measure(given.url, given.name, given.query))
    else:
        is_good = run(given.entries)
        sys.exit(None if is_good else f"a page costs more than {MOST} of the whole")


if __name__ == "__main__":
    main()
