"""GetWire: objects of S3, asked for, signed and sent by a botocore client, with less of its work for each.

As list pages are (see `s3_wire`): an object takes the request of the last one that went the long way, with another key,
version, condition and range, signed by the client's signer and sent over its connections.  Whatever comes back that
is no object goes the long way, as the outcome of its first attempt.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from landfast.clouds.s3_wire import SentRequest, Wanted, has_own_methods, is_plain, listen, waiting

_METHOD = "get_object"
_HEADERS = {"IfMatch": "If-Match", "Range": "Range"}
_OWN = {"Key", "VersionId", *_HEADERS}


class GetWire:
    """Objects of a boto3 client for S3, for any number of threads; its other users notice nothing."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._requests: dict[Any, SentRequest] = {}
        self._heard: Any = None
        listen(client, "GetObject")
        shape = client.meta.service_model.operation_model("GetObject").output_shape
        self._facts = {
            member.serialization["name"].lower(): (name, member.type_name)
            for name, member in shape.members.items()
            if member.serialization.get("location") == "header"
        }

    def get(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what `get_object` would; of its reply only what headers say of the object, and the body.

        Raises:
            botocore.exceptions.ClientError: If the server answers with an error.
            botocore.exceptions.BotoCoreError: If there is no answer.
        """
        from botocore.response import StreamingBody

        kind = repr({name: value for name, value in parameters.items() if name not in _OWN})
        key = parameters["Key"]
        known = self._requests.get(kind) if self._is_plain() else None
        if known is None or _is_odd(key):
            return self._long_way(parameters, kind)
        headers = {_HEADERS[name]: parameters[name] for name in _HEADERS if name in parameters}
        version = parameters.get("VersionId")
        query = "" if version is None else f"?versionId={quote(version, safe='-._~')}"
        outcome = known.ask(self._client, known.base + _encoded(key) + query, headers)
        if getattr(outcome, "status_code", None) not in {200, 206}:
            self._requests.pop(kind, None)
            return self._long_way(parameters, kind, outcome)
        reply: dict[str, Any] = {}
        for name, value in outcome.headers.items():
            if (fact := self._facts.get(name.lower())) is not None:
                reply[fact[0]] = _read(fact[1], value)
        length: Any = reply.get("ContentLength")  # None where it is sent in chunks
        reply["Body"] = StreamingBody(outcome.raw, length)
        return reply

    def _is_plain(self) -> bool:
        """Whether nobody is in the way; the whole question is asked again when somebody began to listen."""
        try:
            # Made anew at every change of who listens.
            heard = self._client.meta.events._emitter._lookup_cache
        except AttributeError:  # another botocore than we know
            return is_plain(self._client, _METHOD)
        if heard is self._heard:
            return has_own_methods(self._client, _METHOD)
        is_so = is_plain(self._client, _METHOD)
        self._heard = heard if is_so else None
        return is_so

    def _long_way(
        self, parameters: Mapping[str, Any], kind: str, outcome: Any = None
    ) -> Mapping[str, Any]:
        with waiting(Wanted(outcome)) as wanted:
            reply: Mapping[str, Any] = self._client.get_object(**parameters)
        metadata = reply.get("ResponseMetadata", {})
        if wanted.request is not None and not metadata.get("RetryAttempts"):
            request = _template(wanted.request, parameters)
            if request is not None:
                self._requests[kind] = request
        return reply


def _template(sent: SentRequest, parameters: Mapping[str, Any]) -> SentRequest | None:
    """Return a request without what is of one object; None where botocore has more to do with its reply or query."""
    key, params = _encoded(parameters["Key"]), sent.params
    is_checked = params["context"].get("checksum", {}).get("response_algorithms")
    asked = {"versionId"} if "VersionId" in parameters else set()
    if is_checked or _is_odd(parameters["Key"]) or set(params["query_string"]) != asked:
        return None
    if not sent.base.endswith(f"/{key}"):
        return None
    own = {name.lower() for name in _HEADERS.values()}
    headers = {name: value for name, value in params["headers"].items() if name.lower() not in own}
    base = sent.base.removesuffix(key)
    return SentRequest(sent.model, {**params, "headers": headers}, base, sent.features)


def _encoded(key: str) -> str:
    return quote(key, safe="/-._~")


def _is_odd(key: str) -> bool:
    """Whether a key might not stand in a URL as it is."""
    names = key.split("/")
    return not {"", ".", ".."}.isdisjoint(names)


def _read(kind: str, value: str) -> Any:
    if kind in {"long", "integer"}:
        return int(value)
    if kind == "boolean":
        return value.lower() == "true"
    return _moment(value) if kind == "timestamp" else value


@lru_cache(maxsize=256)
def _moment(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except ValueError:
        return None
