"""Imports go down only: ARCHITECTURE.md draws the layers, this holds the code to the drawing."""

import ast
from collections.abc import Iterator
from pathlib import Path

import landfast
import pytest

SOURCE = Path(landfast.__file__).parent
ROOT = Path(__file__).parents[2]

# From the ground up. A module may import what is below it, and its own layer.
LAYERS: dict[str, set[str]] = {
    "errors": {"errors", "html", "redaction", "schemas", "secrecy", "spelling", "wandb_names"},
    "model": {"model"},
    "seams": {"stores.base", "stores.batch", "registry.values", "blobs.base"},
    "ground": {"clouds", "own_run", "settings", "snapshots_file", "system"},
    "manifests": {"manifests"},
    "adapters": {"stores", "registry", "blobs", "cache"},
    "feed": {"follow"},
    "pins": {"pins", "store_label"},
    "survey": {"survey"},
    "verbs": {
        "restore",
        "scan",
        "publish",
        "download",
        "migrate",
        "verify",
        "hold",
        "query",
        "retention",
        "upkeep",
        "watch",
        "openlineage",
    },
    "context": {"context"},
    "version": {"filesystem", "own_store", "scans", "version", "version_storage"},
    "client": {"client", "draft", "drift", "metrics", "migration", "sql"},
    "doors": {"", "__main__", "artifact", "cli", "demo", "run", "testing", "web"},
}
RANK = {name: rank for rank, names in enumerate(LAYERS.values()) for name in names}
LAYER_NAMES = list(LAYERS)


def module_name(file: Path, source: Path = SOURCE) -> str:
    """Name a file within the package: `stores.s3`, or the empty name for `landfast` itself."""
    parts = file.relative_to(source).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


MODULES = {module_name(file): file for file in sorted(SOURCE.rglob("*.py"))}


def rank_of(module: str) -> int:
    """Find the layer by the longest known prefix of the name."""
    name = module
    while name not in RANK:
        if "." not in name:
            pytest.fail(f"landfast.{module} is in no layer: add it to LAYERS and ARCHITECTURE.md")
        name = name.rpartition(".")[0]
    return RANK[name]


def imports(tree: ast.Module, module: str, *, is_package: bool = False) -> Iterator[str]:
    """Name the modules of landfast that a module imports, anywhere in its text."""
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parent = node.module or ""
            if node.level:
                above = ["landfast", *filter(None, package.split("."))]
                above = above[: len(above) - node.level + 1]
                parent = ".".join([*above, *filter(None, [parent])])
            names = [f"{parent}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name == "landfast" or name.startswith("landfast."):
                yield nearest_module(name.removeprefix("landfast").removeprefix("."))


def nearest_module(name: str) -> str:
    """Turn `model.names.check_name` into `model.names`."""
    while name and name not in MODULES:
        name = name.rpartition(".")[0]
    return name


def climbs(module: str, imported: str) -> bool:
    """Tell whether an import goes up, or sideways: from one seam's adapters to another's, from verb to verb."""
    own, other = rank_of(module), rank_of(imported)
    if own != other or LAYER_NAMES[own] not in {"adapters", "verbs"}:
        return other > own
    return imported.partition(".")[0] != module.partition(".")[0]


def test_every_module_is_in_a_layer() -> None:
    assert {LAYER_NAMES[rank_of(module)] for module in MODULES} <= set(LAYERS)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_imports_only_from_its_own_layer_or_below(module: str) -> None:
    file = MODULES[module]
    tree = ast.parse(file.read_text(encoding="utf-8"))
    upwards = {
        imported
        for imported in imports(tree, module, is_package=file.name == "__init__.py")
        if climbs(module, imported)
    }
    assert not upwards, f"landfast.{module} imports upwards: {sorted(upwards)}"


def test_the_check_sees_every_spelling_of_an_import() -> None:
    text = "import landfast.errors\nfrom landfast.model import names\nfrom . import base\nfrom ..errors import X\n"
    text += "def late():\n    from landfast import init\n"
    found = set(imports(ast.parse(text), "stores.file"))
    assert found == {"errors", "model.names", "stores.base", ""}
    assert climbs("stores.file", "")
    assert climbs("model.names", "stores.base")
    assert climbs("stores.file", "blobs")
    assert not climbs("stores.file", "stores.base")


def integration_files() -> list[Path]:
    return sorted((ROOT / "integrations").glob("*/src/**/*.py"))


def test_integrations_use_public_names_of_landfast_only() -> None:
    assert integration_files()
    public = {f"landfast.{name}" for name in landfast.__all__}
    public |= {"landfast", "landfast.errors", "landfast.testing"}
    for file in integration_files():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.ImportFrom)
                and (node.module or "").partition(".")[0] == "landfast"
            ):
                names = {f"{node.module}.{alias.name}" for alias in node.names}
                allowed = node.module in {"landfast.errors", "landfast.testing"} or names <= public
                assert allowed, f"{file.relative_to(ROOT)} imports {sorted(names - public)}"
            elif isinstance(node, ast.Import):
                names = {a.name for a in node.names if a.name.partition(".")[0] == "landfast"}
                assert names <= public, f"{file.relative_to(ROOT)} imports {sorted(names - public)}"


def test_integrations_do_not_know_each_other() -> None:
    own = {
        "dagster": "dagster_landfast",
        "prefect": "prefect_landfast",
        "airflow": "landfast_provider",
    }
    for file in integration_files():
        integration = file.relative_to(ROOT / "integrations").parts[0]
        text = file.read_text(encoding="utf-8")
        imported = {
            name.partition(".")[0]
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in (
                [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else [a.name for a in node.names]
            )
        }
        others = set(own.values()) - {own[integration]}
        assert not imported & others, (
            f"{file.relative_to(ROOT)} imports {sorted(imported & others)}"
        )
