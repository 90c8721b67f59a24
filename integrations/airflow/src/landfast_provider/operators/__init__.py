"""Operators: snapshot, download, verify, promote, check how long artifacts stay, and scan large ones in shards."""

from landfast_provider.operators.download import LandfastDownloadOperator
from landfast_provider.operators.promote import LandfastPromoteOperator
from landfast_provider.operators.retention import LandfastRetentionOperator
from landfast_provider.operators.shards import (
    LandfastCommitOperator,
    LandfastPlanOperator,
    LandfastScanOperator,
    sharded_snapshot,
)
from landfast_provider.operators.snapshot import LandfastSnapshotOperator
from landfast_provider.operators.verify import LandfastVerifyOperator
from landfast_provider.operators.verify_aliases import LandfastVerifyAliasesOperator

__all__ = [
    "LandfastCommitOperator",
    "LandfastDownloadOperator",
    "LandfastPlanOperator",
    "LandfastPromoteOperator",
    "LandfastRetentionOperator",
    "LandfastScanOperator",
    "LandfastSnapshotOperator",
    "LandfastVerifyAliasesOperator",
    "LandfastVerifyOperator",
    "sharded_snapshot",
]
