"""Do what a page says, as a reader would: in one folder, from top to bottom."""

from __future__ import annotations

import doctest
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from landfast.cli import main

from tests.docs.pages import Block, Command, blocks, commands, expected_prints, name_of

# Not for a test: they install, or need what is not here.
LEFT_OUT = ("pip ", "./just ", "gcloud ", "aws ", "docker ", "cd ", "landfast ui")
SHELL = set("|<>;&`$()*~")
MATCH = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass(slots=True)
class Reader:
    """Runs the blocks of one page; `words` are read as something else, for hosts that a page makes up."""

    page: Path
    monkeypatch: pytest.MonkeyPatch
    words: dict[str, str] = field(default_factory=dict)
    database: str = ""
    python: Sequence[str] = ()
    """A `python -c` that begins sooner, for the command `landfast` where a shell starts it."""
    _namespace: dict[str, Any] = field(default_factory=lambda: {"__name__": "__page__"})
    _exit_code: int = 0
    _problems: list[str] = field(default_factory=list)
    ran: int = 0

    def read(self) -> None:
        """Do the whole page."""
        programs = Path(sys.executable).parent
        self.monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
        try:
            with self._quick_command():
                self._do_all()
        except Exception as error:
            error.add_note("\n\n".join(self._problems))
            raise
        if self._problems:
            pytest.fail("\n\n".join(self._problems), pytrace=False)

    @contextmanager
    def _quick_command(self) -> Iterator[None]:
        if not self.python:
            yield
            return
        with tempfile.TemporaryDirectory(prefix="landfast-reader-") as folder:
            file = Path(folder) / "landfast"
            code = "from landfast.cli import main; main(prog_name='landfast')"
            file.write_text(f'#!/bin/sh\nexec {shlex.join([*self.python, "-c", code])} "$@"\n')
            file.chmod(0o755)
            self.monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
            yield

    def _do_all(self) -> None:
        for block in blocks(self.page):
            if block.file_name is not None:
                self._write(block)
            elif block.language == "python":
                self._run_python(block)
            elif block.language == "sql":
                self._run_sql(block)
            elif block.language in {"console", "sh"}:
                for command in commands(block):
                    self._run_command(command)

    def _write(self, block: Block) -> None:
        assert block.file_name is not None
        file = Path(block.file_name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self._meant(block.text), encoding="utf-8")

    def _run_python(self, block: Block) -> None:
        printed: dict[int, list[str]] = {}

        def remember(*values: object, sep: str = " ", **_: object) -> None:
            line = sys._getframe(1).f_lineno
            printed.setdefault(line, []).append(sep.join(map(str, values)))

        self._namespace["print"] = remember
        source = "\n" * (block.line - 1) + self._meant(block.text)
        code = compile(source, str(self.page), "exec", dont_inherit=True)
        exec(code, self._namespace)
        for line, expected in expected_prints(block).items():
            self._compare(expected, "\n".join(printed.get(line, ["(it printed nothing)"])), line)
        self.ran += 1

    def _run_sql(self, block: Block) -> None:
        import psycopg

        with psycopg.connect(self.database, autocommit=True) as connection:
            for statement in filter(str.strip, block.text.split(";")):
                connection.execute(statement.encode())

    def _run_command(self, command: Command) -> None:
        text = self._meant(command.text)
        if not text or text.startswith(("#", *LEFT_OUT)):
            return
        if text == "echo $?":
            output, code = f"{self._exit_code}", 0
        elif text.startswith("export "):
            name, _, value = shlex.split(text)[1].partition("=")
            self.monkeypatch.setenv(name, value)
            output, code = "", 0
        elif text.startswith("landfast ") and not SHELL & set(text.partition(" # ")[0]):
            output, code = self._landfast(shlex.split(text, comments=True)[1:])
        else:
            output, code = self._shell(text)
        self._exit_code = code
        self.ran += 1
        if command.shows_output:
            self._compare(command.output, output, command.line)
        elif code:
            self._problems.append(f"{self._at(command.line)}: {text}: exit code {code}\n{output}")

    def _landfast(self, arguments: list[str]) -> tuple[str, int]:
        result = CliRunner().invoke(main, arguments, prog_name="landfast")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.output, result.exit_code

    def _shell(self, text: str) -> tuple[str, int]:
        done = subprocess.run(
            ["bash", "-c", text],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.stdout, done.returncode

    def _compare(self, expected: str, found: str, line: int) -> None:
        # A line `...` of a page stands for any number of lines.
        expected = self._meant(expected).strip()
        if not doctest.OutputChecker().check_output(expected + "\n", found.strip() + "\n", MATCH):
            self._problems.append(f"{self._at(line)} shows\n{expected}\nbut it is\n{found}")

    def _meant(self, text: str) -> str:
        for word, meaning in self.words.items():
            text = text.replace(word, meaning)
        return text

    def _at(self, line: int) -> str:
        return f"{name_of(self.page)}:{line}"
