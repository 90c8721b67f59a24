"""What users can name is explained somewhere: names, commands, settings, errors, W&B's words."""

from __future__ import annotations

import inspect
import re
import tomllib
from pathlib import Path

import click
import landfast
import pytest
from kit.cli_reference import cli_reference, reference
from landfast import errors
from landfast.cli import main
from landfast.cli.logs import EXIT_CODES
from landfast.clouds.gcs_client import GcsOptions
from landfast.clouds.s3_client import S3Options
from landfast.model.verdict import Verdict
from landfast.settings import VARIABLES, Settings
from landfast.stores.local.options import FileOptions
from landfast.wandb_names import ADVICE, OPTIONS
from platformdirs.macos import MacOS
from platformdirs.unix import Unix

from tests.docs.pages import ROOT, pages

DOCS = ROOT / "docs"
PACKAGE = Path(landfast.__file__).parent
# W&B's public names that have to do with artifacts, as of wandb 0.31.
WANDB = {
    "landfast": "init login setup teardown finish run config summary log define_metric watch unwatch "
    "save restore alert sweep agent controller plot plot_table Api Settings Run Artifact ArtifactTTL "
    "Table Image Audio Video Html Object3D Molecule Histogram Plotly Graph log_artifact use_artifact "
    "log_model use_model link_model",
    "Run": "id name project entity path url project_url get_url get_project_url job_type group tags "
    "notes config dir start_time status step log summary define_metric watch unwatch save restore "
    "alert finish log_artifact use_artifact upsert_artifact finish_artifact link_artifact log_code "
    "log_model use_model link_model mark_preempting logged_artifacts used_artifacts",
    "Artifact": "id name type version digest size file_count commit_hash created_at updated_at "
    "linked_at history_step url entity project collection qualified_name source_name source_version "
    "source_collection source_project source_entity source_qualified_name is_link linked_artifacts "
    "manifest metadata description ttl aliases tags incremental use_as state is_draft add "
    "add_reference add_file add_dir new_file remove new_draft save finalize wait link unlink download "
    "checkout verify get get_entry get_path get_added_local_path_name file files json_encode "
    "logged_by used_by delete",
}
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
FAMILIES = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and errors.LandfastError in value.__bases__
]
WORD = re.compile(r"[A-Za-z_][\w-]*")


def words(page: str) -> set[str]:
    """Return the words that a page has in code."""
    text = FENCED.sub("", (DOCS / page).read_text(encoding="utf-8"))
    return {word for code in re.findall(r"`([^`]+)`", text) for word in WORD.findall(code)}


def test_the_reference_of_commands_is_what_the_commands_say() -> None:
    written = (DOCS / "cli.md").read_text(encoding="utf-8")
    assert cli_reference().page(written) == written, "run .venv/bin/python scripts/cli-reference"


def test_the_reference_of_json_is_what_the_schemas_say() -> None:
    written = (DOCS / "json.md").read_text(encoding="utf-8")
    assert reference("json").page(written) == written, "run .venv/bin/python scripts/json-reference"


def test_the_reference_of_python_is_what_the_docstrings_say() -> None:
    written = (DOCS / "python-api.md").read_text(encoding="utf-8")
    assert reference("python").page() == written, "run .venv/bin/python scripts/python-reference"


def test_the_reference_of_python_has_every_public_name_and_method_with_its_arguments() -> None:
    text = (DOCS / "python-api.md").read_text(encoding="utf-8")
    missing = []
    for name in landfast.__all__:
        heading = f"`{name}`" if name.startswith("_") else name
        _, found, section = text.partition(f"\n## {heading}\n")
        assert found, name
        value = getattr(landfast, name)
        if not isinstance(value, type) or issubclass(value, BaseException):
            continue
        section = section.partition("\n## ")[0]
        for member, what in inspect.getmembers(value, inspect.isfunction):
            if member.startswith("_") or not what.__module__.startswith("landfast"):
                continue
            _, found, part = section.partition(f"\n### {name}.{member}\n")
            assert found, (name, member)
            part = part.partition("\n### ")[0]
            missing += [
                f"{name}.{member}({one})"
                for one in list(inspect.signature(what).parameters)[1:]
                if not re.search(rf"\b{one}\b", part)
            ]
    assert missing == []


def test_every_command_and_option_is_in_the_reference() -> None:
    text = (DOCS / "cli.md").read_text(encoding="utf-8")
    found = list(cli_reference().commands(main, ()))
    assert len(found) > 20
    for path, command in found:
        _, _, section = text.partition(f"\n### landfast {' '.join(path)}\n")
        common = text.partition("## Options of every command")[2].partition("\n## ")[0]
        section = section.partition("\n##")[0] + common
        for option in command.params:
            if isinstance(option, click.Option) and not option.hidden:
                assert all(f"`{name}`" in section for name in option.opts), (path, option.opts)


def test_the_exit_code_of_each_error_family_is_in_the_table_of_codes() -> None:
    codes = (DOCS / "cli.md").read_text(encoding="utf-8")
    for family, code in EXIT_CODES.items():
        assert re.search(rf"^\| {code} \| .*`{family.__name__}`.* \|$", codes, re.MULTILINE), family


