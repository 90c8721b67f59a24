"""What a monitor reads: numbers for Prometheus, and standard error as JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from landfast.cli import main
from prometheus_client.parser import text_string_to_metric_families


def call(*arguments: object, code: int = 0, **variables: str) -> Result:
    words = [str(argument) for argument in arguments]
    result = CliRunner().invoke(main, words, env=variables)
    assert result.exit_code == code, (result.stdout, result.stderr, result.exception)
    return result


def numbers() -> dict[tuple[str, str], float]:
    """Return value by metric and collection, as Prometheus' own parser reads them."""
    families = text_string_to_metric_families(call("metrics").stdout)
    return {
        (sample.name.removeprefix("landfast_"), sample.labels.get("collection", "")): sample.value
        for family in families
        for sample in family.samples
    }


def test_metrics_tell_how_collections_stand(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("1")
    call("put", "--reference", tmp_path / "f", "--name", "a")
    call("put", tmp_path / "f", "--name", "b")
    call("verify", "a")
    (tmp_path / "f").unlink()
    before = numbers()
    assert before["registry_collections", ""] == 2
    assert before["collection_versions", "a"] == before["collection_latest_bytes", "a"] == 1
    assert before["collection_never_verified_versions", "b"] == 1
    assert ("collection_last_verification_timestamp_seconds", "b") not in before
    assert before["collection_verified_files", "a"] == 1
    call("verify", "a", code=4)
    text = call("metrics").stdout
    assert re.search(r'landfast_collection_verified_files\{.*"a".*verdict="gone"\} 1.0', text)


def test_metrics_of_a_registry_that_is_not_there_are_an_error(tmp_path: Path) -> None:
    assert (
        "no registry"
        in call("metrics", "--registry", f"sqlite:///{tmp_path}/no.db", code=10).stderr
    )
    assert "text format" in call("metrics", "--json", code=2).stderr


def test_metrics_without_their_library_name_the_extra(monkeypatch, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("1")
    call("put", tmp_path / "f", "--name", "a")
    monkeypatch.setitem(__import__("sys").modules, "prometheus_client", None)
    assert "landfast[metrics]" in call("metrics", code=17).stderr


def test_standard_error_is_json_on_request(tmp_path: Path) -> None:
    noted = call("ls", LANDFAST_LOG_FORMAT="json").stderr
    said = json.loads(noted)
    assert (said["level"], said["command"].split()[-1]) == ("info", "ls")
    assert "no collection in the project" in said["message"]
    failed = json.loads(call("show", "nope", code=10, LANDFAST_LOG_FORMAT="json").stderr)
    assert (failed["level"], failed["exit_code"], failed["error"]) == ("error", 10, "NotFound")
    assert call("show", "nope", code=10).stderr.startswith("landfast: ")
    assert "text or json" in call("ls", code=2, LANDFAST_LOG_FORMAT="xml").stderr


def test_secrets_in_what_fails_are_redacted_in_json_too(tmp_path: Path) -> None:
    uri = "https://user:hunter2@127.0.0.1:9/x?X-Amz-Signature=abcdef"
    failed = CliRunner().invoke(
        main, ["put", uri, "--name", "x"], env={"LANDFAST_LOG_FORMAT": "json"}
    )
    assert failed.exit_code
    assert "hunter2" not in failed.stderr
    assert "abcdef" not in failed.stderr
    json.loads(failed.stderr.splitlines()[-1])


@pytest.mark.parametrize("level", ["warning", "error"])
def test_what_libraries_log_is_json_too(level: str, capsys: pytest.CaptureFixture[str]) -> None:
    import logging

    from landfast.cli import logs

    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(logs.VARIABLE, "json")
        logs.configure()
    try:
        getattr(logging.getLogger("landfast.x"), level)("a\nb %s", "https://u:secret@h/")
    finally:
        root.handlers[:], root.level = before
    said = json.loads(capsys.readouterr().err)
    assert (said["level"], said["logger"]) == (level, "landfast.x")
    assert "secret" not in said["message"]
