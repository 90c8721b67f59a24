"""`registry check` says what of the holds is not whole, and what to do about it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from click.testing import CliRunner
from landfast import Client
from landfast.cli import main
from landfast.model.storage.hold_check import HoldVerdict
from landfast.registry.holds.request import HoldStart


def test_whole_holds_are_no_problem(client: Client, locked) -> None:
    locked.put("a")
    client.hold(client.log("mnist", locked.uri))
    report = client.check_registry(holds=True)
    assert (report.ok, report.holds) == (True, ())


def test_what_the_store_says_otherwise_is_told_on_request(client: Client, locked) -> None:
    taken, gone = locked.put("a"), locked.put("b")
    version = client.log("mnist", locked.uri)
    client.hold(version)
    for name, oid in (("a", taken), ("b", gone)):
        locked.set_held(name, oid, on=False)
    locked.delete("b", gone)
    assert client.check_registry().ok
    report = client.check_registry(holds=True)
    assert not report.ok
    assert report.exit_code == 6
    assert {(one.verdict, one.version_id) for one in report.holds} == {
        (HoldVerdict.LOST, taken),
        (HoldVerdict.GONE, gone),
    }
    assert {one.version for one in report.holds} == {version.qualified_name}


def test_what_was_taken_away_is_held_again_as_the_check_says(client: Client, locked) -> None:
    oid = locked.put("a")
    version = client.log("mnist", locked.uri)
    client.hold(version)
    locked.set_held("a", oid, on=False)
    assert "hold these versions again" in client.check_registry(holds=True).holds[0].mend
    client.release(version)
    assert client.hold(version).held == 1
    assert locked.is_held("a", oid)
    assert client.check_registry(holds=True).ok


def test_what_was_begun_and_what_is_held_for_nobody(client: Client, locked, tmp_path: Path) -> None:
    oid = locked.put("a")
    version = client.log("mnist", locked.uri)
    client.hold(version)
    client.registry.holds.begin(HoldStart(version_id=version.record.id, holder="killed"))
    assert [one.verdict for one in client.check_registry().holds] == [HoldVerdict.UNFINISHED]
    with closing(sqlite3.connect(tmp_path / "registry.db")) as database:
        for table in ("hold_members", "holds"):
            database.execute(f"DELETE FROM {table}")
        database.execute("UPDATE held_objects SET state = 'releasing'")
        database.commit()
    (left,) = client.check_registry().holds
    assert (left.verdict, left.version_id) == (HoldVerdict.LEFT, oid)
    assert "landfast gc --apply" in left.mend
    client.gc(dry_run=False)
    assert client.check_registry().holds == ()
    assert not locked.is_held("a", oid)


def test_an_ended_hold_is_told_until_it_is_released(client: Client, locked) -> None:
    locked.put("a")
    version = client.log("mnist", locked.uri)
    client.hold(version)
    client.registry.delete(version.full_name, delete_aliases=True)
    assert [one.verdict for one in client.check_registry().holds] == [HoldVerdict.ENDING]
    client.gc(dry_run=False)
    assert client.check_registry().holds == ()


def test_the_command(client: Client, locked, tmp_path: Path, monkeypatch) -> None:
    oid = locked.put("a")
    client.hold(client.log("mnist", locked.uri))
    locked.set_held("a", oid, on=False)
    monkeypatch.setenv("LANDFAST_REGISTRY_URL", f"sqlite:///{tmp_path / 'registry.db'}")
    done = CliRunner().invoke(main, ["registry", "check", "--holds"])
    assert done.exit_code == 6
    assert "hold not held: " in done.output
    assert "hold these versions again" in done.output