# What has one home, by a part of it that only the home has; every page of `linking` leads there.
HOMES = {
    r"^\| code \| means": (
        "cli.md",
        "exit-codes",
        ["errors.md", "questions.md", "verify.md", "retention.md", "monitoring.md"],
    ),
    r"^.*registry init postgresql://\S+ --store": (
        "registry.md",
        "postgresql-and-a-bucket-a-team",
        ["../README.md", "quickstart.md", "install.md"],
    ),
    r"^\| `s3://` \| \|$": ("settings.md", "options-by-prefix", ["stores.md"]),
    r"^.*\[~PARTITION\]\[:vN": (
        "versions.md",
        "names",
        ["glossary.md", "cli.md", "orchestrators.md"],
    ),
    r"^\| verb \| what it does": (
        "glossary.md",
        "which-verb-is-when",
        ["quickstart.md", "orchestrators.md"],
    ),
    r"^\| extra \| for": ("install.md", "extras", ["../README.md"]),
    r"^\| install \| import": ("install.md", "packages", ["../README.md"]),
}


@pytest.mark.parametrize("part", HOMES, ids=lambda part: HOMES[part][0] + "#" + HOMES[part][1])
def test_a_fact_is_told_in_one_place_and_other_pages_lead_there(part: str) -> None:
    home, anchor, linking = HOMES[part]
    written = [page for page in DOCS.rglob("*.md") if "adr" not in page.parts]
    written += [ROOT / "README.md", *ROOT.glob("integrations/*/README.md")]
    generated = re.compile(r"^<!-- Below, .*", re.MULTILINE | re.DOTALL)
    found = []
    for page in written:
        text = generated.sub("", page.read_text(encoding="utf-8"))
        if page.name != "python-api.md" and re.search(part, text, re.MULTILINE):
            found.append(page)
    assert found == [DOCS / home], "say it in one place, and link there"
    for name in linking:
        text = (DOCS / name).read_text(encoding="utf-8")
        assert f"{home}#{anchor})" in text, f"{name} does not link to {home}#{anchor}"


def test_every_extra_is_where_installing_is_told() -> None:
    project = tomllib.loads((ROOT / "core/pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["optional-dependencies"].keys() <= words("install.md")


def test_files_are_where_installing_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    told = (DOCS / "install.md").read_text(encoding="utf-8")
    for folders in (Unix("landfast", appauthor=False), MacOS("landfast", appauthor=False)):
        for folder in (folders.user_data_dir, folders.user_cache_dir):
            assert f"`{folder.replace(str(Path.home()), '~')}/" in told, folder


@pytest.mark.parametrize("name", FAMILIES, ids=lambda family: family.__name__)
def test_every_error_says_which_builtin_it_is(name: type) -> None:
    row = next(
        line
        for line in (DOCS / "errors.md").read_text(encoding="utf-8").splitlines()
        if line.startswith(f"| `{name.__name__}` |")
    )
    assert f"`{name.__bases__[1].__name__}`" in row


@pytest.mark.parametrize("name", landfast.__all__)
def test_every_public_name_is_in_the_documents(name: str) -> None:
    found = [page.name for page in pages() if re.search(rf"\b{name}\b", page.read_text())]
    assert found, f"no page speaks of {name}"


def test_every_verb_of_the_client_is_in_the_documents() -> None:
    verbs = {name for name in dir(landfast.Client) if not name.startswith("_")}
    assert verbs <= words("python.md"), sorted(verbs - words("python.md"))


def test_every_setting_is_in_the_documents() -> None:
    said = words("settings.md")
    assert set(VARIABLES.values()) <= said
    assert {*VARIABLES, *Settings.__dataclass_fields__} - {"run"} <= said


def test_every_environment_variable_that_the_code_reads_is_in_the_documents() -> None:
    read = {
        name
        for path in PACKAGE.rglob("*.py")
        if "testing" not in path.parts
        for name in re.findall(r"\"(LANDFAST_[A-Z_]+)\"", path.read_text(encoding="utf-8"))
    }
    assert read
    assert read <= words("settings.md")


@pytest.mark.parametrize("options", [S3Options, GcsOptions, FileOptions])
def test_every_option_of_a_store_is_in_the_documents(options: type) -> None:
    assert set(options.__dataclass_fields__) <= words("settings.md")


def test_every_option_of_http_is_in_the_documents() -> None:
    from landfast.stores.http import store as http

    assert words("settings.md") >= http._OPTIONS


def test_every_verdict_is_in_the_documents() -> None:
    assert {str(verdict) for verdict in Verdict} <= words("verify.md")


@pytest.mark.parametrize("kind", ADVICE)
def test_every_name_of_wandb_that_gets_advice_is_in_the_documents(kind: str) -> None:
    assert ADVICE[kind].keys() <= words("coming-from-wandb.md")


def test_every_argument_of_wandb_that_is_taken_or_refused_is_in_the_documents() -> None:
    said = words("coming-from-wandb.md")
    assert not OPTIONS["init"].keys() - said
    for arguments in OPTIONS.values():
        assert arguments.keys() <= said


@pytest.mark.parametrize("kind", WANDB)
def test_every_name_of_wandb_is_there_or_says_what_to_use(kind: str) -> None:
    said = words("coming-from-wandb.md")
    home = {"landfast": landfast, "Run": landfast.Run, "Artifact": landfast.ArtifactVersion}[kind]
    ours = {*dir(home), *(dir(landfast.Artifact) if kind == "Artifact" else ())}
    ours |= {"config"} if kind == "Run" else set()  # set when a run begins
    for name in WANDB[kind].split():
        assert name in ours | ADVICE[kind].keys(), name
        assert name in said, name


def test_every_page_and_example_is_in_the_index() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    for example in (ROOT / "examples").glob("*.py"):
        assert f"(../examples/{example.name})" in index
    for page in DOCS.glob("**/*.md"):
        name = page.relative_to(DOCS)
        if page.name != "README.md" and name.parts[0] != "adr":
            assert f"({name})" in index, f"docs/README.md does not lead to {name}"
