"""Client factories that take their credentials from other connections of Airflow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import landfast


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsClients:
    """Make S3 clients with the credentials, region and endpoint of an AWS connection.

    It pickles as the connection's id alone; the credentials are looked up where it is called.

    Args:
        aws_conn_id: The connection.
    """

    aws_conn_id: str

    def __call__(self) -> Any:
        """Return a new client.

        Raises:
            MissingExtra: If the amazon provider is not installed.
        """
        try:
            from airflow.providers.amazon.aws.hooks.s3 import S3Hook
            from botocore.config import Config
        except ImportError:
            raise _missing("aws_conn_id", "amazon") from None
        hook = S3Hook(aws_conn_id=self.aws_conn_id)
        # Landfast tries requests again itself, and lists in as many threads as there are connections.
        config = (hook.config or Config()).merge(
            Config(retries={"total_max_attempts": 1}, max_pool_connections=64)
        )
        return hook.get_client_type(config=config)


@dataclass(frozen=True, slots=True, kw_only=True)
class GoogleClients:
    """Make Cloud Storage clients with the credentials of a Google connection.

    It pickles as the connection's id alone; the credentials are looked up where it is called.

    Args:
        gcp_conn_id: The connection.
    """

    gcp_conn_id: str

    def __call__(self) -> Any:
        """Return a new client.

        Raises:
            MissingExtra: If the google provider is not installed.
        """
        try:
            from airflow.providers.google.cloud.hooks.gcs import GCSHook
        except ImportError:
            raise _missing("gcp_conn_id", "google") from None
        return GCSHook(gcp_conn_id=self.gcp_conn_id).get_conn()


def _missing(asked: str, provider: str) -> landfast.MissingExtra:
    return landfast.MissingExtra(
        f"{asked} needs apache-airflow-providers-{provider}, which is not installed",
        subject=provider,
        hint=f"Run: pip install 'airflow-provider-landfast[{provider}]'",
    )
