"""Our own facets; their JSON schemas lie in `schemas/` beside this module, in the wheel too."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import attr
from openlineage.client.generated.base import DatasetFacet, RunFacet

PRODUCER = "https://pypi.org/project/landfast/"
_SCHEMAS = "https://pypi.org/project/landfast/schemas/1-0-0"


def schema(name: str) -> dict[str, Any]:
    """Return the JSON schema of one of our facets.

    Example:
        >>> schema("LandfastRunFacet")["$schema"]
        'https://json-schema.org/draft/2020-12/schema'
    """
    text = (files(__package__) / "schemas" / f"{name}.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def _address(name: str) -> str:
    """Return where the schema of a facet says that it lies."""
    return f"{_SCHEMAS}/{name}.json#/$defs/{name}"


@attr.define(kw_only=True)
class LandfastVersionDatasetFacet(DatasetFacet):
    """Which version of an artifact a dataset was: immutable, and told by its content."""

    uri: str
    index: int
    digest: str
    type: str
    partition: str
    fileCount: int  # noqa: N815 - as facets are spelled
    size: int
    unverified: int

    @staticmethod
    def _get_schema() -> str:
        return _address("LandfastVersionDatasetFacet")


@attr.define(kw_only=True)
class LandfastAliasDatasetFacet(DatasetFacet):
    """Which alias moved to which version, in a change of the feed."""

    id: str
    kind: str
    alias: str
    version: str
    previous: str | None

    @staticmethod
    def _get_schema() -> str:
        return _address("LandfastAliasDatasetFacet")


@attr.define(kw_only=True)
class LandfastRunFacet(RunFacet):
    """Which run of the registry it is."""

    system: str
    deployment: str
    run: str
    node: str
    part: str
    attempt: int
    name: str
    link: str | None

    @staticmethod
    def _get_schema() -> str:
        return _address("LandfastRunFacet")
