"""Fill a month of daily partitions, then mend one day: the other days' `latest` stay where they are.

python partitions_backfill.py FOLDER      # with FOLDER/dt=2026-05-01/, FOLDER/dt=2026-05-02/, ...
"""

import sys
from pathlib import Path

import landfast

root = Path(sys.argv[1])
client = landfast.Client(project="sales")


def record(day: str) -> landfast.ArtifactVersion:
    """Log one day as a partition of the collection; a new version only if it changed."""
    return client.log("orders", root / f"dt={day}", partition=day)


days = sorted(folder.name.removeprefix("dt=") for folder in root.glob("dt=*"))
for day in days:
    version = record(day)
    print(f"{version.name}: {'new' if version.created else 'unchanged'}")

# One day is delivered again. Numbers and `latest` are per partition, so no other day notices.
mended = days[0]
(root / f"dt={mended}" / "late.csv").write_text("late,1\n")
print(f"{record(mended).name}: delivered again")

for day, latest in client.partitions("orders").items():
    print(f"latest of {day}: {latest.version}, {latest.file_count} files")

# Whoever follows the feed sees one change a day, and one more for the day that was mended.
changes = [change for change in client.changes() if change.version.collection == "orders"]
print(f"{len(changes)} changes, the last of {changes[-1].version.partition}")

# A version of a partition is named like any other.
before = client.get(f"orders~{mended}:v0")
print(f"{before.name} still has {before.file_count} files")
