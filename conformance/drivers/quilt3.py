"""Quilt: `set_dir` or `set`, then a push to a bucket as the registry that copies local files alone.

So the documentation has it for data that stays in its bucket: `selector_fn_copy_local`.  Its folders are fixed when it
is imported, so each call imports it, and only what it needs is imported before.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

from conformance.drivers.serve import NotSupported, serve

if TYPE_CHECKING:
    from quilt3 import Package

for needed in ("boto3.s3.transfer", "jsonschema", "pydantic", "requests", "tqdm", "yaml"):
    importlib.import_module(needed)

SCHEMES = ("s3", "file")


def _quilt() -> tuple[type[Package], str]:
    """Import it in this call's home; return what makes packages, and the registry."""
    os.environ["QUILT_DISABLE_USAGE_METRICS"] = "true"
    from quilt3 import Package

    return Package, f"s3://{os.environ['REGISTRY_BUCKET']}"


def _browsed(name: str, version: str) -> Package:
    package, registry = _quilt()
    return package.browse(f"torture/{name}", registry, version)


def log(name: str, uris: list[str], limit: int | None, single: bool) -> str:
    """Record places as the next version."""
    if limit is not None:
        raise NotSupported("it has no limit of objects")
    package, registry = _quilt()
    made = package()
    for uri in uris:
        if uri.partition("://")[0] not in SCHEMES:
            raise NotSupported("it packages s3:// and local files")
        if single:
            made.set(uri.rpartition("/")[2], uri)
        else:
            made.set_dir("/", uri)
    pushed = made.push(
        f"torture/{name}",
        registry=registry,
        message="logged",
        selector_fn=package.selector_fn_copy_local,
        force=True,
    )
    return str(pushed.top_hash)


def download(name: str, version: str, target: str) -> None:
    """Bring the recorded bytes to a folder."""
    _browsed(name, version).fetch(f"{target}/")


def paths(name: str, version: str) -> Any:
    """List what a version holds."""
    return [path for path, _ in _browsed(name, version).walk()]


if __name__ == "__main__":
    serve(log=log, download=download, paths=paths)
