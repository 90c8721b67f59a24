"""DataChain's datasets: the files that a dataset's rows are about, from the SQLite database on this machine.

Each version of a dataset is a table of its own; a column of type `File` is there as the columns `NAME__source`,
`NAME__path`, `NAME__size`, `NAME__version`, `NAME__etag` and some more.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from landfast.errors import InvalidInput, NotFound
from landfast.migrate import rows
from landfast.migrate.base import PeerPlace, PeerVersion
from landfast.migrate.text_files import damage, found_file, not_a
from landfast.model.checksum import Checksum
from landfast.model.location import Location
from landfast.model.manifest import ManifestEntry

_PLACES = ("", "db", ".datachain/db", "root/.datachain/db")
_KIND = "a database of DataChain"
_SCHEMA = 1
_COMPLETE = 4
_FACTS = ("source", "path", "size", "version", "etag", "last_modified", "location")
_NEEDED = frozenset({"source", "path", "size", "etag"})
_HIDDEN = ("sys__",)
_NUMBERS = re.compile(r"\d+")

_VERSIONS = """
SELECT n.name AS namespace, p.name AS project, d.name AS dataset, v.version AS version, v.uuid AS uuid,
       v.created_at AS created_at, d.description AS description, d.attrs AS attrs
FROM datasets_versions v
JOIN datasets d ON d.id = v.dataset_id
JOIN projects p ON p.id = d.project_id
JOIN namespaces n ON n.id = p.namespace_id
WHERE v.status = ? AND n.name <> 'system'
ORDER BY n.name, p.name, d.name, v.id
"""

Row = Mapping[str, Any]


def versions(place: PeerPlace) -> Iterator[PeerVersion]:
    """Yield the complete versions of all datasets of a database, which lies at a path or below it."""
    file = _database(place.path)
    with _opened(file) as database:
        found = [_Dataset.of(file, dict(row)) for row in database.execute(_VERSIONS, (_COMPLETE,))]
        tables = {each.table: _columns(database, each.table) for each in found}
    if not found:
        raise NotFound(f"{file} holds no datasets", subject=str(file))
    for dataset in sorted(found, key=lambda each: (each.name, each.order)):
        yield dataset.as_version(tables[dataset.table])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Dataset:
    """A version of a dataset."""

    file: Path
    name: str
    version: str
    table: str
    said: Mapping[str, Any]

    @classmethod
    def of(cls, file: Path, said: Mapping[str, Any]) -> _Dataset:
        texts = {}
        for fact in ("namespace", "project", "dataset", "version"):
            texts[fact] = rows.text_of(str(file), fact, said.get(fact)) or ""
        spaces = (texts["namespace"], texts["project"])
        # Where nobody named any, both are called `local`.
        named = [] if spaces == ("local", "local") else list(spaces)
        parts = (*spaces, texts["dataset"], texts["version"].replace(".", "_"))
        return cls(
            file=file,
            name="/".join([*named, texts["dataset"]]),
            version=texts["version"],
            table="ds_" + "_".join(parts),
            said=said,
        )

    @property
    def order(self) -> list[int]:
        """What its versions are sorted by: major, minor, patch."""
        return [int(number[:18]) for number in _NUMBERS.findall(self.version)]

    def as_version(self, columns: list[str]) -> PeerVersion:
        """Return the version; its rows are read when they are asked for."""
        where = str(self.file)
        signals = _signals(columns)
        others = _others(columns, signals)
        notes = (f"its other columns stay behind: {', '.join(others)}",) if others else ()
        return PeerVersion(
            name=self.name,
            label=self.version,
            description=rows.text_of(where, "description", self.said.get("description")) or "",
            tags=_attributes(where, self.said.get("attrs")),
            created_at=rows.moment_of(where, self.said.get("created_at")),
            facts={"uuid": rows.text_of(where, "uuid", self.said.get("uuid")) or ""},
            notes=notes,
            rows=lambda: self._rows(signals, columns),
            read=_entry,
        )

    def _rows(self, signals: list[str], columns: list[str]) -> Iterator[Row]:
        if not columns:
            raise NotFound(
                f"the rows of {self.name}:{self.version} are not in {self.file}",
                subject=self.name,
                expected=f"a table {self.table}",
            )
        for signal in signals:
            facts = [fact for fact in _FACTS if f"{signal}__{fact}" in columns]
            wanted = ", ".join(_quoted(f"{signal}__{fact}") for fact in facts)
            statement = f"SELECT {wanted} FROM {_quoted(self.table)}"  # noqa: S608 - quoted names
            with _opened(self.file) as database:
                for values in database.execute(statement):
                    yield dict(zip(facts, values, strict=True))


def _database(path: str) -> Path:
    place = found_file(path)
    for below in _PLACES:
        if (file := place / below if below else place).is_file():
            return file
    raise NotFound(
        f"{path} holds no database of DataChain", subject=path, expected=".datachain/db below it"
    )


@contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    """Open a database for reading; `Conflict` if it is damaged or none of DataChain."""
    with damage(str(file), _KIND):
        try:
            uri = f"file:{quote(str(file.resolve()))}?mode=ro"
            with closing(sqlite3.connect(uri, uri=True)) as database:
                database.row_factory = sqlite3.Row
                database.text_factory = lambda data: data.decode(errors="surrogateescape")
                _check_schema(database, file)
                yield database
        except sqlite3.Error as error:
            raise not_a(str(file), _KIND, str(error)) from None


def _check_schema(database: sqlite3.Connection, file: Path) -> None:
    found = database.execute("SELECT schema_version FROM meta").fetchone()
    if found is None or found[0] != _SCHEMA:
        raise InvalidInput(
            f"{file} has another schema",
            subject=str(file),
            expected=str(_SCHEMA),
            found="none" if found is None else ascii(found[0])[:80],
        )


def _columns(database: sqlite3.Connection, table: str) -> list[str]:
    return [str(row["name"]) for row in database.execute(f"PRAGMA table_info({_quoted(table)})")]


def _signals(columns: list[str]) -> list[str]:
    """Name the columns that are files."""
    ends = [name.rpartition("__") for name in columns]
    facts: dict[str, set[str]] = {}
    for signal, _, fact in ends:
        facts.setdefault(signal, set()).add(fact)
    return [signal for signal, found in facts.items() if signal and found >= _NEEDED]


def _others(columns: list[str], signals: list[str]) -> list[str]:
    """Name what rows hold beside files."""
    mine = tuple(f"{signal}__" for signal in signals) + _HIDDEN
    return [name.replace("__", ".") for name in columns if not name.startswith(mine)]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _attributes(where: str, value: object) -> tuple[str, ...]:
    text = rows.text_of(where, "attrs", value)
    with damage(where, _KIND):
        said = json.loads(text) if text else []
    if not isinstance(said, list) or not all(isinstance(each, str) for each in said):
        raise not_a(where, _KIND, "attrs that are no list of texts")
    return tuple(said)


def _entry(row: Row) -> ManifestEntry:
    """Read a file of a row."""
    path = rows.path_of(row.get("path"))
    if row.get("location") not in {None, "", "null"}:
        raise rows.refuse(path, "it is part of another file, for example of an archive")
    source = rows.text_of(path, "source", row.get("source"))
    if source is None:
        raise rows.refuse(path, "it has no source: DataChain keeps the file itself")
    scheme = source.partition(":")[0].lower()
    reader = _READERS.get(scheme)
    if reader is None:
        raise rows.refuse(path, f"it lies at {scheme}://, which cannot be imported")
    blank = ManifestEntry(
        path=path,
        size=rows.size_of(path, row.get("size")),
        checksum=None,
        uri=f"{source.rstrip('/')}/{path}",
        version_id=rows.text_of(path, "version", row.get("version")),
        modified_at=rows.moment_of(path, row.get("last_modified")),
    )
    return reader(blank, rows.etag_of(path, row.get("etag")))


def _of_s3(entry: ManifestEntry, etag: str | None) -> ManifestEntry:
    location = rows.location_of(entry.path, entry.uri)
    return _with(entry, location, rows.etag_token(etag), etag)


def _of_gcs(entry: ManifestEntry, _: str | None) -> ManifestEntry:
    # Its ETag moves with metadata too, so that it tells nothing of content; the generation does.
    return _with(entry, rows.location_of(entry.path, entry.uri), None, None)


def _of_url(entry: ManifestEntry, etag: str | None) -> ManifestEntry:
    location = rows.location_of(entry.path, entry.uri)
    token = None if etag is None else Checksum("http-etag", f'"{etag}"')
    return _with(entry, location, token, None if token is None else token.value)


def _of_file(entry: ManifestEntry, _: str | None) -> ManifestEntry:
    # What DataChain calls the ETag of a local file is its time.
    return _with(entry, rows.local_location(entry.path, entry.uri), None, None)


def _with(
    entry: ManifestEntry, location: Location, checksum: Checksum | None, etag: str | None
) -> ManifestEntry:
    return ManifestEntry(
        path=entry.path,
        size=entry.size,
        checksum=checksum,
        uri=location.uri,
        version_id=entry.version_id,
        etag=etag,
        modified_at=entry.modified_at,
    )


_READERS = {"s3": _of_s3, "gs": _of_gcs, "http": _of_url, "https": _of_url, "file": _of_file}
