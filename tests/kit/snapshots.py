"""A snapshot that says everything that `snapshots.yaml` may say: what an adapter drops is missing in it."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta

import landfast

EVERY_KEY = landfast.SnapshotConfig(
    name="vision/flowers",
    uris=(
        landfast.SnapshotUri(uri="s3://example-bucket/dt={partition_key}/"),
        landfast.SnapshotUri(uri="gs://example-labels/{partition_key}/", name="labels"),
    ),
    type="images",
    description="What the vendor sends",
    partition="day-{partition_key}",
    schedule="0 6 * * *",
    include=("**/*.jpg",),
    exclude=("**/tmp/**",),
    max_objects=landfast.UNLIMITED,
    checksum="sha256",
    allow_empty=True,
    inventory="s3://example-inventory/flowers/",
    aliases=("newest",),
    tags=("raw",),
    metadata={"owner": "data-team"},
    ttl=timedelta(days=30),
    options={"region": "eu-west-1"},
)
"""Says each key, and none by its default."""

KEYS = ("2026-05-01", "2026-05-01|eu", "a/b", "ü ~:@%", "100%25")
"""Partition keys that mean the same text in every orchestrator."""

RECORDED = tuple(
    each.name
    for each in fields(landfast.SnapshotConfig)
    if each.name not in {"schedule", "is_filled"}
)
"""The fields that decide what is recorded."""
