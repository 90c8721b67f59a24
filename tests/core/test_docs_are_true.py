"""What the documents name does exist: files behind links, recipes behind commands."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SKIPPED_FOLDERS = {".git", ".tools", ".venv", ".venvs", "node_modules", ".pytest_cache", "dist"}
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
RECIPE = re.compile(r"^(?!_)([a-z][a-z-]*)(?: [^:=]*)?:(?!=)", re.MULTILINE)
CALL = re.compile(r"\./just ((?:[a-z][a-z-]* ?)+)")


def documents() -> list[Path]:
    found: list[Path] = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in SKIPPED_FOLDERS]
        found += [Path(folder, name) for name in files if name.endswith(".md")]
    return sorted(found)


def headings(file: Path) -> set[str]:
    """Spell the headings of a document as anchors, as forges do, beside the anchors that it names itself."""
    text = file.read_text(encoding="utf-8")
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    spelled = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
    return spelled | set(re.findall(r'<a id="([\w-]+)"></a>', text))


@pytest.mark.parametrize("file", documents(), ids=lambda file: str(file.relative_to(ROOT)))
def test_every_link_within_the_repository_leads_somewhere(file: Path) -> None:
    for target in LINK.findall(file.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = (file.parent / path).resolve() if path else file
        assert linked.exists(), f"{file.relative_to(ROOT)} links to {target}"
        if anchor and linked.suffix == ".md":
            assert anchor in headings(linked), f"{file.relative_to(ROOT)} links to {target}"


def recipes() -> set[str]:
    return set(RECIPE.findall((ROOT / "justfile").read_text()))


def test_the_recipes_that_documents_and_ci_call_exist() -> None:
    known = recipes()
    assert {"demo", "test", "lint", "types", "wheels-check"} <= known
    ci = (ROOT / ".ci" / "run").read_text()
    called = set(re.findall(r"^phase ([a-z-]+) [0-9]+$", ci, re.MULTILINE))
    assert len(called) == 4
    for file in documents():
        for words in CALL.findall(file.read_text(encoding="utf-8")):
            called.add(words.split()[0])
    assert called <= known, f"no such recipe: {sorted(called - known)}"


def test_the_readme_says_how_to_start_before_all_else_and_has_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text()
    top = text.splitlines()[:20]
    assert any(line.startswith("pip install ") for line in top)
    assert "    ./just demo" in top
    assert "\n    ./just demo\n    ./just test\n" in text


@pytest.mark.parametrize("script", ["just", "scripts/debian-packages", "scripts/distribution"])
def test_what_a_bare_machine_runs_is_plain_posix_shell(script: str) -> None:
    path = ROOT / script
    assert path.read_text().startswith("#!/bin/sh\n")
    assert os.access(path, os.X_OK)
    subprocess.run(["sh", "-n", path], check=True)
