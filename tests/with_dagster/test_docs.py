"""The pages for Dagster do what they say, and name everything that a user can name."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import dagster_landfast
import pytest
from dagster_landfast import LandfastResource, Reference, metadata

from tests.docs.pages import ROOT, blocks, integration_pages, name_of
from tests.docs.reader import Reader
from tests.docs.worlds import bucket, data_folder
from tests.with_dagster.example import PROJECT

PAGES = integration_pages("dagster")
PAGE = ROOT / "docs" / "dagster.md"
MNIST = ("datasets/mnist/labels.csv", "datasets/mnist/train/0.png", "datasets/mnist/train/1.png")
ORDERS = ("orders/dt=2026-05-01/a.csv", "orders/dt=2026-05-02/a.csv")
pytestmark = [
    # Dagster's own, in its Pipes client.
    pytest.mark.filterwarnings(r"ignore:AssetExecutionContext\.run_id:DeprecationWarning")
]


def project(_request: pytest.FixtureRequest, reader: Reader) -> None:
    """Make the working folder a project of `dg`, as the reader's is."""
    reader.monkeypatch.setenv("DAGSTER_DISABLE_TELEMETRY", "1")
    reader.monkeypatch.setenv("PYTHONPATH", str(Path("src").absolute()))
    defs = Path("src/shop/defs")
    defs.mkdir(parents=True)
    for package in (defs, defs.parent):
        (package / "__init__.py").touch()
    for name in ("pyproject.toml", "src/weather/definitions.py"):
        text = (PROJECT / name).read_text(encoding="utf-8").replace("weather", "shop")
        Path(name.replace("weather", "shop")).write_text(text, encoding="utf-8")


WORLD = [project, bucket("my-bucket", *MNIST, *ORDERS, "features/part-0.parquet"), data_folder]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_what_a_page_says_can_be_done(
    page: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = Reader(page=page, monkeypatch=monkeypatch)
    for setup in WORLD:
        setup(request, reader)
    reader.read()
    assert reader.ran


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_blocks_say_what_they_are(page: Path) -> None:
    known = {"python", "console", "sh", "yaml", "text"}
    for block in blocks(page):
        assert block.language in known, f"{name_of(page)}:{block.line}: {block.language!r}"


@pytest.mark.parametrize("name", sorted({*dagster_landfast.__all__} - {"__version__"}))
def test_every_public_name_is_in_the_page(name: str) -> None:
    assert re.search(rf"\b{name}\b", PAGE.read_text(encoding="utf-8")), name


def test_every_argument_and_metadata_key_is_in_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    named = set(re.findall(r"[`(,]\s*`?([a-z_0-9]+)\b", text))
    assert {field.name for field in fields(Reference)} <= named
    assert set(LandfastResource.model_fields) <= named
    keys = {value for value in vars(metadata).values() if str(value).startswith("landfast/")}
    assert keys
    assert all(f"`{key}`" in text for key in keys), keys


def test_every_picture_of_a_page_is_there() -> None:
    for page in PAGES:
        for target in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).is_file(), target
