"""Record exactly which bytes a pipeline read and wrote, without moving them.

    import landfast

    with landfast.init(project="vision", job_type="train") as run:
        data = landfast.Artifact("mnist", type="dataset")
        data.add_reference("s3://my-bucket/datasets/mnist")
        run.use_artifact(data)
        folder = data.download()

Importing is cheap and silent: every name is loaded when it is first used.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

if sys.platform == "win32":
    raise ImportError(
        "landfast supports Linux and macOS; on Windows, install and run it in the Windows Subsystem for Linux"
    )

if TYPE_CHECKING:
    from landfast.artifact import Artifact
    from landfast.client import Client
    from landfast.download.report import DownloadReport, MissingFile
    from landfast.draft import Draft
    from landfast.errors import (
        AccessDenied,
        Archived,
        Conflict,
        ExpiresSoon,
        InvalidInput,
        LandfastError,
        LimitExceeded,
        MissingExtra,
        NotFound,
        NotLogged,
        ObjectChanged,
        Unavailable,
        Unverifiable,
    )
    from landfast.follow.mirror import Mirror
    from landfast.manifests.base import Manifest
    from landfast.model.checksum import Checksum
    from landfast.model.diff import DiffKind, DiffRow, ManifestDiff
    from landfast.model.folders import FolderTotal
    from landfast.model.garbage import GarbageReport, PruneReport
    from landfast.model.health import RegistryCheck
    from landfast.model.imports import ImportedVersion, ImportReport, ImportState
    from landfast.model.lineage import Direction, Edge, Lineage, ObjectLineage
    from landfast.model.manifest import ManifestEntry, ManifestSummary
    from landfast.model.names import ArtifactName
    from landfast.model.reference import UNLIMITED, Reference
    from landfast.model.retention.report import EntryOutlook, Outlook, RetentionReport, RuleOutlook
    from landfast.model.run import RunKey, RunRecord, RunStatus
    from landfast.model.snapshot_config import SnapshotConfig, SnapshotUri
    from landfast.model.source import Skipped, Source
    from landfast.model.storage.copies import CopyReport
    from landfast.model.storage.drift import AliasVerdict, check_verdicts
    from landfast.model.storage.hold_rule import HoldRule
    from landfast.model.storage.holds import (
        HoldKind,
        HoldRecord,
        HoldReport,
        HoldState,
        VersionHolds,
    )
    from landfast.model.storage.plan import Plan, Problem
    from landfast.model.storage.restore import RestoreReport
    from landfast.model.storage.verify_rule import VerifyRule
    from landfast.model.verdict import FailOn, Verdict, Verification, VerifyReport
    from landfast.model.version import (
        Change,
        ChangeKind,
        CollectionRecord,
        History,
        Observation,
        PinSet,
        VerdictChange,
        VersionRecord,
    )
    from landfast.redaction import redact
    from landfast.registry.database.url import check_registry_url
    from landfast.registry.values import ChangeFilter, RegistryInfo
    from landfast.run import Run, current_run, init
    from landfast.scan.values import ScanPlan, Shard, ShardScan
    from landfast.secrecy import refuse_secrets
    from landfast.settings import Settings, full_name, load_settings
    from landfast.snapshots_file import (
        load_holds,
        load_snapshots,
        load_verify,
        snapshots_of,
        verify_of,
    )
    from landfast.spelling import check_choice, renamed
    from landfast.sql import SqlResult
    from landfast.version import ArtifactVersion

# What each module has for users.
_NAMES = {
    "artifact": "Artifact",
    "client": "Client",
    "download.report": "DownloadReport MissingFile",
    "draft": "Draft",
    "errors": "AccessDenied Archived Conflict ExpiresSoon InvalidInput LandfastError LimitExceeded"
    " MissingExtra NotFound NotLogged ObjectChanged Unavailable Unverifiable",
    "follow.mirror": "Mirror",
    "manifests.base": "Manifest",
    "model.checksum": "Checksum",
    "model.diff": "DiffKind DiffRow ManifestDiff",
    "model.folders": "FolderTotal",
    "model.garbage": "GarbageReport PruneReport",
    "model.health": "RegistryCheck",
    "model.imports": "ImportReport ImportState ImportedVersion",
    "model.lineage": "Direction Edge Lineage ObjectLineage",
    "model.manifest": "ManifestEntry ManifestSummary",
    "model.names": "ArtifactName",
    "model.reference": "Reference UNLIMITED",
    "model.retention.report": "EntryOutlook Outlook RetentionReport RuleOutlook",
    "model.run": "RunKey RunRecord RunStatus",
    "model.snapshot_config": "SnapshotConfig SnapshotUri",
    "model.source": "Skipped Source",
    "model.storage.copies": "CopyReport",
    "model.storage.hold_rule": "HoldRule",
    "model.storage.holds": "HoldKind HoldRecord HoldReport HoldState VersionHolds",
    "model.storage.drift": "AliasVerdict check_verdicts",
    "model.storage.plan": "Plan Problem",
    "model.storage.restore": "RestoreReport",
    "model.storage.verify_rule": "VerifyRule",
    "model.verdict": "FailOn Verdict Verification VerifyReport",
    "model.version": "Change ChangeKind CollectionRecord History Observation PinSet VerdictChange"
    " VersionRecord",
    "redaction": "redact",
    "registry.database.url": "check_registry_url",
    "registry.values": "ChangeFilter RegistryInfo",
    "run": "Run current_run init",
    "scan.values": "ScanPlan Shard ShardScan",
    "secrecy": "refuse_secrets",
    "settings": "Settings full_name load_settings",
    "snapshots_file": "load_holds load_snapshots load_verify snapshots_of verify_of",
    "spelling": "check_choice renamed",
    "sql": "SqlResult",
    "version": "ArtifactVersion",
}
_HOMES = {name: home for home, names in _NAMES.items() for name in names.split()}

__all__ = [
    "AccessDenied",
    "AliasVerdict",
    "Archived",
    "Artifact",
    "ArtifactName",
    "ArtifactVersion",
    "Change",
    "ChangeFilter",
    "ChangeKind",
    "Checksum",
    "Client",
    "CollectionRecord",
    "Conflict",
    "CopyReport",
    "DiffKind",
    "DiffRow",
    "Direction",
    "DownloadReport",
    "Draft",
    "Edge",
    "EntryOutlook",
    "ExpiresSoon",
    "FailOn",
    "FolderTotal",
    "GarbageReport",
    "History",
    "HoldKind",
    "HoldRecord",
    "HoldReport",
    "HoldRule",
    "HoldState",
    "ImportReport",
    "ImportState",
    "ImportedVersion",
    "InvalidInput",
    "LandfastError",
    "LimitExceeded",
    "Lineage",
    "Manifest",
    "ManifestDiff",
    "ManifestEntry",
    "ManifestSummary",
    "Mirror",
    "MissingExtra",
    "MissingFile",
    "NotFound",
    "NotLogged",
    "ObjectChanged",
    "ObjectLineage",
    "Observation",
    "Outlook",
    "PinSet",
    "Plan",
    "Problem",
    "PruneReport",
    "Reference",
    "RegistryCheck",
    "RegistryInfo",
    "RestoreReport",
    "RetentionReport",
    "RuleOutlook",
    "Run",
    "RunKey",
    "RunRecord",
    "RunStatus",
    "ScanPlan",
    "Settings",
    "Shard",
    "ShardScan",
    "Skipped",
    "SnapshotConfig",
    "SnapshotUri",
    "Source",
    "SqlResult",
    "UNLIMITED",
    "Unavailable",
    "Unverifiable",
    "Verdict",
    "VerdictChange",
    "Verification",
    "VerifyReport",
    "VerifyRule",
    "VersionHolds",
    "VersionRecord",
    "__version__",
    "check_choice",
    "check_registry_url",
    "check_verdicts",
    "current_run",
    "full_name",
    "init",
    "load_holds",
    "load_settings",
    "load_snapshots",
    "load_verify",
    "redact",
    "refuse_secrets",
    "renamed",
    "snapshots_of",
    "verify_of",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("landfast")
    if name not in _HOMES:
        from landfast.wandb_names import advise

        raise advise("landfast", name)
    value = getattr(importlib.import_module(f"landfast.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
