"""Measure large manifests of which little is new: what is stored, what it costs, and how much memory each verb takes.

    python benchmarks/deltas.py [--entries 1000000]

A store that makes its list pages from nothing stands in for a bucket; each day one object in a thousand is another.
Each verb is a process of its own, with a registry and a store on disk.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rows import Row, command, ran, spent

if TYPE_CHECKING:
    import pyarrow as pa
    from landfast import Client
    from landfast.manifests.reader import ManifestFile

HERE = Path(__file__).parent
PAGE = 1_000
ONE_IN = 1_000
TARGET_MIB = 400
TARGET_GET_MS = 50
TARGET_BYTES_AN_ENTRY = 60
# Of 0.1 % of ten million entries.
TARGET_BYTES = 1_000_000 / 10_000_000


class Synthetic:
    """A bucket of so many objects, on a day: what a store lists of it, in columns."""

    endpoint = None

    def __init__(self, entries: int, day: int) -> None:
        self._entries = entries
        self._day = day

    def capabilities(self) -> Any:
        """Return that its lists have MD5."""
        from landfast.stores.base import Capabilities

        return Capabilities(list_checksums=("md5",))

    def versioning(self, location: Any) -> Any:  # noqa: ARG002
        """Return that it keeps no versions of which lists would tell."""
        from landfast.stores.base import Versioning

        return Versioning.NONE

    def locate(self, location: Any) -> Any:
        """Tell a folder from an object."""
        from landfast.stores.base import locate_by_listing

        return locate_by_listing(self, location)

    def path(self, location: Any) -> None:
        """Tell that nothing lies on this machine."""

    def stat(self, location: Any, *, version_id: Any = None, checksum: Any = None) -> Any:
        """Refuse: only lists are asked for."""
        raise NotImplementedError

    def open(self, pin: Any, *, start: int = 0) -> Any:
        """Refuse: there are no bytes."""
        raise NotImplementedError

    def list_page(self, request: Any) -> Any:
        """Return the rows after a key."""
        from landfast.stores.base import ObjectBatch, Page

        start = 0 if request.after is None else int(request.after[-18:-8]) + 1
        if not _key(0).startswith(request.location.key):
            return Page(batches=[])
        count = max(0, min(PAGE, request.limit or PAGE, self._entries - start))
        batch = ObjectBatch(_rows(start, count, self._day), request.location)
        return Page(batches=[batch] if count else [], is_full=count == PAGE)


def _key(number: int) -> str:
    return f"data/part={number // PAGE:05}/file-{number:010}.parquet"


def _rows(start: int, count: int, day: int) -> pa.RecordBatch:
    import pyarrow as pa
    import pyarrow.compute as pc
    from landfast.stores.batch import object_schema

    chosen = random.Random(start)  # noqa: S311 - the same in each run
    tokens, versions = (chosen.randbytes(16 * count).hex() for _ in range(2))
    sizes = [1_000 + byte * 7919 for byte in chosen.randbytes(count)]
    times = [1_750_000_000 + number * 61 for number in range(start, start + count)]
    for today in range(1, day + 1):
        new = random.Random(start * 31 + today)  # noqa: S311
        for row in range(count):
            if not new.randrange(ONE_IN):
                at = slice(32 * row, 32 * row + 32)
                tokens, versions = (
                    text[: at.start] + new.randbytes(16).hex() + text[at.stop :]
                    for text in (tokens, versions)
                )
                sizes[row] += 1_000
                times[row] += 86_400 * today
    keys = pa.array(map(_key, range(start, start + count)), pa.string())
    nothing, no = pa.nulls(count, pa.string()), pa.repeat(False, count)
    columns = [
        keys,
        pc.binary_join_element_wise("synth://bench/", keys, ""),
        pa.array(sizes, pa.int64()),
        pa.repeat("md5", count),
        _of_32(tokens, count),
        _of_32(versions, count),
        nothing,
        pc.multiply(pa.array(times, pa.int64()), 1_000_000).cast(pa.timestamp("us", tz="UTC")),
        pa.repeat(True, count),
        no,
        no,
        pa.repeat("", count),
        pa.nulls(count, object_schema().field("extra").type),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=object_schema())


def _of_32(text: str, count: int) -> pa.Array:
    from array import array

    import pyarrow as pa

    offsets = array("i", range(0, 32 * count + 1, 32))
    buffers = [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(text.encode())]
    return pa.Array.from_buffers(pa.string(), count, buffers)


def client(folder: str, entries: int, day: int = 0) -> Client:
    """Return a client whose bucket is as on a day."""
    from landfast import Client

    return Client(
        f"sqlite:///{folder}/bench.db",
        store_url=f"{folder}/store",
        stores={"synth": Synthetic(entries, day)},
    )


def blobs(folder: str) -> dict[str, int]:
    """Return the sizes of what is stored, by name."""
    return {
        path.name: path.stat().st_size
        for path in Path(folder, "store").rglob("*")
        if len(path.name) == 64
    }


def told(code: str) -> dict[str, Any]:
    """Run code in a process of its own; return the JSON that it prints last."""
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


_GET = """
import json, random, statistics, time
found = client({folder!r}, {entries}).get("d").manifest
chosen = random.Random(7)
paths = [found.rows.path(chosen.randrange(len(found))) for _ in range(50)]
found.get(paths[0])
took = []
for path in paths:
    began = time.perf_counter()
    assert found.get(path).path == path
    took.append((time.perf_counter() - began) * 1e3)
