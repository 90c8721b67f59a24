"""Metrics: how a registry stands, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from landfast.errors import needs_extra
from landfast.registry.registry import Registry
from landfast.registry.values import CollectionGauges

if TYPE_CHECKING:
    from prometheus_client.core import GaugeMetricFamily, Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_OF = ("entity", "project", "collection")


def metrics_text(registry: Registry) -> str:
    """Return a registry's numbers in Prometheus' text format, all of about one moment.

    Args:
        registry: Whose.

    Raises:
        MissingExtra: If the extra `metrics` is not installed.
        NotFound: If there is no registry.
    """
    with needs_extra("metrics", "landfast metrics", library="prometheus_client"):
        from prometheus_client import CollectorRegistry, generate_latest
    collector = CollectorRegistry(auto_describe=False)
    collector.register(_Collector(registry))
    return generate_latest(collector).decode()


class _Collector:
    """Asks the registry when Prometheus' client collects."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        yield from _of_registry(self._registry)
        yield from _of_collections(self._registry.overview.gauges())
        yield from _of_consumers(self._registry)


def _of_registry(registry: Registry) -> Iterator[Metric]:
    info, state = registry.info, registry.overview.state()
    yield _family(
        "landfast_registry_info",
        "The registry: always 1.",
        ("id", "schema"),
        [((info.id, str(info.schema)), 1)],
    )
    counts = {
        "collections": ("Collections in all projects.", state.collections),
        "versions": ("Live versions.", state.versions),
        "versions_deleted": ("Deleted versions that gc has not taken yet.", state.deleted),
        "versions_expired": ("Live versions whose time to live is over.", state.expired),
        "runs": ("Runs ever begun.", state.runs),
        "observations": ("Looks at a place, ever.", state.observations),
        "blobs": ("Manifests and managed files in the store.", state.blobs),
        "blob_bytes": ("Bytes of manifests and managed files in the store.", state.blob_bytes),
    }
    for name, (text, value) in counts.items():
        yield _family(f"landfast_registry_{name}", text, (), [((), value)])


def _of_collections(found: Sequence[CollectionGauges]) -> Iterator[Metric]:
    for name, (text, read) in _COLLECTION.items():
        rows = [(_labels(one), read(one)) for one in found]
        known = [(labels, value) for labels, value in rows if value is not None]
        yield _family(f"landfast_collection_{name}", text, _OF, known)
    yield _family(
        "landfast_collection_verified_files",
        "Entries of versions that aliases name, by the last verdict about each.",
        (*_OF, "verdict"),
        [
            ((*_labels(one), verdict), count)
            for one in found
            for verdict, count in sorted(one.verdicts.items())
        ],
    )


def _seconds(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp()


# Metric -> what it is, and its value for a collection; None where there is none.
_COLLECTION: Mapping[str, tuple[str, Callable[[CollectionGauges], float | None]]] = {
    "versions": ("Live versions.", lambda one: one.versions),
    "partitions": ("Partitions.", lambda one: one.partitions),
    "latest_files": ("Entries of what `latest` names.", lambda one: one.latest_files),
    "latest_bytes": ("Bytes of what `latest` names.", lambda one: one.latest_bytes),
    "never_verified_versions": (
        "Versions that aliases name and nobody has verified.",
        lambda one: one.unseen,
    ),
    "last_change_timestamp_seconds": (
        "When `latest` moved last.",
        lambda one: _seconds(one.changed_at),
    ),
    "last_look_timestamp_seconds": (
        "When its source was looked at last, changed or not.",
        lambda one: _seconds(one.observed_at),
    ),
    "last_verification_timestamp_seconds": (
        "When a version that an alias names was verified last.",
        lambda one: _seconds(one.verified_at),
    ),
}


def _of_consumers(registry: Registry) -> Iterator[Metric]:
    found = registry.consumers.records()
    of = [((one.name, str(one.stream)), one) for one in found]
    yield _family(
        "landfast_consumer_behind",
        "Changes or run events that a consumer has not been told yet.",
        ("consumer", "stream"),
        [(labels, one.behind) for labels, one in of],
    )
    yield _family(
        "landfast_consumer_last_move_timestamp_seconds",
        "When the position of a consumer moved last.",
        ("consumer", "stream"),
        [(labels, one.moved_at.timestamp()) for labels, one in of],
    )


def _labels(of: CollectionGauges) -> tuple[str, ...]:
    return of.entity, of.project, of.name


def _family(
    name: str,
    text: str,
    labels: Sequence[str],
    rows: Sequence[tuple[Sequence[str], float]],
) -> GaugeMetricFamily:
    from prometheus_client.core import GaugeMetricFamily

    family = GaugeMetricFamily(name, text, labels=labels)
    for values, number in rows:
        family.add_metric(values, number)
    return family
