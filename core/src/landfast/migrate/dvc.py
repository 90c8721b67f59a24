"""DVC's outputs: of `.dvc` files and `dvc.lock`, at each commit of Git, with the pins or hashes that they have.

What was imported by version id lies where it came from; what was pushed to a remote that knows versions lies there
under its own name, and in all other remotes under the MD5 of its bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from landfast.errors import InvalidInput, NotFound
from landfast.migrate import rows
from landfast.migrate.base import PeerPlace, PeerVersion
from landfast.migrate.dvc_repository import FileVersion, Remote, Repository, yaml_document
from landfast.migrate.names import word
from landfast.migrate.text_files import damage, found_file, not_a
from landfast.model.checksum import Checksum
from landfast.model.manifest import ManifestEntry

_LOCK = "dvc.lock"
_SCHEMES = ("s3", "gs", "http", "https", "file")

# A path, what DVC says of it, and where its bytes lie.
Row = tuple[object, Mapping[str, Any], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Output:
    """An output as a file of DVC describes it, and the dependency that it was imported from."""

    said: Mapping[str, Any]
    imported: Mapping[str, Any] | None
    path: str


def versions(place: PeerPlace) -> Iterator[PeerVersion]:
    """Yield the outputs of a file of DVC, or of all files below a folder, each as it was at every commit."""
    path = found_file(place.path).resolve()
    repository = Repository(path, place.stores)
    files = repository.files(path) if path.is_dir() else [path]
    if not files:
        raise NotFound(
            f"{place.path} holds no files of DVC", subject=place.path, expected=f"*.dvc or {_LOCK}"
        )
    for file in files:
        yield from _of_file(repository, file)


def _of_file(repository: Repository, file: Path) -> Iterator[PeerVersion]:
    before: dict[str, _Output] = {}
    for version in repository.history(file):
        document = yaml_document(version.text, str(file))
        for output in _outputs(repository, document, file):
            # A commit may have changed another output of the same file.
            if before.get(output.path) != output:
                yield _version(repository, file, output, version)
        before = {output.path: output for output in _outputs(repository, document, file)}


def _outputs(repository: Repository, document: Mapping[str, Any], file: Path) -> Iterator[_Output]:
    stages = _stages(document, file)
    beside = _kept_in_git(file) if file.name == _LOCK else frozenset()
    for stage in stages:
        imported = _imported(stage, file)
        for said in _list(stage, "outs", file):
            path = rows.text_of(str(file), "path", said.get("path"))
            if path is None:
                raise not_a(str(file), "a file of DVC", "an output without a path")
            if said.get("cache") is False or path in beside:
                continue
            where = path if "://" in path else _below_root(repository, file, stage, path)
            yield _Output(said=said, imported=imported, path=where)


def _stages(document: Mapping[str, Any], file: Path) -> list[Mapping[str, Any]]:
    if file.name != _LOCK:
        return [document]
    schema = document.get("schema", "2.0")
    if schema != "2.0":
        raise InvalidInput(
            f"{file} has another schema",
            subject=str(file),
            expected="2.0",
            found=ascii(schema)[:80],
        )
    stages = rows.mapping_of(str(file), "stages", document.get("stages"))
    return [rows.mapping_of(str(file), "stage", stage) for stage in stages.values()]


def _below_root(repository: Repository, file: Path, stage: Mapping[str, Any], path: str) -> str:
    folder = file.parent / (rows.text_of(str(file), "wdir", stage.get("wdir")) or ".")
    try:
        return (folder / path).resolve().relative_to(repository.root).as_posix()
    except ValueError:
        raise InvalidInput(
            f"the output {path!r} of {file} lies outside of the repository",
            subject=str(file),
            expected=f"below {repository.root}",
        ) from None


def _imported(stage: Mapping[str, Any], file: Path) -> Mapping[str, Any] | None:
    """Return the dependency that the output of a stage is a copy of, if it is one."""
    dependencies = _list(stage, "deps", file)
    if stage.get("cmd") is not None or len(dependencies) != 1:
        return None
    (said,) = dependencies
    path = said.get("path")
    is_outside = "repo" in said or (isinstance(path, str) and "://" in path)
    return said if is_outside else None


def _kept_in_git(lock: Path) -> frozenset[str]:
    """Return the outputs of a pipeline that DVC does not store, as `dvc.yaml` says."""
    file = lock.with_name("dvc.yaml")
    if not file.is_file():
        return frozenset()
    document = yaml_document(file.read_bytes(), str(file))
    found = set()
    for stage in rows.mapping_of(str(file), "stages", document.get("stages")).values():
        for kind in ("outs", "metrics", "plots"):
            listed = stage.get(kind) if isinstance(stage, dict) else None
            for each in listed if isinstance(listed, list) else ():
                if isinstance(each, dict):
                    found |= {
                        p
                        for p, how in each.items()
                        if isinstance(how, dict) and how.get("cache") is False
                    }
    return frozenset(map(str, found))


def _list(said: Mapping[str, Any], name: str, file: Path) -> list[Mapping[str, Any]]:
    found = said.get(name) or []
    if not isinstance(found, list):
        raise not_a(str(file), "a file of DVC", f"{name} that are no list")
    return [rows.mapping_of(str(file), name, each) for each in found]


def _version(
    repository: Repository, file: Path, output: _Output, version: FileVersion
) -> PeerVersion:
    said = output.said
    labels = said.get("labels") or []
    is_text = isinstance(labels, list) and all(isinstance(each, str) for each in labels)
    place = _Place.of(repository, output)
    return PeerVersion(
        name=word(output.path.rpartition("://")[2].replace("/", ".")),
        label=version.label,
        type=rows.text_of(str(file), "type", said.get("type")),
        description=rows.text_of(str(file), "desc", said.get("desc")) or version.message,
        metadata=rows.mapping_of(str(file), "meta", said.get("meta")),
        tags=tuple(labels) if is_text else (),
        created_at=version.at,
        facts={"path": output.path},
        endpoint=place.endpoint,
        rows=place.rows,
        read=_entry,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where the bytes of an output lie: where they were imported from, or in a remote."""

    repository: Repository
    output: _Output
    remote: Remote | None
    source: str | None
    endpoint: str | None

    @classmethod
    def of(cls, repository: Repository, output: _Output) -> _Place:
        imported, said = output.imported, output.said
        blank = cls(repository=repository, output=output, remote=None, source=None, endpoint=None)
        if imported is not None and ("files" in imported or "etag" in imported):
            source, endpoint = repository.resolved(str(imported.get("path")))
            return replace(blank, source=source, endpoint=endpoint)
        if imported is not None and "repo" in imported:
            return blank
        if "://" in output.path:
            source, endpoint = repository.resolved(output.path)
            return replace(blank, source=source, endpoint=endpoint)
        name = rows.text_of(output.path, "remote", said.get("remote")) or _cloud_of(said)
        remote = repository.remote(name)
        return replace(blank, remote=remote, endpoint=remote.endpoint)

    def rows(self) -> Iterator[Row]:
        """Yield the files of the output."""
        said, name = self.output.said, self.output.path.rpartition("/")[2]
        if self.source is not None:
            from_source = self.output.imported or said
            return self._pinned(from_source, name, self.source)
        if self.remote is None:
            repo = rows.mapping_of(name, "repo", (self.output.imported or {}).get("repo"))
            raise InvalidInput(
                f"{self.output.path} is imported from another repository, whose remote holds it",
                subject=self.output.path,
                found=ascii(repo.get("url"))[:200],
                hint="Import it from a clone of that repository.",
            )
        if _cloud_of(said) is not None:
            return self._pinned(said, name, self.remote.below(self.output.path))
        return self._hashed(said, name, self.remote)

    def _pinned(self, said: Mapping[str, Any], name: str, uri: str) -> Iterator[Row]:
        """Yield files that lie under their own names."""
        files = said.get("files")
        if files is None:
            yield name, said, uri
            return
        if not isinstance(files, list):
            raise not_a(name, "a file of DVC", "files that are no list")
        for each in files:
            told = rows.mapping_of(name, "files", each)
            yield told.get("relpath"), told, f"{uri}/{told.get('relpath')}"

    def _hashed(self, said: Mapping[str, Any], name: str, remote: Remote) -> Iterator[Row]:
        """Yield files that lie under the MD5 of their bytes."""
        files = said.get("files")
        md5 = said.get("md5")
        is_plain = said.get("hash") == "md5"
        if isinstance(files, list):
            listed = [rows.mapping_of(name, "files", each) for each in files]
        elif isinstance(md5, str) and md5.endswith(".dir"):
            listed = self._listing(md5, remote)
        else:
            yield name, said, _hashed_uri(remote, md5, is_plain=is_plain)
            return
        for each in listed:
            told = {**each, "hash": said.get("hash")}
            yield each.get("relpath"), told, _hashed_uri(remote, each.get("md5"), is_plain=is_plain)

    def _listing(self, md5: str, remote: Remote) -> list[Mapping[str, Any]]:
        what = f"the listing {md5} of {self.output.path}"
        try:
            text = self.repository.folder_listing(md5, remote)
        except NotFound as error:
            raise NotFound(
                f"{what} is neither in DVC's cache nor in its remote {remote.name!r}",
                subject=self.output.path,
                hint="Push it with `dvc push`, or import where the cache is.",
            ) from error
        with damage(what, "JSON"):
            said = json.loads(text)
        if not isinstance(said, list):
            raise not_a(what, "a folder of DVC", type(said).__name__)
        return [rows.mapping_of(what, "entry", each) for each in said]


