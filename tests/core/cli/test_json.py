"""JSON output: every command's shape has a schema, each shape is printed here, and a key has one spelling and form."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner, Result
from kit.cli_reference import cli_reference
from kit.json_output import LINES, check_call, shapes_in
from kit.servers.moto import Moto
from kit.servers.scripted import Scripted
from landfast.cli import main
from landfast.model.diff import DiffKind
from landfast.model.run import RunStatus
from landfast.model.version import ChangeKind
from landfast.registry.copy.report import CopyKind
from landfast.schemas import output_schema, read_schema

from tests.core.migrate.making import restore

COMMANDS = {" ".join(path): command for path, command in cli_reference().commands(main, ())}
WITH_JSON = {
    name
    for name, command in COMMANDS.items()
    if any("--json" in parameter.opts for parameter in command.params)
}
# They take --json as every command does, and answer in other ways.
WITHOUT_ANSWER = {
    "ui": "it serves pages",
    "run exec": "what is printed is the program's",
    "metrics": "Prometheus has a format of its own, and --json is refused",
}
SHAPES: dict[str, Any] = read_schema("output")["$defs"]
# Keys that say different things in different shapes, with the reason; every other key has one form.
MORE_THAN_ONE_FORM = {
    "edges": "rows of lineage; `registry prune` counts them",
    "found": "of an entry, its pins; of an error, words",
    "kept": "`gc` tells blobs, `release` and `copy` count objects, `registry copy` says whether",
    "left": "`gc` tells blobs, `copy` counts files",
    "new": "two versions, or two entries of them",
    "old": "two versions, or two entries of them",
    "problems": "blobs of a registry, or what stands in the way of a plan",
    "retention": "of a version, or of a place",
    "rows": "changed entries, or verdicts on entries",
    "sent": "requests by kind, or a rule as it was sent",
    "rules": "as a provider tells them, or what each takes",
    "versions": "names, what was imported, or how many a collection has",
    "actions": "of a bucket's rules, or what each takes",
    "blobs": "`gc` counts them, `registry copy` tells how they were copied",
    "bucket": "its name; in a place's retention, its rules",
    "counts": "by verdict; `registry check` has them by kind of blob first",
    "command": "of a claim its words, of an error one text",
}
# What a shape might have called the same.
NOT_A_KEY = {
    "bytes": {"size_bytes", "nbytes", "total_size", "byte_count"},
    "files": {"file_count", "n_files", "num_files", "objects_count"},
    "version": {"artifact", "qualified_name", "artifact_version"},
    "at": {"time_at", "timestamp", "when", "date"},
    "created_at": {"created_time", "creation_time"},
    "run": {"run_id", "run_key"},
    "error": {"error_type", "exception", "exc"},
    "message": {"msg", "error_message", "text_message"},
    "ok": {"success", "succeeded", "is_ok"},
    "version_id": {"versionId", "generation", "object_version"},
    "checksum": {"hash", "md5", "crc64nvme"},
}


def properties() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for shape, schema in SHAPES.items():
        for key, said in schema.get("properties", {}).items():
            yield shape, key, said


def form(said: dict[str, Any]) -> object:
    """Tell what a key holds, whether it may be null or not, in words that can be compared."""
    if "anyOf" in said:
        return tuple(sorted({str(form(one)) for one in said["anyOf"] if one != {"type": "null"}}))
    if "$ref" in said:
        return (str(said["$ref"]),)
    kinds = said.get("type", "anything")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    (kind,) = [one for one in kinds if one != "null"]
    inner = said.get("items") or said.get("additionalProperties")
    return (kind, said.get("format"), form(inner) if isinstance(inner, dict) else None)


def test_the_schemas_are_schemas() -> None:
    jsonschema.Draft202012Validator.check_schema(read_schema("output"))


def test_every_command_with_json_has_a_schema_and_no_other() -> None:
    named = {name.removeprefix("landfast ") for name in SHAPES if name.startswith("landfast ")}
    assert named == WITH_JSON - set(WITHOUT_ANSWER)
    for name in named:
        shown = CliRunner().invoke(main, [*name.split(), "--json-schema"])
        assert (shown.exit_code, json.loads(shown.stdout)) == (0, output_schema(name))
    for name in WITHOUT_ANSWER:
        assert "no JSON" in CliRunner().invoke(main, [*name.split(), "--json-schema"]).stderr


def test_every_key_says_what_it_is_in_one_spelling() -> None:
    for shape, key, said in properties():
        assert re.fullmatch("[a-z][a-z0-9_]*", key), (shape, key)
        assert said.get("description") or "$ref" in said, (shape, key)
        assert key not in {bad for bads in NOT_A_KEY.values() for bad in bads}, (shape, key)


ENUMS: dict[tuple[str, str], set[str]] = {
    ("Change", "kind"): set(ChangeKind),
    ("Delivery", "kind"): set(ChangeKind),
    ("Run", "status"): set(RunStatus),
    ("RunWithEdges", "status"): set(RunStatus),
    ("DiffRow", "kind"): set(DiffKind),
    ("RegistryCopy", "kind"): set(CopyKind),
    ("Observation", "outcome"): {"created", "returned", "repinned", "unchanged"},
}


def test_values_are_those_that_the_code_knows() -> None:
    said = {
        (shape, key): set(value["enum"]) for shape, key, value in properties() if "enum" in value
    }
    assert said == ENUMS


def test_a_key_has_one_form_wherever_it_stands() -> None:
    forms: dict[str, dict[object, str]] = {}
    for shape, key, said in properties():
        forms.setdefault(key, {})[form(said)] = shape
    several = {key: found for key, found in forms.items() if len(found) > 1}
    assert {key: found for key, found in several.items() if key not in MORE_THAN_ONE_FORM} == {}
    assert set(MORE_THAN_ONE_FORM) <= set(several), "these have one form only"


def test_readers_may_ignore_keys_that_they_do_not_know() -> None:
    freed = output_schema("cache cleanup")
    jsonschema.validate({"freed": 1, "of a later version": True}, freed)
    with pytest.raises(jsonschema.ValidationError, match="of a later version"):
        shapes_in("cache cleanup", {"freed": 1, "of a later version": True})


# Errors


@pytest.mark.parametrize(
    ("words", "error", "code"),
    [
        (["show", "nope"], "NotFound", 10),
        (["show"], "UsageError", 2),
        (["nosuch"], "UsageError", 2),
        (["ls", "--limit", "none"], "UsageError", 2),
        (["metrics"], "InvalidInput", 2),
        (["cache", "cleanup"], "InvalidInput", 2),
        (["registry"], "UsageError", 2),
    ],
)
def test_an_error_is_one_json_object_too(words: list[str], error: str, code: int) -> None:
    for given in ([*words, "--json"], [words[0], "--json", *words[1:]]):
        if words[0] in {"cache", "registry"} and given[1] == "--json":
            continue
        failed = CliRunner().invoke(main, given)
        assert (failed.stdout, failed.exit_code) == ("", code), failed.output
        said = json.loads(failed.stderr)
        assert (said["error"], said["exit_code"]) == (error, code)
        assert shapes_in("Error", said) == {"Error"}


def test_an_error_says_its_parts_and_its_hint_as_it_is_typed(tmp_path: Path) -> None:
    place = tmp_path / "d"
    place.mkdir()
    (place / "a").write_text("1")
    assert CliRunner().invoke(main, ["put", str(place), "--name", "data"]).exit_code == 0
    failed = CliRunner().invoke(main, ["show", "data:nope", "--json"])
    said = json.loads(failed.stderr)
    assert said["subject"] == "default/uncategorized/data:nope"
    assert (said["expected"], said["found"]) == ("an alias 'nope'", "'latest'")
    failed = CliRunner().invoke(main, ["rm", "data:v0", "--json"])
    assert "--delete-aliases" in json.loads(failed.stderr)["hint"]


def test_without_json_an_error_is_a_line_and_a_wrong_call_shows_the_usage() -> None:
    assert CliRunner().invoke(main, ["show", "nope"]).stderr.startswith("landfast: ")
    assert CliRunner().invoke(main, ["show"]).stderr.startswith("Usage: ")
    # What follows `--` is another program's.
    assert CliRunner().invoke(main, ["ls", "--nope", "--", "--json"]).stderr.startswith("Usage: ")


# Each shape, printed


class Story:
    """Calls every command that prints JSON, and remembers which shapes came."""

    def __init__(self) -> None:
        self.seen: set[str] = set()

    def __call__(self, *words: object, code: int = 0) -> Any:
        given = [*map(str, words)]
        place = next((given.index(word) for word in ("--exec",) if word in given), len(given))
        given.insert(place, "--json")
        result: Result = CliRunner().invoke(main, given)
        assert result.exit_code == code, (given, result.output, result.exception)
        self.seen |= check_call(given, result)
        if not result.stdout.strip():
            return None
        lines = result.stdout.splitlines()
        return (
            [json.loads(line) for line in lines] if given[0] in LINES else json.loads(result.stdout)
        )


@pytest.fixture
def story() -> Story:
    return Story()


def test_every_shape_is_printed_and_fits(
    story: Story,
    s3: Moto,
    postgres_url: str,
    http_script: Scripted,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for act in (_record, _store, _operate, _peers):
        act(story, s3, tmp_path)
    story("registry", "grants", postgres_registry(postgres_url, tmp_path))
    http_script.put("/api/v1/lineage")
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "http")
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__URL", http_script.url)
    story("openlineage", "--once")
    page = http_script.put("/f", b"1")
    story("put", page, "--name", "page")
    http_script.change("/f", query={"token": "needed"})
    story("verify", "page", code=5)
    story.seen |= shapes_in("demo", {"root": "/", "environment": {}, "claims": [CLAIM]})
    assert sorted(set(SHAPES) - story.seen) == []


CLAIM = {"text": "a", "command": ["ls"], "expect": {}}  # tests/core/demo runs the whole demo


def postgres_registry(url: str, tmp_path: Path) -> str:
    made = CliRunner().invoke(
        main, ["registry", "init", url, "--store", str(tmp_path / "pg-store"), "--json"]
    )
    assert made.exit_code == 0, made.output
    return url


def _record(story: Story, _: Moto, tmp_path: Path) -> None:
    place = tmp_path / "d"
    place.mkdir()
    (place / "a").write_text("1")
    story("put", "--reference", place, "--name", "data", "--exclude", "*.tmp", "--plan")
    story("put", "--reference", place, "--name", "data", "--alias", "prod")
    (place / "a").write_text("2")
    config = tmp_path / "s.yaml"
    config.write_text(
        f"snapshots:\n- {{name: data, uri: {place}}}\n- {{name: missing, uri: /nowhere}}\n"
    )
    story("snapshot", "--config", config, code=10)
    story("snapshot", "--config", config, "data", "--plan")
    for words in (
        ("ls",), ("ls", "data"), ("ls", "data:v0"), ("show", "data"), ("diff", "data:v0", "data:v1"),
        ("history", "data"), ("lineage", "data"), ("lineage", "--object", place / "a"), ("run", "ls"),
        ("changes",), ("promote", "data:v0", "good"), ("unalias", "data", "good"), ("tag", "data", "t"),
        ("untag", "data", "t"), ("sql", "select 1 as one"), ("artifact", "ls", "uncategorized"),
        ("watch", "data", "--once", "--from", "start", "--exec", "true"), ("registry", "consumers"),
    ):  # fmt: skip
        story(*words)
    story("get", "data:v1", "--root", tmp_path / "got", "--plan")
    story("get", "data:v1", "--root", tmp_path / "got")
    story("get", "data:v0", "--root", tmp_path / "old", "--allow-missing")
    story("artifact", "get", "data:v1", "--root", tmp_path / "other")
    story("artifact", "put", place, "--name", "uncategorized/copied")
    story("verify", "data:v0", code=4)
    story("verify", "data", "--aliases", "prod", code=4)
    story("run", "show", story("run", "ls")[0]["id"])
    story("rm", "data:v0", "--delete-aliases")
    story("undelete", "data:v0")
    story("show", "nope", code=10)


def _store(story: Story, s3: Moto, _: Path) -> None:
    bucket = s3.bucket(lock=True)
    rule = {
        "ID": "old",
        "Status": "Enabled",
        "Filter": {"Prefix": "d/"},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 5},
        "Expiration": {"Days": 3},
    }
    s3.client.put_bucket_lifecycle_configuration(
        Bucket=bucket, LifecycleConfiguration={"Rules": [rule]}
    )
    s3.client.put_object(Bucket=bucket, Key="d/a", Body=b"1")
    story("put", f"s3://{bucket}/d/", "--name", "cold")
    s3.client.put_object(Bucket=bucket, Key="d/a", Body=b"2")
    story("verify", "cold", "--retention", code=3)
    story("verify", "cold", "--plan")
    rules = Path("rules.json")
    rules.write_text(json.dumps({"Rules": [rule | {"Expiration": {"Days": 9}}]}))
    story("doctor", f"s3://{bucket}/d/", "--lifecycle", rules, code=1)
    story("hold", "cold", "--plan")
    story("hold", "data", "--plan", code=3)
    story("hold", "cold")
    story("hold")
    config = Path("holds.yaml")
    config.write_text("holds:\n- name: cold:latest\n")
    story("hold", "--config", config)
    for one in s3.client.list_object_versions(Bucket=bucket)["Versions"]:
        s3.client.put_object_legal_hold(
            Bucket=bucket, Key="d/a", VersionId=one["VersionId"], LegalHold={"Status": "OFF"}
        )
    story("registry", "check", "--holds", code=6)
    story("release", "cold")
    story("copy", "cold", "--plan")
    story("copy", "cold", "--all")
    story("restore", "cold", "--plan")
    story("restore", "cold")


def _operate(story: Story, _: Moto, tmp_path: Path) -> None:
    story("gc")
    story("registry", "prune")
    story("registry", "info")
    store = Path(story("registry", "info")["store_url"].removeprefix("file://"))
    blobs = [path for path in store.rglob("*") if path.is_file() and len(path.name) >= 60]
    copied = tmp_path / "copy.db"
    story(
        "registry", "copy", _url(story), f"sqlite:///{copied}", "--fork", "--store", tmp_path / "s2"
    )
    story("registry", "upgrade")
    story("registry", "adopt")
    for blob in blobs[:3]:
        blob.unlink()
    story("registry", "check", code=6)
    story("registry", "init", f"sqlite:///{tmp_path}/new.db")
    story("cache", "info")
    story("cache", "cleanup", "--all")
    raw = tmp_path / "raw.db"
    raw.write_bytes(copied.read_bytes())
    story("registry", "fork", f"sqlite:///{raw}", "--store", tmp_path / "s3")


def _url(story: Story) -> str:
    return str(story("registry", "info")["url"])


def _peers(story: Story, s3: Moto, tmp_path: Path) -> None:
    place = tmp_path / "exported"
    place.mkdir()
    story("import", "wandb", place, code=10)
    recorded = restore("wandb", s3, tmp_path / "wandb")
    story("import", "wandb", recorded / "exported")
    story("import", "wandb", recorded / "wandb", "--allow-missing")
    story("show", "vision/mixed")


Act = Callable[[Story, Moto, Path], None]
