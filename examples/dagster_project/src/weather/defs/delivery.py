"""A job that does what the vendor does: deliver a month of readings again. For trying things out."""

import boto3
import dagster as dg

from weather import vendor


class Delivery(dg.Config):
    """Which readings, and how many degrees warmer than the first ones."""

    station: str = "oslo"
    month: str = "2026-05"
    offset: float = 1.5


@dg.op
def deliver_readings(config: Delivery) -> None:
    """Overwrite one object of the vendor's bucket."""
    vendor.deliver(boto3.client("s3"), config.station, config.month, config.offset)


@dg.job
def vendor_delivers() -> None:
    """Overwrite one object of the vendor's bucket."""
    deliver_readings()
