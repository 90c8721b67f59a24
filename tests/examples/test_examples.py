"""Every example runs as its first lines say, and does what it says."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
INTEGRATIONS = ("airflow_", "dagster_", "prefect_")  # run in their own environments
SCRIPTS = sorted(
    path.name for path in EXAMPLES.glob("*.py") if not path.name.startswith(INTEGRATIONS)
)
MAX_LINES = 60


def run(name: str, *arguments: str) -> list[str]:
    """Run an example as a user would; return the lines that it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLES / name, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("name", SCRIPTS)
def test_an_example_is_short_and_says_what_it_shows(name: str) -> None:
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MAX_LINES
    assert f"python {name}" in (ast.get_docstring(ast.parse(text)) or "")


@pytest.mark.parametrize("name", SCRIPTS)
def test_an_example_has_a_test_of_its_own(name: str) -> None:
    assert f'run("{name}"' in Path(__file__).read_text(encoding="utf-8")


def test_quickstart_records_compares_and_reads_back() -> None:
    recorded, again, changed, made, now, downloaded = run("quickstart.py")
    assert recorded.startswith("recorded points:v0: 2 files, lf1:")
    assert again == "again: still v0, created: False"
    assert changed == "points:v1: added c.csv"
    assert made == "model:v0 was made from ['default/quickstart/points:v0']"
    assert now == "points:v0 now: 2 intact, 1 added at the source"
    assert downloaded == "downloaded: ['a.csv', 'b.csv']"


def test_an_s3_dataset_is_downloaded_as_it_was_recorded(s3, tmp_path: Path) -> None:
    bucket = s3.bucket(versioning="Enabled")
    for name, body in {"a.jpg": b"one", "sub/b.png": b"two", "notes.txt": b"no picture"}.items():
        s3.put(bucket, f"flowers/{name}", body)
    first = run("s3_dataset.py", f"s3://{bucket}/flowers/")
    assert first[:2] == ["pictures:v0: new, 2 files, 6 bytes", "restorable: True"]
    assert first[-2:] == ["verify: 2 intact", "downloaded 2 files, 6 bytes to pictures/"]
    assert Path("pictures/sub/b.png").read_bytes() == b"two"
    assert run("s3_dataset.py", f"s3://{bucket}/flowers/")[0].startswith("pictures:v0: unchanged")


def test_a_backfill_moves_the_latest_of_one_day_only(tmp_path: Path) -> None:
    for day in ("2026-05-01", "2026-05-02"):
        folder = tmp_path / "orders" / f"dt={day}"
        folder.mkdir(parents=True)
        (folder / "orders.csv").write_text(day)
    assert run("partitions_backfill.py", str(tmp_path / "orders")) == [
        "orders~2026-05-01:v0: new",
        "orders~2026-05-02:v0: new",
        "orders~2026-05-01:v1: delivered again",
        "latest of 2026-05-01: v1, 2 files",
        "latest of 2026-05-02: v0, 1 files",
        "3 changes, the last of 2026-05-01",
        "orders~2026-05-01:v0 still has 1 files",
    ]


def test_shards_in_workers_find_what_one_scan_finds(s3) -> None:
    bucket = s3.bucket(versioning="Enabled")
    for number in range(20):
        s3.put(bucket, f"huge/{number:02}.bin", bytes([number]))
    cut, found, logged, same = run("shards_in_workers.py", f"s3://{bucket}/huge/", "3")
    assert cut.endswith(f"shards of s3://{bucket}/huge/")
    assert found == "found 20 objects"
    assert logged == "objects:v0: 20 files, created: True"
    assert same == "same digest as a scan in one piece: True"


def test_metrics_stay_with_wandb_where_it_is_installed(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").write_text("1,2\n")
    assert run("keep_wandb_for_metrics.py", str(tmp_path / "data")) == [
        "trained on points:v0",
        "logged model:v0 with the page (none: wandb is not installed)",
    ]
