"""Verify: what became of a version's bytes at their sources, looked at when a form asks for it."""

from __future__ import annotations

from itertools import islice
from typing import Any

from landfast.model.verdict import Verdict, VerifyReport
from landfast.verify.run import verify as verify_manifest
from landfast.version import ArtifactVersion
from landfast.web.query import Query
from landfast.web.view import Site, View

_ROWS = 20

WORDS = {
    Verdict.INTACT: "the recorded bytes are what is there now",
    Verdict.MOVED: "the same content is there under new pins",
    Verdict.OVERWRITTEN: "other content is there, and the recorded version still exists",
    Verdict.DELETED: "deleted, but the recorded version can be restored",
    Verdict.ARCHIVED: "archived: restore it before you read it",
    Verdict.UNVERIFIABLE: "an object is there, but Landfast cannot compare it with the record",
    Verdict.DENIED: "you do not have permission to look",
    Verdict.CHANGED: "other content is there, and the recorded version is gone",
    Verdict.GONE: "nothing is there any more",
}


def verify(site: Site, query: Query) -> View:
    """Offer to look at the sources of a version; nothing is asked of a store yet."""
    return _view(_found(site, query), None)


def verify_action(site: Site, query: Query) -> View:
    """Look at the sources of a version, from list pages; no byte is read again that the stat cache knows."""
    found, context = _found(site, query), site.client.context
    (manifest, sources), *older = context.pinned_manifests(found.record)
    return _view(found, verify_manifest(manifest, sources, context.quick_stores, older=older))


def _found(site: Site, query: Query) -> ArtifactVersion:
    record = site.client.registry.get(query.version(), deleted=True)
    return ArtifactVersion(record, site.client.context)


def _view(found: ArtifactVersion, report: VerifyReport | None) -> View:
    data: dict[str, Any] = {
        "name": found.qualified_name,
        "entity": found.entity,
        "project": found.project,
        "collection": found.collection,
        "partition": found.partition,
        "version": found.version,
        "files": len(found.manifest),
        "report": None if report is None else _report(report),
    }
    return View(template="verify.html", data=data, title=f"Verify {found.name}")


def _report(report: VerifyReport) -> dict[str, Any]:
    return {
        "ok": report.ok,
        "summary": report.summary,
        "verdicts": [
            _verdict(report, verdict) for verdict in Verdict if report.counts.get(verdict)
        ],
        "added": report.added,
        "added_examples": list(report.added_examples),
        "denials": [{"uri": denial.uri, "message": denial.message} for denial in report.denials],
    }


def _verdict(report: VerifyReport, verdict: Verdict) -> dict[str, Any]:
    return {
        "verdict": str(verdict),
        "words": WORDS[verdict],
        "count": report.counts[verdict],
        "bytes": report.sizes.get(verdict, 0),
        "rows": [row.to_dict() for row in islice(report.of(verdict), _ROWS)],
    }
