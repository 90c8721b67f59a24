"""The example project, as its tests import it."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

PROJECT = Path(__file__).parents[2] / "examples" / "dagster_project"
SOURCE = PROJECT / "src"


def module(name: str) -> ModuleType:
    """Import a module of the project."""
    if str(SOURCE) not in sys.path:
        sys.path.append(str(SOURCE))
    return importlib.import_module(name)


def vendor() -> ModuleType:
    """Return what writes to the vendor's bucket."""
    return module("weather.vendor")
