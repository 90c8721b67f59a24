"""A registry with one of everything, and every question that one can ask of it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from kit.servers.s3 import S3Server
from landfast import Artifact, Client, Reference, RunStatus
from landfast.cli import main
from landfast.model.lineage import Direction
from landfast.model.run import RunKey
from landfast.model.storage.holds import HoldKind, HoldState, ObjectVersion
from landfast.publish import shrink
from landfast.registry.holds.request import HoldStart, Worker
from landfast.registry.values import Found

PROJECT = "vision"
CONSUMERS = ("bell", "feed")
_SYSTEMS = ("airflow", "dagster", "prefect", "script")


@dataclass(frozen=True, kw_only=True)
class Content:
    """What was put in: the bytes of files of versions, by the full name of the version and the path."""

    files: dict[tuple[str, str], bytes]


def short_chains(patch: Callable[..., None]) -> None:
    """Store small manifests as deltas too."""
    patch(shrink, "SMALL_BYTES", 0)
    patch(shrink, "MOST_DELTAS", 2)
    patch(shrink, "_MOST_BYTES", 100)


def fill(
    client: Client, server: S3Server, bucket: str, folder: Path, admin: Client | None = None
) -> Content:
    """Log by several systems: deltas, partitions, managed files, what `admin` deleted, moved aliases, odd names."""
    runs = [_run(client, system, number) for number, system in enumerate(_SYSTEMS)]
    files: dict[tuple[str, str], bytes] = {}
    raw = _deltas(runs[0], folder, files)
    _partitions(runs[1], server, bucket)
    _model(runs[2], folder, raw, files)
    _deleted(runs[3], folder, admin or runs[3])
    for one, status in zip(
        runs,
        (RunStatus.FINISHED, RunStatus.FAILED, RunStatus.FINISHED, RunStatus.RUNNING),
        strict=True,
    ):
        one.finish_run(status)
    _look_at_everything(client)
    _drifted(client)
    for change in list(client.changes())[:3]:
        if change.alias == "latest":
            client.mark_announced("bell", change)
    with client.follow("feed", begin="start") as follower:
        for change in itertools.islice(follower.changes(), 4):
            assert change.position <= 4
    client.registry.consumers.give_positions()
    _held(client)
    return Content(files=files)


def _run(client: Client, system: str, number: int) -> Client:
    key = RunKey(
        system=system,
        deployment=f"https://{system}.example/é",
        run_id=f"run {number}",
        node="n:1",
        part="p",
    )
    mine = Client.on(client.context.with_defaults(project=PROJECT, run=key))
    mine.begin_run(
        job_type="train",
        name=f"{system} à la carte",
        config={"lr": 0.1, "tab\t": ["\x00", None]},
        link=f"https://{system}.example/runs/{number}",
        attempt=number + 1,
    )
    return mine


def _deltas(client: Client, folder: Path, files: dict[tuple[str, str], bytes]) -> Any:
    data = folder / "many"
    data.mkdir()
    for number in range(40):
        (data / f"{number:02} ü%20").write_text("first")
    version = None
    for turn in range(4):
        (data / f"{turn % 2:02} ü%20").write_text(f"turn {turn}")
        version = client.log("raw", data, metadata={"turn": turn}, description=f"turn {turn}")
    assert version is not None
    files |= {(str(version.full_name), "39 ü%20"): b"first"}
    client.log("raw", data, metadata={"again": True})  # an observation of what is there already
    client.promote("raw:v1", "prod")
    client.promote("raw:v3", "prod")
    client.promote("raw:v0", "candidate")
    client.remove_alias("raw", "candidate")
    client.update(
        "raw:v2",
        description="edited: 100 % 'quoted'",
        add_tags=["gold", "raw"],
        ttl=timedelta(days=30),
    )
    with version.manifest as manifest:
        assert len(manifest.chain) > 1, "no delta, so this shows nothing"
    return version


def _partitions(client: Client, server: S3Server, bucket: str) -> None:
    for day in ("2026-01-01", "2026-01-02", "odd.key-1"):
        server.put(bucket, f"days/{day}/rows.csv", day.encode())
        client.log("days", Reference(f"s3://{bucket}/days/{day}/"), partition=day)
    server.put(bucket, "days/2026-01-02/rows.csv", b"changed")
    client.log("days", Reference(f"s3://{bucket}/days/2026-01-02/"), partition="2026-01-02")


def _model(client: Client, folder: Path, raw: Any, files: dict[tuple[str, str], bytes]) -> None:
    client.use(raw)
    client.use("days~2026-01-01", declared=True)
    (folder / "notes.txt").write_text("managed")
    draft = Artifact("model", "model", client=client, metadata={"loss": 0.5})
    with draft.new_file("weights") as weights:
        weights.write("weights")
    draft.add_file(folder / "notes.txt")
    draft.add_reference(raw.full_name.uri, name="raw")
    version = client.log_artifact(draft, aliases=["candidate"], tags=["best"])
    files[str(version.full_name), "weights"] = b"weights"
    files[str(version.full_name), "notes.txt"] = b"managed"
    other = Client.on(client.context.with_defaults(project="other"))
    other.use(version)
    other.log("report", folder / "notes.txt", type="report")


def _deleted(client: Client, folder: Path, admin: Client) -> None:
    for turn in range(3):
        (folder / "short").write_text(f"short {turn}")
        client.log("short", folder / "short", ttl=timedelta(days=1))
    admin.get("short:v1").delete()
    admin.get("short:v2").delete(delete_aliases=True)  # latest falls back


def _held(client: Client) -> None:
    """Record holds as `hold` does, of a bucket that has no Object Lock."""
    holds, version = client.registry.holds, client.get("days~2026-01-01").record
    worker = Worker(name="w", lease=timedelta(seconds=60))
    holds.begin(HoldStart(version_id=version.id, kind=HoldKind.LEGAL, reason="the audit"))
    wanted = [
        ObjectVersion(endpoint="", uri="s3://b/k", version_id=str(n), kind=HoldKind.LEGAL)
        for n in range(3)
    ]
    claim = holds.claim(version.id, wanted, worker)
    states = (HoldState.HELD, HoldState.FOREIGN, HoldState.INTENDED)
    holds.settle(worker, {row.id: state for row, state in zip(claim.mine, states, strict=True)})
    holds.let_go(worker)


def _drifted(client: Client) -> None:
    """Note what a scheduled verification finds of what an alias names."""
    record, run = client.get("days~2026-01-01").record, client.context.ensure_run()
    for verdict in ("gone", "intact"):
        found = Found(verdict=verdict, summary=f"1 {verdict}", counts={verdict: 1})
        assert client.registry.verdicts.note(record, found, ["latest"], run=run) is not None


def _look_at_everything(client: Client) -> None:
    for version in _versions(client):
        if not version.record.deleted_at:
            version.verify()


def _versions(client: Client) -> list[Any]:
    found = []
    for name in _names(client):
        found += client.versions(name, deleted=True)
    return found


def _names(client: Client) -> list[str]:
    names = []
    for record in client.registry.collections(entity="default"):
        whole = f"default/{record.project}/{record.name}"
        names += [f"{whole}~{key}" if key else whole for key in client.partitions(whole)] or [whole]
    return names


def answers(client: Client, url: str) -> dict[str, Any]:
    """Ask every public question that reads; nothing is recorded by it."""

    def cli(*words: str) -> Any:
        result = CliRunner().invoke(main, [*words, "--registry", url, "--json"])
        assert result.exit_code == 0, f"{words}: {result.output}"
        return json.loads(result.stdout)

    asked: dict[str, Any] = {
        "ls": cli("ls", "--all-projects"),
        "changes": cli("changes"),
        "changes and verdicts": cli("changes", "--verdicts"),
        "head": client.head(),
        "runs": cli("run", "ls", "--project", PROJECT),
        "projects": [asdict(one) for one in client.registry.collections(entity="default")],
        "garbage": sorted(
            row.sha256 for row in client.registry.garbage(older_than=datetime.now(UTC))
        ),
        "needed": [asdict(one) for one in client.registry.needed_manifests()],
    }
    for consumer in CONSUMERS:
        asked[f"position of {consumer}"] = (
            client.announced_position(consumer),
            client.registry.consumers.positions(consumer),
        )
    asked["run events"] = list(client.registry.consumers.run_events())
    for run in client.runs(project=PROJECT):
        asked[f"run {run.id}"] = cli("run", "show", run.id)
        asked[f"edges {run.id}"] = client.edges([run.key])
    for name in _names(client):
        asked |= _of_name(client, cli, name)
    for version in _versions(client):
        asked |= _of_version(client, cli, version)
    return asked


def _of_name(client: Client, cli: Callable[..., Any], name: str) -> dict[str, Any]:
    bare = client.resolve_name(name)
    asked: dict[str, Any] = {
        f"ls {name}": cli("ls", name),
        f"history {name}": cli("history", name),
        f"changes {name}": cli("changes", name),
        f"partitions {name}": cli("ls", name.partition("~")[0], "--partitions"),
        f"pending {name}": client.pending_announcement(name, "bell"),
        f"position {name}": client.announced_position("bell", name),
        f"lineage {name}": cli("lineage", name, "--declared"),
        f"uses {name}": [
            list(
                client.latest_uses(
                    name, RunKey(system=one, deployment=f"https://{one}.example/é", run_id="run")
                )
            )
            for one in _SYSTEMS
        ],
        f"overview {name}": client.registry.overview.partitions(bare),
    }
    for observation in client.history(name):
        asked[f"as of {name} {observation.id}"] = client.as_of(name, observation.at).record
    return asked


def _of_version(client: Client, cli: Callable[..., Any], version: Any) -> dict[str, Any]:
    name = str(version.full_name)
    asked: dict[str, Any] = {
        f"record {name}": version.record,
        f"pin sets {name}": client.registry.pin_sets(version.record.id),
        f"holds {name}": client.registry.holds.of_version(version.record.id),
        f"verifications {name}": client.registry.verifications(version.record.id),
        f"entries {name}": list(version.entries()),
    }
    if version.record.deleted_at:
        return asked
    asked |= {
        f"show {name}": cli("show", name),
        f"entries {name} by the command": cli("ls", name),
        f"lineage {name}": cli("lineage", name),
        f"used by {name}": client.used_by(name),
        f"bases {name}": {
            blob: sorted(bases)
            for blob, bases in client.registry.manifest_bases([version.record.blob]).items()
        },
    }
    live = [one for one in client.versions(name.partition(":")[0]) if not one.record.deleted_at]
    for one, other in itertools.pairwise(live):
        asked[f"diff {one} {other}"] = cli("diff", str(other.full_name), str(one.full_name))
    for entry in itertools.islice(version.entries(), 2):
        asked[f"object {entry.uri}"] = client.lineage_of_object(entry.uri)
    return asked


def can_go_on(client: Client, folder: Path, content: Content) -> None:
    """Read every byte, write, promote, collect: what is there is a registry like any other."""
    for (name, path), data in content.files.items():
        with client.open(name, path) as stream:
            assert stream.read() == data
        target = Path(client.get(name).download(folder / name.replace("/", "_")))
        assert (target / path).read_bytes() == data
    with client.follow("feed") as follower:
        assert next(iter(follower.changes())).position == 4
    before, head = client.get("raw"), client.head()
    (folder / "new").mkdir()
    (folder / "new" / "file").write_text("after the copy")
    run = client.context.ensure_run()
    after = client.log("raw", folder / "new")
    assert (after.created, after.record.index) == (True, before.record.index + 1)
    assert client.head() == head + 1
    assert [edge.direction for edge in client.edges([run])][-1] is Direction.LOGGED
    assert client.registry.undelete(client.resolve_name("short:v1")).index == 1
    client.gc(grace=timedelta(0), dry_run=False)
    client.gc(grace=timedelta(0), dry_run=False)
    assert client.check_registry(deep=True).ok
    for (name, path), data in content.files.items():
        with client.open(name, path) as stream:
            assert stream.read() == data
