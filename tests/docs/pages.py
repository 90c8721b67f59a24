"""Read a page of the documentation as steps: files to write, Python to run, commands to type."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
INTEGRATIONS = ("airflow", "dagster", "prefect")
FENCE = re.compile(r"^( *)```(\w*)\s*$")
FILE_NAME = re.compile(r"#( !)? ?([\w./-]+\.(?:toml|yaml|yml|py|sh))$")
PRINTS = re.compile(r"^\s*print\(.*?(?:  # (.*))?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block: its language, its text, and the line of its first line, from 1."""

    language: str
    text: str
    line: int

    @property
    def file_name(self) -> str | None:
        """The file that the block shows, if its first line names one."""
        found = FILE_NAME.fullmatch(self.text.partition("\n")[0].strip())
        return found[2] if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command as typed, what the page shows as its output, and the line it is on."""

    text: str
    output: str
    line: int
    shows_output: bool


def pages() -> list[Path]:
    """List what users of the core read; an integration's page needs its own environment."""
    found = sorted([*ROOT.glob("*.md"), *ROOT.glob("core/*.md"), *_documents()])
    return [page for page in found if not _integrations_of(page)]


def integration_pages(name: str) -> list[Path]:
    """List what users of an integration read; `tests/with_NAME` does what they say."""
    written = sorted([*_documents(), *ROOT.glob(f"integrations/{name}/*.md")])
    return [page for page in written if name in _integrations_of(page)]


def _documents() -> list[Path]:
    """List the pages for users; a decision is for who changes the code."""
    found = ROOT.glob("docs/**/*.md")
    return [page for page in found if page.relative_to(ROOT).parts[1] != "adr"]


def _integrations_of(page: Path) -> set[str]:
    return set(INTEGRATIONS) & {*page.stem.split("-"), page.parent.name}


def name_of(page: Path) -> str:
    """Return a page's path in the repository."""
    return str(page.relative_to(ROOT))


def blocks(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page."""
    lines = iter(enumerate(page.read_text(encoding="utf-8").splitlines(), start=1))
    for number, line in lines:
        opening = FENCE.match(line)
        if not opening:
            continue
        body: list[str] = []
        for _, inner in lines:
            if inner.strip() == "```":
                break
            body.append(inner[len(opening[1]) :])
        yield Block(language=opening[2], text="\n".join(body) + "\n", line=number + 1)


def commands(block: Block) -> Iterator[Command]:
    """Yield the commands of a block: after `$` in `console`, every line in `sh`."""
    prompt = "$ " if block.language == "console" else ""
    typed: list[str] = []
    output: list[str] = []
    begun = block.line
    for number, line in enumerate(block.text.splitlines(), start=block.line):
        if typed and typed[-1].endswith("\\"):
            typed.append(line)
        elif line.startswith(prompt):
            if typed:
                yield _command(typed, output, begun, block)
            typed, output, begun = [line[len(prompt) :]], [], number
        else:
            output.append(line)
    if typed:
        yield _command(typed, output, begun, block)


def _command(typed: list[str], output: list[str], line: int, block: Block) -> Command:
    text = " ".join(part.rstrip("\\").strip() for part in typed)
    shown = "\n".join(output).strip("\n")
    return Command(text=text, output=shown, line=line, shows_output=bool(shown))


def expected_prints(block: Block) -> dict[int, str]:
    """Return what the comments behind or below a `print` say that it prints, by line."""
    lines = block.text.splitlines()
    found: dict[int, str] = {}
    for place, line in enumerate(lines):
        printing = PRINTS.match(line)
        if not printing:
            continue
        said = [printing[1]] if printing[1] else []
        below = place + 1
        while not printing[1] and below < len(lines) and lines[below].strip().startswith("# "):
            said.append(lines[below].strip()[2:])
            below += 1
        if said:
            found[block.line + place] = "\n".join(said)
    return found
