"""One case, tried on one system: places to record, what the system is asked, and what came of it."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kit.servers.moto import Moto
from kit.servers.proxy import Proxy, proxy
from kit.servers.s3 import Versioning
from kit.servers.scripted import Scripted, scripted

from conformance.outcomes import Outcome, Result, steady
from conformance.systems import Driver, Pending, Refused

BUCKET, REGISTRY_BUCKET = "lake", "registry"
NAME = "data"


@dataclass(slots=True, kw_only=True)
class Trial:
    """A case on a system: a folder, a bucket behind a proxy, a web server, and the system's driver."""

    driver: Driver
    s3: Moto
    front: Proxy
    web: Scripted
    folder: Path
    versioning: Versioning | None = "Enabled"
    more_variables: dict[str, str] = field(default_factory=dict)
    _homes: int = field(default=0, repr=False)

    def prepare(self) -> None:
        """Make the bucket, and that of a registry."""
        self.s3.reset()
        for bucket, versioning in ((BUCKET, self.versioning), (REGISTRY_BUCKET, "Enabled")):
            self.s3.client.create_bucket(Bucket=bucket)
            if versioning:
                self.s3.set_versioning(bucket, versioning)
        (self.folder / "records").mkdir()

    # What the world does

    def put(self, key: str, body: str) -> str | None:
        """Write an object."""
        return self.s3.put(BUCKET, key, body.encode())

    def puts(self, files: Mapping[str, str], below: str = "data/") -> None:
        """Write objects below a prefix."""
        for key, body in files.items():
            self.put(below + key, body)

    def delete(self, key: str, version_id: str | None = None) -> None:
        """Delete an object, or a version of it for good."""
        more = {"VersionId": version_id} if version_id else {}
        self.s3.client.delete_object(Bucket=BUCKET, Key=key, **more)  # type: ignore[arg-type]

    def uri(self, key: str = "data/") -> str:
        """Name a place in the bucket."""
        return f"s3://{BUCKET}/{key}"

    @property
    def local(self) -> Path:
        """A local folder."""
        return self.folder / "local"

    def locally(self, files: Mapping[str, str]) -> str:
        """Write files into the local folder; return how it is named."""
        for name, body in files.items():
            path = self.local / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(body)
        return f"file://{self.local}/"

    # What the system is asked

    def home(self) -> Path:
        """Make a home for a process: as on a machine that never saw the data."""
        self._homes += 1
        home = self.folder / f"home-{self._homes}"
        home.mkdir()
        return home

    def begin(
        self,
        verb: str,
        home: Path | None = None,
        **arguments: Any,
    ) -> Pending:
        """Begin a call in a process of its own."""
        variables = self.s3.environment() | {
            "AWS_ENDPOINT_URL_S3": self.front.url,
            "RECORDS": str(self.folder / "records"),
            "BUCKET": BUCKET,
            "VERSIONING": self.versioning or "",
            "REGISTRY_BUCKET": REGISTRY_BUCKET,
        }
        variables |= self.more_variables
        return self.driver.begin(verb, arguments, home or self.home(), variables)

    def logging(
        self,
        *uris: str,
        home: Path | None = None,
        limit: int | None = None,
        single: bool = False,
    ) -> Pending:
        """Begin to record places; the folder `data/` of the bucket, if none is given."""
        how = {"name": NAME, "uris": list(uris or [self.uri()]), "limit": limit, "single": single}
        return self.begin("log", home, **how)

    def log(self, *uris: str, **how: Any) -> str:
        """Record places, as `logging` does; return the version."""
        return str(self.logging(*uris, **how).answer())

    def paths(self, version: str) -> list[str]:
        """List what a version holds."""
        return sorted(self.begin("paths", name=NAME, version=version).answer())

    def download(
        self, version: str, home: Path | None = None, target: Path | None = None
    ) -> dict[str, str]:
        """Bring a version to a folder, empty if none is given; return its files."""
        target = target or self.target()
        self.begin("download", home, name=NAME, version=version, target=str(target)).answer()
        return tree(target)

    def target(self) -> Path:
        """Make an empty folder for a download."""
        target = self.folder / "target"
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        return target

    def said(self, version: str) -> str:
        """Return what the system printed so far, and what a version says that it is without."""
        file = self.folder / "said"
        printed = file.read_text(errors="replace") if file.exists() else ""
        left_out = self.begin("left_out", name=NAME, version=version).answer()
        return "\n".join([printed, *left_out])

    # What came of it

    def gives_back(
        self,
        version: str,
        recorded: Mapping[str, str],
        home: Path | None = None,
        target: Path | None = None,
    ) -> Result:
        """Download a version, and compare it with what was recorded."""
        try:
            got = self.download(version, home, target)
        except Refused as error:
            return self.refused("download", error)
        if got == recorded:
            return compared(got, recorded)
        return compared(got, recorded, self.said(version))

    def refused(self, verb: str, error: Refused) -> Result:
        """Tell of an error that the system raised."""
        here = {
            self.s3.url: "http://server",
            self.front.url: "http://server",
            self.web.url: "http://server",
            str(self.folder): ".",
            str(self.driver.address.parent): ".",
        }
        text = steady(error.message, here)
        return Result(Outcome.FAILS_LOUDLY, f"{verb} raises {error.kind}: {text}")


@contextlib.contextmanager
def trying(
    driver: Driver, s3: Moto, folder: Path, versioning: Versioning | None
) -> Iterator[Trial]:
    """Stand a proxy before the bucket, and a web server beside it, for one case."""
    with proxy(s3.url) as front, scripted() as web:
        yield Trial(
            driver=driver, s3=s3, front=front, web=web, folder=folder, versioning=versioning
        )


def tree(folder: Path) -> dict[str, str]:
    """Return the files of a folder by their path, without what a system keeps for itself."""
    return {
        path.relative_to(folder).as_posix(): path.read_text(errors="replace")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not path.relative_to(folder).parts[0].startswith((".landfast", ".dvc"))
    }


def compared(got: Mapping[str, str], recorded: Mapping[str, str], said: str = "") -> Result:
    """Compare the files of a download with what was recorded."""
    wrong = [path for path in recorded if path in got and got[path] != recorded[path]]
    lost = [path for path in recorded if path not in got]
    more = [path for path in got if path not in recorded]
    if wrong:
        return Result(Outcome.WRONG_BYTES, f"download gives other bytes: {few(wrong)}")
    if lost and all(named(said, path) for path in lost):
        return Result(Outcome.FAILS_LOUDLY, f"left out, with a warning that says so: {few(lost)}")
    if lost:
        return Result(Outcome.SILENT_LOSS, f"left out without a word: {few(lost)}")
    if more:
        return Result(Outcome.DOES_NOT_HOLD, f"download gives what was not recorded: {few(more)}")
    return Result(Outcome.HOLDS, f"{count(len(got), 'file')} with the recorded bytes")


def named(said: str, name: str) -> bool:
    """Tell whether a text names a path, and not only one below it."""
    return re.search(re.escape(name) + r"(?![\w./-])", said) is not None


def few(names: list[str]) -> str:
    """Name some, and how many more there are."""
    shown = ", ".join(f"`{name}`" for name in sorted(names)[:3]).replace("\n", "\\n")
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3:,} more"


def count(number: int, noun: str) -> str:
    """Say how many."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
