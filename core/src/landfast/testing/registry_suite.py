"""RegistrySuite: what every registry has to do, as tests to inherit.

Example:
    Subclass it, and give it an empty registry::

        class TestMyRegistry(RegistrySuite):
            @pytest.fixture
            def registry(self, tmp_path):
                registry = open_my_registry(tmp_path)
                yield registry
                registry.close()
"""

from __future__ import annotations

from landfast.registry.registry import Registry
from landfast.registry.values import RegistryInfo
from landfast.testing.registry.batches import BatchSuite
from landfast.testing.registry.consumers import ConsumerSuite, RunEventSuite
from landfast.testing.registry.edits import AliasSuite, DeleteSuite, ExpirySuite, UpdateSuite
from landfast.testing.registry.feed import AnnouncementSuite, FeedSuite
from landfast.testing.registry.garbage import GarbageSuite
from landfast.testing.registry.lineage import EdgeSuite, RunSuite
from landfast.testing.registry.logs import LogSuite
from landfast.testing.registry.reads import AsOfSuite, ContainingSuite, ReadSuite
from landfast.testing.registry.threads import ThreadSuite


class RegistrySuite(
    LogSuite,
    BatchSuite,
    ReadSuite,
    AsOfSuite,
    ContainingSuite,
    AliasSuite,
    UpdateSuite,
    DeleteSuite,
    ExpirySuite,
    RunSuite,
    EdgeSuite,
    FeedSuite,
    ConsumerSuite,
    RunEventSuite,
    AnnouncementSuite,
    GarbageSuite,
    ThreadSuite,
):
    """The contract of `landfast.registry.registry.Registry`; written against its public methods alone.

    The subclass has a fixture `registry`: an empty one for each test.
    """

    def test_it_says_who_it_is(self, registry: Registry) -> None:
        assert isinstance(registry, Registry)
        assert isinstance(registry.info, RegistryInfo)
        assert registry.info.id
        assert registry.info.store_url
        assert registry.info.schema
