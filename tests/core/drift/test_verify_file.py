"""`verify:` in snapshots.yaml: what it may say, what an error tells, and what the commands do with it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from landfast.cli import main
from landfast.client import Client
from landfast.errors import InvalidInput, NotFound, ObjectChanged, Unavailable
from landfast.model.names import ArtifactName
from landfast.model.storage.drift import AliasVerdict
from landfast.model.storage.verify_rule import VerifyRule
from landfast.model.version import UNREACHABLE, ChangeKind
from landfast.registry.values import ChangeFilter
from landfast.snapshots_file import _VERIFY_KEYS, load_snapshots, load_verify, verify_of

DOCS = Path(__file__).parents[3] / "docs" / "verify.md"


def load(tmp_path: Path, text: str) -> list[VerifyRule]:
    file = tmp_path / "snapshots.yaml"
    file.write_text(text)
    return load_verify(file)


def test_an_entry_says_what_is_looked_at_and_when(tmp_path: Path) -> None:
    prod, days, everything = load(
        tmp_path,
        """
verify:
  - name: vision/mnist
    aliases: [prod, latest, prod]
    schedule: "0 * * * *"
    fail_on: loss
  - {name: "vision/days~2026-05-01", aliases: latest}
  - aliases: [prod]
snapshots: []
holds: []
""",
    )
    assert (prod.aliases, prod.schedule, prod.fail_on) == (("prod", "latest"), "0 * * * *", "loss")
    assert [rule.label for rule in (prod, days, everything)] == [
        "vision/mnist:prod,latest",
        "vision/days~2026-05-01:latest",
        "*:prod",
    ]
    assert (prod.names, everything.names) == (("vision/mnist",), ())
    assert verify_of([rule.to_dict() for rule in (prod, days, everything)]) == [
        prod,
        days,
        everything,
    ]


@pytest.mark.parametrize(
    ("text", "line", "match"),
    [
        ("verify: prod", 1, "verify: is not a list"),
        ("verify:\n  aliases: [prod]", 2, "verify: is not a list"),
        ("verify:\n  - prod", 2, "a verification is not a mapping"),
        ("verify:\n  - name: mnist", 2, "a verification has no aliases"),
        ("verify:\n  - aliases: []", 2, "no alias is named"),
        ("verify:\n  - aliases: [v3]", 2, "v3"),
        ("verify:\n  - name: mnist:prod\n    aliases: [prod]", 2, "mnist:prod names a version"),
        ("verify:\n  - aliases: [prod]\n    every: 1h", 3, "unknown key 'every'"),
        ("verify:\n  - aliases: [prod]\n    schedule: hourly", 2, "'hourly' is not a schedule"),
        ("verify:\n  - aliases: [prod]\n    fail_on: always", 2, "fail_on"),
        ("verify:\n  - aliases: [prod]\n    fail_on: 3", 3, "fail_on: is wrong"),
        ("verify:\n  - aliases: [a, b]\n  - aliases: [a, b]", 3, r"'\*:a,b' is described twice"),
        ("verifies:\n  - aliases: [prod]", 1, "unknown key 'verifies'"),
    ],
)
def test_a_fault_names_file_line_and_what_is_allowed(
    tmp_path: Path, text: str, line: int, match: str
) -> None:
    with pytest.raises(InvalidInput, match=match) as caught:
        load(tmp_path, text)
    assert f"snapshots.yaml, line {line}: " in str(caught.value)
    assert caught.value.expected or caught.value.found


def test_a_fault_in_verify_is_no_fault_of_who_reads_snapshots_but_of_the_command(
    tmp_path: Path,
) -> None:
    file = tmp_path / "snapshots.yaml"
    file.write_text(f"snapshots:\n  - name: mnist\n    uri: {tmp_path}\nverify:\n  - aliases: []\n")
    assert [config.name for config in load_snapshots(file)] == ["mnist"]
    done = run(tmp_path, "snapshot", "--config", str(file))
    assert (done.exit_code, "line 5: no alias is named" in done.stderr) == (2, True)
    with pytest.raises(NotFound):
        client_of(tmp_path).get("mnist")  # nothing was done before all of the file was read


def test_the_page_lists_every_key() -> None:
    table = DOCS.read_text().partition("## In `snapshots.yaml`")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(_VERIFY_KEYS)


def found(verdict: str = UNREACHABLE, **more: Any) -> AliasVerdict:
    name = ArtifactName.parse("default/vision/mnist:v0")
    return AliasVerdict(version=name, aliases=("prod",), verdict=verdict, summary="how", **more)


def test_what_fails_is_raised() -> None:
    rule = VerifyRule(name="mnist", aliases=["prod"])
    rule.raise_for([])
    with pytest.raises(Unavailable, match="mnist:prod could not be looked at"):
        rule.raise_for([found()])
    with pytest.raises(NotFound, match="no bucket"):
        VerifyRule(name="mnist", aliases=["prod"], fail_on="never").raise_for(
            [found(), found("", error=NotFound("no bucket"))]
        )
    VerifyRule(name="mnist", aliases=["prod"], fail_on="never").raise_for([found()])


def client_of(tmp_path: Path) -> Client:
    return Client(url=f"sqlite:///{tmp_path / 'registry.db'}", project="vision")


def run(tmp_path: Path, *words: str) -> Result:
    where = ("--registry", f"sqlite:///{tmp_path / 'registry.db'}", "--project", "vision")
    return CliRunner().invoke(main, [*words, *where])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "points").mkdir()
    (tmp_path / "points" / "a").write_text("a")
    made = tmp_path / "snapshots.yaml"
    made.write_text(
        f"""
