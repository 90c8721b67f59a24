"""The store of `gs://`: Google Cloud Storage, through the session of google-cloud-storage."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from landfast.clouds.gcs_client import (
    GcsConnection,
    GcsOptions,
    make_client,
    object_path,
    public_endpoint,
)
from landfast.clouds.gcs_errors import Asked, reading
from landfast.clouds.per_process import PerProcess
from landfast.errors import (
    AccessDenied,
    InvalidInput,
    LandfastError,
    NotFound,
    ObjectChanged,
    Unverifiable,
)
from landfast.model.location import Location
from landfast.model.retention.rules import BUCKET, ObjectLock
from landfast.model.storage.holds import HoldKind
from landfast.model.storage.requests import Operations, Tried, untold
from landfast.stores.base import (
    Capabilities,
    ChecksumKind,
    ClientFactory,
    Kind,
    ListRequest,
    ObjectInfo,
    OptionKinds,
    Page,
    Pin,
    PresignRequest,
    Reader,
    Versioning,
    locate_by_listing,
)
from landfast.stores.gcs import lifecycle
from landfast.stores.gcs.holds import KINDS as HOLD_KINDS
from landfast.stores.gcs.holds import OPERATIONS as HOLD_OPERATIONS
from landfast.stores.gcs.holds import get_hold, may_hold, put_hold
from landfast.stores.gcs.listing import Listing
from landfast.stores.gcs.permissions import minimal_permissions
from landfast.stores.gcs.presign import CORS_SETTING, presign
from landfast.stores.gcs.reader import open_pin
from landfast.stores.gcs.rows import FIELDS, KINDS, describe
from landfast.stores.holds import HoldMark, HoldOperations, HoldRequest

T = TypeVar("T")

_API = "/storage/v1"

_OPERATIONS = Operations(list="objects.list", stat="objects.get", read="objects.get (media)")


class GcsStore:
    """Read objects of buckets.

    Plain list rows carry generations, so pins cost nothing.  The checksum is the MD5 that Cloud
    Storage keeps, for composite objects the CRC32C.  There are no delete markers: a deleted
    object is one whose rows are all noncurrent.  Where a token is refused, Google's session renews
    it and asks once more.

    Args:
        options: See `landfast.clouds.gcs_client.GcsOptions`.
        client: Makes a `google.cloud.storage.Client`; called once in each process, and it wins
            over every option but `user_project`.

    Raises:
        InvalidInput: If an option is unknown or has a wrong value.

    Example:
        >>> GcsStore({"endpoint": "http://127.0.0.1:4443", "anonymous": True}).endpoint
        'http://127.0.0.1:4443'
    """

    option_kinds = OptionKinds(
        recorded=frozenset({"project", "user_project", "anonymous"}),
        identity=frozenset({"key_file"}),
        endpoint="endpoint",
    )

    permissions = staticmethod(minimal_permissions)

    on_request: Tried = staticmethod(untold)

    def __init__(
        self, options: Mapping[str, Any] | None = None, *, client: ClientFactory | None = None
    ) -> None:
        self._options = GcsOptions.of(options)
        self._factory = client
        self._client = PerProcess(partial(make_client, self._options, client))
        self._connection = PerProcess(self._connect)

    def _connect(self) -> GcsConnection:
        return GcsConnection(self._client(), self._options)

    def __repr__(self) -> str:
        handed_in = ", client=..." if self._factory is not None else ""
        return f"GcsStore({self._options!r}{handed_in})"

    @property
    def endpoint(self) -> str | None:
        """The effective endpoint; None at Google."""
        if self._factory is not None:
            return public_endpoint(self._client().api_endpoint)
        named = self._options.effective_endpoint()
        return public_endpoint(named) if named else None

    def capabilities(self) -> Capabilities:
        """Tell what Cloud Storage can do."""
        return Capabilities(
            versions=True,
            seeks=True,
            ranges=True,
            list_checksums=KINDS,
            pinned_listing=True,
            clock="https://storage.googleapis.com",
            operations=_OPERATIONS,
            presigns=True,
            holds=HOLD_KINDS,
            cors_setting=CORS_SETTING,
            versioning_command="gcloud storage buckets update gs://{bucket} --versioning",
        )

    def versioning(self, location: Location) -> Versioning:
        """Ask for the bucket's metadata; a refused question is `UNKNOWN`."""
        asked = Asked.of(location, "asked", "storage.buckets.get")
        self.on_request("buckets.get")
        try:
            enabled = self._json(
                asked,
                f"/b/{location.authority}",
                {"fields": "versioning"},
                lambda body: (body.get("versioning") or {}).get("enabled"),
            )
        except AccessDenied as error:
            if error.details.get("credentials"):
                raise
            return Versioning.UNKNOWN
        return Versioning.ENABLED if enabled else Versioning.OFF

    def locate(self, location: Location) -> Kind:
        """Tell by at most two list requests."""
        return locate_by_listing(self, location)

    def list_page(self, request: ListRequest) -> Page:
        """List with `objects.list`.

        With versions a key of more than 1,000 generations comes in several runs, each of them newest first.
        """
        _check_kind(request.checksum)
        listing = Listing.of(request)
        asked = Asked.of(request.location, "listed", "storage.objects.list")
        path = f"/b/{request.location.authority}/o"
        self.on_request(_OPERATIONS.list)
        return self._json(asked, path, listing.parameters(), listing.page)

    def stat(
        self, location: Location, *, version_id: str | None = None, checksum: ChecksumKind = None
    ) -> ObjectInfo:
        """Describe with `objects.get`."""
        _check_kind(checksum)
        asked = Asked.of(location, "described", "storage.objects.get", version_id)
        path = object_path(location.authority, location.key)
        self.on_request(_OPERATIONS.stat)
        parameters = {"fields": FIELDS, **_generation(location, version_id)}
        info = self._json(asked, path, parameters, lambda item: describe(item, location, checksum))
        if version_id not in {None, info.version_id}:
            raise ObjectChanged(
                f"{asked.name}: the server describes a generation that was not requested",
                subject=asked.name,
                expected=f"generation {version_id}",
                found=str(info.version_id),
                version_id=version_id,
                differs="generation",
            )
        if checksum and info.checksum is None:
            raise Unverifiable(
                f"{asked.name} has no {checksum}",
                subject=asked.name,
                found="a composite object, which has a crc32c only",
                hint="Use the default checksum, or checksum='crc32c'.",
            )
        return info

    def open(self, pin: Pin, *, start: int = 0) -> AbstractContextManager[Reader]:
        """Open with `objects.get` of the media.

        Where the recorded generation is gone, two further requests tell an overwritten object of a
        bucket without versioning (`ObjectChanged`) from a generation that was deleted (`NotFound`).
        """
        _generation(pin.location, pin.version_id)
        self.on_request(_OPERATIONS.read)
        return self._open(pin, start)

    @contextmanager
    def _open(self, pin: Pin, start: int) -> Iterator[Reader]:
        with ExitStack() as stack:
            try:
                reader = stack.enter_context(open_pin(self._connection(), pin, start))
            except NotFound as error:
                missing = error
            else:
                yield reader
                return
        raise self._overwritten(pin) or missing

    def _overwritten(self, pin: Pin) -> ObjectChanged | None:
        """Tell whether a generation went because the bucket does not keep what is overwritten."""
        if pin.version_id is None:
            return None
        try:
            live = self.stat(pin.location, checksum=False)
            if self.versioning(pin.location) is not Versioning.OFF:
                return None
        except LandfastError:
            return None
        return ObjectChanged(
            f"{pin.location}#{pin.version_id} was overwritten, and its bucket does not keep overwritten objects",
            subject=str(pin.location),
            expected=f"generation {pin.version_id}",
            found=f"generation {live.version_id}",
            hint="Turn on versioning to keep objects that are overwritten in the future: "
            + self.capabilities().versioning_command.format(bucket=pin.location.authority),
            version_id=pin.version_id,
            differs="generation",
        )

    def presign(self, pin: Pin, request: PresignRequest) -> str | None:
        """Sign the address of one generation, where the credentials can sign.

        See `landfast.stores.base.Presigner`.
        """
        payer = self._options.user_project
        return presign(self._client(), pin, request, payer, endpoint=self.endpoint)

    def hold_operations(self, kind: HoldKind) -> HoldOperations:  # noqa: ARG002
        """Name the requests of a hold; see `landfast.stores.holds.Holder`, also of what follows."""
        return HOLD_OPERATIONS

    def check_hold(self, location: Location, kind: HoldKind) -> None:
        """Objects of every bucket can be held: nothing is asked."""

    def may_hold(self, asked: HoldRequest) -> None:
        """Ask whether holds may be put."""
        self.on_request(HOLD_OPERATIONS.may)
        may_hold(self._sent, asked)

    def get_hold(self, asked: HoldRequest) -> HoldMark:
        """Ask whether a generation is held."""
        self.on_request(HOLD_OPERATIONS.get)
        return reading(
            Asked.of(asked.location, "asked about", "storage.objects.get", asked.version_id),
            lambda: get_hold(self._sent, asked),
        )

    def put_hold(self, asked: HoldRequest, mark: HoldMark) -> None:
        """Hold a generation, or release it."""
        self.on_request(HOLD_OPERATIONS.put)
        put_hold(self._sent, asked, mark)

    def _sent(
        self,
        asked: Asked,
        method: str,
        path: str,
        parameters: Mapping[str, str],
        body: bytes | None = None,
    ) -> Any:
        headers = {"content-type": "application/json"} if body else {}
        connection: GcsConnection = self._connection()
        reply = connection.send(asked, method, _API + path, parameters, headers=headers, data=body)
        return reading(asked, reply.json)

    def rule_questions(self) -> tuple[str, ...]:
        """Name the one question: a bucket's settings tell all; see `landfast.stores.rules.RuleTeller`."""
        return (BUCKET,)

    def ask_rules(self, location: Location, question: str) -> dict[str, Any]:
        """Ask for the settings of a bucket with `buckets.get`."""
        asked = Asked.of(location, f"asked for {question}", "storage.buckets.get")
        fields = {"fields": lifecycle.FIELDS}
        return self._json(asked, f"/b/{location.authority}", fields, lifecycle.settings)

    def sent_rules(self, location: Location, text: str) -> dict[str, Any]:
        """Read lifecycle rules as gcloud, the API or Terraform write them."""
        return lifecycle.told_by(lifecycle.read_sent(text, location.authority))

    def tags(self, location: Location, version_id: str | None) -> Mapping[str, str]:  # noqa: ARG002
        """There are none that rules go by; no request."""
        return {}

    def lock(self, location: Location, version_id: str | None) -> ObjectLock:
        """Ask for holds and retention of a generation with `objects.get`."""
        asked = Asked.of(location, "asked what holds it", "storage.objects.get", version_id)
        path = object_path(location.authority, location.key)
        parameters = {"fields": _HOLDING, **_generation(location, version_id)}
        return self._json(asked, path, parameters, _held)

    def path(self, location: Location) -> Path | None:  # noqa: ARG002
        """There is none."""
        return None

    def _json(
        self, asked: Asked, path: str, parameters: Mapping[str, str], read: Callable[[Any], T]
    ) -> T:
        reply = self._connection().get(asked, _API + path, parameters)
        return reading(asked, lambda: read(reply.json()))


_HOLDING = "temporaryHold,eventBasedHold,retentionExpirationTime,retention"


def _held(item: Mapping[str, Any]) -> ObjectLock:
    told = (item.get("retention") or {}).get("retainUntilTime"), item.get("retentionExpirationTime")
    return ObjectLock(
        until=max((datetime.fromisoformat(one) for one in told if one), default=None),
        is_held=bool(item.get("temporaryHold") or item.get("eventBasedHold")),
    )


def _generation(location: Location, version_id: str | None) -> dict[str, str]:
    if version_id is None:
        return {}
    if not (version_id.isascii() and version_id.isdigit()):
        raise InvalidInput(
            f"{location} can have no version {version_id!r}",
            subject=str(location),
            expected="a generation: digits only",
            version_id=version_id,
        )
    return {"generation": version_id}


def _check_kind(kind: ChecksumKind) -> None:
    if kind not in {None, False, *KINDS}:
        raise InvalidInput(
            f"gs:// has no checksum {kind!r}", expected=f"one of {', '.join(KINDS)}, or None"
        )
