"""Property tests are judged by what they find, not by their speed; places are scanned as the client does."""

import itertools
import ssl
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings
from kit.json_output import checked_answers
from kit.servers.certificate import own_certificate
from landfast.clouds.retry import RetryPolicy
from landfast.manifests.base import Manifest
from landfast.manifests.reader import ManifestFile
from landfast.model.reference import UNLIMITED, Reference
from landfast.model.source import Source
from landfast.scan.merging import merge, merged_sources
from landfast.scan.plan import plan
from landfast.scan.shard import scan_shard
from landfast.stores.opener import Stores
from landfast.system.mounts import shows_mapped_writes

settings.register_profile("landfast", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("landfast")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """A manifest and what it was scanned from."""

    manifest: Manifest
    sources: Sequence[Source]


Scan = Callable[..., Scanned]


@pytest.fixture(autouse=True, scope="session")
def every_answer_fits_its_schema() -> Iterator[None]:
    """Hold what every command prints with `--json` to its schema, whichever test calls it."""
    with checked_answers():
        yield


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk whose status shows every write, wherever temporary files are; else one among them."""
    for place in (tmp_path, Path("/var/tmp"), Path("/tmp"), Path(__file__).parents[2]):
        if shows_mapped_writes(place):
            with TemporaryDirectory(prefix="landfast-test-", dir=place) as folder:
                yield Path(folder)
            return
    yield tmp_path


@pytest.fixture
def authority(tmp_path: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate for 127.0.0.1: its PEM file and a server's context with it."""
    return own_certificate(tmp_path)


@pytest.fixture
def stores(tmp_path: Path) -> Stores:
    """Stores that give up soon."""
    policy = RetryPolicy(attempts=2, first_s=0.01, most_s=0.01)
    return Stores(cache_dir=tmp_path / "cache", retry=policy)


@pytest.fixture
def scan(stores: Stores, tmp_path: Path) -> Scan:
    """Scan references into one manifest: `scan(uri_or_reference, ...)`."""
    numbers = itertools.count()

    def scan(*references: str | Reference, stores: Stores = stores) -> Scanned:
        scans = []
        for reference in references:
            given = Reference(reference) if isinstance(reference, str) else reference
            shards = plan(given, stores, max_objects=UNLIMITED).shards
            scans += [
                scan_shard(shard, stores, tmp_path / f"shard-{next(numbers)}") for shard in shards
            ]
        target = tmp_path / f"manifest-{next(numbers)}"
        merge(scans, target)
        return Scanned(manifest=ManifestFile(target), sources=merged_sources(scans))

    return scan
