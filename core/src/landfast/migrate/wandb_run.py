"""The file of a run of W&B: which artifacts it logged, with their manifests.

`run-ID.wandb` is a log in the form of LevelDB, whose records are protocol buffers of W&B's messages
`Record`, `RunRecord`, `ArtifactRecord` and `ArtifactManifest`.  Only the few fields that are needed are read.
"""

from __future__ import annotations

import gzip
import itertools
import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from landfast.errors import NotFound
from landfast.migrate.text_files import damage, json_lines, not_a

_HEAD = struct.Struct("<4sHB")
_MAGIC = (b":W&B", 0xBEE1, 0)
_BLOCK = 32_768
_CHUNK = struct.Struct("<IHB")
_WHOLE, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
# A record holds a manifest of up to 100,000 entries; W&B writes larger ones to a file of their own.
_MOST_BYTES = 1 << 30
_RUN, _ARTIFACT = 17, 8

Fields = dict[int, list[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedArtifact:
    """An artifact as a run logged it.

    Args:
        file: Of the run.
        run: Its id.
        number: Which of the artifacts of the run it is, from 0.
        started: When the run began.
        version: Of the form of the manifest.
        policy: How W&B stores what it stores itself.
        contents_file: Where its entries lie, if they are too many for the file of the run.
    """

    file: Path
    run: str
    number: int
    started: datetime
    entity: str
    project: str
    name: str
    type: str
    digest: str
    description: str
    metadata: dict[str, Any]
    aliases: tuple[str, ...]
    tags: tuple[str, ...]
    is_incremental: bool
    version: int
    policy: str
    contents_file: Path | None

    def entries(self) -> Iterator[tuple[object, Any]]:
        """Yield path and facts of each entry, as a manifest in JSON has them; the file is read again for that."""
        if self.contents_file is not None:
            return _entries_of_file(self.contents_file)
        artifacts = (data for _, data in _artifacts(self.file))
        data = next(itertools.islice(artifacts, self.number, None))
        with damage(str(self.file), _KIND):
            contents = _fields(_one(_fields(data), 12, b"")).get(4, [])
        return (_entry(each, str(self.file)) for each in contents)


def logged_artifacts(file: Path) -> Iterator[LoggedArtifact]:
    """Yield the artifacts that a run logged, in order.

    Raises:
        Conflict: If the file is damaged, cut off, or no file of a run.
    """
    for number, (run, data) in enumerate(_artifacts(file)):
        with damage(str(file), _KIND):
            logged = _logged(file, run, data, number)
        yield logged


def _artifacts(file: Path) -> Iterator[tuple[Fields, bytes]]:
    """Yield each artifact that a run logged, with what is known of the run then."""
    run: Fields = {}
    for record in _records(file):
        with damage(str(file), _KIND):
            fields = _fields(record)
            run = _fields(fields[_RUN][-1]) if _RUN in fields else run
            found = [_bytes(each) for each in fields.get(_ARTIFACT, ())]
        for data in found:
            yield run, data


_KIND = "a run of W&B"


def _logged(file: Path, run: Fields, data: bytes, number: int) -> LoggedArtifact:
    said = _fields(data)
    manifest = _fields(_one(said, 12, b""))
    seconds = _one(_fields(_one(run, 17, b"")), 1, 0)
    own = _text(manifest, 5)
    return LoggedArtifact(
        file=file,
        run=_text(run, 1) or _text(said, 1),
        number=number,
        started=datetime.fromtimestamp(seconds, UTC),
        entity=_text(said, 3) or _text(run, 2),
        project=_text(said, 2) or _text(run, 3),
        name=_text(said, 5),
        type=_text(said, 4),
        digest=_text(said, 6),
        description=_text(said, 7),
        metadata=_json_object(_text(said, 8)),
        aliases=tuple(_plain(each) for each in said.get(11, [])),
        tags=tuple(_plain(each) for each in said.get(19, [])),
        is_incremental=bool(_one(said, 100, 0)),
        version=_one(manifest, 1, 0),
        policy=_text(manifest, 2),
        contents_file=Path(own) if own else None,
    )


def _entry(data: bytes, file: str) -> tuple[object, Any]:
    with damage(file, _KIND):
        said = _fields(data)
        items = [_fields(each) for each in said.get(16, [])]
        extra = {_text(item, 1): json.loads(_text(item, 2)) for item in items}
        uri = _text(said, 3)
        facts: dict[str, Any] = {"digest": _text(said, 2), "extra": extra}
        # Protocol buffers do not tell 0 from nothing; an entry that was checked has a size.
        facts["size"] = _one(said, 4, 0)
        return _text(said, 1), facts | ({"ref": uri} if uri else {})


def _entries_of_file(file: Path) -> Iterator[tuple[object, Any]]:
    if not file.is_file():
        raise NotFound(
            f"the manifest {file} of an artifact with many entries is gone",
            subject=str(file),
            hint="W&B keeps it until the run is synced; import on the machine and under the user of the run.",
        )
    with gzip.open(file) as stream, damage(str(file), "a manifest of W&B"):
        chunks = iter(partial(stream.read, _BLOCK), b"")
        for said in json_lines(chunks, str(file)):
            if not isinstance(said, dict):
                raise not_a(str(file), "a manifest of W&B", "a line that is no object")
            yield said.get("path"), said


def _records(file: Path) -> Iterator[bytes]:
    """Yield the records of a log in the form of LevelDB, each checked by its CRC."""
    with file.open("rb") as stream:
        head = stream.read(_HEAD.size)
        if len(head) < _HEAD.size or _HEAD.unpack(head) != _MAGIC:
            raise not_a(str(file), _KIND, f"it begins with {head!r}")
        parts: list[bytes] | None = None
        size = 0
        for kind, data in _chunks(file, stream.read(_BLOCK - _HEAD.size), stream.read):
            if kind in {_WHOLE, _FIRST}:
                if parts is not None:
                    raise not_a(str(file), _KIND, "a record without its end")
                parts, size = [], 0
            if parts is None or kind > _LAST:
                raise not_a(str(file), _KIND, "a record without its beginning")
            parts.append(data)
            size += len(data)
            if size > _MOST_BYTES:
                raise not_a(str(file), _KIND, f"a record of over {_MOST_BYTES:,} bytes")
            if kind in {_WHOLE, _LAST}:
                yield b"".join(parts)
                parts = None
        if parts is not None:
            raise not_a(str(file), _KIND, "its last record is cut off")


def _chunks(file: Path, block: bytes, read: Any) -> Iterator[tuple[int, bytes]]:
    while block:
        at = 0
        while len(block) - at >= _CHUNK.size:
            crc, length, kind = _CHUNK.unpack_from(block, at)
            if (crc, length, kind) == (0, 0, 0):
                break  # the rest of the block is padding
            data = block[at + _CHUNK.size : at + _CHUNK.size + length]
            at += _CHUNK.size + length
            if len(data) < length:
                raise not_a(str(file), _KIND, "its last record is cut off")
            if zlib.crc32(data, zlib.crc32(bytes([kind]))) != crc:
                raise not_a(str(file), _KIND, "a record with another checksum")
            yield kind, data
        block = read(_BLOCK)


def _fields(data: bytes) -> Fields:
    """Return the fields of a protocol buffer by number: numbers, and bytes; `ValueError` if it is none."""
    found: Fields = {}
    at = 0
    data = _bytes(data)
    while at < len(data):
        key, at = _varint(data, at)
        value: int | bytes
        match key & 7:
            case 0:
                value, at = _varint(data, at)
            case 1 | 5 as kind:
                width = 8 if kind == 1 else 4
                value, at = data[at : at + width], at + width
            case 2:
                length, at = _varint(data, at)
                value, at = data[at : at + length], at + length
            case other:
                raise ValueError(f"a field of type {other}")
        if at > len(data):
            raise ValueError("a field that is cut off")
        found.setdefault(key >> 3, []).append(value)
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ValueError("a number that is cut off")
        value |= (data[at] & 0x7F) << shift
        at += 1
        if not data[at - 1] & 0x80:
            return value, at
    raise ValueError("a number that does not end")


def _one(fields: Fields, number: int, default: Any) -> Any:
    value = fields.get(number, [default])[-1]
    if type(value) is not type(default):
        raise ValueError(f"field {number} has another type")
    return value


def _bytes(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    raise ValueError("a number in place of a message")


def _plain(value: object) -> str:
    return _bytes(value).decode()


def _text(fields: Fields, number: int) -> str:
    return _plain(_one(fields, number, b""))


def _json_object(text: str) -> dict[str, Any]:
    said = json.loads(text) if text else {}
    if isinstance(said, dict):
        return said
    raise ValueError("metadata that is no object")
