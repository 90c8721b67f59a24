"""Facts: what is said of a change, the same to a command and to a webhook."""

from __future__ import annotations

from landfast.model.times import format_time
from landfast.model.version import Change


def facts(change: Change) -> dict[str, str]:
    """Describe a change in texts; what there is not is empty.

    Of a change of verdict it is said what that is and was.

    ``name`` picks the version for every verb: ``default/vision/mnist:v3``.
    """
    name, told = change.version, change.verdict
    verdict = {}
    if told is not None:
        verdict = {
            "verdict": told.verdict,
            "previous_verdict": told.previous,
            "verdict_summary": told.summary,
        }
    return {
        "name": str(name),
        "uri": name.uri,
        "entity": name.entity or "",
        "project": name.project or "",
        "collection": name.collection,
        "partition": name.partition,
        "version": f"v{name.index}",
        "digest": change.digest,
        "type": change.type,
        "alias": change.alias,
        "previous": "" if change.previous is None else str(change.previous),
        "change_id": change.id,
        "change_kind": str(change.kind),
        "change_position": str(change.position),
        "change_at": format_time(change.at),
        **verdict,
    }
