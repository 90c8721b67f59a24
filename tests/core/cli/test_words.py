"""What the command line says: one entry is one row, in the spelling of the command line, and where one looked."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

import click
import landfast
import pytest
from click.testing import CliRunner, Result
from landfast.cli import main
from landfast.redaction import visible

EVIL = (
    "a\nforged:v9  1  1 B",
    "b\x1b[2J\x1b[31mred",
    "c\rover",
    "d\x9b31m",
    "e\u202egpj.exe",
    "f\u2028line",
    "g\ttab",
    "h\x7f\x00"[:-1],
    "i\u2066isolate\u2069",
    "j\x85next",
)


def call(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, list(arguments))
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def evil(tmp_path: Path) -> Path:
    place = tmp_path / "place"
    place.mkdir()
    for name in EVIL:
        (place / name).write_text(name)
    return place


def check_shown(text: str) -> None:
    for line in text.split("\n"):
        assert line.isprintable(), line


def test_mend_18_whatever_an_object_is_called_it_is_one_visible_row(evil: Path, tmp_path) -> None:
    call("put", "--reference", str(evil), "--name", "data", "--description", "two\nlines\x1b[0m")
    (evil / EVIL[0]).write_text("other")
    (evil / EVIL[1]).unlink()
    (evil / EVIL[2]).rename(evil / "c\rmoved")
    call("put", "--reference", str(evil), "--name", "data")
    listed = call("ls", "data:v0").stdout
    assert len(listed.splitlines()) == 1 + len(EVIL)
    assert r"a\nforged:v9" in listed
    assert r"b\x1b[2J\x1b[31mred" in listed
    assert r"e\u202egpj.exe" in listed
    for words in (
        ("ls",),
        ("ls", "data"),
        ("ls", "data:v0"),
        ("show", "data:v0"),
        ("show", "data:v0", "--json"),
        ("diff", "data:v0", "data:v1"),
        ("history", "data"),
        ("changes",),
        ("lineage", "data"),
        ("lineage", "--object", f"{evil}/{EVIL[3]}"),
        ("run", "ls"),
    ):
        check_shown(call(*words).output)
    for words in (
        ("verify", "data:v0", "--all"),
        ("verify", "data:v0"),
        ("get", "data:v0", "--root", str(tmp_path / "got"), "--allow-missing"),
        ("get", "data:v0", "--root", str(tmp_path / "got2")),
        ("get", "no\x1b[31msuch"),
        ("show", "data:no\nsuch"),
        ("put", str(evil / "no\x1bsuch"), "--name", "x"),
        ("ls", "data:v0", "--path", "\x1b[31m"),
        ("doctor", f"file://{evil}/%1B%0A"),
    ):
        shown = CliRunner().invoke(main, list(words))
        assert not isinstance(shown.exception, (TypeError, KeyError)), shown.exception
        check_shown(shown.output)


def test_mend_18_json_and_null_say_what_is_really_there(evil: Path) -> None:
    call("put", "--reference", str(evil), "--name", "data")
    told = json.loads(call("ls", "data:v0", "--json").stdout)
    assert sorted(entry["path"] for entry in told) == sorted(EVIL)
    assert call("ls", "data:v0", "-z").stdout.split("\0") == [*sorted(EVIL), ""]
    assert call("ls", "data:v0", "-z", "--path", "a", "--limit", "1").stdout == EVIL[0] + "\0"
    assert call("ls", "data", "-z").stdout == "data:v0\0"
    assert call("ls", "--null").stdout == "uncategorized/data\0"
    assert "exclude each other" in call("ls", "-z", "--json", code=2).stderr


def test_mend_18_log_lines_and_errors_are_one_line(evil: Path, caplog) -> None:
    client = landfast.Client()
    with caplog.at_level(logging.WARNING, logger="landfast"):
        client.context.note("a\nb\x1b[31m")
    assert [record.getMessage() for record in caplog.records] == [r"a\nb\x1b[31m"]
    with pytest.raises(landfast.NotFound) as caught:
        client.log("x", str(evil / "no\nsuch\u202e"))
    check_shown(str(caught.value))


def test_mend_18_what_is_printable_stays_as_it_is() -> None:
    for text in ("", "plain text", "日本語 ✓ é", "back\\slash"):
        assert visible(text) == text


# In the words of the command line


@pytest.mark.parametrize(
    ("words", "says", "says_not"),
    [
        ("rm data:v0", "--delete-aliases", "delete_aliases"),
        ("put --reference {empty} --name e", "--allow-empty", "allow_empty"),
        ("put --reference {two} --name e --max-objects 1", "--max-objects", "max_objects="),
        ("put --reference {two} --name e --max-objects 1", "'unlimited'", "landfast.UNLIMITED"),
    ],
)
def test_mend_21c_hints_are_in_the_spelling_of_the_command(tmp_path, words, says, says_not):
    (tmp_path / "empty").mkdir()
    (tmp_path / "two").mkdir()
    for name in "ab":
        (tmp_path / "two" / name).write_text(name)
    call("put", str(tmp_path / "two"), "--name", "data")
    places = {"empty": f"{tmp_path}/empty/", "two": f"{tmp_path}/two/"}
    shown = CliRunner().invoke(main, words.format(**places).split())
    assert shown.exit_code != 0
    assert says in shown.stderr
    assert says_not not in shown.stderr


def test_mend_21c_an_argument_that_may_be_left_out_is_shown_so() -> None:
    def optional(command: click.Command, name: str) -> None:
        if isinstance(command, click.Group):
            context = click.Context(command)
            for each in command.list_commands(context):
                found = command.get_command(context, each)
                assert found is not None
                optional(found, f"{name} {each}")
            return
        context = click.Context(command, info_name=name)
        for argument in command.params:
            if isinstance(argument, click.Argument) and not argument.required:
                assert argument.make_metavar(context).startswith("["), (name, argument.name)

    optional(main, "landfast")


def test_mend_21c_an_alias_is_taken_from_the_version_that_was_named(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("1")
    call("put", str(tmp_path / "f"), "--name", "points")
    (tmp_path / "f").write_text("2")
    call("put", str(tmp_path / "f"), "--name", "points", "--alias", "prod")
    for name in ("points:v0", f"points@{landfast.Client().get('points:v0').digest}"):
        wrong = call("unalias", name, "prod", code=11)
        assert "'prod' names v1" in wrong.stderr
    assert landfast.Client().get("points:prod").version == "v1"
    with pytest.raises(landfast.Conflict):
        landfast.Client().remove_alias(landfast.Client().get("points:v0"), "prod")
    call("unalias", "points:v1", "prod")
    assert landfast.Client().get("points:v1").aliases == ("latest",)
    call("promote", "points:v0", "prod")
    call("unalias", "points", "prod")
    assert landfast.Client().get("points:v0").aliases == ()


def test_mend_21c_the_cache_is_emptied_on_request_only(tmp_path: Path) -> None:
    cache = landfast.Client().context.cache
    (tmp_path / "f").write_text("cached")
    assert "--all" in call("cache", "cleanup", code=2).stderr
    assert "--all" in call("cache", "cleanup", "1GB", "--all", code=2).stderr
    assert json.loads(call("cache", "cleanup", "--all", "--json").stdout)["freed"] == 0
    assert cache.usage().size == 0


# Where one looked


def test_mend_21c_an_empty_list_says_where_one_looked_and_where_something_is(
    tmp_path: Path,
) -> None:
    shown = call("ls")
    assert "no collection in the project default/uncategorized" in shown.stderr
    assert "nor in any other" in shown.stderr
    (tmp_path / "f").write_text("f")
    for project in ("vision", "sales"):
        call("put", str(tmp_path / "f"), "--name", f"{project}/data", "--project", project)
    call("put", str(tmp_path / "f"), "--name", "vision/more")
    shown = call("ls")
    assert "sales (1), vision (2); give --project, or --all-projects" in shown.stderr
    assert json.loads(call("ls", "--json").stdout) == []
    assert call("ls", "--quiet").stderr == ""
    shown = call("run", "ls", "--project", "empty")
    assert "no run in the project default/empty" in shown.stderr
    assert "vision" in shown.stderr
    assert "no run" not in call("run", "ls", "--project", "vision").stderr
    assert "vision/data" in call("ls", "vision/").stdout
    assert "sales" not in call("ls", "vision/").stdout
    assert "vision/data" in call("ls", "default/vision/").stdout
    assert "no collection in the project default/none" in call("ls", "none/").stderr
    assert "no project" in call("ls", "a/b/c/", code=2).stderr
    for word in ("show", "ls", "get", "history", "verify"):
        assert "There is sales/data, vision/data." in call(word, "data", code=10).stderr


def test_mend_21c_a_system_that_is_not_supported_is_told_at_import() -> None:
    script = "import sys; sys.platform = 'win32'; import landfast"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "ImportError: landfast supports Linux and macOS" in done.stderr.splitlines()[-1]


def test_mend_21c_the_supported_systems_are_declared() -> None:
    root = Path(__file__).parents[3]
    projects = [root / "core", *(root / "integrations").iterdir()]
    for project in projects:
        text = (project / "pyproject.toml").read_text()
        assert '"Operating System :: POSIX :: Linux"' in text
        assert '"Operating System :: MacOS"' in text
    for page in ("README.md", "docs/install.md"):
        assert "Linux and macOS" in (root / page).read_text()
