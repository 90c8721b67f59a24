"""More objects than a page of a list holds, and limits."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from kit.servers.s3 import S3Server

from benchmarks.s3_endpoint import PREFIX, serving
from conformance.case import HOLDS_OR_FAILS, case
from conformance.outcomes import Outcome, Result
from conformance.promises import COMPLETE, LIMITED
from conformance.trial import Trial


@case(
    "A limit of 10, and 25 objects",
    LIMITED,
    right=HOLDS_OR_FAILS,
    reports=("https://github.com/wandb/wandb/pull/12091",),
)
def over_the_limit(trial: Trial) -> Result:
    trial.puts({f"{number:02}.txt": f"{number}" for number in range(25)})
    return counted(len(trial.paths(trial.log(limit=10))), 25)


@case("1,001 objects: a second page of the list", COMPLETE)
def second_page(trial: Trial) -> Result:
    names = [f"{number:04}.txt" for number in range(1001)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: trial.put(f"data/{name}", name), names))
    return counted(len(trial.paths(trial.log())), 1001)


@case(
    "12,000 objects, where nothing was said of a limit",
    COMPLETE,
    right=HOLDS_OR_FAILS,
    servers_of={"quilt3": "it reads every byte, and the server that lists so many has none"},
)
def over_the_default(trial: Trial) -> Result:
    with serving(12_000) as endpoint:
        trial.more_variables = endpoint.environment() | {"BUCKET": "bench"}
        version = trial.log(f"s3://bench/{PREFIX}")
        pages = S3Server(url=endpoint.url).client.get_paginator("list_objects_v2")
        there = sum(page["KeyCount"] for page in pages.paginate(Bucket="bench", Prefix=PREFIX))
        return counted(len(trial.paths(version)), there)


def counted(recorded: int, there: int) -> Result:
    """Compare how many were recorded with how many there are."""
    fact = f"{recorded:,} of {there:,} objects"
    return Result(Outcome.HOLDS if recorded == there else Outcome.SILENT_LOSS, fact)
