"""Downloads into a folder of the test, through a cache of its own."""

from pathlib import Path
from typing import Any

import pytest
from landfast.cache import BlobCache
from landfast.download.run import DownloadReport, download
from landfast.stores.opener import Stores

from tests.core.download.downloads import Download


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "target"


@pytest.fixture
def cache(tmp_path: Path) -> BlobCache:
    return BlobCache(tmp_path / "cache")


@pytest.fixture
def get(stores: Stores, root: Path) -> Download:
    """Download scans into `root`, newest pins first; without a cache unless one is given."""

    def get(*scans: Any, **options: Any) -> DownloadReport:
        usual = {"stores": stores, "cache": None, "identity": "e/p/c:v0 lf1:0", "root": root}
        sets = [(scan.manifest, scan.sources) for scan in scans]
        return download(sets, **usual | options)

    return get
