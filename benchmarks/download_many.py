"""Measure the peak memory of a download of very many files: children of one listing, each read by its version id.

    python benchmarks/download_many.py [--files 1000000]

Log and download run in processes of their own, whose anonymous memory is sampled 50 times a second. The endpoint
(`s3_objects.py`) is not counted. The cache is on, so each file is there twice: a million take about half an hour, and
a disk with two million free inodes.
"""

from __future__ import annotations

import os
import sys
import tempfile
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from rows import Row, command, ran
from s3_objects import BUCKET, serving

_SIZE = 16
_LOG = """
import sys, landfast
client = landfast.Client(sys.argv[1])
client.log("bench/many", sys.argv[2], max_objects=landfast.UNLIMITED)
"""
_GET = """
import sys, landfast
report = landfast.Client(sys.argv[1]).get("bench/many").download_report(root=sys.argv[2])
assert report.files == int(sys.argv[3]), report
"""


def measure(given: Namespace) -> Iterator[Row]:
    """Log the objects, then bring them all."""
    with (
        tempfile.TemporaryDirectory(prefix="landfast-bench-") as name,
        serving(given.files, size=_SIZE) as environment,
    ):
        os.environ.update(environment, LANDFAST_CACHE_DIR=f"{name}/cache")
        url, target = f"sqlite:///{name}/bench.db", Path(name, "target")
        what = f"{given.files:,} files"
        logged = ran([sys.executable, "-c", _LOG, url, f"s3://{BUCKET}/data/"])
        yield Row(f"log of {what}", logged.anonymous_mib, "MiB", at_most=400)
        got = ran([sys.executable, "-c", _GET, url, target, str(given.files)])
        yield Row(f"download of {what}", got.anonymous_mib, "MiB", at_most=400)
        yield Row(f"download of {what}", got.cpu_s / given.files * 1e6, "us CPU a file")


if __name__ == "__main__":
    command(
        "download-many", "Download of very many files", measure, __doc__, files=(20_000, 1_000_000)
    )
