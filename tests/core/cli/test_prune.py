"""`landfast registry prune` says what it would take, and takes it when told."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner
from landfast import Client
from landfast.cli import main


def call(*words: object) -> str:
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exit_code == 0, (result.stdout, result.stderr)
    return result.stdout


def test_looks_that_found_nothing_new_are_counted_then_taken(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("1")
    for _ in range(4):
        call("put", "--reference", tmp_path / "f", "--name", "data")
    call("get", "data", "--root", tmp_path / "got")
    lineage = json.loads(call("lineage", "data", "--json"))
    prune = ("registry", "prune", "--older-than-days", 0)
    told = call(*prune)
    assert told == (
        "would remove 2 looks that found nothing new, 2 runs with 2 edges; --apply does it\n"
    )
    assert len(Client().history("data")) == 4
    done = json.loads(call(*prune, "--apply", "--json"))
    assert (done["dry_run"], done["looks"], done["runs"], done["edges"]) == (False, 2, 2, 2)
    assert [look.created for look in Client().history("data")] == [False, True]
    left = json.loads(call("lineage", "data", "--json"))
    assert len(left["edges"]) == len(lineage["edges"]) - 2
    assert "removed 0 looks" in call(*prune, "--apply")
    assert "removed 0 looks" in call("registry", "prune", "--apply")
