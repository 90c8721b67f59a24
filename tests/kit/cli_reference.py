"""The scripts that write pages of reference, as modules."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from unittest import mock

SCRIPTS = Path(__file__).parents[2] / "scripts"


def cli_reference() -> ModuleType:
    """Load the script that writes the reference of commands."""
    return reference("cli")


def reference(of: str) -> ModuleType:
    """Load the script that writes a reference, and leave no bytecode beside it.

    Args:
        of: ``cli``, ``json``, ...
    """
    name = f"{of}_reference"
    loader = importlib.machinery.SourceFileLoader(name, str(SCRIPTS / f"{of}-reference"))
    spec = importlib.util.spec_from_loader(name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    with mock.patch.object(sys, "dont_write_bytecode", new=True):
        loader.exec_module(module)
    return module
