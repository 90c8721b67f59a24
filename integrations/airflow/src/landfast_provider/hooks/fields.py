"""ConnectionFields: what a connection of type `landfast` says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import landfast

from landfast_provider.get_provider_info import CONNECTION_FIELDS, CONNECTION_TYPE

if TYPE_CHECKING:
    from airflow.sdk import Connection

# Extras of a postgres connection that libpq knows; the others speak to Airflow's own hook.
_LIBPQ = frozenset(
    {
        *("sslmode", "sslrootcert", "sslcert", "sslkey", "sslpassword", "sslcrl"),
        *("connect_timeout", "application_name", "options", "target_session_attrs"),
        *("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionFields:
    """The fields of a connection.

    Args:
        registry_url: Where the registry is; None leaves it to the environment.
        postgres_conn_id: Id of a postgres connection that says it instead.
        aws_conn_id: Credentials of ``s3://``; None is boto3's own chain.
        gcp_conn_id: Credentials of ``gs://``; None is Google's own chain.
        ui_url: Where Landfast's pages are served.
    """

    registry_url: str | None = field(default=None, repr=False)
    postgres_conn_id: str | None = None
    aws_conn_id: str | None = None
    gcp_conn_id: str | None = None
    ui_url: str | None = None

    @classmethod
    def of(cls, connection: Connection) -> ConnectionFields:
        """Read a connection.

        Raises:
            InvalidInput: If it has another type, or an extra that means nothing here.
            Conflict: If it names the registry twice.
        """
        if connection.conn_type != CONNECTION_TYPE:
            raise landfast.InvalidInput(
                f"connection {connection.conn_id!r} has another type",
                subject=connection.conn_id,
                expected=CONNECTION_TYPE,
                found=str(connection.conn_type),
            )
        extras = {name: value for name, value in _extras(connection).items() if value}
        unknown = sorted(extras.keys() - CONNECTION_FIELDS.keys())
        if unknown:
            raise landfast.InvalidInput(
                f"connection {connection.conn_id!r} has the unknown extra {unknown[0]!r}",
                subject=connection.conn_id,
                expected="one of " + ", ".join(sorted(CONNECTION_FIELDS)),
                hint="The registry's URL belongs into the password field.",
            )
        if connection.password and extras.get("postgres_conn_id"):
            raise landfast.Conflict(
                f"connection {connection.conn_id!r} names the registry twice",
                subject=connection.conn_id,
                expected="a registry URL or postgres_conn_id",
                found="both",
            )
        return cls(registry_url=connection.password or None, **extras)


def postgres_url(connection: Connection) -> str:
    """Write a postgres connection as the URL of a registry.

    Raises:
        InvalidInput: If it is of another type, or names no host or database.
    """
    if connection.conn_type not in {"postgres", "postgresql"}:
        raise landfast.InvalidInput(
            f"connection {connection.conn_id!r} has another type",
            subject=connection.conn_id,
            expected="postgres",
            found=str(connection.conn_type),
        )
    if not connection.host or not connection.schema:
        raise landfast.InvalidInput(
            f"connection {connection.conn_id!r} does not say where the registry is",
            subject=connection.conn_id,
            expected="a host and a database (the field Schema)",
        )
    user = quote(connection.login or "", safe="")
    password = f":{quote(connection.password, safe='')}" if connection.password else ""
    at = "@" if user or password else ""
    port = f":{connection.port}" if connection.port else ""
    database = quote(connection.schema, safe="")
    known = {name: str(value) for name, value in _extras(connection).items() if name in _LIBPQ}
    query = f"?{urlencode(known)}" if known else ""
    return f"postgresql://{user}{password}{at}{connection.host}{port}/{database}{query}"


def _extras(connection: Connection) -> Mapping[str, Any]:
    return connection.extra_dejson or {}
