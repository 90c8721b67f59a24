"""Work for processes that are killed; each says what it has done as soon as it has done it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from kit.failpoints import arm
from landfast import Artifact, ArtifactVersion, Client, Reference, RunStatus
from landfast.publish import shrink

OBJECTS = {"d/one": b"first", "d/two": b"second", "d/more/three": b"third"}
# Of `log_deltas`, and of how many files each of its versions is made: two deltas stand on each other at most,
# others take the place of one, or of both.
TURNS, CHAINS = range(5), [1, 2, 3, 3, 2]


@dataclass(frozen=True, kw_only=True)
class Job:
    """What one process does, under names that no other uses."""

    url: str
    bucket: str
    label: str
    folder: Path
    environment: Mapping[str, str]

    @property
    def journal(self) -> Path:
        return self.folder / f"{self.label}.journal"

    @property
    def target(self) -> Path:
        return self.folder / f"target-{self.label}"

    def client(self) -> Client:
        return Client(self.url, project="ordeal")

    def notes(self) -> list[dict[str, Any]]:
        if not self.journal.exists():
            return []
        return [json.loads(line) for line in self.journal.read_text().splitlines()]

    def note(self, what: str, version: ArtifactVersion | None = None, **more: Any) -> None:
        """Write down what a call has returned; a kill does not take it back."""
        if version is not None:
            more |= {"name": version.qualified_name, "digest": version.digest}
        with self.journal.open("a") as journal:
            journal.write(json.dumps({"what": what, **more}) + "\n")


def work(job: Job, kill_at: int | None) -> None:
    """Log references and a managed file, download, promote; end by SIGKILL at a moment of it."""
    os.environ.update(job.environment)
    points = arm(kill_at)
    client = job.client()
    place = f"s3://{job.bucket}/d/"
    data = client.log(f"data-{job.label}", Reference(place, name=job.label))
    job.note("logged", data)
    less = client.log(f"data-{job.label}", Reference(place, name=job.label, exclude=("more/**",)))
    job.note("logged", less)
    model = client.log_artifact(model_of(job, client), aliases=["candidate"])
    job.note("logged", model, alias="candidate")
    client.download(model, job.target)
    job.note("downloaded")
    client.promote(model, "prod")
    job.note("logged", model, alias="prod")
    client.finish_run(RunStatus.FINISHED)
    client.close()
    job.note("complete", moments=len(points.passed), summary=points.summary)


def log_deltas(job: Job, kill_at: int | None, turns: Sequence[int] = TURNS) -> None:
    """Log a folder that changes a little each turn, in chains of two deltas; end by SIGKILL at a moment of it."""
    os.environ.update(job.environment)
    shrink.SMALL_BYTES, shrink.MOST_DELTAS = 0, 2
    shrink._MOST_BYTES = 100
    files = job.folder / f"files-{job.label}"
    files.mkdir(exist_ok=True)
    for number in range(40 if 0 in turns else 0):
        put(files / f"{number:02}", "first" if number else "turn 0")
    points = arm(kill_at)
    client = job.client()
    for turn in turns:
        put(files / f"{turn % 2:02}", f"turn {turn}")
        version = client.log(f"data-{job.label}", files)
        with version.manifest as manifest:
            job.note("logged", version, files=len(manifest.chain))
    client.close()
    job.note("complete", moments=len(points.passed), summary=points.summary)


def put(path: Path, text: str) -> None:
    """Write a file, but leave one as it is, and its time, that a killed process wrote: a retry changes no data."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def model_of(job: Job, client: Client) -> Artifact:
    draft = Artifact(f"model-{job.label}", "model", client=client)
    with draft.new_file("weights") as weights:
        weights.write(f"weights {job.label}")
    draft.add_reference(f"s3://{job.bucket}/d/one")
    return draft


def write_all_the_time(job: Job, stop: Event) -> None:
    """Log managed files and references until told to stop; delete every third version again."""
    os.environ.update(job.environment)
    client = job.client()
    turn = 0
    while not stop.is_set():
        began = time.monotonic()
        draft = Artifact(f"live-{job.label}", "model", client=client)
        with draft.new_file("weights") as weights:
            weights.write(f"live {turn}")
        with draft.new_file("same") as same:
            same.write("shared by all versions")
        draft.add_reference(f"s3://{job.bucket}/d/", name="data")
        version = client.log_artifact(draft)
        if turn % 3:
            job.note("logged", version)
        else:
            version.delete(delete_aliases=True)
        turn += 1
        pause(stop, began, 0.2)
    client.close()


def collect_all_the_time(job: Job, stop: Event, grace: timedelta) -> None:
    """Collect garbage until told to stop."""
    os.environ.update(job.environment)
    client = job.client()
    while not stop.is_set():
        began = time.monotonic()
        report = client.gc(grace=grace, dry_run=False)
        job.note("collected", blobs=report.deleted.count)
        pause(stop, began, 0.5)
    client.close()


def pause(stop: Event, began: float, least_s: float) -> None:
    """Wait for three times what a turn took: however slow the machine is, who is killed has his share of it."""
    stop.wait(max(least_s, 3 * (time.monotonic() - began)))


def collect(job: Job, kill_at: int | None) -> None:
    """Collect whatever nothing names, young or old; end by SIGKILL at a moment of it."""
    os.environ.update(job.environment)
    points = arm(kill_at)
    client = job.client()
    report = client.gc(grace=timedelta(0), dry_run=False)
    client.close()
    job.note("complete", blobs=report.deleted.count, summary=points.summary)
