"""Links: the address of everything that has a page, below the root path."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from landfast.model.names import ArtifactName
from landfast.model.run import RunKey

# Segments of a name begin with a letter or a digit, so no entity is ever called this.
OWN = "/-"


def address(path: str, query: dict[str, Any] | None = None) -> str:
    """Return a path with a query string; what is None or ``""`` is left out."""
    given = {key: value for key, value in (query or {}).items() if value not in {None, ""}}
    text = urlencode(given, quote_via=quote, safe=":")
    return f"{path}?{text}" if text else path


def collection_page(name: ArtifactName | str, view: str = "", **query: Any) -> str:
    """Return the page of a collection or a version, or one of the views below it.

    Args:
        name: With entity and project; one that picks a version leads to that version.
        view: ``files``, ``diff``, ``lineage``, ...; ``""`` for the page itself.
        query: Further parameters.
    """
    named = ArtifactName.parse(name) if isinstance(name, str) else name
    version = named.digest or named.alias or (None if named.index is None else f"v{named.index}")
    path = f"/{named.entity}/{named.project}/{named.collection}"
    first = {"version": version, "partition": named.partition}
    return address(f"{path}/{view}" if view else path, {**first, **query})


def runs_page(key: RunKey) -> str:
    """Return the page of a run by its key; a run that was asked for by a part of its key is one of a list."""
    return address(
        "/runs",
        {
            "system": key.system,
            "deployment": key.deployment,
            "run_id": key.run_id,
            "node": key.node,
            "part": key.part,
        },
    )


def elsewhere(link: str | None) -> str | None:
    """Return a link of a run to a page of its orchestrator, if a browser may follow it; else None."""
    if not link or any(character <= " " for character in link):
        return None
    try:
        parts = urlsplit(link)
    except ValueError:
        return None
    is_web = link.lower().startswith(("http://", "https://"))
    return link if is_web and parts.hostname else None