print(json.dumps({{"ms": statistics.median(took), "worst": max(took)}}))
"""
_READ = """
import json
from pathlib import Path
def read():
    return int(Path("/proc/self/io").read_text().split()[1])
from landfast.query.diff import diff
there = client({folder!r}, {entries})
for _ in range(2):  # the first time modules are read too
    old, new = (there.context.glance_at(there.get(name).record) for name in ("d:v0", "d:v1"))
    before = read()
    counts = diff(old, new).counts
print(json.dumps({{"bytes": read() - before, "modified": counts["modified"]}}))
"""


def measure(given: Namespace) -> Iterator[Row]:
    """Log, log again, log another day, compare, look up."""
    entries = given.entries
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:

        def code(text: str, day: int = 0) -> str:
            head = f"import sys; sys.path.insert(0, {str(HERE)!r})\nfrom deltas import client\n"
            made = text.format(folder=folder, entries=entries, day=day)
            return head + "import landfast\n" + made

        def verb(text: str, day: int = 0) -> Any:
            return ran([sys.executable, "-c", code(text, day)])

        log = (
            "client({folder!r}, {entries}, {day})"
            ".log('d', 'synth://bench/data/', max_objects=landfast.UNLIMITED)"
        )

        def memory(what: str, mib: float) -> Row:
            return Row(f"{what}, {entries:,}", mib, "MiB anonymous", at_most=TARGET_MIB)

        yield memory("snapshot", verb(log).anonymous_mib)
        (full,) = blobs(folder).values()
        yield Row(
            "manifest in full", full / entries, "bytes an entry", at_most=TARGET_BYTES_AN_ENTRY
        )
        yield memory("unchanged again", verb(log).anonymous_mib)
        yield memory("0.1 % changed", verb(log, 1).anonymous_mib)
        stored = sum(blobs(folder).values()) - full
        yield Row(
            f"0.1 % of {entries:,} changed at random: stored",
            stored,
            "bytes",
            beside=full,
            peer="manifest in full",
            at_most=TARGET_BYTES * entries if entries >= 10_000_000 else None,
        )
        yield from _costs(folder, entries, given.repeat)
        read = told(code(_READ))
        yield Row(
            f"counts of what {read['modified']:,} modified differ in: read",
            read["bytes"],
            "bytes",
            beside=stored,
            peer="the delta",
            ratio_at_most=2.0,
        )
        counts = "assert client({folder!r}, {entries}).diff('d:v0', 'd:v1').counts"
        rows = "assert sum(1 for _ in client({folder!r}, {entries}).diff('d:v0', 'd:v1'))"
        yield memory("diff of neighbours, counts", verb(counts).anonymous_mib)
        yield memory("diff of neighbours, every row", verb(rows).anonymous_mib)
        yield memory("get of one path", verb(_GET).anonymous_mib)
        found = told(code(_GET))
        yield Row(
            "get of one path, warm",
            found["ms"],
            "ms",
            at_most=TARGET_GET_MS,
            note=f"the slowest of 50 took {found['worst']:.0f} ms",
        )


def _costs(folder: str, entries: int, repeat: int) -> Iterator[Row]:
    """Compare the CPU of delta and chain with that of full files."""
    from landfast.manifests.chains.delta import write_delta
    from landfast.manifests.reader import ManifestFile
    from landfast.manifests.writer import ManifestWriter

    there = client(folder, entries)
    old, chain = (there.context.manifest_of(there.get(f"d:v{n}").record) for n in (0, 1))
    full, target = Path(folder, "full"), Path(folder, "delta")

    def rewrite() -> None:
        with ManifestWriter(full) as writer:
            for batch in chain.batches():
                writer.add_batch(batch)
            writer.finish()

    def read(manifest: ManifestFile) -> int:
        return sum(map(len, manifest.batches()))

    rewritten = spent(rewrite, repeat)
    new = ManifestFile(full)
    shrunk = spent(lambda: write_delta(old, new, target, most=entries), repeat)
    unit = "us CPU an entry"
    yield Row(
        f"delta of 0.1 % of {entries:,}, made",
        shrunk.cpu_s / entries * 1e6,
        unit,
        beside=rewritten.cpu_s / entries * 1e6,
        peer="a full manifest, read and written",
    )
    of_chain, of_full = spent(lambda: read(chain), repeat), spent(lambda: read(new), repeat)
    yield Row(
        f"{entries:,} entries read from full file and delta",
        of_chain.cpu_s / entries * 1e6,
        unit,
        beside=of_full.cpu_s / entries * 1e6,
        peer="from one full file",
    )
    compared = ran([sys.executable, "-c", _PEER.format(old=old.path, new=full)])
    from landfast.query.diff import diff

    ours = spent(lambda: diff(old, chain).counts, repeat)
    yield Row(
        f"counts of a diff of neighbours of {entries:,}",
        ours.cpu_s,
        "s CPU",
        beside=compared.cpu_s,
        peer="a join of both full files in DuckDB",
    )


_PEER = """
import duckdb
duckdb.sql("SET threads = 2; SET enable_progress_bar = false")
duckdb.sql('''
    SELECT count(*) FILTER (o.path IS NULL), count(*) FILTER (n.path IS NULL),
        count(*) FILTER (o.checksum <> n.checksum)
    FROM read_parquet('{old}') o FULL JOIN read_parquet('{new}') n USING (path)
''').fetchall()
"""


if __name__ == "__main__":
    command(
        "deltas",
        "Manifests of which little is new",
        measure,
        __doc__,
        entries=(1_000_000, 10_000_000),
    )
