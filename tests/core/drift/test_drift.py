"""Drift: a change of what aliases name is one row of the feed, and no row where nothing changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from kit.servers.archive import ArchiveServer
from landfast.cli import main
from landfast.client import Client
from landfast.errors import InvalidInput, NotFound, Unavailable
from landfast.model.storage.drift import AliasVerdict, check_verdicts
from landfast.model.verdict import VerifyReport
from landfast.model.version import Change, ChangeKind
from landfast.registry.values import ChangeFilter
from landfast.version import ArtifactVersion
from landfast.watch.facts import facts
from landfast.watch.selection import On, Selection

from tests.core.client.conftest import any_client, registry_url
from tests.core.restore.conftest import bucket, client_of

__all__ = ["any_client", "bucket", "registry_url"]


def told(client: Client) -> list[tuple[str, str, str]]:
    """Return each change of a verdict: of what, from which, to which."""
    rows = client.registry.changes(ChangeFilter(kind=ChangeKind.VERDICT))
    found = [(row, row.verdict) for row in rows]
    return [
        (str(row.version).rpartition("/")[2], said.previous, said.verdict)
        for row, said in found
        if said is not None
    ]


def look(client: Client, *names: str, aliases: tuple[str, ...] = ("latest",)) -> list[AliasVerdict]:
    return client.verify_aliases(*names, aliases=aliases)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / name).write_text(name)
    return folder


def test_each_change_is_one_row_and_what_is_as_it_was_is_none(
    any_client: Client, data: Path
) -> None:
    any_client.log("points", str(data), aliases=["prod"])
    before = any_client.head()
    (found,) = look(any_client, "points", aliases=("prod", "latest"))
    assert (found.verdict, found.change, found.ok) == ("intact", None, True)
    assert any_client.head() == before

    (data / "a").unlink()
    (found,) = look(any_client, "points", aliases=("prod", "latest"))
    assert found.change is not None
    assert found.change.position == before + 1
    assert (found.verdict, found.aliases, found.exit_code) == ("gone", ("latest", "prod"), 4)
    assert look(any_client, "points")[0].change is None
    (data / "b").write_text("other")
    assert look(any_client, "points")[0].change is None  # one more is lost: the worst is as it was

    (data / "a").write_text("a")
    look(any_client, "points")
    (data / "b").write_text("b")
    look(any_client, "points")
    look(any_client, "points")
    assert told(any_client) == [
        ("points:v0", "intact", "gone"),
        ("points:v0", "gone", "changed"),
        ("points:v0", "changed", "intact"),
    ]
    assert any_client.head() == before + 3


def test_the_row_tells_what_was_found(any_client: Client, data: Path) -> None:
    any_client.log("points", str(data), aliases=["prod"])
    (data / "a").unlink()
    (found,) = look(any_client, "points")
    change = found.change
    assert change is not None
    assert change.verdict is not None
    assert change.kind is ChangeKind.VERDICT
    assert change.previous is None
    assert change.run == any_client.context.run_key
    assert change.verdict.counts == {"gone": 1, "intact": 1}
    facts_of_it = change.to_dict()
    assert facts_of_it["kind"] == "verdict"
    assert facts_of_it["verdict"] == "gone"
    assert facts_of_it["previous_verdict"] == "intact"
    assert json.dumps(facts_of_it)
    (read,) = any_client.registry.changes(ChangeFilter(kind=ChangeKind.VERDICT))
    assert read == change


def test_who_does_not_ask_for_verdicts_sees_moves_alone(any_client: Client, data: Path) -> None:
    any_client.log("points", str(data), aliases=["prod"])
    moves = list(any_client.changes())
    at = moves[-1].at
    (data / "a").unlink()
    look(any_client, "points", aliases=("prod",))
    assert list(any_client.changes()) == moves
    assert len(list(any_client.changes(verdicts=True))) == len(moves) + 1
    name = any_client.resolve_name("points")
    assert [c.kind for c in any_client.registry.changes(ChangeFilter(kind=ChangeKind.ALIAS))] == [
        ChangeKind.ALIAS
    ]
    assert any_client.as_of("points:prod", at).version == "v0"
    assert any_client.pending_announcement(name, "somebody") == moves[0]
    with any_client.follow("moves", begin="start") as follower:
        assert list(follower.changes()) == moves
        assert list(follower.changes(ChangeFilter(verdicts=True))) == []


def test_a_follower_of_an_alias_hears_of_what_it_named_whichever_was_asked_for(
    any_client: Client, data: Path
) -> None:
    any_client.log("points", str(data), aliases=["prod", "my_own"])
    (data / "a").unlink()
    look(any_client, "points", aliases=("latest",))
    name = any_client.resolve_name("points")
    for alias, count in (("latest", 1), ("prod", 1), ("my_own", 1), ("my-own", 0), ("rod", 0)):
        wanted = ChangeFilter(name=replace(name.bare(), alias=alias), kind=ChangeKind.VERDICT)
        assert len(list(any_client.registry.changes(wanted))) == count, alias


def test_an_older_client_reads_a_move_that_moves_nothing(any_client: Client, data: Path) -> None:
    """It knows four kinds, and reads the table of changes alone."""
    from landfast.registry.schema.tables import changes
    from sqlalchemy import select

    any_client.log("points", str(data), aliases=["prod"])
    (data / "a").unlink()
    look(any_client, "points", aliases=("latest", "prod"))
    rows = any_client.registry._database.read(
        lambda tx: tx.connection.execute(select(changes).order_by(changes.c.position)).all()
    )
    last = rows[-1]
    assert last.kind == "alias"
    assert last.alias == "prod"  # not `latest`, which many followers take for new content
    assert last.version_id == last.previous_id


def test_what_lost_its_alias_meanwhile_is_not_told(
    any_client: Client, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    any_client.log("points", str(data), aliases=["prod"])
    (data / "a").unlink()
    verify = ArtifactVersion.verify

    def slow(version: ArtifactVersion, **options: Any) -> VerifyReport:
        any_client.remove_alias("points", "prod")
        return verify(version, **options)

    monkeypatch.setattr(ArtifactVersion, "verify", slow)
    (found,) = look(any_client, "points", aliases=("prod",))
    assert (found.verdict, found.change) == ("gone", None)
    assert told(any_client) == []


def test_two_that_look_at_the_same_time_write_one_row(any_client: Client, data: Path) -> None:
    any_client.log("points", str(data))
    (data / "a").unlink()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: look(any_client, "points"), range(4)))
    assert told(any_client) == [("points:v0", "intact", "gone")]


def test_a_collection_is_all_its_partitions_and_a_project_all_its_collections(
    any_client: Client, tmp_path: Path
) -> None:
    for day in ("may", "june"):
        (tmp_path / day).write_text(day)
        any_client.log("daily", str(tmp_path / day), partition=day)
    (tmp_path / "other").write_text("other")
    any_client.log("other", str(tmp_path / "other"))
    assert len(look(any_client, "daily")) == 2
    assert [str(found.version.partition) for found in look(any_client, "daily~may")] == ["may"]
    assert len(look(any_client)) == 3
    assert [found.verdict for found in look(any_client, "daily", "other", "daily")] == [
        "intact"
    ] * 3
    with pytest.raises(NotFound, match=r"no version of .*other is named 'prod'"):
        look(any_client, "other", aliases=("prod",))
    with pytest.raises(InvalidInput):
        look(any_client, "other", aliases=("v3",))


@pytest.fixture
def remote(bucket: ArchiveServer, tmp_path: Path) -> Iterator[Client]:
    made = client_of(bucket, tmp_path)
    bucket.put("d/x", b"x")
    made.log("far", "s3://bucket/d/")
    yield made
    made.close()


def test_a_store_of_objects_is_looked_at_by_list_pages_alone(
    bucket: ArchiveServer, remote: Client
) -> None:
    bucket.counts.clear()
    look(remote, "far")
    assert dict(bucket.counts) == {"ListObjectVersions": 1}
    bucket.objects["d/x"].clear()
    look(remote, "far")
    assert dict(bucket.counts) == {"ListObjectVersions": 2}
    assert told(remote) == [("far:v0", "intact", "gone")]


def test_a_server_that_does_not_answer_and_a_permission_that_is_lost_are_verdicts(
    bucket: ArchiveServer, remote: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise Unavailable("the server does not answer", subject="s3://bucket")

    with monkeypatch.context() as broken:
        broken.setattr(ArtifactVersion, "verify", fails)
        (found,) = look(remote, "far")
        assert (found.verdict, found.exit_code, found.report) == ("unreachable", 5, None)
        assert look(remote, "far")[0].change is None
    assert look(remote, "far")[0].verdict == "intact"
    bucket.denied = {"ListObjectVersions", "HeadObject"}
    look(remote, "far")
    bucket.denied = set()
    look(remote, "far")
    assert [verdict for _, _, verdict in told(remote)] == [
        "unreachable",
        "intact",
        "denied",
        "intact",
    ]


@pytest.mark.parametrize(("on", "kinds"), [("change", 1), ("verdict", 1), ("any", 2)])
def test_watch_tells_of_what_was_asked_for(
    any_client: Client, data: Path, on: On, kinds: int
) -> None:
    any_client.log("points", str(data), aliases=["prod"])
    (data / "a").unlink()
    look(any_client, "points", aliases=("prod",))
    selection = Selection.parse(
        "points:prod", entity="default", project=any_client.settings.project, on=on
    )
    rows = [c for c in any_client.registry.changes(selection.filter) if selection.has(c)]
    assert len(rows) == kinds
    said = [facts(row) for row in rows]
    assert ("verdict" in said[-1]) is (on != "change")
    if on != "change":
        assert said[-1]["verdict"] == "gone"
        assert said[-1]["change_kind"] == "verdict"


def run(*arguments: str) -> tuple[int, str]:
    found = CliRunner().invoke(main, arguments)
    return found.exit_code, found.output


def test_the_command_tells_line_by_line_and_by_its_exit_code(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANDFAST_REGISTRY_URL", f"sqlite:///{tmp_path / 'r.db'}")
    assert run("put", str(data), "--reference", "-n", "vision/points", "-a", "prod")[0] == 0
    code, text = run("verify", "vision/points", "--aliases", "prod,latest")
    assert (code, text) == (0, "default/vision/points:v0 (latest, prod): intact: 2 intact\n")
    (data / "a").unlink()
    code, text = run("verify", "--aliases", "prod", "--all", "--project", "vision")
    assert code == 4
    assert text == (
        "default/vision/points:v0 (latest, prod): intact -> gone: 1 intact, 1 gone (change 3)\n"
    )
    code, text = run("verify", "vision/points", "--aliases", "prod", "--json")
    (found,) = json.loads(text)
    assert (code, found["verdict"], found["change"]) == (4, "gone", None)
    assert "verdict  " not in run("changes", "vision/points")[1]
    assert "intact, now gone" in run("changes", "vision/points", "--verdicts")[1]
    assert run("verify")[0] == 2
    assert run("verify", "--all")[0] == 2
    assert run("verify", "vision/points", "--all", "--aliases", "prod")[0] == 2


def test_a_change_reads_the_same_from_either_end(any_client: Client, data: Path) -> None:
    from landfast.registry.values import ChangeWindow

    any_client.log("points", str(data))
    (data / "a").unlink()
    look(any_client, "points")
    window = ChangeWindow(size=5, newest_first=True)
    newest: list[Change] = any_client.registry.overview.changes(ChangeFilter(verdicts=True), window)
    assert newest[0].kind is ChangeKind.VERDICT
    assert newest[::-1] == list(any_client.changes(verdicts=True))


def test_verdicts_to_hear_of_are_those_that_a_version_can_have() -> None:
    assert check_verdicts("gone") == {"gone"}
    assert check_verdicts(()) >= {"intact", "gone", "unreachable"}
    with pytest.raises(
        InvalidInput, match=r"no version stands as 'moved': expected some of intact, "
    ):
        check_verdicts(["gone", "moved"])
