"""`--help`: whole, in order, with an example that the command takes, and the same options wherever they make sense."""

from __future__ import annotations

import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from kit.cli_reference import cli_reference
from landfast import Client
from landfast.cli import main
from landfast.cli.help import COMMON, HelpCommand, is_common

REFERENCE = cli_reference()
COMMANDS: dict[str, click.Command] = {
    " ".join(path): command for path, command in REFERENCE.commands(main, ())
}
# What has arguments called NAME that are not names of artifacts, or is of W&B's spelling.
WITHOUT_PARTITION = {"artifact put", "artifact get", "artifact ls", "run exec", "import"}


def call(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == code, (result.stdout, result.stderr, result.exception)
    return result


def test_help_is_what_was_read_when_it_was_last_written() -> None:
    stored = Path(__file__).with_name("help.txt").read_text(encoding="utf-8")
    told = REFERENCE.help_texts() + "\n"
    assert told == stored, "read the difference, then run .venv/bin/python scripts/cli-reference"


def test_help_of_the_program_has_every_command_below_a_heading_and_whole() -> None:
    told = CliRunner().invoke(main, ["--help"], terminal_width=100).stdout
    headings = list(main.sections(click.Context(main)))
    places = [told.index(f"\n{heading}:\n") for heading in headings]
    assert places == sorted(places)
    assert headings[-1] == "Weights & Biases"
    assert "..." not in told.replace("[ARGS]...", "")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_shows_examples_that_it_takes(name: str) -> None:
    command = COMMANDS[name]
    assert isinstance(command, HelpCommand)
    told = call(*name.split(), "--help").stdout
    for line in command.example.splitlines():
        assert f"\n  {line}\n" in told
        words = shlex.split(
            line.removeprefix('eval "$(').removesuffix(')"').partition(" | ")[0].partition(" > ")[0]
        )
        while "=" in words[0]:
            words = words[1:]
        assert words[: 1 + len(name.split())] == ["landfast", *name.split()]
        command.make_context(name, words[1 + len(name.split()) :])


@pytest.mark.parametrize("name", COMMANDS)
def test_own_options_come_first_and_say_what_they_are_by_default(name: str) -> None:
    command = COMMANDS[name]
    options = [one for one in command.params if isinstance(one, click.Option) and not one.hidden]
    told = call(*name.split(), "--help").stdout
    own, _, common = told.partition("\nOptions of every command:\n")
    for option in options:
        assert option.help, option.name
        assert option.opts[0] in (common if is_common(option) else own)
        is_told = option.show_default or "default:" in option.help
        if isinstance(option.default, str | int | float) and option.default not in {"", False}:
            assert is_told, option.name


@pytest.mark.parametrize("name", COMMANDS)
def test_whatever_takes_a_name_takes_its_partition(name: str) -> None:
    words = {one.name for one in COMMANDS[name].params if isinstance(one, click.Argument)}
    options = {opt for one in COMMANDS[name].params for opt in one.opts}
    if words & {"name", "old", "new"} and name not in WITHOUT_PARTITION:
        assert "--partition" in options


def test_snapshot_takes_what_put_takes() -> None:
    of_put, of_snapshot = (
        {opt for one in COMMANDS[name].params if isinstance(one, click.Option) for opt in one.opts}
        for name in ("put", "snapshot")
    )
    # The name is its first argument, and it copies nothing.
    assert of_put - of_snapshot == {"--name", "-n", "--reference"}
    assert of_snapshot - of_put == {"--config", "--config-schema"}


def test_snapshot_moves_aliases_and_adds_tags_and_notes(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("1")
    options = ("--alias", "prod", "--tag", "raw", "--metadata", '{"n": 1}', "--no-latest")
    call("snapshot", "data", tmp_path / "f", *options, "--description", "said", "--ttl-days", 3)
    version = Client().get("data:prod")
    assert (version.tags, version.metadata, version.description) == (("raw",), {"n": 1}, "said")
    assert version.ttl is not None
    (tmp_path / "f").write_text("2")
    call("snapshot", "data", tmp_path / "f", "--no-latest")
    assert Client().get("data:latest") == version


@pytest.mark.parametrize(("option", "value"), [("--alias", "x"), ("--tag", "x"), ("--type", "x")])
def test_what_a_config_says_is_refused_beside_it_as_it_is_typed(
    tmp_path: Path, option: str, value: str
) -> None:
    (tmp_path / "s.yaml").write_text(f"snapshots:\n  - name: data\n    uri: {tmp_path}\n")
    refused = call("snapshot", "--config", tmp_path / "s.yaml", option, value, code=2)
    assert f"{option} cannot be given with --config" in refused.stderr


def test_a_partition_may_be_given_apart_from_the_name(tmp_path: Path) -> None:
    for day in ("2026/05", "2026/06"):
        (tmp_path / "f").write_text(day)
        call("put", tmp_path / "f", "--name", "data", "--partition", day, "--alias", "good")
    may = ("--partition", "2026/05")
    assert "2026%2F05:v0" in call("show", "data", *may).stdout
    assert "2026%2F05:v0" in call("show", "data:good", *may).stdout
    assert "v0" in call("ls", "data", *may).stdout
    assert "f" in call("ls", "data:v0", *may).stdout
    assert len(call("history", "data", *may).stdout.splitlines()) == 2
    assert "2026%2F06" not in call("changes", "data", *may).stdout
    assert "2026%2F05" in call("lineage", "data", *may).stdout
    assert "no entries" not in call("verify", "data", *may).stdout
    call("promote", "data:v0", "prod", *may)
    call("tag", "data:v0", "seen", *may)
    assert Client().get("data~2026%2F05:prod").tags == ("seen",)
    call("untag", "data:v0", "seen", *may)
    call("unalias", "data:v0", "prod", *may)
    version = Client().get("data~2026%2F05:v0")
    assert (version.tags, set(version.aliases)) == ((), {"latest", "good"})
    call("get", "data", *may, "--root", tmp_path / "got")
    assert (tmp_path / "got" / "f").read_text() == "2026/05"
    call("rm", "data:v0", "--delete-aliases", *may)
    call("undelete", "data:v0", *may)
    assert "no changes" not in call("diff", "data:v0", "data:v0", *may).stdout


def test_a_partition_that_the_name_denies_is_a_conflict(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("1")
    call("put", tmp_path / "f", "--name", "data~a")
    assert "disagree" in call("show", "data~a", "--partition", "b", code=11).stderr
    assert "needs a NAME" in call("ls", "--partition", "a", code=2).stderr


@pytest.mark.parametrize(
    ("words", "to"),
    [
        (("promote", "data", "prod", "--remove"), "landfast unalias NAME ALIAS"),
        (("tag", "data", "raw", "--remove"), "landfast untag NAME TAGS..."),
    ],
)
def test_a_spelling_that_is_gone_names_the_new_one(words: tuple[str, ...], to: str) -> None:
    assert to in call(*words, code=2).stderr
    assert "--remove" not in call(words[0], "--help").stdout


def test_every_common_option_is_on_every_command_that_opens_a_registry() -> None:
    for name, command in COMMANDS.items():
        options = [one.opts[0] for one in command.params]
        if "--registry" in options:
            assert set(COMMON) <= set(options), name
