"""DVC: `import-url`, `update`, and `pull` in a fresh clone.

Of a bucket that keeps versions it imports by version id (`--version-aware --no-download`); anything else it copies, as
the documentation has it, and pushes the copy to a remote.  A version is what Git would keep: the text of the `.dvc`
file.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dvc.exceptions import CheckoutError
from dvc.repo import Repo

from conformance.drivers.serve import NotSupported, serve


@contextlib.contextmanager
def _clone(name: str) -> Iterator[Repo]:
    """Open a repository in the home, made anew of what is on record, without a cache."""
    os.environ |= {"DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(Path("site").resolve())}
    here, kept = Path("clone", name).absolute(), _records(name)
    if not here.exists():
        here.mkdir(parents=True)
        Repo.init(str(here), no_scm=True).close()
    os.chdir(here)
    if (kept / "newest.dvc").exists():
        shutil.copy(kept / "newest.dvc", "data.dvc")
    with contextlib.closing(Repo(str(here))) as repo, repo.config.edit() as config:
        config["core"]["analytics"] = False
        config["core"]["remote"] = "store"
        config["remote"]["store"] = {"url": str(kept / "store")}
        if endpoint := os.environ.get("AWS_ENDPOINT_URL_S3"):
            bucket = os.environ["BUCKET"]
            config["remote"]["source"] = {"url": f"s3://{bucket}", "endpointurl": endpoint}
    with contextlib.closing(Repo(str(here))) as repo:
        yield repo


def _records(name: str) -> Path:
    folder = Path(os.environ["RECORDS"], name)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def log(name: str, uris: list[str], limit: int | None, single: bool) -> str:
    """Record a place as the next version."""
    if limit is not None:
        raise NotSupported("it has no limit of objects")
    if len(uris) > 1:
        raise NotSupported("an import is of one place")
    (uri,) = uris
    by_version = uri.startswith("s3://") and os.environ["VERSIONING"] == "Enabled"
    place = uri.replace(f"s3://{os.environ.get('BUCKET')}", "remote://source")
    with _clone(name) as repo:
        if Path("data.dvc").exists():
            repo.update(["data.dvc"], no_download=by_version)
        elif by_version:
            repo.imp_url(place.rstrip("/"), out="data", no_download=True, version_aware=True)
        else:
            repo.imp_url(place.removeprefix("file://").rstrip("/"), out="data")
        if single:
            (_records(name) / "file").write_text(uri.rpartition("/")[2].partition("?")[0])
        if not by_version:
            repo.push(["data.dvc"])
        text = Path("data.dvc").read_text()
    version = hashlib.sha256(text.encode()).hexdigest()
    for file in (f"{version}.dvc", "newest.dvc"):
        (_records(name) / file).write_text(text)
    return version


def download(name: str, version: str, target: str) -> None:
    """Bring the recorded bytes to a folder."""
    with _at(name, version) as repo:
        _pull(repo)
    data = Path("data")
    if data.is_dir():
        shutil.copytree(data, target, dirs_exist_ok=True)
    else:
        shutil.copy(data, Path(target, (_records(name) / "file").read_text()))


def _pull(repo: Repo) -> None:
    """Pull; where two errors of DVC race for a file that cannot be fetched, raise the one that it words itself."""
    try:
        repo.pull(["data.dvc"], jobs=1)
    except FileNotFoundError as error:
        if not str(error.filename).endswith(".tmp"):
            raise
    else:
        return
    raise CheckoutError(["data"], {})  # not as a consequence of the other


@contextlib.contextmanager
def _at(name: str, version: str) -> Iterator[Repo]:
    with _clone(name) as repo:
        shutil.copy(_records(name) / f"{version}.dvc", "data.dvc")
        yield repo


def paths(name: str, version: str) -> Any:
    """List what a version holds."""
    with _at(name, version) as repo:
        listed = repo.ls(repo.root_dir, "data", recursive=True, dvc_only=True)
    return [item["path"] for item in listed]


if __name__ == "__main__":
    serve(log=log, download=download, paths=paths)
