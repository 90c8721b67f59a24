"""LandfastRegistry: what it keeps to itself, and which registry a task means."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import landfast
import pytest
from prefect_landfast import LandfastRegistry, landfast_client
from pydantic import ValidationError

PASSWORD = "hunter2-hunter2"
URL = f"postgresql://ann:{PASSWORD}@db.example.com/landfast"


def test_the_url_is_required() -> None:
    with pytest.raises(ValidationError, match="url"):
        LandfastRegistry()  # type: ignore[call-arg]


def test_no_way_of_showing_the_block_shows_the_password() -> None:
    block = LandfastRegistry(url=URL)
    shown = [repr(block), str(block), block.model_dump_json(), str(block.model_dump())]
    assert not [text for text in [*shown, block.display_url] if PASSWORD in text]
    assert block.display_url == "postgresql://ann:***@db.example.com/landfast"


@pytest.mark.parametrize("wrong", [{"s3": "aws-credentials/prod"}, {"s3://b/": "prod"}])
def test_storage_credentials_are_uri_prefixes_and_slugs_of_blocks(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="aws-credentials/prod"):
        LandfastRegistry(url=URL, storage_credentials=wrong)


def test_prefect_finds_the_block_by_its_slug_alone() -> None:
    probe = (
        "from prefect.blocks.core import Block\n"
        "print(Block.get_block_class_from_key('landfast-registry').__module__)"
    )
    done = subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "prefect_landfast.blocks"


def test_a_block_given_to_a_task_decides_where_it_logs(tmp_path: Path) -> None:
    block = LandfastRegistry(url=f"sqlite:///{tmp_path}/own.db")
    (tmp_path / "a").write_text("a")
    from prefect_landfast import log_reference

    version = log_reference.fn("vision/flowers", tmp_path / "a", registry=block)
    assert version.qualified_name == "default/vision/flowers:v0"
    assert block.get_client().get("vision/flowers") == version


@pytest.mark.parametrize("project", ["vision", "uncategorized"])
def test_mend_28_a_project_never_comes_from_a_block(project: str) -> None:
    with pytest.raises(ValidationError, match=f"LANDFAST_PROJECT={project}"):
        LandfastRegistry(url=URL, project=project)
    assert "project" not in LandfastRegistry.model_fields


def test_mend_28_a_block_that_was_saved_without_a_project_goes_on_working() -> None:
    block = LandfastRegistry.model_validate({"url": URL, "project": None})
    assert str(block.get_client().resolve_name("flowers")) == "default/uncategorized/flowers"


@pytest.mark.parametrize("wrong", ["notaurl", "mysql://db/landfast", "sqlite://", "", "https://x/"])
def test_mend_31_a_url_where_no_registry_can_be_is_refused_without_being_shown(wrong: str) -> None:
    with pytest.raises(ValidationError, match=r"registry|SQLite") as caught:
        LandfastRegistry(url=wrong)
    assert "input" not in str(caught.value)


def test_mend_31_a_wrong_url_does_not_show_its_password() -> None:
    with pytest.raises(ValidationError) as caught:
        LandfastRegistry(url=f"mysql://ann:{PASSWORD}@db.example.com/landfast")
    assert PASSWORD not in str(caught.value)
    assert PASSWORD not in repr(caught.value)


def test_mend_31_the_example_that_the_interface_offers_saves_nothing() -> None:
    example = LandfastRegistry.get_code_example()
    assert example is not None
    assert ".save(" not in example
    _, code, _ = example.split("```")
    compile(code.removeprefix("python"), "example", "exec")


def test_mend_31_the_client_has_a_name_of_its_own() -> None:
    import prefect
    import prefect_landfast

    assert not set(prefect_landfast.__all__) & set(prefect.__all__) - {"__version__"}


def test_outside_of_prefect_the_environment_names_the_registry(registry_url: str) -> None:
    assert landfast_client().settings.registry_url == registry_url


def test_a_client_is_made_once_for_all_tasks_of_a_process(registry_url: str) -> None:
    assert landfast_client() is landfast_client()
    assert registry_url


def test_a_changed_environment_is_followed(
    registry_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = landfast_client()
    monkeypatch.setenv("LANDFAST_REGISTRY_URL", f"sqlite:///{tmp_path}/other.db")
    assert landfast_client().settings.registry_url != before.settings.registry_url == registry_url


@pytest.mark.parametrize("how", ["call", "setting"])
def test_a_named_block_without_an_api_is_an_error_that_starts_no_server(
    how: str, monkeypatch: pytest.MonkeyPatch, no_server_starts: None
) -> None:
    if how == "setting":
        monkeypatch.setenv("PREFECT_INTEGRATIONS_LANDFAST_REGISTRY", "lab")
    with pytest.raises(landfast.InvalidInput, match=r"landfast-registry/lab.*PREFECT_API_URL"):
        landfast_client("lab" if how == "call" else None)


def test_credentials_in_a_block_without_an_api_are_an_error_too(
    tmp_path: Path, no_server_starts: None
) -> None:
    block = LandfastRegistry(
        url=f"sqlite:///{tmp_path}/own.db", storage_credentials={"s3://": "aws-credentials/lab"}
    )
    with pytest.raises(landfast.InvalidInput, match=r"aws-credentials/lab.*PREFECT_API_URL"):
        block.get_client().log("flowers", "s3://raw/flowers/")


def test_without_any_registry_a_script_gets_this_machines(no_server_starts: None) -> None:
    assert landfast_client().display_url.startswith("sqlite:///")


def test_a_typing_error_in_a_field_is_named() -> None:
    with pytest.raises(ValidationError, match="storage_credentials"):
        LandfastRegistry(url=URL, storage_credentials=["s3://b/"])  # type: ignore[arg-type]
