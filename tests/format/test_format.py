"""The format is what docs/format.md says, and stays so: golden digests and golden files."""

import ast
import hashlib
import json
import re
import runpy
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from landfast.manifests.memory import MemoryManifest
from landfast.manifests.reader import ManifestFile
from landfast.manifests.writer import ManifestWriter
from landfast.model.checksum import CONTENT_TOKENS, VALIDATORS
from landfast.model.digest import content_digest, pin_digest
from landfast.model.manifest import ManifestEntry

HERE = Path(__file__).parent
PAGE = (HERE.parents[1] / "docs" / "format.md").read_text(encoding="utf-8")
SCRIPT = HERE / "make_golden.py"
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


def test_the_script_knows_nothing_of_landfast() -> None:
    imported = set()
    for node in ast.walk(ast.parse(SCRIPT.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").partition(".")[0])
    assert imported <= sys.stdlib_module_names


def test_the_script_still_prints_what_was_checked_in() -> None:
    command = [sys.executable, "-I", str(SCRIPT)]
    assert json.loads(subprocess.check_output(command)) == CHECKED_IN


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
