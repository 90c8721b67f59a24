"""The format is what docs/format.md says, and stays so: golden digests and golden files."""

import ast
import hashlib
import json
import re
import runpy
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from landfast.errors import Conflict, InvalidInput, NotFound
from landfast.manifests.chains.delta import write_delta
from landfast.manifests.layer import Layer
from landfast.manifests.memory import MemoryManifest
from landfast.manifests.reader import ManifestFile
from landfast.manifests.writer import ManifestWriter
from landfast.model.checksum import CONTENT_TOKENS, VALIDATORS
from landfast.model.location import Location
from landfast.model.manifest import ManifestEntry

from tests.kit.digests import content_digest, pin_digest, summarize

HERE = Path(__file__).parent
PAGE = (HERE.parents[1] / "docs" / "format.md").read_text(encoding="utf-8")
SCRIPT = HERE / "make_golden.py"
SECOND = HERE / "make_readings.py"
SECOND_READING = runpy.run_path(str(SECOND))
REFUSED = json.loads((HERE / "golden_refused.json").read_text())
READINGS = json.loads((HERE / "golden_readings.json").read_text())
VECTORS = {v["name"]: v for v in runpy.run_path(str(SCRIPT))["every_vector"]()}
CHECKED_IN = json.loads((HERE / "golden_digests.json").read_text())
FILES = json.loads((HERE / "golden_parquet.json").read_text())
entry_of = runpy.run_path(str(HERE / "add_parquet.py"))["entry_of"]


def entries_of(name: str) -> list[ManifestEntry]:
    return [entry_of(row) for row in VECTORS[name]["rows"]]


@pytest.mark.parametrize("name", VECTORS)
def test_digests_are_those_of_the_second_implementation(name: str) -> None:
    vector = VECTORS[name]
    assert content_digest(entries_of(name)) == vector["content_digest"]
    assert pin_digest(entries_of(name)) == vector["pin_digest"]


