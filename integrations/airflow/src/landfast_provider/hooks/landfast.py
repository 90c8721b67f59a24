"""LandfastHook: a Landfast client behind an Airflow connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

import landfast

from landfast_provider.get_provider_info import CONNECTION_TYPE, FIELD_BEHAVIOUR
from landfast_provider.hooks.credentials import AwsClients, GoogleClients
from landfast_provider.hooks.fields import ConnectionFields, postgres_url
from landfast_provider.hooks.local_registry import refuse_implicit_registry
from landfast_provider.version_compat import (
    AirflowNotFoundException,
    BaseHook,
    afind_connection,
    find_connection,
    mask_secret,
)

if TYPE_CHECKING:
    from airflow.sdk import Connection

DEFAULT_CONN_ID = "landfast_default"


class LandfastHook(BaseHook):
    """Open the registry that a connection names, with the credentials that it names.

    Without a connection ``landfast_default`` the environment decides (``LANDFAST_REGISTRY_URL``).

    Args:
        landfast_conn_id: The connection.
        aws_conn_id: Credentials of ``s3://`` data, instead of the connection's.
        gcp_conn_id: Credentials of ``gs://`` data, instead of the connection's.

    Example:
        >>> LandfastHook().get_conn().get("vision/mnist:prod")  # doctest: +SKIP
    """

    conn_name_attr: ClassVar[str] = "landfast_conn_id"
    default_conn_name: ClassVar[str] = DEFAULT_CONN_ID
    conn_type: ClassVar[str] = CONNECTION_TYPE
    hook_name: ClassVar[str] = "Landfast"

    def __init__(
        self,
        landfast_conn_id: str = DEFAULT_CONN_ID,
        *,
        aws_conn_id: str | None = None,
        gcp_conn_id: str | None = None,
    ) -> None:
        super().__init__()
        self.landfast_conn_id = landfast_conn_id
        self.aws_conn_id = aws_conn_id
        self.gcp_conn_id = gcp_conn_id
        self._found: ConnectionFields | None = None
        self._known: dict[str, Connection] = {}

    def get_conn(self) -> landfast.Client:
        """Return a client; nothing is opened before it is needed."""
        return self.get_client()

    def get_client(self, *, run: landfast.RunKey | None = None) -> landfast.Client:
        """Return a client that logs in the name of a run.

        Args:
            run: The run; None is one for this process.

        Raises:
            InvalidInput: If the connection is wrong, or nothing names a registry that all workers reach.
            AirflowNotFoundException: If a connection that is named does not exist.
        """
        fields = self.fields()
        url = fields.registry_url
        if url is None and fields.postgres_conn_id:
            url = postgres_url(self._look_up(fields.postgres_conn_id))
        return self._client(url, fields, run)

    async def aget_client(self, *, run: landfast.RunKey | None = None) -> landfast.Client:
        """Do as `get_client` in a trigger, where a look-up of a connection must not block.

        Every connection is looked up now, so that the client may then be used in a thread.
        """
        fields = await self._aget_fields()
        ids = {
            *(fields.postgres_conn_id, fields.aws_conn_id, fields.gcp_conn_id),
            *(self.aws_conn_id, self.gcp_conn_id),
        }
        for conn_id in sorted(conn_id for conn_id in ids if conn_id):
            self._known[conn_id] = await afind_connection(self, conn_id)
        return self.get_client(run=run)

    def fields(self) -> ConnectionFields:
        """Return what the connection says; all empty if there is no default connection."""
        if self._found is None:
            try:
                connection = find_connection(self, self.landfast_conn_id)
            except AirflowNotFoundException:
                if self.landfast_conn_id != DEFAULT_CONN_ID:
                    raise
                self._found = ConnectionFields()
            else:
                self._found = ConnectionFields.of(connection)
        return self._found

    async def _aget_fields(self) -> ConnectionFields:
        if self._found is None:
            try:
                connection = await afind_connection(self, self.landfast_conn_id)
            except AirflowNotFoundException:
                if self.landfast_conn_id != DEFAULT_CONN_ID:
                    raise
                self._found = ConnectionFields()
            else:
                self._found = ConnectionFields.of(connection)
        return self._found

    def test_connection(self) -> tuple[bool, str]:
        """Open the registry, for the *Test* button."""
        try:
            client = self.get_conn()
            info = client.registry.info
            client.close()
        except landfast.LandfastError as error:
            return False, str(error)
        return True, f"Registry {client.display_url}, manifests in {info.store_url}"

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return the form's labels for Airflow 3.1, which does not read them from the provider's info."""
        return {key.replace("-", "_"): value for key, value in FIELD_BEHAVIOUR.items()}

    def _client(
        self, url: str | None, fields: ConnectionFields, run: landfast.RunKey | None
    ) -> landfast.Client:
        settings = landfast.load_settings(registry_url=url)
        refuse_implicit_registry(settings.registry_url)
        _mask(settings.registry_url)
        client = landfast.Client(settings=settings, clients=self._factories(fields), run=run)
        own = self._store_factories(client, fields)
        if not own:
            return client
        client.close()
        clients = {**self._factories(fields), **own}
        return landfast.Client(settings=settings, clients=clients, run=run)

    def _factories(self, fields: ConnectionFields) -> dict[str, Any]:
        aws = self.aws_conn_id or fields.aws_conn_id
        google = self.gcp_conn_id or fields.gcp_conn_id
        return {**self._aws(aws), **self._google(google)}

    def _store_factories(
        self, client: landfast.Client, fields: ConnectionFields
    ) -> Mapping[str, Any]:
        """Return who reads the manifests, where that is not who reads the data."""
        differs = {
            "s3": fields.aws_conn_id not in {None, self.aws_conn_id} and self.aws_conn_id,
            "gs": fields.gcp_conn_id not in {None, self.gcp_conn_id} and self.gcp_conn_id,
        }
        if not any(differs.values()):
            return {}
        place = str(client.registry.info.store_url).rstrip("/") + "/"
        scheme = urlsplit(place).scheme
        if not differs.get(scheme):
            return {}
        own = {**self._aws(fields.aws_conn_id), **self._google(fields.gcp_conn_id)}
        return {place: own[scheme]}

    def _aws(self, conn_id: str | None) -> dict[str, AwsClients]:
        if not conn_id:
            return {}
        return {"s3": AwsClients(aws_conn_id=conn_id, connection=self._known.get(conn_id))}

    def _google(self, conn_id: str | None) -> dict[str, GoogleClients]:
        if not conn_id:
            return {}
        return {"gs": GoogleClients(gcp_conn_id=conn_id, connection=self._known.get(conn_id))}

    def _look_up(self, conn_id: str) -> Connection:
        return self._known.get(conn_id) or find_connection(self, conn_id)


def _mask(url: str | None) -> None:
    """Keep the URL and its password out of task logs."""
    if url is not None and (password := urlsplit(url).password):
        mask_secret(url)
        mask_secret(password)
