"""The public surface is what `landfast.__all__` lists, and nothing else."""

import inspect
import subprocess
import sys

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
    # In a process of its own: here, other tests have loaded submodules, which show as attributes.
    probe = (
        "import landfast, types;"
        "print(*(n for n in dir(landfast) if not n.startswith('_')"
        " and not isinstance(getattr(landfast, n), types.ModuleType)), sep='\\n')"
    )
    seen = subprocess.run(
        [sys.executable, "-c", probe], check=True, capture_output=True, text=True
    ).stdout.split()
    assert set(seen) == {name for name in landfast.__all__ if not name.startswith("_")}


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
