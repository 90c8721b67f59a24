"""W&B's artifacts: what a run wrote offline, and manifests as its server keeps them.

An offline run has its artifacts, manifests included, in `run-ID.wandb`; a manifest of the server is a
`wandb_manifest.json`, and beside it lies `artifact.json` with what the server says of the version: its
name, number, type, aliases, tags and metadata.  `examples/export_wandb.py` writes both.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from landfast.errors import Conflict, InvalidInput, NotFound
from landfast.migrate import rows
from landfast.migrate.base import PeerPlace, PeerVersion
from landfast.migrate.text_files import files_below, found_file, json_document, not_a
from landfast.migrate.wandb_run import LoggedArtifact, logged_artifacts
from landfast.model.checksum import Checksum
from landfast.model.manifest import ManifestEntry

MANIFEST = "wandb_manifest.json"
FACTS = "artifact.json"
_POLICY = "wandb-storage-policy-v1"
_FILES = re.compile(rf"run-[^/]*\.wandb|{re.escape(MANIFEST)}")
_NUMBER = re.compile(r"v(\d+)\Z")

Row = tuple[object, Any]


def versions(place: PeerPlace) -> Iterator[PeerVersion]:
    """Yield the artifacts of a file, or of all files below a folder; numbered ones by their numbers."""
    path = found_file(place.path)
    files = list(files_below(path, _FILES)) if path.is_dir() else [path]
    if not files:
        raise NotFound(
            f"{place.path} holds no artifacts of W&B",
            subject=place.path,
            expected=f"run-*.wandb of offline runs, or {MANIFEST}",
        )
    runs = [file for file in files if file.suffix == ".wandb"]
    logged = (each for file in runs for each in logged_artifacts(file))
    for each in sorted(logged, key=lambda one: (one.started, one.run, one.number)):
        yield _offline(each)
    exported = (_exported(file, place) for file in files if file.suffix != ".wandb")
    yield from sorted(exported, key=_by_number)


def _by_number(version: PeerVersion) -> tuple[str, int]:
    numbered = _NUMBER.match(version.label)
    return version.name, int(numbered[1]) if numbered else 0


def _offline(logged: LoggedArtifact) -> PeerVersion:
    facts = {"run": logged.run, "digest": logged.digest}
    spaces = [part for part in (logged.entity, logged.project) if part]

    def entries() -> Iterator[Row]:
        if logged.is_incremental:
            raise InvalidInput(
                f"artifact {logged.name} of run {logged.run} is incremental",
                subject=logged.name,
                expected="a whole manifest",
                hint="Only W&B's server has all of it: export it from there.",
            )
        _check_policy(str(logged.file), logged.version, logged.policy)
        return logged.entries()

    return PeerVersion(
        name="/".join([*spaces, logged.name]),
        label=f"{logged.run}.{logged.number}",
        type=logged.type,
        description=logged.description,
        metadata=logged.metadata,
        aliases=logged.aliases,
        tags=logged.tags,
        created_at=logged.started,
        facts={name: fact for name, fact in facts.items() if fact},
        rows=entries,
        read=_entry,
    )


def _exported(file: Path, place: PeerPlace) -> PeerVersion:
    beside = file.with_name(FACTS)
    said = json_document(beside) if beside.is_file() else {}
    if not isinstance(said, dict):
        raise not_a(str(beside), "the facts of an artifact", type(said).__name__)
    name = _text(said, "name", beside)
    spaces = [_text(said, fact, beside) for fact in ("entity", "project")]
    label = _text(said, "version", beside) or hashlib.sha256(file.read_bytes()).hexdigest()[:12]
    kept = {fact: _text(said, fact, beside) for fact in ("digest", "run")}
    blank = PeerVersion(
        name="/".join([*filter(None, spaces), name.partition(":")[0]]) or place.named(str(file)),
        label=label,
        rows=lambda: _document(file),
        read=_entry,
    )
    return replace(
        blank,
        type=_text(said, "type", beside) or None,
        description=_text(said, "description", beside),
        metadata=rows.mapping_of(str(beside), "metadata", said.get("metadata")),
        aliases=_texts(said, "aliases", beside),
        tags=_texts(said, "tags", beside),
        created_at=rows.moment_of(str(beside), said.get("created_at")),
        facts={fact: value for fact, value in kept.items() if value},
    )


def _document(file: Path) -> Iterator[Row]:
    said = json_document(file)
    contents = said.get("contents") if isinstance(said, dict) else None
    if not isinstance(said, dict) or not isinstance(contents, dict):
        raise not_a(str(file), "a manifest of W&B", "no object with contents")
    _check_policy(str(file), said.get("version"), said.get("storagePolicy"))
    return iter(contents.items())


def _check_policy(file: str, version: object, policy: object) -> None:
    for fact, found, known in (("version", version, 1), ("storage policy", policy, _POLICY)):
        if type(found) is not type(known) or found != known:
            raise InvalidInput(
                f"{file} is a manifest of another {fact}",
                subject=file,
                expected=str(known),
                found=ascii(found)[:80],
            )


def _entry(row: Row) -> ManifestEntry:
    """Read an entry of a manifest: what W&B's handler for its kind of reference wrote."""
    path = rows.path_of(row[0])
    said = rows.mapping_of(path, "entry", row[1])
    uri = rows.text_of(path, "reference", said.get("ref"))
    if uri is None:
        raise rows.refuse(
            path,
            "W&B keeps the file itself: download it there, and log it with `landfast put`",
        )
    size = rows.size_of(path, said.get("size"))
    blank = ManifestEntry(path=path, size=size, checksum=None, uri=uri)
    reader = _READERS.get(uri.partition(":")[0].lower())
    if reader is None:
        raise rows.refuse(path, "W&B knows nothing of its content, only where it is said to lie")
    return reader(blank, said)


