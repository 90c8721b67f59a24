"""The JSON Schema of snapshots.yaml and the parser accept the same files; what the schema cannot say is listed here."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from landfast import load_holds, load_snapshots
from landfast.cli import main
from landfast.errors import InvalidInput
from landfast.model.storage.holds import HoldKind
from landfast.schemas import read_schema
from landfast.snapshots_file import _HOLD_KEYS, _KEYS, _VERIFY_KEYS, load_verify

from tests.core.test_snapshots import FAULTS, documented
from tests.docs.pages import ROOT, blocks

SCHEMA = read_schema("snapshots")
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
# What the parser refuses and no schema can: in the words of its message.
BEYOND = {
    "twice": "a key, or a name, that is given twice",
    "not YAML": "it is no YAML at all",
    "names no bucket": "a place that its store cannot have",
    "has no bucket": "a place that its store cannot have",
    "the same for every {partition_key}": "two values that belong together",
    "as *, a number": "a range that ends before it begins",
    "dates in quotes": "metadata of YAML that JSON does not have",
}


def refusal(text: str, folder: Path) -> str | None:
    """Return what the parser says against a file; None if it takes it."""
    file = folder / "snapshots.yaml"
    file.write_text(text, encoding="utf-8")
    try:
        for load in (load_snapshots, load_holds, load_verify):
            load(file)
    except InvalidInput as error:
        return str(error)
    return None


def check(text: str, folder: Path) -> bool:
    """Hold both to each other, and tell whether they take the file."""
    said = refusal(text, folder)
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        assert said is not None
        return False
    fits = VALIDATOR.is_valid(value)
    if said is None:
        VALIDATOR.validate(value)
    elif fits:
        assert any(words in said for words in BEYOND), f"only the parser refuses it: {said}\n{text}"
    return said is None


GOOD = {
    "the example of the page": documented(),
    "nothing to do": "snapshots: []",
    "a place as a mapping": "snapshots: [{name: a, uri: {uri: s3://b/, name: x}}]",
    "a place without a folder": "snapshots: [{name: a, uris: [{uri: s3://b/, name: null}]}]",
    "shared keys": "snapshots:\n- &x {name: a, uri: s3://b/, ttl: 5d}\n- {<<: *x, name: b}",
    "names": "snapshots: [{name: e/p/c, uri: s3://b/, type: A.b-c_d, tags: t, aliases: [v, vx1]}]",
    "braces": "snapshots: [{name: a, uri: 's3://b/{{x}}/{partition_key}', partition: 'd-{partition_key}'}]",
    "cron": "snapshots: [{name: a, uri: s3://b/, schedule: '*/5 0-6,12 1 jan,FEB sun-Sat/2'}]",
    "limits": "snapshots: [{name: a, uri: s3://b/, max_objects: unlimited, checksum: false}]",
    "time to live": "snapshots: [{name: a, uri: s3://b/, ttl: 010 w}]",
    "holds": "holds: [{name: mnist:prod, kind: legal-hold, reason: x, partial: true}, {name: d, partitions: 30d}]",
    "a hold of a partition": "holds: [{name: 'a~x%2Fy:prod'}]",
    "a hold by its URI": "holds: [{name: 'landfast://e/p/c?version=prod'}]",
    "verify": "verify: [{aliases: prod}, {name: d~x, aliases: [latest], schedule: '0 6 * * *', fail_on: never}]",
}
BAD = {
    "empty": "",
    "a list": "- name: a",
    "unknown list": "snapshot: []",
    "a mapping": "snapshots: {name: a}",
    "text": "snapshots:\n  - just text",
    "no name": "snapshots:\n  - uri: s3://b/",
    "a version": "snapshots: [{name: 'a:v1', uri: s3://b/}]",
    "a partition": "snapshots: [{name: a~p, uri: s3://b/}]",
    "four parts": "snapshots: [{name: a/b/c/d, uri: s3://b/}]",
    "empty text": "snapshots: [{name: a, uri: ''}]",
    "null": "snapshots: [{name: a, uri: s3://b/, type: null}]",
    "no places": "snapshots: [{name: a, uris: []}]",
    "holds no alias": "holds: [{name: mnist}]",
    "holds no name": "holds: [{name: '1 h:prod'}]",
    "holds partitions of no name": "holds: [{name: '1 h', partitions: 30d}]",
    "verify no name": "verify: [{name: 1 h, aliases: prod}]",
    "holds both": "holds: [{name: 'mnist:prod', partitions: 30d}]",
    "holds a version": "holds: [{name: 'mnist:v3'}]",
    "unknown kind": "holds: [{name: 'mnist:prod', kind: forever}]",
    "verify no alias": "verify: [{name: mnist}]",
    "verify nothing": "verify: [{aliases: []}]",
    "verify a version": "verify: [{aliases: [v3]}]",
    "fails on what": "verify: [{aliases: [prod], fail_on: sometimes}]",
    "an hour too late": "verify: [{aliases: [prod], schedule: '0 24 * * *'}]",
    "twice": "snapshots:\n  - {name: a, uri: s3://b/}\n  - {name: a, uri: s3://c/}",
}


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("case", GOOD)
def test_what_the_parser_takes_fits(case: str, tmp_path: Path) -> None:
    assert check(GOOD[case], tmp_path)


@pytest.mark.parametrize("case", BAD)
def test_what_the_parser_refuses_does_not_fit(case: str, tmp_path: Path) -> None:
    assert not check(BAD[case], tmp_path)


@pytest.mark.parametrize("fault", FAULTS)
def test_every_known_fault_does_not_fit_either(fault: str, tmp_path: Path) -> None:
    assert not check(f"snapshots:\n  - name: flowers\n    {FAULTS[fault][0]}\n", tmp_path)


def test_pages_and_examples_show_files_that_fit(tmp_path: Path) -> None:
    pages = (ROOT / "docs").glob("*.md")
    shown = [
        block.text
        for page in pages
        for block in blocks(page)
        if block.language == "yaml"
        and re.search("^(snapshots|holds|verify):", block.text, re.MULTILINE)
    ]
    listed = subprocess.run(
        ["git", "ls-files", "*snapshots*.yaml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    shown += [(ROOT / file).read_text(encoding="utf-8") for file in listed]
    assert len(shown) > 3
    for text in shown:
        assert check(text, tmp_path), text


def test_the_schema_has_the_keys_of_the_parser() -> None:
    kinds = {"snapshot": _KEYS, "hold": _HOLD_KEYS, "verify": _VERIFY_KEYS}
    for kind, keys in kinds.items():
        assert set(SCHEMA["$defs"][kind]["properties"]) == set(keys)
    assert set(SCHEMA["$defs"]["hold"]["properties"]["kind"]["enum"]) == set(HoldKind)


TEXTS = st.sampled_from(
    ["", "a", "prod", "latest", "v3", "v", "a/b", "a~b", "7", "sha256", "30d", "0w", "1 h", "d:x"]
)
FIELDS = [
    "*",
    "0",
    "7",
    "12",
    "31",
    "59",
    "60",
    "*/2",
    "1-5",
    "5-1",
    "mon",
    "JAN",
    "1,2",
    "a",
    "-1",
    "1-",
]
CRONS = st.lists(st.sampled_from(FIELDS), min_size=4, max_size=6).map(" ".join)
PLACES = st.sampled_from(
    ["s3://b/", "s3://b/{partition_key}/", "s3://b/{{x}}", "s3://b/{x}", "s3://b/{", "/tmp/x"]
)
VALUES = st.one_of(
    TEXTS, CRONS, PLACES, st.booleans(), st.none(), st.integers(-1, 3), st.lists(TEXTS, max_size=2),
    st.dictionaries(st.sampled_from(["uri", "name", "x"]), TEXTS | PLACES, max_size=2),
    st.lists(PLACES | st.fixed_dictionaries({"uri": PLACES, "name": TEXTS}), max_size=2),
)  # fmt: skip


def entries(keys: Any) -> st.SearchStrategy[dict[str, Any]]:
    some = st.dictionaries(st.sampled_from([*keys, "unknown"]), VALUES, max_size=3)
    return st.tuples(st.dictionaries(st.just("name"), TEXTS, max_size=1), some).map(
        lambda two: two[0] | two[1]
    )


FILES = st.dictionaries(
    st.sampled_from(["snapshots", "holds", "verify"]), st.none(), min_size=1
).flatmap(
    lambda lists: st.fixed_dictionaries(
        {
            name: st.lists(
                entries({"snapshots": _KEYS, "holds": _HOLD_KEYS, "verify": _VERIFY_KEYS}[name]),
                max_size=1,
            )
            for name in lists
        }
    )
)


@settings(max_examples=150)
@given(FILES)
def test_the_schema_and_the_parser_agree(tmp_path_factory: Any, value: dict[str, Any]) -> None:
    check(yaml.safe_dump(value), tmp_path_factory.getbasetemp())


@settings(max_examples=150)
@given(CRONS, PLACES, st.sampled_from(["30d", "0d", "00 s", "1h"]))
def test_they_agree_on_schedules_places_and_times(
    tmp_path_factory: Any, schedule: str, place: str, ttl: str
) -> None:
    entry = {"name": "a", "uri": place, "schedule": schedule, "ttl": ttl}
    check(yaml.safe_dump({"snapshots": [entry]}), tmp_path_factory.getbasetemp())


def test_the_command_prints_it_for_editors() -> None:
    printed = CliRunner().invoke(main, ["snapshot", "--config-schema"])
    assert (printed.exit_code, yaml.safe_load(printed.stdout)) == (0, SCHEMA)