@pytest.mark.parametrize("script", [SCRIPT, SECOND])
def test_the_scripts_know_nothing_of_landfast(script: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(script.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").partition(".")[0])
    assert imported <= sys.stdlib_module_names


@pytest.mark.parametrize(("script", "printed"), [(SCRIPT, CHECKED_IN), (SECOND, READINGS)])
def test_the_scripts_still_print_what_was_checked_in(script: Path, printed: object) -> None:
    assert json.loads(subprocess.check_output([sys.executable, "-I", str(script)])) == printed


def test_only_the_vectors_that_differ_in_a_pin_share_their_content() -> None:
    by_digest: dict[str, set[str]] = {}
    for name, vector in VECTORS.items():
        by_digest.setdefault(vector["content_digest"], set()).add(name)
    shared = sorted(sorted(group) for group in by_digest.values() if len(group) > 1)
    assert shared == [
        ["empty etag", "no etag"],
        ["no token, no version, a time", "no token, null version, a time"],
    ]
    assert VECTORS["empty etag"]["pin_digest"] != VECTORS["no etag"]["pin_digest"]


def test_the_worked_example_of_the_page_is_the_computed_one() -> None:
    rows = json.loads(re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)[0])
    entries = [entry_of(row) for row in rows]
    printed = re.findall(r"^(l[fp]1:[0-9a-f]{64})$", PAGE, re.MULTILINE)
    assert printed == [content_digest(entries), pin_digest(entries)]


def test_the_hashes_of_the_worked_example_are_those_of_the_bytes_beside_them() -> None:
    lines = re.findall(r"(lengths|bytes|size) +(.*?) +sha256 ([0-9a-f]{64})$", PAGE, re.MULTILINE)
    assert len(lines) == 11
    for kind, text, digest in lines:
        data = text.strip('"').encode() if kind == "bytes" else bytes.fromhex(text.replace(" ", ""))
        assert hashlib.sha256(data).hexdigest() == digest, text


def test_the_page_names_every_kind_of_checksum() -> None:
    section = PAGE.partition("## Checksums")[2].partition("##")[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    named = [set(re.findall(r"`([a-z0-9-]+)`", line.split("|")[1])) for line in lines]
    assert named[0] | named[1] == CONTENT_TOKENS
    assert set().union(*named[2:]) == VALIDATORS


@pytest.mark.parametrize("key", FILES)
def test_golden_files_are_readable_for_ever(key: str) -> None:
    name = key.partition(": ")[2]
    path = HERE / "parquet" / f"{FILES[key]}.parquet"
    entries = entries_of(name)
    memory = MemoryManifest(entries)
    with ManifestFile(path, sha256=FILES[key]) as manifest:
        assert list(manifest.entries()) == entries
        assert manifest.summary == memory.summary
        assert manifest.digest == VECTORS[name]["content_digest"]
        assert manifest.pin_digest == VECTORS[name]["pin_digest"]
        assert list(manifest.folders()) == list(memory.folders())
        for entry in entries[:700]:
            assert manifest.get(entry.path) == entry
        for folder in memory.folders():
            assert list(manifest.entries(folder.path)) == list(memory.entries(folder.path))


def test_every_golden_file_is_listed() -> None:
    assert {path.stem for path in (HERE / "parquet").iterdir()} == set(FILES.values())
    assert {key.partition(" ")[0] for key in FILES} >= {"1.0"}
    assert any("plain" in key for key in FILES)


def test_todays_writer_writes_the_same_rows_as_the_golden_files(tmp_path: Path) -> None:
    for name in {key.partition(": ")[2] for key in FILES}:
        with ManifestWriter(tmp_path / "m") as writer:
            writer.extend(entries_of(name))
            written = writer.finish()
        assert written.summary.digest == VECTORS[name]["content_digest"]
        assert written.summary.pin_digest == VECTORS[name]["pin_digest"]


def test_a_subtree_is_the_rows_below_with_the_folder_taken_off() -> None:
    entries = entries_of("many")
    below = [replace(e, path=e.path[4:]) for e in entries if e.path.startswith("d03/")]
    assert MemoryManifest(entries).subtree_digest("d03") == content_digest(below)


DELTAS = json.loads((HERE / "golden_deltas.json").read_text())
DELTA_VECTORS = {v["name"]: v for v in runpy.run_path(str(HERE / "add_deltas.py"))["vectors"]()}


@pytest.mark.parametrize("name", DELTAS["versions"])
def test_golden_deltas_are_readable_for_ever(name: str) -> None:
    chain, vector = DELTAS["versions"][name], DELTA_VECTORS[name]
    memory = MemoryManifest([entry_of(row) for row in vector["rows"]])
    path = HERE / "deltas" / f"{chain[-1]}.parquet"
    with ManifestFile(path, sha256=chain[-1]) as manifest:
        assert manifest.chain == tuple(chain)
        assert list(manifest.entries()) == list(memory.entries())
        assert manifest.summary == memory.summary
        assert manifest.digest == vector["content_digest"]
        assert manifest.pin_digest == vector["pin_digest"]
        assert list(manifest.folders()) == list(memory.folders())
        manifest.check()
        for folder in memory.folders():
            assert list(manifest.entries(folder.path)) == list(memory.entries(folder.path))


@pytest.mark.parametrize("name", DELTAS["versions"])
def test_todays_deltas_hold_the_same_rows_as_the_golden_ones(name: str, tmp_path: Path) -> None:
    chain = DELTAS["versions"][name]
    if len(chain) < 2:
        return
    with ManifestWriter(tmp_path / "new") as writer:
        writer.extend(entry_of(row) for row in DELTA_VECTORS[name]["rows"])
        writer.finish()
    paths = [HERE / "deltas" / f"{sha256}.parquet" for sha256 in chain[-2:]]
    new = ManifestFile(tmp_path / "new")
    assert write_delta(ManifestFile(paths[0]), new, tmp_path / "delta", most=1_000) is not None
    made, golden = Layer(tmp_path / "delta"), Layer(paths[1])
    assert made.base == golden.base
    assert rows_of(made.batches()) == rows_of(golden.batches())
    assert made.levels.keys() == golden.levels.keys()
    for depth in golden.levels:
        assert rows_of(made.folder_batches(depth)) == rows_of(golden.folder_batches(depth))


def rows_of(batches: Iterable[Any]) -> list[dict[str, Any]]:
    """Return rows as values; whether the ETag is repeated is the writer's choice."""
    rows = [row for batch in batches for row in batch.to_pylist()]
    for row in rows:
        if row.pop("etag_is_checksum", False):
            row["etag"] = row["checksum"]
    return rows


@pytest.mark.parametrize("name", DELTAS["refused"])
def test_deltas_that_the_page_refuses_are_refused(name: str) -> None:
    sha256, where = DELTAS["refused"][name]["sha256"], DELTAS["refused"][name]["where"]
    path = HERE / "deltas" / f"{sha256}.parquet"
    met = {
        "footer": lambda: ManifestFile(path, sha256=sha256),
        "row": lambda: list(ManifestFile(path).entries()),
        "summary": lambda: ManifestFile(path).check(),
    }
    with pytest.raises(Conflict, match=sha256):
        met[where]()


def test_every_golden_delta_is_listed() -> None:
    listed = {sha256 for chain in DELTAS["versions"].values() for sha256 in chain}
    listed |= {refused["sha256"] for refused in DELTAS["refused"].values()}
    assert {path.stem for path in (HERE / "deltas").iterdir()} == listed


# -- a second reading of the page ----------------------------------------------------------------


def recorded(uri: str) -> tuple[str, list[str]]:
    location, stripped = Location.parse(uri, pins=False).without_secrets()
    return location.uri, list(stripped)


@pytest.mark.parametrize("vector", READINGS["uris"], ids=lambda vector: vector["given"])
def test_mend_21_a_uri_is_recorded_as_the_page_says(vector: dict[str, Any]) -> None:
    assert recorded(vector["given"]) == (vector["recorded"], vector["stripped"])


NAMES = [
    *(
        "key",
        "token",
        "code",
        "Sign",
        "verify",
        "sig",
        "st",
        "se",
        "expires",
        "md5",
        "hm",
        "ex",
        "is",
    ),
    *(
        "next_token",
        "my-token",
        "X-Amz-Date",
        "session_id",
        "hdnea",
        "q-ak",
        "x_secret_y",
        "sort_key",
    ),
    *(
        "access_key",
        "%6bey",
        "policy",
        "signature",
        "a",
        "tokens",
        "client-key",
        "to+ken",
        "\u212a",
    ),
]
VALUES = st.sampled_from(
    ["", "1", "123456", "a.csv", "a/b.c1", "north", "a b.c", "a%2Eb", "x.toolong9"]
)
PAIRS = st.builds(lambda name, value: f"{name}={value}", st.sampled_from(NAMES), VALUES)
PARTS = st.lists(st.tuples(st.sampled_from(["&", ";", "?", "/", "&&"]), PAIRS), max_size=6)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@given(TEXT, PARTS, TEXT)
def test_mend_21_any_http_uri_is_recorded_as_the_page_says(
    path: str, parts: list[tuple[str, str]], text: str
) -> None:
    uri = f"http://h/{path}?" + "".join(mark + pair for mark, pair in parts) + text
    assert recorded(uri) == SECOND_READING["recorded"](uri)
    in_path = f"https://h/x{''.join(';' + pair for _, pair in parts)}/{path}"
    assert recorded(in_path) == SECOND_READING["recorded"](in_path)


@pytest.mark.parametrize("folder", READINGS["subtrees"]["digests"])
def test_mend_21_a_subtree_has_the_digest_that_the_page_says(folder: str, tmp_path: Path) -> None:
    entries = [entry_of(row) for row in READINGS["subtrees"]["rows"]]
    with ManifestWriter(tmp_path / "m") as writer:
        writer.extend(entries)
        writer.finish()
    digest = READINGS["subtrees"]["digests"][folder]
    for manifest in (MemoryManifest(entries), ManifestFile(tmp_path / "m")):
        if digest is None:
            with pytest.raises(NotFound):
                manifest.subtree_digest(folder)
        else:
            assert manifest.subtree_digest(folder) == digest


@pytest.mark.parametrize("vector", READINGS["refusals"], ids=lambda vector: vector["name"])
def test_mend_21_rows_that_the_page_refuses_are_refused(vector: dict[str, Any]) -> None:
    assert vector["rule"]
    with pytest.raises(InvalidInput):
        summarize(map(entry_of, vector["rows"]))


@pytest.mark.parametrize("name", REFUSED)
def test_mend_21_files_that_the_page_refuses_are_refused(name: str) -> None:
    sha256, where = REFUSED[name]["sha256"], REFUSED[name]["where"]
    path = HERE / "refused" / f"{sha256}.parquet"
    met = {
        "footer": lambda: ManifestFile(path, sha256=sha256),
        "row": lambda: list(ManifestFile(path).entries()),
        "roll-up": lambda: list(ManifestFile(path).folders()),
        "summary": lambda: ManifestFile(path).check(),
    }
    met["column"] = met["footer"]
    if where == "summary":
        met["row"](), met["roll-up"]()
    with pytest.raises(Conflict, match=sha256):
        met[where]()


def test_every_refused_file_is_listed() -> None:
    listed = {entry["sha256"] for entry in REFUSED.values()}
    assert {path.stem for path in (HERE / "refused").iterdir()} == listed
    assert len(listed) == len(REFUSED)


def test_mend_21_the_time_of_fsspec_has_the_form_of_the_page() -> None:
    from landfast.stores.fsspec.info import tokens

    (example,) = re.findall(r"as UTC: `(\S+)`", PAGE)
    for told in (example, 1777796130.123456, "20260503081530.123456", 1777796130123.456):
        assert tokens({"mtime": told})["fsspec-mtime"].value == example


def test_mend_21_the_page_is_dated_and_its_vectors_are_there() -> None:
    (dated,) = re.findall(r"text of (\d{4}-\d\d-\d\d)", PAGE)
    changes = PAGE.partition("## Changes of this text")[2]
    assert re.findall(r"^\| (\d{4}-\d\d-\d\d) \|", changes, re.MULTILINE)[0] == dated
    named = re.findall(r"`((?:golden|make|add)_\w+\.\w+)`", PAGE.partition("## Vectors")[2])
    assert {path.name for path in HERE.iterdir() if re.match("golden|make|add", path.name)} == set(
        named
    )
    assert all((HERE / name).exists() for name in named)


def test_mend_21_the_grammar_takes_what_is_written() -> None:
    section = PAGE.partition("```abnf")[2].partition("```")[0]
    rules = set(re.findall(r"^([0-9a-z-]+) +=", section, re.MULTILINE))
    used = set(
        re.findall(
            r"(?<![%\w\"-])[a-z0-9]*[a-z][a-z0-9-]*(?![\w\"])",
            re.sub(r'%s"[^"]*"|"[^"]*"|;.*|= <.*', "=", section),
        )
    )
    assert used - rules <= {"x61-66"}