def _of_s3(entry: ManifestEntry, said: Mapping[str, Any]) -> ManifestEntry:
    extra = rows.mapping_of(entry.path, "extra", said.get("extra"))
    etag = rows.etag_of(entry.path, extra.get("etag"))
    if etag is None:
        # W&B made one entry of a whole prefix then.
        raise rows.refuse(entry.path, _UNCHECKED)
    location = rows.location_of(entry.path, entry.uri)
    return replace(
        entry,
        uri=location.uri,
        version_id=rows.text_of(entry.path, "version id", extra.get("versionID")),
        checksum=rows.etag_token(etag),
        etag=etag,
    )


def _of_gcs(entry: ManifestEntry, said: Mapping[str, Any]) -> ManifestEntry:
    # Its ETag moves with metadata too, so that it tells nothing of content; the generation does.
    extra = rows.mapping_of(entry.path, "extra", said.get("extra"))
    generation = rows.text_of(entry.path, "generation", extra.get("versionID"))
    if generation is None:
        raise rows.refuse(entry.path, _UNCHECKED)
    location = rows.location_of(entry.path, entry.uri)
    return replace(entry, uri=location.uri, version_id=generation)


def _of_url(entry: ManifestEntry, said: Mapping[str, Any]) -> ManifestEntry:
    extra = rows.mapping_of(entry.path, "extra", said.get("extra"))
    etag = rows.text_of(entry.path, "ETag", extra.get("etag"))
    kind = "http-weak-etag" if etag and etag.startswith("W/") else "http-etag"
    location = rows.location_of(entry.path, entry.uri)
    token = None if etag is None else Checksum(kind, etag)
    return replace(entry, uri=location.uri, checksum=token, etag=etag)


def _of_file(entry: ManifestEntry, said: Mapping[str, Any]) -> ManifestEntry:
    location = rows.local_location(entry.path, entry.uri)
    if entry.size is None:
        raise rows.refuse(entry.path, _UNCHECKED)
    token = rows.md5_of_base64(entry.path, said.get("digest"))
    return replace(entry, uri=location.uri, checksum=token)


def _of_artifact(entry: ManifestEntry, _: Mapping[str, Any]) -> ManifestEntry:
    raise rows.refuse(
        entry.path, "it is a reference to an entry of another artifact, which W&B's server knows"
    )


_UNCHECKED = "it was recorded with checksum=False, so nothing tells which bytes were meant"
_READERS = {
    "s3": _of_s3,
    "gs": _of_gcs,
    "http": _of_url,
    "https": _of_url,
    "file": _of_file,
    "wandb-artifact": _of_artifact,
    "wandb-client-artifact": _of_artifact,
}


def _text(said: Mapping[str, Any], fact: str, file: Path) -> str:
    return rows.text_of(str(file), fact, said.get(fact)) or ""


def _texts(said: Mapping[str, Any], fact: str, file: Path) -> tuple[str, ...]:
    found = said.get(fact) or []
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise Conflict(f"the {fact} in {file} are no list of texts", subject=str(file))
    return tuple(found)
