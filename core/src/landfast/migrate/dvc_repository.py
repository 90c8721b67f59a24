"""A repository of DVC: its remotes, its cache, its files now and at each commit of Git."""

from __future__ import annotations

import configparser
import hashlib
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from landfast.errors import Conflict, InvalidInput, NotFound
from landfast.migrate.shelf import LocalShelf, open_shelf, read
from landfast.migrate.text_files import MOST_BYTES, damage, not_a
from landfast.stores.opener import Stores

_SECTION = re.compile(r"""['"]?(\w+)(?:\s+"([^"]+)")?['"]?\Z""")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_GIT_PATIENCE_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """A place to which DVC pushes.

    Args:
        name: Its name in the configuration; ``cache`` for the one on this machine.
        url: Without a final slash.
        endpoint: Of S3, if the configuration says one.
    """

    name: str
    url: str
    endpoint: str | None = None

    def below(self, path: str) -> str:
        """Return the URI of what lies below it."""
        return f"{self.url}/{path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileVersion:
    """A file of DVC as it was at a commit.

    Args:
        text: Its bytes.
        label: The commit, or ``worktree-`` and a hash for what is not committed.
        at: When it was committed.
        message: The first line of the commit's message.
    """

    text: bytes = field(repr=False)
    label: str
    at: datetime | None = None
    message: str = ""


class Repository:
    """The folder above a file that holds `.dvc/`; without one, the folder of the file."""

    def __init__(self, file: Path, stores: Stores) -> None:
        above = [file, *file.parents] if file.is_dir() else list(file.parents)
        self.root = next((each for each in above if (each / ".dvc").is_dir()), above[0])
        self._stores = stores
        self._config = _configuration(self.root / ".dvc")

    def remote(self, name: str | None = None) -> Remote:
        """Return a remote by name, the default one, or the cache on this machine if there is none."""
        name = name or self._config.get(("core", ""), {}).get("remote")
        if name is None:
            return Remote(name="cache", url=self._cache.as_uri())
        said = self._config.get(("remote", name))
        if said is None or not said.get("url"):
            raise InvalidInput(
                f"the configuration of {self.root} has no remote {name!r}",
                subject=name,
                expected="one of "
                + (", ".join(n for kind, n in self._config if kind == "remote") or "none"),
                hint="It is in .dvc/config or .dvc/config.local; import on a machine that has it.",
            )
        url = said["url"].rstrip("/")
        if not _URL.match(url):
            url = (self.root / ".dvc" / url).resolve().as_uri()
        return Remote(name=name, url=url, endpoint=said.get("endpointurl"))

    def resolved(self, path: str) -> tuple[str, str | None]:
        """Return the URI of a path outside of the repository, and the endpoint of its remote."""
        if path.startswith("remote://"):
            name, _, below = path.removeprefix("remote://").partition("/")
            remote = self.remote(name)
            return remote.below(below).rstrip("/"), remote.endpoint
        return path, None

    def folder_listing(self, md5: str, remote: Remote) -> bytes:
        """Return what DVC notes of a folder, from its cache or a remote; `NotFound` if neither has it."""
        plain = f"{md5[:2]}/{md5[2:]}"
        names = (f"files/md5/{plain}", plain)  # DVC 2 had no folder for it
        for name in names:
            if (self._cache / name).is_file():
                return read(LocalShelf(self._cache), name)
        shelf = open_shelf(remote.url, self._stores)
        with suppress(NotFound):
            return read(shelf, names[0])
        return read(shelf, names[1])

    def files(self, below: Path) -> list[Path]:
        """Return the files of DVC below a folder."""
        found = [path for name in ("*.dvc", "dvc.lock") for path in below.rglob(name)]
        hidden = {".dvc", ".git"}
        return sorted(
            path
            for path in found
            if path.is_file() and hidden.isdisjoint(path.relative_to(below).parts)
        )

    def history(self, file: Path) -> Iterator[FileVersion]:
        """Yield a file as it was at each commit that changed it, oldest first, and last as it is now if that is new."""
        last = None
        name = file.relative_to(self.root).as_posix()
        for commit, at, message in self._commits(name):
            text = self._git("cat-file", "blob", f"{commit}:./{name}")
            if text is not None:
                last = text
                yield FileVersion(text=text, label=commit[:12], at=at, message=message)
        now = _bytes(file)
        if now != last:
            digest = hashlib.sha256(now).hexdigest()
            yield FileVersion(text=now, label=f"worktree-{digest[:12]}")

    def _commits(self, name: str) -> Iterator[tuple[str, datetime, str]]:
        told = self._git("log", "--reverse", "--format=%H%x09%ct%x09%s", "--", name)
        for line in (told or b"").decode(errors="replace").splitlines():
            commit, seconds, message = line.split("\t", 2)
            yield commit, datetime.fromtimestamp(int(seconds), UTC), message

    def _git(self, *command: str) -> bytes | None:
        """Return what Git says; None if it is not there, or says no."""
        git = shutil.which("git")
        if git is None:
            return None
        safe = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
        done = subprocess.run(  # noqa: S603 - Git itself, without a shell
            [git, "--no-pager", *safe, *command],
            cwd=self.root,
            capture_output=True,
            timeout=_GIT_PATIENCE_S,
            check=False,
        )
        return done.stdout if done.returncode == 0 else None

    @property
    def _cache(self) -> Path:
        said = self._config.get(("cache", ""), {}).get("dir")
        folder = self.root / ".dvc"
        return (folder / said).resolve() if said else folder / "cache"


def yaml_document(text: bytes, file: str) -> Mapping[str, Any]:
    """Return a document of DVC, which is an object; `Conflict` if it is none."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        with damage(file, "YAML"):
            said = yaml.load(text, Loader=loader)  # noqa: S506 - a safe one
    except yaml.YAMLError as error:
        raise not_a(file, "YAML", str(error)) from None
    if said is None:
        return {}
    if not isinstance(said, dict):
        raise not_a(file, "a file of DVC", type(said).__name__)
    return said


def _bytes(file: Path) -> bytes:
    if not file.is_file():
        raise NotFound(f"{file} does not exist", subject=str(file))
    if file.stat().st_size > MOST_BYTES:
        raise InvalidInput(f"{file} is too large to be read", subject=str(file))
    return file.read_bytes()


def _configuration(folder: Path) -> dict[tuple[str, str], dict[str, str]]:
    """Read the configuration of a repository, what is for this machine alone last: section and name to settings."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for name in ("config", "config.local"):
        file = folder / name
        if not file.is_file():
            continue
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read_string(_bytes(file).decode())
        except (configparser.Error, UnicodeDecodeError) as error:
            raise Conflict(
                f"{file} cannot be read", subject=str(file), found=ascii(str(error))[1:200]
            ) from None
        for title in parser.sections():
            if section := _SECTION.match(title):
                found.setdefault((section[1], section[2] or ""), {}).update(parser[title])
    return found
