"""The public surface is what `landfast.__all__` lists, and nothing else."""

import ast
import inspect
from pathlib import Path

import landfast
import pytest

CLASSES = [name for name in landfast.__all__ if inspect.isclass(getattr(landfast, name))]
FUNCTIONS = [name for name in landfast.__all__ if inspect.isroutine(getattr(landfast, name))]


def test_all_is_sorted_and_without_repetition() -> None:
    assert list(landfast.__all__) == sorted(set(landfast.__all__))


@pytest.mark.parametrize("name", landfast.__all__)
def test_a_public_name_can_be_imported_by_name(name: str) -> None:
    assert getattr(landfast, name) is not None
    assert name in dir(landfast)


def test_nothing_but_the_public_names_is_visible() -> None:
    assert dir(landfast) == landfast.__all__
    starred: dict[str, object] = {}
    exec("from landfast import *", starred)
    assert set(starred) - {"__builtins__"} == set(landfast.__all__)


def test_a_type_checker_sees_the_names_that_are_loaded_on_first_use() -> None:
    tree = ast.parse(Path(landfast.__file__).read_text())
    block = next(
        n for n in tree.body if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING"
    )
    seen = {
        alias.name: (node.module or "").removeprefix("landfast.")
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == landfast._HOMES
    assert set(seen) | {"__version__"} == set(landfast.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        assert landfast.no_such_name


@pytest.mark.parametrize("name", CLASSES + FUNCTIONS)
def test_a_public_class_or_function_says_what_it_is(name: str) -> None:
    document = inspect.getdoc(getattr(landfast, name)) or ""
    assert len(document.partition("\n")[0]) > 10, f"landfast.{name} needs a docstring"


@pytest.mark.parametrize("name", CLASSES)
def test_a_public_method_says_what_it_does(name: str) -> None:
    value = getattr(landfast, name)
    silent = [
        attribute
        for attribute, member in vars(value).items()
        if not attribute.startswith("_")
        and (inspect.isroutine(member) or isinstance(member, property | classmethod | staticmethod))
        and not inspect.getdoc(getattr(value, attribute))
    ]
    assert not silent, f"landfast.{name} has methods without a docstring: {silent}"
