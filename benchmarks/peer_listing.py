"""Measure what it costs to record a prefix: Landfast beside those who do the like, over the same list.

    scripts/peer-environments
    python benchmarks/peer_listing.py [--entries 2000] [--many 20000]

Each is a process of its own in an environment of its own (`.venvs/peers/NAME`).  What it takes to start and to record
one folder is measured apart and taken off: what is left is the cost of each key more.  What they keep differs: each
script in `benchmarks/peers/` says what it does.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from rows import Row, command, median, ran
from s3_endpoint import PREFIX, Endpoint, serving

HERE = Path(__file__).parent
ENVIRONMENTS = HERE.parent / ".venvs" / "peers"
# Script -> its environment; "" is ours.
PEERS = {
    "boto3_paginator": ("", "boto3 list_object_versions, keeps nothing"),
    "obstore_listing": ("obstore", "obstore list, no versions, keeps nothing"),
    "quilt3_set_dir": ("quilt3", "quilt3 set_dir, no hashes"),
    "dvc_import": ("dvc", "dvc import-url --version-aware --no-download"),
    "datachain_listing": ("datachain", "DataChain read_storage"),
    "wandb_reference": ("wandb", "wandb add_reference, offline"),
}
# At least so many times what Landfast takes.
TARGETS = {"boto3_paginator": 20, "wandb_reference": 400}
# What Landfast takes a key is measured of many, as a start costs more than few of them, and so is boto3's paginator.
# The slowest peers take minutes for so many, and the same for each.
OF_MANY = {"boto3_paginator"}
_PATIENCE_S = 300
FEW, IN_FEW = f"{PREFIX}000000/", 500


def measure(given: Namespace) -> Iterator[Row]:
    """Run each, and Landfast beside each."""
    with (
        serving(given.entries) as endpoint,
        serving(given.many) as large,
        tempfile.TemporaryDirectory() as folder,
    ):
        where = endpoint.environment() | {
            "LANDFAST_CACHE_DIR": f"{folder}/cache",
            "TMPDIR": folder,
        }
        us, requests = _cost("landfast_log", Path(sys.executable), endpoint, where, 5)
        yield Row(
            f"landfast log of {given.entries:,} keys",
            us,
            "us CPU a key",
            note=f"{requests} requests, and a version is stored",
        )
        there = where | large.environment()
        us, requests = _cost("landfast_log", Path(sys.executable), large, there, 3)
        yield Row(
            f"landfast log of {given.many:,} keys", us, "us CPU a key", note=f"{requests} requests"
        )
        for script, (environment, what) in PEERS.items():
            python = ENVIRONMENTS / environment / "bin" / "python"
            if not environment:
                python = Path(sys.executable)
            if not python.exists():
                yield Row(
                    what, None, note="it does not install here; see scripts/peer-environments"
                )
                continue
            why = _why_not(script, python, where)
            if why:
                yield Row(what, None, note=why)
                continue
            of, at = (large, there) if script in OF_MANY else (endpoint, where)
            theirs, requests = _cost(script, python, of, at, given.repeat)
            yield Row(
                what,
                theirs,
                "us CPU a key",
                beside=us,
                peer=f"landfast log of {given.many:,}",
                ratio_at_least=TARGETS.get(script),
                note=f"{requests} requests for {of.entries:,} keys; the start is subtracted",
            )


def _why_not(script: str, python: Path, where: Mapping[str, str]) -> str:
    """Run it once; return the last line of what it says if it fails, else nothing."""
    try:
        done = subprocess.run(  # noqa: S603
            [python, HERE / "peers" / f"{script}.py", FEW],
            env=os.environ | where,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"not done after {_PATIENCE_S} s"
    if done.returncode == 0:
        return ""
    said = [line for line in done.stderr.splitlines() if line.strip()] or ["it ended in an error"]
    return said[-1].strip()[:160]


def _cost(
    script: str, python: Path, endpoint: Endpoint, where: Mapping[str, str], repeat: int
) -> tuple[float, int]:
    """Return the microseconds of CPU of each key more, and the requests of one run."""
    run = [python, HERE / "peers" / f"{script}.py"]
    few = median([ran([*run, FEW], where, quiet=True) for _ in range(repeat)])
    before = Counter(endpoint.counts())
    whole = [ran([*run, PREFIX], where, quiet=True)]
    requests = (Counter(endpoint.counts()) - before).total()
    whole += [ran([*run, PREFIX], where, quiet=True) for _ in range(repeat - 1)]
    more = median(whole).cpu_s - few.cpu_s
    return max(more, 1e-6) / (endpoint.entries - IN_FEW) * 1e6, requests


if __name__ == "__main__":
    command(
        "peer_listing", "Peers", measure, __doc__, entries=(3_000, 10_000), many=(60_000, 200_000)
    )
