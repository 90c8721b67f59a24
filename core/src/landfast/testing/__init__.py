"""The test kit: conformance suites for every seam, and real servers to run them against."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from landfast.testing.blob_suite import BlobSuite
    from landfast.testing.registry_suite import RegistrySuite
    from landfast.testing.store_suite import Place, StoreSuite

__all__ = ["BlobSuite", "Place", "RegistrySuite", "StoreSuite"]

# The suites need pytest, the servers do not: each is loaded when it is asked for.
_MODULES = {
    "BlobSuite": "blob_suite",
    "Place": "store_suite",
    "RegistrySuite": "registry_suite",
    "StoreSuite": "store_suite",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
