"""Measure the CPU seconds of observing many partitions of which nothing changed, in Dagster.

.venvs/dagster/bin/python benchmarks/observe_unchanged.py --partitions 2000
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
import warnings
from pathlib import Path

import dagster as dg
import dagster_landfast as dl


def main() -> None:
    """Observe three times, and print what each took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--partitions", type=int, default=2000)
    count = parser.parse_args().partitions
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder, dg.instance_for_test() as instance:
        os.environ["LANDFAST_REGISTRY_URL"] = f"sqlite:///{folder}/registry.db"
        keys = [f"{number:06}" for number in range(count)]
        for key in keys:
            place = Path(folder, "data", key)
            place.mkdir(parents=True)
            (place / "part").write_text(key)
        raw = dl.observable_prefix_asset(
            "raw",
            f"{folder}/data/{{partition_key}}/",
            partitions_def=dg.StaticPartitionsDefinition(keys),
        )
        job = dg.Definitions(assets=[raw]).resolve_implicit_global_asset_job_def()
        for what in ("new", "unchanged", "unchanged"):
            before = time.process_time()
            done = job.execute_in_process(instance=instance, asset_selection=[raw.key])
            assert done.success
            events = sum(event.is_asset_observation for event in done.all_events)
            print(
                f"{count} partitions, {what}: {time.process_time() - before:.1f} CPU s, {events} events"
            )


if __name__ == "__main__":
    main()
