"""LandfastHook: a Landfast client behind an Airflow connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar
from urllib.parse import urlsplit

import landfast

from landfast_provider.get_provider_info import CONNECTION_TYPE, FIELD_BEHAVIOUR
from landfast_provider.hooks.credentials import AwsClients, GoogleClients
from landfast_provider.hooks.fields import ConnectionFields, postgres_url
from landfast_provider.hooks.local_registry import refuse_implicit_registry
from landfast_provider.hooks.threads import MadeBeside, in_thread
from landfast_provider.version_compat import (
    AirflowNotFoundException,
    BaseHook,
    find_connection,
    mask_secret,
)

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
        self._loop: asyncio.AbstractEventLoop | None = None

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
        fields, url = self.source()
        return self._client(url, fields, run)

    async def aget_client(self, *, run: landfast.RunKey | None = None) -> landfast.Client:
        """Do as `get_client` in a trigger, whose loop must not wait; the client is for threads.

        The embedded SQLite registry is refused: a triggerer would follow one of its own.
        """
        self._loop = asyncio.get_running_loop()
        return await in_thread(partial(self.get_client, run=run))

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

    def source(self) -> tuple[ConnectionFields, str | None]:
        """Return what the connection says, and the registry's URL if it or the one it names says it."""
        fields = self.fields()
        url = fields.registry_url
        if url is None and fields.postgres_conn_id:
            url = postgres_url(find_connection(self, fields.postgres_conn_id))
        return fields, url

    def test_connection(self) -> tuple[bool, str]:
        """Open the registry, for the *Test* button."""
        try:
            client = self.get_conn()
            info = client.registry_info
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
        refuse_implicit_registry(settings, in_trigger=self._loop is not None)
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
        place = str(client.registry_info.store_url).rstrip("/") + "/"
        scheme = urlsplit(place).scheme
        if not differs.get(scheme):
            return {}
        own = {**self._aws(fields.aws_conn_id), **self._google(fields.gcp_conn_id)}
        return {place: own[scheme]}

    def _aws(self, conn_id: str | None) -> dict[str, Any]:
        return {"s3": self._beside(AwsClients(aws_conn_id=conn_id))} if conn_id else {}

    def _google(self, conn_id: str | None) -> dict[str, Any]:
        return {"gs": self._beside(GoogleClients(gcp_conn_id=conn_id))} if conn_id else {}

    def _beside(self, make: Callable[[], Any]) -> Callable[[], Any]:
        return make if self._loop is None else MadeBeside(make, self._loop)


def _mask(url: str | None) -> None:
    """Keep the URL and its password out of task logs."""
    if url is not None and (password := urlsplit(url).password):
        mask_secret(url)
        mask_secret(password)
