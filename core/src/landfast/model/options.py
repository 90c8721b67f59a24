"""Options of the public verbs, by name and type: what `**options` may be, and what it may not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypedDict


class GivenSettings(TypedDict, total=False):
    """Settings of a call; None means not given. See `Settings`."""

    registry_url: str | None
    store_url: str | None
    entity: str | None
    project: str | None
    cache_dir: str | Path | None
    cache_size: str | int | None
    artifact_dir: str | Path | None
    max_objects: str | int | None
    workers: str | int | None
    ranges: str | int | None
    range_threshold: str | int | None
    ui_url: str | None
    run: str | None
    openlineage: str | bool | None
    options: Mapping[str, Mapping[str, Any]] | None
    path_map: Mapping[str, str] | None
    endpoint_map: Mapping[str, str] | None


class PlaceOptions(TypedDict, total=False):
    """Options to record a place; see `Reference`."""

    checksum: str | bool | None
    max_objects: int | None
    include: Sequence[str]
    exclude: Sequence[str]
    allow_empty: bool
    inventory: str | None
    options: Mapping[str, Any] | None


class DownloadOptions(TypedDict, total=False):
    """Options to write a version to a folder; see `Client.download`."""

    paths: Iterable[str] | None
    include: Sequence[str]
    exclude: Sequence[str]
    allow_missing: bool
    link: Literal["copy", "hard"]
    workers: int | None
    executor: Executor | None
    exact: bool
    replace: bool
    any_endpoint: bool
    progress: Callable[[int, int | None], None] | None


class VerifyOptions(TypedDict, total=False):
    """Options to verify a version; see `Client.verify`."""

    deep: bool
    executor: Executor | None
    workers: int
    any_endpoint: bool
    progress: Callable[[int, int | None], None]


class RestoreOptions(TypedDict, total=False):
    """Options to restore archived objects of a version; see `Client.restore`."""

    tier: str
    days: int
    include: Sequence[str]
    exclude: Sequence[str]
    any_endpoint: bool


class RetentionOptions(TypedDict, total=False):
    """Options to report the effect of bucket rules on a version; see `Client.retention`."""

    within: timedelta
    locks: bool
    workers: int
    any_endpoint: bool
    progress: Callable[[int, int | None], None]


class HoldRequestOptions(TypedDict, total=False):
    """Options to hold a version; see `Client.hold`."""

    kind: str | None
    reason: str
    holder: str
    partial: bool
    any_endpoint: bool
    own_store: bool


class CopyOptions(TypedDict, total=False):
    """Options to copy a version into the registry's store; see `Client.copy`."""

    everything: bool
    any_endpoint: bool


class LineageOptions(TypedDict, total=False):
    """Options to follow lineage; see `Client.lineage`."""

    until: datetime | None
    declared: bool
