"""Measure the verify of a version of many objects against their list, in CPU and in memory.

    python benchmarks/verify.py [--entries 100000]

Each command is a process of its own, its start counted.  The endpoint lists every version of every object, as a
versioned bucket does, and nothing changed since the log.
"""

from __future__ import annotations

import os
import sys
import tempfile
from argparse import Namespace
from collections.abc import Iterator

from rows import Row, command, median, ran
from s3_endpoint import serving
from s3_log import URI

_LOG = """
client.log('bench', '{uri}', max_objects=landfast.UNLIMITED)
client.log('few', '{uri}000000/')
"""
_VERIFY = "assert client.verify('bench').exit_code == 0"
_START = "assert client.verify('few').exit_code == 0"
_PAGES = """
import os, re, urllib3
pool, more = urllib3.PoolManager(), ""
while True:
    at = os.environ["AWS_ENDPOINT_URL_S3"] + "/bench?versions&prefix=data/&max-keys=1000&encoding-type=url"
    body = pool.request("GET", at + more).data
    found = re.findall(rb"<Next(?:Key|VersionId)Marker>([^<]*)<", body)
    if not found:
        break
    more = "&key-marker=%s&version-id-marker=%s" % tuple(each.decode() for each in found)
"""


def measure(given: Namespace) -> Iterator[Row]:
    """Log once, then verify."""
    entries = given.entries
    with serving(entries) as endpoint, tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        where = endpoint.environment() | {"LANDFAST_CACHE_DIR": f"{folder}/cache"}

        def run(code: str) -> list[str]:
            head = f"import landfast\nclient = landfast.Client('sqlite:///{folder}/bench.db')\n"
            return [sys.executable, "-c", head + code]

        ran(run(_LOG.format(uri=URI)), where)
        floor = median([ran([sys.executable, "-c", _PAGES], where) for _ in range(given.repeat)])
        start = median([ran(run(_START), where) for _ in range(given.repeat)])
        spent = median([ran(run(_VERIFY), where) for _ in range(given.repeat)])
        yield Row(
            f"verify {entries:,} entries, all intact",
            (spent.cpu_s - start.cpu_s) / entries * 1e6,
            "us CPU an entry",
            beside=floor.cpu_s / entries * 1e6,
            peer="raw GET of the same pages (floor)",
            note="without the start of the process: the cost of a verify of 500 entries is subtracted",
        )
        yield Row(
            f"verify {entries:,} entries, memory", spent.anonymous_mib, "MiB anonymous", at_most=400
        )


if __name__ == "__main__":
    os.environ.pop("LANDFAST_REGISTRY_URL", None)
    command("verify", "Verify", measure, __doc__, entries=(100_000, 10_000_000), repeat=(3, 1))
