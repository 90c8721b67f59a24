"""Every edge of a registry, as tests compare them."""

from __future__ import annotations

import landfast


def edges(client: landfast.Client) -> list[tuple[str, str, str, str]]:
    """Return node, part, direction and version of every edge of all runs, sorted."""
    found = client.registry.edges(runs=[run.key for run in client.runs(limit=1000)])
    return sorted(
        (
            edge.run.node,
            edge.run.part,
            str(edge.direction),
            client.get(edge.version).name,
        )
        for edge in found
    )
