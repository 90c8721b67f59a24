"""Scripts of the repository, which have no suffix, as modules."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from unittest import mock

SCRIPTS = Path(__file__).parents[2] / "scripts"


def load_script(name: str) -> ModuleType:
    """Load a script, and leave no bytecode beside it."""
    module_name = name.replace("-", "_")
    loader = importlib.machinery.SourceFileLoader(module_name, str(SCRIPTS / name))
    spec = importlib.util.spec_from_loader(module_name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    with (
        mock.patch.object(sys, "dont_write_bytecode", new=True),
        mock.patch.dict(sys.modules, {module_name: module}),  # dataclasses look there
    ):
        loader.exec_module(module)
    return module
