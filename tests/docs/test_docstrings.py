"""The examples in docstrings run and return what they show."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import landfast
import pytest

PACKAGE = Path(landfast.__file__).parent
MODULES = sorted(
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in PACKAGE.rglob("*.py")
    if any(
        ">>> " in line and "+SKIP" not in line
        for line in path.read_text(encoding="utf-8").splitlines()
    )
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_return_what_they_show(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert result.attempted
    assert not result.failed
