"""Measure what an entry costs in each stage of its life: parsed, digested, written, read, compared, verified.

    python benchmarks/stages.py [--entries 100000]

CPU of this process, the median of three; the columns that cross package borders beside the rows that users receive,
where both are to be had.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from s3_endpoint import serving
from s3_log import URI, log, pages

_REPEAT = 3


def cost(
    title: str, entries: int, columns: Callable[[], Any], rows: Callable[[], Any] | None = None
) -> None:
    """Print the microseconds that an entry costs, as columns and as rows."""
    found = [_us(work, entries) if work else None for work in (columns, rows)]
    print(
        f"  {title:<34}"
        + "".join(f"{us:10.2f}" if us is not None else f"{'-':>10}" for us in found)
    )


def _us(work: Callable[[], Any], entries: int) -> float:
    spent = []
    for _ in range(_REPEAT):
        before = time.process_time()
        work()
        spent.append(time.process_time() - before)
    return statistics.median(spent) / entries * 1e6


def drain(values: Iterable[Any]) -> None:
    """Take all and keep none."""
    deque(values, maxlen=0)


def parse(bodies: list[bytes], entries: int) -> None:
    """Make batches of list pages, by the fast parser and by the tree parser behind it."""
    from landfast.model.location import Location
    from landfast.stores.base import ListRequest
    from landfast.stores.s3 import tree
    from landfast.stores.s3.listing import read_page
    from landfast.stores.s3.request import Listing

    listing = Listing(ListRequest(Location.parse(URI), versions=True))
    cost(
        "list page to columns, and by a tree",
        entries,
        lambda: [list(read_page(body, listing).batches) for body in bodies],
        lambda: [tree.parse(body, listing) for body in bodies],
    )


def keep(batches: list[Any], folder: Path) -> Path:
    """Digest and write a manifest; return its file."""
    from landfast.manifests.batch import EntryBatch, in_batches
    from landfast.manifests.digest import DigestBuilder
    from landfast.manifests.reader import ManifestFile
    from landfast.manifests.writer import ManifestWriter

    count = sum(len(batch) for batch in batches)
    rows = [row for batch in batches for row in batch.rows()]
    path = folder / "manifest.parquet"

    def digest(parts: Iterable[EntryBatch]) -> None:
        builder = DigestBuilder()
        for batch in parts:
            builder.update(batch)
        builder.content_digest()

    def write() -> None:
        path.unlink(missing_ok=True)
        with ManifestWriter(path) as writer:
            for batch in batches:
                writer.add_batch(batch)
            writer.finish()

    def write_rows() -> None:
        path.unlink(missing_ok=True)
        with ManifestWriter(path) as writer:
            writer.extend(rows)
            writer.finish()

    cost(
        "columns from rows, rows from columns",
        count,
        lambda: EntryBatch.from_rows(rows),
        lambda: [list(b.rows()) for b in batches],
    )
    cost("both digests", count, lambda: digest(batches), lambda: digest(in_batches(rows)))
    cost("write, with digests and roll-up", count, write, write_rows)
    manifest = ManifestFile(path)
    cost("read", count, lambda: drain(manifest.batches()), lambda: drain(manifest.entries()))
    cost("check", count, manifest.check, lambda: digest(in_batches(manifest.entries())))
    return path


def compare(path: Path, batches: list[Any]) -> None:
    """Compare a manifest with one of which each thousandth entry has another size."""
    from dataclasses import replace

    from landfast.manifests.reader import ManifestFile
    from landfast.manifests.writer import ManifestWriter
    from landfast.query.diff import diff

    rows = [row for batch in batches for row in batch.rows()]
    changed = [replace(row, size=1) if at % 1000 == 0 else row for at, row in enumerate(rows)]
    other = path.with_name("changed.parquet")
    with ManifestWriter(other) as writer:
        writer.extend(changed)
        writer.finish()
    one, two = ManifestFile(path), ManifestFile(other)

    def diff_rows() -> int:
        """Compare entry by entry, those of one manifest in a dictionary."""
        before = {entry.path: entry for entry in one.entries()}
        pairs = ((before[entry.path], entry) for entry in two.entries())
        return sum((a.identity, a.pins) != (b.identity, b.pins) for a, b in pairs)

    cost("diff, 0.1 % changed", len(rows), lambda: diff(one, two), diff_rows)


def main() -> None:
    """Run every stage over what one log stores."""
    import landfast

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=100_000)
    entries = parser.parse_args().entries
    with serving(entries) as endpoint, tempfile.TemporaryDirectory() as folder:
        os.environ |= endpoint.environment() | {"LANDFAST_CACHE_DIR": f"{folder}/cache"}
        client = landfast.Client(f"sqlite:///{folder}/bench.db")
        log(client)
        version = client.get("bench")
        batches = list(version.manifest.batches())
        print(f"us of CPU an entry, {entries:,} listed{'columns':>14}{'rows':>10}")
        parse(list(pages(endpoint)), entries)
        path = keep(batches, Path(folder))
        compare(path, batches)
        cost("verify against a list", len(version.manifest), lambda: client.verify(version))


if __name__ == "__main__":
    main()
