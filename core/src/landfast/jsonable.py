"""Plain dictionaries of what the registry hands out, for ``--json`` and for orchestrators' metadata."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from landfast.model.manifest import format_time

if TYPE_CHECKING:
    from landfast.download.run import DownloadReport
    from landfast.model.lineage import Edge, Lineage
    from landfast.model.run import RunKey, RunRecord
    from landfast.model.source import Source
    from landfast.model.version import Change, CollectionRecord, Observation
    from landfast.version import ArtifactVersion


def version_to_dict(version: ArtifactVersion) -> dict[str, Any]:
    """Describe a version: names, digests, counts, sources; not its entries."""
    record = version.record
    return {
        "name": version.qualified_name,
        "uri": version.uri,
        "entity": version.entity,
        "project": version.project,
        "collection": version.collection,
        "partition": version.partition or None,
        "version": version.version,
        "type": version.type,
        "digest": version.digest,
        "pin_digest": record.summary.pin_digest,
        "files": version.file_count,
        "bytes": version.size,
        "verified": version.is_verified,
        "restorable": version.is_restorable,
        "aliases": list(version.aliases),
        "tags": list(version.tags),
        "description": version.description,
        "metadata": version.metadata,
        "ttl_seconds": record.ttl_seconds,
        "sources": [source_to_dict(source) for source in record.sources],
        "skipped": [
            {"reason": skip.reason, "count": skip.count, "examples": list(skip.examples)}
            for skip in record.skipped
        ],
        "run": _key(record.run),
        "created_at": format_time(record.created_at),
        "deleted_at": _time(record.deleted_at),
        "created": version.created,
        "changed": version.changed,
    }


def source_to_dict(source: Source) -> dict[str, Any]:
    """Describe what a version was scanned from; what is default is left out."""
    facts = {
        "uri": source.uri,
        "name": source.name,
        "include": list(source.include),
        "exclude": list(source.exclude),
        "checksum": source.checksum,
        "endpoint": source.endpoint,
        "options": source.options,
        "stripped": list(source.stripped),
        "versioning": source.versioning,
    }
    return {key: value for key, value in facts.items() if value}


def collection_to_dict(record: CollectionRecord) -> dict[str, Any]:
    """Describe a collection."""
    return {
        "name": f"{record.entity}/{record.project}/{record.name}",
        "type": record.type,
        "description": record.description,
        "partitions": record.partitions,
        "versions": record.versions,
        "created_at": format_time(record.created_at),
    }


def observation_to_dict(observation: Observation) -> dict[str, Any]:
    """Describe an observation."""
    return {
        "version": str(observation.version),
        "created": observation.created,
        "moved_latest": observation.moved_latest,
        "pin_digest": observation.pin_digest,
        "metadata": observation.metadata,
        "run": _key(observation.run),
        "at": format_time(observation.at),
    }


def change_to_dict(change: Change) -> dict[str, Any]:
    """Describe a row of the change feed."""
    return {
        "position": change.position,
        "id": change.id,
        "kind": str(change.kind),
        "alias": change.alias,
        "version": str(change.version),
        "type": change.type,
        "digest": change.digest,
        "previous": None if change.previous is None else str(change.previous),
        "run": _key(change.run),
        "at": format_time(change.at),
    }


def run_to_dict(run: RunRecord) -> dict[str, Any]:
    """Describe a run."""
    return {
        "id": run.id,
        "key": str(run.key),
        "system": run.key.system,
        "deployment": run.key.deployment,
        "project": f"{run.entity}/{run.project}",
        "name": run.name,
        "job_type": run.job_type,
        "status": str(run.status),
        "attempt": run.attempt,
        "link": run.link,
        "config": run.config,
        "started_at": format_time(run.started_at),
        "finished_at": _time(run.finished_at),
    }


def edge_to_dict(edge: Edge) -> dict[str, Any]:
    """Describe an edge."""
    return {
        "run": str(edge.run),
        "direction": str(edge.direction),
        "version": str(edge.version),
        "at": format_time(edge.at),
    }


def lineage_to_dict(lineage: Lineage) -> dict[str, Any]:
    """Describe what a version was made from, and what was made from it."""
    return {
        "root": str(lineage.root),
        "upstream": [str(name) for name in lineage.upstream],
        "downstream": [str(name) for name in lineage.downstream],
        "edges": [edge_to_dict(edge) for edge in lineage.edges],
    }


def download_to_dict(report: DownloadReport) -> dict[str, Any]:
    """Describe what a download did."""
    return {**asdict(report), "root": str(report.root)}


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else format_time(moment)


def _key(key: RunKey | None) -> str | None:
    return None if key is None else str(key)
