"""StoreSuite: the contract of `landfast.stores.base.Store` as tests, to run over any implementation.

Subclass it, give it the fixtures `store` and `place`, and pytest runs every test.  What a store
declares that it lacks is skipped, nothing else is.

    class TestMyStore(StoreSuite):
        @pytest.fixture
        def store(self): return MyStore({"endpoint": ...})

        @pytest.fixture
        def place(self): return MyPlace(...)
"""

from __future__ import annotations

from landfast.testing.store.lists import ListSuite
from landfast.testing.store.place import ODD_KEYS, Place, in_fork, pin_of, read, rows
from landfast.testing.store.reads import ReadSuite
from landfast.testing.store.versions import VersionSuite

__all__ = ["ODD_KEYS", "Place", "StoreSuite", "in_fork", "pin_of", "read", "rows"]


class StoreSuite(ListSuite, ReadSuite, VersionSuite):
    """One test per promise of the store's contract."""