snapshots:
  - name: points
    uri: {tmp_path}/points/
    aliases: [prod]
verify:
  - name: nothing
    aliases: [prod]
  - name: points
    aliases: [prod]
    fail_on: FAIL_ON
"""
    )
    return made


def written(file: Path, fail_on: str, *, without: str = "") -> str:
    text = file.read_text().replace("FAIL_ON", fail_on).replace(without, "")
    file.write_text(text)
    return str(file)


NOTHING = "  - name: nothing\n    aliases: [prod]\n"


def test_snapshot_verifies_what_its_file_says_after_its_snapshots(
    tmp_path: Path, file: Path
) -> None:
    config = written(file, "drift")
    done = run(tmp_path, "snapshot", "--config", config)
    assert done.stdout.splitlines()[0].startswith("created    default/vision/points:v0")
    assert "failed     verify of nothing:prod: no version of default/vision/nothing" in done.stdout
    assert done.stdout.splitlines()[-1] == (
        "verify     default/vision/points:v0 (latest, prod): intact: 1 intact"
    )
    assert (
        done.exit_code == 10
    )  # that of the first failure: an alias that is not there is not green
    alone = run(tmp_path, "snapshot", "points", "--config", config)
    assert alone.stdout.splitlines() == ["unchanged  default/vision/points:v0  1 files, 1 B"]


@pytest.mark.parametrize(
    ("fail_on", "gone", "code"),
    [("drift", True, 4), ("loss", True, 4), ("never", True, 0), ("drift", False, 0)],
)
def test_verify_looks_at_the_rules_alone_and_fails_as_they_say(
    tmp_path: Path, file: Path, fail_on: str, gone: bool, code: int
) -> None:
    config = written(file, fail_on, without=NOTHING)
    run(tmp_path, "snapshot", "--config", config)
    if gone:
        (tmp_path / "points" / "a").unlink()
    done = run(tmp_path, "verify", "--config", config, "--json")
    assert done.exit_code == code
    (told,) = json.loads(done.stdout)
    assert (told["verdict"], told["aliases"]) == ("gone" if gone else "intact", ["latest", "prod"])
    client = client_of(tmp_path)
    rows = list(client.registry.changes(ChangeFilter(kind=ChangeKind.VERDICT)))
    assert len(rows) == gone
    (rule,) = load_verify(config)
    if code:
        with pytest.raises(ObjectChanged, match=r"what points:prod names"):
            rule.raise_for(client.verify_aliases(*rule.names, aliases=rule.aliases))
    else:
        rule.raise_for(client.verify_aliases(*rule.names, aliases=rule.aliases))


def test_verify_takes_the_rules_of_one_name_and_nothing_beside_the_file(
    tmp_path: Path, file: Path
) -> None:
    config = written(file, "drift")
    run(tmp_path, "snapshot", "points", "--config", config)
    one = run(tmp_path, "verify", "points", "--config", config)
    assert (one.exit_code, one.stdout.count("\n")) == (0, 1)
    both = run(tmp_path, "verify", "--config", config)
    assert (both.exit_code, both.stdout.count("\n")) == (10, 2)
    none = run(tmp_path, "verify", "other", "--config", config)
    assert (none.exit_code, "verifies nothing of 'other'" in none.stderr) == (2, True)
    for words in (("--all",), ("--aliases", "prod"), ("--deep",), ("--plan",), ("--retention",)):
        refused = run(tmp_path, "verify", "--config", config, *words)
        assert (refused.exit_code, "--config goes with NAME" in refused.stderr) == (2, True)
