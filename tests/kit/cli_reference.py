"""The scripts that write pages of reference, as modules."""

from __future__ import annotations

from types import ModuleType

from kit.scripts import load_script


def cli_reference() -> ModuleType:
    """Load the script that writes the reference of commands."""
    return reference("cli")


def reference(of: str) -> ModuleType:
    """Load the script that writes a reference.

    Args:
        of: ``cli``, ``json``, ``python``.
    """
    return load_script(f"{of}-reference")
