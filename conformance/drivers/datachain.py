"""DataChain: `read_storage(...).save(...)`, and `to_storage` of a saved version."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import datachain
from datachain.lib.file import File

from conformance.drivers.serve import NotSupported, serve


def _environment() -> dict[str, Any]:
    os.environ |= {
        "DATACHAIN_ROOT_DIR": os.environ["RECORDS"],
        "DATACHAIN_NO_ANALYTICS": "1",
        "DO_NOT_TRACK": "1",
    }
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3")
    return {"endpoint_url": endpoint, "version_aware": True} if endpoint else {}


def log(name: str, uris: list[str], limit: int | None, single: bool) -> str:
    """Record places as the next version."""
    if limit is not None:
        raise NotSupported("it has no limit of objects")
    config = _environment()
    place: Any = uris if len(uris) > 1 else uris[0]
    chain = datachain.read_storage(
        place, update=True, client_config=config if "s3://" in str(uris) else None
    )
    saved = chain.settings(prefetch=0).save(name)
    folder = uris[0].rpartition("/")[0] if single else uris[0].rstrip("/")
    (Path(os.environ["RECORDS"]) / f"{name}-{saved.version}.place").write_text(f"{folder}/")
    return str(saved.version)


def _files(name: str, version: str) -> list[File]:
    _environment()
    found = datachain.read_dataset(name, version=version).to_values("file")
    return [file for file in found if isinstance(file, File)]


def _below(name: str, version: str, file: File) -> str:
    """Return a path below the place that was recorded."""
    place = (Path(os.environ["RECORDS"]) / f"{name}-{version}.place").read_text()
    return f"{file.source}/{file.path}".removeprefix(place)


def download(name: str, version: str, target: str) -> None:
    """Bring the recorded bytes to a folder."""
    _environment()
    out = Path("out").absolute()
    found = datachain.read_dataset(name, version=version).order_by("file.path")
    # One after the other: of several files that fail, the error of the first by name is told.
    found.to_storage(out, placement="filepath", num_threads=1)
    for file in _files(name, version):
        place = Path(target, _below(name, version, file))
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(out / file.path.lstrip("/"), place)


def paths(name: str, version: str) -> Any:
    """List what a version holds."""
    return [_below(name, version, file) for file in _files(name, version)]


if __name__ == "__main__":
    serve(log=log, download=download, paths=paths)
