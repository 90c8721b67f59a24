"""Patience: what a trigger asks of a registry, and how it waits for one that does not answer."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import landfast

from landfast_provider.hooks.landfast import LandfastHook
from landfast_provider.hooks.threads import in_thread

T = TypeVar("T")

log = logging.getLogger(__name__)

# What may be mended elsewhere while a trigger waits: a server, a password, a permission.
PASSING: tuple[type[Exception], ...] = (landfast.Unavailable, landfast.AccessDenied)


def stored(trigger: Any, *names: str) -> tuple[str, dict[str, Any]]:
    """Return what Airflow stores of a trigger, to make it again: its class, and these attributes."""
    kind = type(trigger)
    return f"{kind.__module__}.{kind.__qualname__}", {
        name: getattr(trigger, name) for name in names
    }


class PatientClient:
    """A client that a trigger keeps for as long as its connection stays what it is.

    The connection is looked up at every question: one that is missing is waited for, one that changed counts from
    the next question on.  After an error the clients are made anew, with the credentials of that moment.

    Args:
        landfast_conn_id: The registry.
        aws_conn_id: Credentials of ``s3://``; None is the connection's.
        gcp_conn_id: Credentials of ``gs://``; None is the connection's.
        bears: The errors of a question that are waited out; others are raised.
    """

    def __init__(
        self,
        landfast_conn_id: str,
        *,
        aws_conn_id: str | None = None,
        gcp_conn_id: str | None = None,
        bears: tuple[type[Exception], ...] = PASSING,
    ) -> None:
        self._hook = partial(
            LandfastHook, landfast_conn_id, aws_conn_id=aws_conn_id, gcp_conn_id=gcp_conn_id
        )
        self._bears = bears
        self._client: landfast.Client | None = None
        self._source: Any = None
        self._said = ""

    async def ask(self, do: Callable[[landfast.Client], T]) -> T | None:
        """Call a function of the client in a thread, beside the loop that all triggers share.

        Returns:
            What it returned; None if there is no registry that answers: ask again later.
        """
        try:
            client = await self._connect()
        # Whatever Airflow has against a connection, it is looked up again.
        except Exception as error:  # noqa: BLE001
            self._wait(error)
            return None
        try:
            answer = await in_thread(partial(do, client))
        except self._bears as error:
            self._wait(error)
            return None
        if self._said:
            log.info("The registry answers again")
            self._said = ""
        return answer

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()
        self._client = None

    async def _connect(self) -> landfast.Client:
        hook = self._hook()
        source = await in_thread(hook.source)
        if self._client is None or source != self._source:
            self.close()
            self._client = await hook.aget_client()
            self._source = source
        return self._client

    def _wait(self, error: Exception) -> None:
        self.close()
        said = f"{type(error).__name__}: {error}"
        # Once: a trigger may ask every second.
        if said != self._said:
            log.warning("No answer, the trigger asks again: %s", said)
            self._said = said
