"""The house keeps its shape: no circles, no riddles, nothing too large, and public doors that say what they take."""

from __future__ import annotations

import ast
import inspect
import types
import typing
from collections.abc import Iterator, Mapping
from enum import Enum
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import landfast
import pytest

from tests.core.test_layers import MODULES, SOURCE, imports

MOST_MODULES = 24
MOST_LINES = 450
# One flat face of the verbs, one method each, most of it what its users read.
LONG_FILES = {"client"}


def imported_by(module: str, modules: Mapping[str, Path]) -> set[str]:
    """Name what a module imports, wherever in its text; of a package only what is asked for by name."""
    file = modules[module]
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return set(imports(tree, module, is_package=file.name == "__init__.py")) - {module}


def circle(graph: Mapping[str, set[str]]) -> list[str]:
    """Return modules that import each other in a circle, if there are any."""
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_modules_import_each_other_in_a_circle() -> None:
    # The package itself loads names on demand, so that importing it is cheap; what is in it is no circle.
    graph = {name: imported_by(name, MODULES) - {""} for name in MODULES if name}
    assert circle(graph) == []


def test_the_check_finds_a_circle_through_a_late_import() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) != []
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_no_folder_has_more_modules_than_one_can_keep_in_mind() -> None:
    folders = {file.parent for file in MODULES.values()}
    full = {
        str(folder.relative_to(SOURCE)): count
        for folder in folders
        if (count := len(list(folder.glob("*.py")))) > MOST_MODULES
    }
    assert not full


def test_no_file_is_too_long() -> None:
    long = {
        module: lines
        for module, file in MODULES.items()
        if module not in LONG_FILES
        and (lines := len(file.read_text(encoding="utf-8").splitlines())) > MOST_LINES
    }
    assert not long


def test_no_verb_asks_for_a_scheme_or_opens_a_parquet_file() -> None:
    # A store declares what it can do, a location what it is; what is in a manifest's file is for `manifests` alone.
    asking = {
        module: word
        for module, file in MODULES.items()
        for word in (".scheme ", "pyarrow.parquet")
        if word in file.read_text(encoding="utf-8")
        and module.partition(".")[0] not in {"model", "stores", "blobs", "clouds", "registry"}
        and not (word == "pyarrow.parquet" and module.startswith("manifests."))
        and module != "web.preview.parquet"  # a user's own file, shown as a table
    }
    assert not asking


def public_callables() -> Iterator[tuple[str, types.FunctionType]]:
    """Yield every function and method that users can name."""
    for name in landfast.__all__:
        value = getattr(landfast, name)
        if inspect.isfunction(value):
            yield name, value
        elif inspect.isclass(value) and not issubclass(value, BaseException | Enum):
            for attribute, member in inspect.getmembers(value, inspect.isfunction):
                if not attribute.startswith("_") or attribute == "__init__":
                    yield f"{name}.{attribute}", member


CALLABLES = dict(public_callables())


@pytest.mark.parametrize("name", CALLABLES)
def test_no_public_signature_takes_options_of_any_name(name: str) -> None:
    parameters = inspect.signature(CALLABLES[name]).parameters.values()
    wild = [
        p.name
        for p in parameters
        if p.kind is p.VAR_KEYWORD and not str(p.annotation).startswith("Unpack[")
    ]
    assert not wild, f"landfast.{name}(**{wild[0]}) takes any name"


WRONG: dict[str, typing.Callable[[landfast.Client], object]] = {
    "max_objects": lambda c: c.log("a", "s3://b/c", max_object=3),  # type: ignore[call-arg]
    "paths": lambda c: c.download("a", pths=["x"]),  # type: ignore[call-arg]
    "deep": lambda c: c.verify("a", depp=True),  # type: ignore[call-arg]
    "job_type": lambda c: c.begin_run(jobtype="train"),  # type: ignore[call-arg]
    "shards": lambda c: c.scan("s3://b/c", shard=2),  # type: ignore[call-arg]
    "until": lambda c: c.lineage("a", unti=None),  # type: ignore[call-arg]
    "include": lambda c: landfast.Artifact("a", "t", client=c).add_reference("x", includes=["*"]),  # type: ignore[call-arg]
}


@pytest.mark.parametrize("right", WRONG)
def test_a_wrong_option_is_an_error_that_names_the_right_one(right: str) -> None:
    with pytest.raises(landfast.InvalidInput, match=rf"did you mean {right}=\?"):
        WRONG[right](landfast.Client())


@pytest.mark.parametrize(
    ("old", "new"),
    {
        "open_entry": "open",
        "path_in_place": "path",
        "runs_using": "used_by",
        "name": "resolve_name",
        "bound": "with_defaults",
        "known_type": "collection_type",
        "new_draft": "from_version",
        "scan_into": "scan",
        "blobs": "context",
    }.items(),
)
def test_an_old_name_is_an_error_that_says_the_new_one(old: str, new: str) -> None:
    with pytest.raises(AttributeError, match=new):
        getattr(landfast.Client(), old)
