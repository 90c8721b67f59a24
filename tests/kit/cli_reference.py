"""The script that writes the command reference, as a module."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from unittest import mock

SCRIPT = Path(__file__).parents[2] / "scripts" / "cli-reference"


def cli_reference() -> ModuleType:
    """Load the script, and leave no bytecode beside it."""
    loader = importlib.machinery.SourceFileLoader("cli_reference", str(SCRIPT))
    spec = importlib.util.spec_from_loader("cli_reference", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    with mock.patch.object(sys, "dont_write_bytecode", new=True):
        loader.exec_module(module)
    return module
