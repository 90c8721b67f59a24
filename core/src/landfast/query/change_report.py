"""Report of a change, in Markdown: for whatever shows people what happened to their data."""

from __future__ import annotations

from itertools import islice

from landfast.model.diff import ManifestDiff
from landfast.model.run import RunRecord
from landfast.model.version import Change
from landfast.model.version_facts import VersionFacts

MOST_PATHS = 20


def report(
    change: Change,
    version: VersionFacts,
    *,
    page: str | None = None,
    run: RunRecord | None = None,
    diff: ManifestDiff | None = None,
) -> str:
    """Describe a change: counts, digest, sources, the run behind it, and which paths differ.

    Args:
        change: What happened.
        version: What `latest` names since.
        page: Of the version.
        run: Who did it.
        diff: From the version before.
    """
    sources = [f"`{source.uri}`" for source in version.sources[:MOST_PATHS]]
    rows = {
        "Change": f"{change.kind}, from {change.previous or 'nothing'}",
        "Files": f"{version.file_count:,}",
        "Bytes": f"{version.size:,}",
        "Digest": f"`{version.digest}`",
        "Source": ", ".join(sources),
        "Logged by": "" if run is None else _link(run),
        "Page": f"[{version.qualified_name}]({page})" if page else "",
        "Look closer": f"`landfast show {version.qualified_name}`",
    }
    lines = [f"# {version.project}/{version.name}", "", "| | |", "|---|---|"]
    lines += [f"| {key} | {_cell(value)} |" for key, value in rows.items() if value]
    return "\n".join([*lines, "", *([] if diff is None else _differences(diff))])


def _link(run: RunRecord) -> str:
    return f"[{run.name or run.id}]({run.link})" if run.link else str(run.key)


def _differences(diff: ManifestDiff) -> list[str]:
    listed = [f"- {row.kind} `{_cell(row.path)}`" for row in islice(diff.rows(), MOST_PATHS)]
    rest = sum(diff.counts.values()) - diff.unchanged - len(listed)
    more = [f"- and {rest:,} more"] if rest else []
    return [f"## {diff.summary}", "", *listed, *more]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
