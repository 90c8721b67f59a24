"""What tests of verify read of a report."""

from pathlib import Path
from typing import Any

from landfast.model.verdict import EntryVerdict, VerifyReport
from landfast.stores.opener import Stores
from landfast.verify.run import verify


def check(scanned: Any, stores: Stores, **options: Any) -> VerifyReport:
    return verify(scanned.manifest, scanned.sources, stores, **options)


def verdicts(report: VerifyReport) -> dict[str, str]:
    return {row.path: str(row.verdict) for row in report.rows}


def row(report: VerifyReport, path: str) -> EntryVerdict:
    (found,) = [row for row in report.rows if row.path == path]
    return found


# Files


def folder(tmp_path: Path, **files: bytes) -> Path:
    root = tmp_path / "data"
    root.mkdir()
    for name, body in files.items():
        (root / name).write_bytes(body)
    return root
