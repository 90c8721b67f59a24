"""A strict stand-in for event holds of S3, made from botocore's own model; it stands before a server that has none.

What the model does not have is refused, as are values that its words forbid.  It shows that we say what the model says;
what AWS makes of it, nothing here can show.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import botocore.session
from botocore.model import ServiceModel, Shape, StringShape, StructureShape
from kit.servers.exchange import Request, Response

_XMLNS = "{http://s3.amazonaws.com/doc/2006-03-01/}"


class Refused(Exception):
    """What is answered: a status and a code."""

    def __init__(self, status: int, code: str, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.code = code


@dataclass(slots=True)
class Retention:
    """What is set on one version of an object."""

    mode: str | None = None
    until: datetime | None = None
    event: str | None = None
    duration: timedelta | None = None


@dataclass(slots=True)
class EventHolds:
    """A fault of the proxy that is none: it answers for retention, and guards what is held."""

    drops: bool = False
    """Whether it says yes and keeps nothing, as servers do that do not know a field."""
    kept: dict[tuple[str, str], Retention] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    _model: StructureShape | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def early(self, request: Request) -> Response | None:
        """Answer what is about retention, and refuse to delete what is held."""
        key = (request.path, request.query.get("versionId", ""))
        try:
            with self._lock:
                if request.kind == "put-object-retention":
                    self._put(key, request.body)
                    return _answer(200)
                if request.kind == "get-object-retention":
                    return _answer(200, self._get(key))
                if request.method == "DELETE" and key in self.kept:
                    self._guard(self.kept[key])
        except Refused as error:
            self.refused.append(f"{error.code}: {error}")
            body = f"<Error><Code>{error.code}</Code><Message>{error}</Message></Error>"
            return _answer(error.status, body.encode())
        return None

    def late(self, request: Request, response: Response) -> Response:
        """Change nothing."""
        return response

    def _put(self, key: tuple[str, str], body: bytes) -> None:
        said = _read(self._shape(), ET.fromstring(body))
        mode, until = said.get("Mode"), said.get("RetainUntilDate")
        if (mode is None) != (until is None) or not said:
            raise Refused(400, "MalformedXML", "Mode and RetainUntilDate go together")
        event, duration = said.get("EventHold"), said.get("EventHoldDuration")
        if event == "ON" and duration is None:
            raise Refused(400, "InvalidRequest", "an event hold needs EventHoldDuration")
        if self.drops:
            return
        old = self.kept.get(key, Retention())
        kept = Retention(
            None if mode is None else str(mode),
            _time(until),
            None if event is None else str(event),
            None if duration is None else _span(duration),
        )
        if old.until is not None and (kept.until is None or kept.until < old.until):
            raise Refused(403, "AccessDenied", "retention would be shortened")
        if event is None and old.event == "ON":
            raise Refused(400, "InvalidRequest", "an event hold is on, and nothing is said of it")
        if event == "OFF" and old.event == "ON" and old.duration is not None:
            released = datetime.now(UTC) + old.duration
            kept.mode = kept.mode or "GOVERNANCE"
            kept.until = max(released, kept.until or released)
        self.kept[key] = kept

    def _get(self, key: tuple[str, str]) -> bytes:
        found = self.kept.get(key)
        if found is None:
            raise Refused(404, "NoSuchObjectLockConfiguration", "nothing is set")
        parts = [f"<EventHold>{found.event}</EventHold>"] if found.event else []
        if found.duration is not None:
            parts.append(
                f"<EventHoldDuration><Days>{found.duration.days}</Days></EventHoldDuration>"
            )
        if found.mode and found.until:
            parts.append(f"<Mode>{found.mode}</Mode>")
            parts.append(f"<RetainUntilDate>{found.until:%Y-%m-%dT%H:%M:%S.%fZ}</RetainUntilDate>")
        return f'<Retention xmlns="{_XMLNS[1:-1]}">{"".join(parts)}</Retention>'.encode()

    def _guard(self, found: Retention) -> None:
        if found.event == "ON" or (found.until is not None and found.until > datetime.now(UTC)):
            raise Refused(403, "AccessDenied", "the object version is locked")

    def _shape(self) -> StructureShape:
        if self._model is None:
            loader = botocore.session.get_session().get_component("data_loader")
            model = ServiceModel(loader.load_service_model("s3", "service-2"), "s3")
            shape = model.shape_for("ObjectLockRetention")
            assert isinstance(shape, StructureShape)
            self._model = shape
        return self._model


def _read(shape: StructureShape, element: ET.Element) -> dict[str, object]:
    """Read an element as the model says; refuse what it does not say."""
    found: dict[str, object] = {}
    for child in element:
        name = child.tag.removeprefix(_XMLNS)
        if name not in shape.members or name in found:
            raise Refused(400, "MalformedXML", f"{shape.name} has no {name}, or has it twice")
        found[name] = _value(shape.members[name], child)
    return found


def _value(shape: Shape, element: ET.Element) -> object:
    if isinstance(shape, StructureShape):
        return _read(shape, element)
    text = element.text or ""
    if isinstance(shape, StringShape) and shape.enum and text not in shape.enum:
        raise Refused(400, "MalformedXML", f"{shape.name} is one of {shape.enum}, not {text!r}")
    if shape.type_name == "integer":
        if not text.isdigit():
            raise Refused(400, "MalformedXML", f"{text!r} is not a number")
        return int(text)
    return text


def _span(duration: object) -> timedelta:
    """Read a duration: days or years, within what the model's words allow."""
    assert isinstance(duration, dict)
    days, years = duration.get("Days"), duration.get("Years")
    if (days is None) == (years is None):
        raise Refused(400, "MalformedXML", "a duration is in days, or in years")
    if not (1 <= (days or 1) <= 36_500 and 1 <= (years or 1) <= 100):
        raise Refused(400, "InvalidRequest", "a duration is 1 to 36,500 days, or 1 to 100 years")
    return timedelta(days=days or 365 * (years or 0))


def _time(text: object) -> datetime | None:
    return None if text is None else datetime.fromisoformat(str(text))


def _answer(status: int, body: bytes = b"") -> Response:
    headers = {"content-length": str(len(body)), "content-type": "application/xml"}
    return Response(status=status, headers=headers, body=body)
