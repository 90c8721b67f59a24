"""Stands for the vendor: a bucket that somebody else writes to, one folder for each station."""

import math
from typing import Any

BUCKET = "weather"
STATIONS = ("bergen", "oslo")
MONTHS = ("2026-04", "2026-05")


def deliver_first_readings(s3: Any) -> None:
    """Make the bucket, which keeps what is overwritten, and put two months of each station."""
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for station in STATIONS:
        for month in MONTHS:
            deliver(s3, station, month)


def deliver(s3: Any, station: str, month: str, offset: float = 0.0) -> None:
    """Put one month of a station; another offset is another content.

    Args:
        s3: A boto3 client.
        station: One of `STATIONS`.
        month: Such as ``2026-05``.
        offset: Degrees Celsius added to every reading.
    """
    rows = [f"{day},{temperature(station, month, day) + offset:.1f}" for day in range(1, 31)]
    rows[9] = "10,broken"  # a vendor's data is never clean
    key = f"readings/station={station}/{month}.csv"
    body = "\n".join(["day,celsius", *rows]) + "\n"
    s3.put_object(Bucket=BUCKET, Key=key, Body=body.encode())


def temperature(station: str, month: str, day: int) -> float:
    """Return a believable temperature, always the same for the same day."""
    season = 3.0 * (int(month[-2:]) - 4)
    return 6.0 + season + STATIONS.index(station) + 3.0 * math.sin(day / 3)
