"""Operators: snapshot, download, verify and promote artifacts, and scan large ones in shards."""

from landfast_provider.operators.snapshot import LandfastSnapshotOperator

__all__ = ["LandfastSnapshotOperator"]
