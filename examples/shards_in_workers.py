"""Scan a large prefix in parallel processes, and log the result as one version.

    python shards_in_workers.py s3://my-bucket/huge/ [SHARDS]

Plan, shards and results pickle without credentials: each worker finds its own, as this process does.
Any orchestrator that can map a function over a list can do the same on many machines; the registry
has to be one that all of them reach (PostgreSQL and a bucket).
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import landfast


def main(uri: str, shards: int) -> None:
    """Scan `uri` in so many shards."""
    client = landfast.Client(project="huge")

    # Before the first request: a slow scan must not move `latest` back over a later one.
    ticket = client.ticket()

    # What is it, and where to cut? The last version's manifest gives even cuts.
    reference = landfast.Reference(uri, max_objects=landfast.UNLIMITED)
    plan = client.plan(reference, shards=shards, near="objects")
    print(f"{len(plan.shards)} shards of {plan.source.uri}")

    # Each worker lists its range and puts a small manifest into the registry's store.
    with ProcessPoolExecutor(max_workers=4, mp_context=get_context("spawn")) as pool:
        scans = list(pool.map(client.scan_shard, plan.shards))
    print("found", sum(scan.manifest.summary.count for scan in scans), "objects")

    # Joined: the digest is the same for any number of shards.
    version = client.log_scans("objects", scans, ticket=ticket)
    print(f"{version.name}: {version.file_count} files, created: {version.created}")
    print("same digest as a scan in one piece:", version.digest == client.probe(reference))


if __name__ == "__main__":  # workers import this file
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 4)
