"""Emit events by OpenLineage's own client, as its own configuration says where to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import urllib3
from openlineage.client.client import OpenLineageClient
from openlineage.client.event_v2 import DatasetEvent, RunEvent
from openlineage.client.transport.composite import CompositeTransport
from openlineage.client.transport.http import HttpTransport
from openlineage.client.transport.transport import Transport
from requests import RequestException

from landfast.errors import InvalidInput
from landfast.follow.outcome import Failure
from landfast.redaction import redact_loggers

_UNAVAILABLE = 15
# The receiver does not want this event, and will not want it later.
_REFUSED = {400, 413, 422}
_ONCE = {"total": 0, "read": 0, "connect": 0, "status_forcelist": []}
_LOGGERS = (
    "openlineage.client.transport.http",
    "openlineage.client.client",
    "urllib3.connectionpool",
)


class Emitter:
    """Sends events where OpenLineage's configuration says: `OPENLINEAGE_URL`, ``openlineage.yml``, ...

    Raises:
        InvalidInput: If it says nothing, or that nothing is to be sent.
    """

    def __init__(self) -> None:
        redact_loggers(*_LOGGERS)
        try:
            with _environment_as_it_was():
                self._client = OpenLineageClient()
        except Exception as error:  # noqa: BLE001 - whatever a transport makes of its configuration
            raise InvalidInput(
                "the configuration of OpenLineage cannot be used",
                subject="OPENLINEAGE_CONFIG",
                found=type(error).__name__,
                hint="See https://openlineage.io/docs/client/python/configuration.",
            ) from None
        kind = self._client.transport.kind
        told = (self._client.config.transport or {}).get("type")
        if kind == "noop" or (kind == "console" and not told):
            raise InvalidInput(
                "OpenLineage is disabled"
                if kind == "noop"
                else "nothing says where OpenLineage events go",
                subject="OPENLINEAGE_URL",
                expected="OPENLINEAGE_URL, OPENLINEAGE_CONFIG or OPENLINEAGE__TRANSPORT__TYPE",
                hint="Without a receiver, events would count as delivered.",
            )
        self.kind = str(kind)
        self._http = [one for one in _all(self._client.transport) if isinstance(one, HttpTransport)]
        for transport in self._http:
            # We alone ask again: as often as the user says, with what the server says of when.
            transport.config.retry = {**transport.config.retry, **_ONCE}

    def send(self, event: RunEvent | DatasetEvent) -> Failure | None:
        """Send an event; answer why it did not arrive."""
        try:
            self._client.emit(event)
        except RequestException as error:
            return _failure(error)
        except Exception as error:  # noqa: BLE001 - transports raise what their libraries raise
            return Failure(
                reason=f"OpenLineage by {self.kind}: {type(error).__name__}", code=_UNAVAILABLE
            )
        return None

    def hurry(self, seconds: float) -> None:
        """Wait for the answer of a server no longer than so many seconds."""
        for transport in self._http:
            transport.timeout = min(transport.timeout, seconds)

    def close(self) -> None:
        """Wait for what is still under way."""
        self._client.close()


@contextmanager
def _environment_as_it_was() -> Iterator[None]:
    """Take away again what the client writes into the environment: it spells `OPENLINEAGE_URL` out for itself."""
    before = set(os.environ)
    try:
        yield
    finally:
        for name in set(os.environ) - before:
            del os.environ[name]


def _all(transport: Transport) -> list[Transport]:
    return transport.transports if isinstance(transport, CompositeTransport) else [transport]


def _failure(error: RequestException) -> Failure:
    """Say what happened; the error's own text has the URL."""
    response = error.response
    if response is None:
        return Failure(
            reason=f"the OpenLineage server does not answer ({type(error).__name__})",
            code=_UNAVAILABLE,
        )
    return Failure(
        reason=f"the OpenLineage server answered {response.status_code}",
        code=_UNAVAILABLE,
        wait_s=_wait_of(response.headers.get("retry-after")),
        is_final=response.status_code in _REFUSED,
    )


def _wait_of(value: str | None) -> float | None:
    try:
        return None if value is None else urllib3.Retry().parse_retry_after(value)
    except urllib3.exceptions.HTTPError:
        return None