def _hashed_uri(remote: Remote, md5: object, *, is_plain: bool) -> str:
    text = md5 if isinstance(md5, str) else ""
    folder = "files/md5/" if is_plain else ""  # DVC 2 had no folder for it
    return remote.below(f"{folder}{text[:2]}/{text[2:]}")


def _cloud_of(said: Mapping[str, Any]) -> str | None:
    """Return the remote that knows the versions of an output; None if none does."""
    files = said.get("files")
    told = files[0] if isinstance(files, list) and files and isinstance(files[0], dict) else said
    cloud = told.get("cloud")
    return next(iter(cloud), None) if isinstance(cloud, dict) else None


def _entry(row: Row) -> ManifestEntry:
    """Read a file of an output."""
    path = rows.path_of(row[0])
    _, said, uri = row
    scheme = uri.partition(":")[0].lower()
    if scheme not in _SCHEMES:
        raise rows.refuse(path, f"it lies at {scheme}://, which cannot be imported")
    cloud = rows.mapping_of(path, "cloud", said.get("cloud"))
    told = rows.mapping_of(path, "pins", next(iter(cloud.values()), None)) if cloud else said
    etag = rows.etag_of(path, told.get("etag"))
    if etag is None and told.get("version_id") is None and said.get("md5") is None:
        raise rows.refuse(path, "DVC has neither a hash nor a version of it; was it ever pushed?")
    entry = ManifestEntry(
        path=path,
        size=rows.size_of(path, said.get("size")),
        checksum=_md5(path, said),
        uri=rows.location_of(path, uri).uri,
        version_id=rows.text_of(path, "version id", told.get("version_id")),
    )
    if scheme == "s3" and etag is not None:
        # As listing the place gives it, so that nothing is new when it is logged here.
        entry = replace(entry, checksum=rows.etag_token(etag), etag=etag)
    elif scheme in {"http", "https"} and etag is not None and entry.checksum is None:
        quoted = etag if etag.startswith("W/") else f'"{etag}"'
        kind = "http-weak-etag" if etag.startswith("W/") else "http-etag"
        entry = replace(entry, checksum=Checksum(kind, quoted), etag=quoted)
    return entry


def _md5(path: str, said: Mapping[str, Any]) -> Checksum | None:
    """Return the MD5 of the bytes; that of DVC 2 is of text without its carriage returns, so it is no such thing."""
    value = said.get("md5")
    if value is None or (isinstance(value, str) and value.endswith(".dir")):
        return None
    token = rows.hash_of(path, "md5", value)
    in_cloud = isinstance(said.get("cloud"), dict)
    return token if said.get("hash") == "md5" or in_cloud else None
