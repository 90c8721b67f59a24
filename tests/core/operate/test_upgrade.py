"""One release back: what an older landfast made is upgraded, and what old and new clients may do meanwhile."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from landfast.registry.schema.tables import REVISIONS

from tests.conftest import skipping_if_missing
from tests.core.operate.releases import Release, before_deltas, install, previous

pytestmark = pytest.mark.system
CONFLICT = 11
NEW = Release(bin=Path(sys.executable).parent)


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """The release before this one."""
    with skipping_if_missing():
        return install(previous(), tmp_path_factory.mktemp("previous"))


@pytest.fixture(scope="module")
def oldest(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A release that may read what is recorded today, and not write."""
    with skipping_if_missing():
        return install(before_deltas(), tmp_path_factory.mktemp("oldest"))


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], None]:
    """Write the data that is recorded."""
    (tmp_path / "data").mkdir()

    def write(text: str) -> None:
        for number in range(3):
            (tmp_path / "data" / f"{number}.txt").write_text(text if number == 0 else "same")

    return write


def digests(release: Release, url: str, folder: Path) -> dict[str, str]:
    """Ask for the versions of the data, and their digests."""
    found = release.ask("ls", "data", url=url, folder=folder)
    rows = found["versions"] if isinstance(found, dict) else found
    return {row["version"]: row["digest"] for row in rows}


def test_postgresql_from_one_release_back(
    old: Release, postgres_url: str, tmp_path: Path, write: Callable[[str], None]
) -> None:
    at = {"url": postgres_url, "folder": tmp_path}
    made = old.run("registry", "init", postgres_url, "--store", str(tmp_path / "store"), **at)
    assert made.returncode == 0, made.stderr
    write("by the old one")
    old.ask("put", "data", "--name", "data", "--alias", "prod", **at)
    before = digests(old, **at)
    assert list(before) == ["v0"]

    for words in (("ls", "data"), ("put", "data", "--name", "data")):
        refused = NEW.run(*words, **at)
        assert refused.returncode == CONFLICT, "a new client waits for the upgrade"
        assert "landfast registry upgrade" in refused.stderr
    upgraded = NEW.run("registry", "upgrade", **at)
    assert upgraded.returncode == 0, upgraded.stderr
    assert NEW.ask("registry", "info", **at)["schema"] == REVISIONS[-1]
    assert digests(NEW, **at) == before
    together(old, write, before, **at)


def test_a_file_from_one_release_back(
    old: Release, tmp_path: Path, write: Callable[[str], None]
) -> None:
    at = {"url": "sqlite:///registry.db", "folder": tmp_path}
    write("by the old one")
    old.ask("put", "data", "--name", "data", "--alias", "prod", **at)
    before = digests(old, **at)
    assert digests(NEW, **at) == before, "a file is upgraded by who opens it"
    (kept,) = tmp_path.glob("registry.db.before-upgrade-*")
    together(old, write, before, **at)
    (tmp_path / "back").mkdir()
    kept.rename(tmp_path / "back" / "registry.db")
    back = old.ask("ls", "data", url="sqlite:///back/registry.db", folder=tmp_path)
    assert back, "what was before the upgrade is there for the old one"


def together(
    old: Release,
    write: Callable[[str], None],
    before: dict[str, str],
    *,
    url: str,
    folder: Path,
) -> None:
    """Let the old one and the new one write in turn, and read what the other wrote."""
    write("by the new one")
    NEW.ask("put", "data", "--name", "data", url=url, folder=folder)
    write("by the old one, later")
    old.ask("put", "data", "--name", "data", url=url, folder=folder)
    found = digests(NEW, url, folder)
    assert digests(old, url, folder) == found
    assert (found["v0"], sorted(found)) == (before["v0"], ["v0", "v1", "v2"])
    old.ask("promote", "data:v1", "prod", url=url, folder=folder)
    assert NEW.ask("show", "data:prod", url=url, folder=folder)["version"] == "v1"
    for release, text in ((old, "new one"), (NEW, "old one, later")):
        version = {"new one": "v1"}.get(text, "v2")
        target = f"got {version} {release is old}"
        release.ask("get", f"data:{version}", "--root", target, url=url, folder=folder)
        assert text in (folder / target / "0.txt").read_text()
    assert NEW.ask("registry", "check", "--deep", url=url, folder=folder)["ok"]
    assert old.run("gc", url=url, folder=folder).returncode == 0


def test_a_client_that_is_too_old_reads_and_does_not_write(
    oldest: Release, tmp_path: Path, write: Callable[[str], None]
) -> None:
    at = {"url": "sqlite:///registry.db", "folder": tmp_path}
    write("by the new one")
    NEW.ask("put", "data", "--name", "data", **at)
    assert digests(oldest, **at) == digests(NEW, **at)
    write("by the oldest")
    refused = oldest.run("put", "data", "--name", "data", **at)
    assert refused.returncode == CONFLICT
    assert "too old to write to" in refused.stderr
    assert "pip install --upgrade landfast" in refused.stderr
    assert list(digests(NEW, **at)) == ["v0"]
