"""Artifact: a draft in W&B's shape.  It collects references and files; logged, it forwards to its version."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, cast

from landfast.client import Client, default_client
from landfast.draft import Draft
from landfast.errors import InvalidInput, NotFound
from landfast.model.globs import hint_for_glob
from landfast.model.reference import UNLIMITED, Reference
from landfast.scans import Spread
from landfast.spelling import named_options
from landfast.version import ArtifactVersion
from landfast.wandb_names import advise

if TYPE_CHECKING:
    from landfast.manifests.base import Manifest
    from landfast.model.names import ArtifactName
    from landfast.model.source import Skipped, Source
    from landfast.model.version import Change, VersionRecord

P = ParamSpec("P")
T = TypeVar("T")


class _Forwarded(Generic[T]):
    """A name of the version, once there is one."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name
        self.__doc__ = getattr(ArtifactVersion, name).__doc__

    def __get__(self, draft: Artifact | None, owner: type) -> T:
        if draft is None:
            return self  # type: ignore[return-value]
        value: T = getattr(draft._logged(self._name), self._name)
        return value


def _forwarded(
    method: Callable[Concatenate[ArtifactVersion, P], T],
) -> Callable[Concatenate[Artifact, P], T]:
    """Forward a method; for a type checker it is one of the draft, with the same arguments."""
    del method
    return cast("Callable[Concatenate[Artifact, P], T]", _Forwarded())


class Artifact(Draft):
    """A draft of a version: name, type, description, metadata and references.

    `add_reference` scans at once.  `run.log_artifact(draft)`, `run.use_artifact(draft)` or `draft.save()` log
    it. After that, it forwards to its `ArtifactVersion`, and you can add nothing to it.

    Args:
        name: ``[[entity/]project/]collection[~PARTITION]``.
        type: ``dataset``, ``model``, ...; one per collection.
        description: Of the version.
        metadata: JSON object.
        partition: The partition key, instead of ``~PARTITION``.
        ttl: How long the version is kept; None keeps it.
        client: Where to log; None is the environment's.

    Raises:
        InvalidInput: If the name or type is not valid, or the name contains a version.

    Example:
        >>> draft = Artifact("mnist", type="dataset", metadata={"split": "train"})
        >>> draft.name, draft.type
        ('mnist', 'dataset')
    """

    @named_options()
    def __init__(
        self,
        name: str,
        type: str,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        *,
        partition: str | None = None,
        ttl: timedelta | None = None,
        client: Client | None = None,
    ) -> None:
        self._client = client
        context = None if client is None else client.context
        super().__init__(
            name, type, description, metadata, partition=partition, ttl=ttl, context=context
        )

    @property
    def client(self) -> Client:
        """Client that logs the draft."""
        if self._client is None:
            self._client = Client.on(self.context)
        return self._client

    @named_options()
    def add_reference(
        self,
        uri: str | Path | Reference,
        name: str | None = None,
        checksum: str | bool = True,
        max_objects: int | None = None,
        *,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        allow_empty: bool = False,
        inventory: str | None = None,
        options: Mapping[str, Any] | None = None,
        shards: int = 1,
        workers: int | None = None,
        executor: Executor | None = None,
    ) -> Manifest:
        """Scan a place and add its entries; reads no data if the store's lists contain checksums.

        Args:
            uri: An object, a folder, another artifact (``landfast://``), or a `Reference`.
            name: Path in the artifact: of the object, or of the folder for the entries.
            checksum: A kind such as ``"sha256"``; True is the store's default, False records no token.
            max_objects: Maximum number of entries; None is the setting (10,000), `landfast.UNLIMITED` removes the
                limit.
            include: Globs of paths to keep.
            exclude: Globs of paths to leave out, even if `include` matches them.
            allow_empty: Whether to accept a missing or empty prefix.
            inventory: URI of the bucket's inventory, see `Reference`; None lists the bucket.
            options: For the store: endpoint, region, profile, role, requester_pays, anonymous, ...
            shards: Maximum number of key ranges that are listed at once; with an executor, the number of ranges.
            workers: Number of processes on this machine that list a large place; None is the setting, 1.
            executor: Runs the lists: any `concurrent.futures.Executor`, such as a process pool or Dask; it is not
                shut down.

        Returns:
            The manifest of what was added.

        Raises:
            NotFound: If there is nothing to record.
            LimitExceeded: If there are more than `max_objects` entries.
            AccessDenied: If a permission is missing; the message names it.
            InvalidInput: If the URI is not valid, or is both an object and a folder; if you give a `Reference` and
                also arguments that belong in it.
            Conflict: If the artifact is already logged, or has a URL that differs only in parts that are not
                recorded.
        """
        reference = Reference.of(
            uri,
            name,
            checksum=checksum,
            max_objects=max_objects,
            include=include,
            exclude=exclude,
            allow_empty=allow_empty,
            inventory=inventory,
            options=options,
        )
        return self._add(reference, Spread(shards=shards, workers=workers, executor=executor))

    @named_options()
    def add_file(
        self,
        local_path: str | Path,
        name: str | None = None,
        *,
        into: str | None = None,
    ) -> Manifest:
        """Copy a file into the registry's store and add it as a managed entry.

        Args:
            local_path: The file.
            name: Path under the artifact; None is the file's name.
            into: Your own folder, bucket or prefix for the copy, as in `Client.copy_into`; the entry then
                references the copy. None copies into the registry's store.

        Raises:
            NotFound: If it is not a file.
        """
        self._check_open()
        path = Path(local_path)
        if not path.is_file():
            raise NotFound(
                f"{path} is not a file",
                subject=str(path),
                hint=hint_for_glob(str(path)) or "Folders are added with add_dir.",
            )
        if into is not None:
            return self.add_reference(self.client.copy_into(into, path), name or path.name)
        return self._add_managed(Reference(str(path.absolute()), name=name, checksum="sha256"))

    @named_options()
    def add_dir(
        self,
        local_path: str | Path,
        name: str | None = None,
        *,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        max_objects: int = UNLIMITED,
        allow_empty: bool = False,
        symlinks: str = "follow",
    ) -> Manifest:
        """Copy every file below a folder into the registry's store and add them as managed entries.

        Args:
            local_path: The folder.
            name: Folder in the artifact for the files; None is its root.
            include: Globs of paths to keep.
            exclude: Globs of paths to leave out, even if `include` matches them.
            max_objects: The most files.
            allow_empty: Whether to accept a folder without files.
            symlinks: ``follow`` them, or ``skip`` them and say so.

        Raises:
            NotFound: If it is not a folder, or holds no file.
            LimitExceeded: If there are more than `max_objects` files; nothing is copied then.
        """
        self._check_open()
        path = Path(local_path)
        if not path.is_dir():
            raise NotFound(
                f"{path} is not a folder",
                subject=str(path),
                hint=hint_for_glob(str(path)) or "Files are added with add_file.",
            )
        folder = Reference(
            f"{path.absolute()}/",
            name=name,
            checksum="sha256",
            include=tuple(include),
            exclude=tuple(exclude),
            max_objects=max_objects,
            allow_empty=allow_empty,
            options={"symlinks": symlinks},
        )
        return self._add_managed(folder)

    @contextmanager
    def new_file(
        self, name: str, mode: str = "w", encoding: str | None = None
    ) -> Iterator[IO[Any]]:
        """Open a new file for writing; it is added as a managed entry when the block ends.

        Args:
            name: Path under the artifact.
            mode: ``w`` or ``x`` for text, ``wb`` or ``xb`` for bytes.
            encoding: Of text; None is UTF-8.

        Example:
            >>> draft = Artifact("report", type="report")
            >>> with draft.new_file("notes.txt") as f:  # doctest: +SKIP
            ...     _ = f.write("fine")
        """
        self._check_open()
        if mode not in {"w", "x", "wb", "xb"}:
            raise InvalidInput(
                f"mode {mode!r} does not write a new file", expected="w, x, wb or xb"
            )
        path = self._work_folder() / f"new-{uuid.uuid4().hex}"
        with path.open(mode, encoding=None if "b" in mode else encoding or "utf-8") as stream:
            yield stream
        self.add_file(path, name)

    def save(self) -> ArtifactVersion:
        """Log the draft outside a run. In a run, use `run.log_artifact`."""
        return self.client.log_artifact(self)

    def new_draft(self) -> Artifact:
        """Return a draft that starts from this version's entries."""
        return Artifact.from_version(self._logged("new_draft"))

    @classmethod
    def from_version(
        cls, version: ArtifactVersion | str, *, client: Client | None = None
    ) -> Artifact:
        """Return a draft of the next version, which starts from a version's entries.

        Args:
            version: The version, or its name.
            client: Client that finds the name and logs; None is the version's, or the environment's.

        Raises:
            NotFound: If it does not exist; the message lists what exists.
        """
        if isinstance(version, str):
            version = (client or default_client()).get(version)
        draft = cls(
            str(version.full_name.bare()),
            version.type,
            version.description,
            version.metadata,
            client=client or Client.on(version.context),
        )
        draft.add_reference(version.uri, max_objects=max(1, version.file_count))
        return draft

    # -- of its version -----------------------------------------------------------------------

    version: _Forwarded[str] = _Forwarded()
    index: _Forwarded[int] = _Forwarded()
    collection: _Forwarded[str] = _Forwarded()
    project: _Forwarded[str] = _Forwarded()
    entity: _Forwarded[str] = _Forwarded()
    partition: _Forwarded[str] = _Forwarded()
    full_name: _Forwarded[ArtifactName] = _Forwarded()
    qualified_name: _Forwarded[str] = _Forwarded()
    uri: _Forwarded[str] = _Forwarded()
    url: _Forwarded[str | None] = _Forwarded()
    digest: _Forwarded[str] = _Forwarded()
    size: _Forwarded[int] = _Forwarded()
    file_count: _Forwarded[int] = _Forwarded()
    is_verified: _Forwarded[bool] = _Forwarded()
    is_restorable: _Forwarded[bool] = _Forwarded()
    aliases: _Forwarded[tuple[str, ...]] = _Forwarded()
    tags: _Forwarded[tuple[str, ...]] = _Forwarded()
    created: _Forwarded[bool] = _Forwarded()
    changed: _Forwarded[bool] = _Forwarded()
    change: _Forwarded[Change | None] = _Forwarded()
    created_at: _Forwarded[datetime] = _Forwarded()
    sources: _Forwarded[tuple[Source, ...]] = _Forwarded()
    skipped: _Forwarded[tuple[Skipped, ...]] = _Forwarded()
    manifest: _Forwarded[Manifest] = _Forwarded()
    record: _Forwarded[VersionRecord] = _Forwarded()
    entries = _forwarded(ArtifactVersion.entries)
    get_entry = _forwarded(ArtifactVersion.get_entry)
    to_arrow_batch_reader = _forwarded(ArtifactVersion.to_arrow_batch_reader)
    to_arrow = _forwarded(ArtifactVersion.to_arrow)
    to_pandas = _forwarded(ArtifactVersion.to_pandas)
    to_polars = _forwarded(ArtifactVersion.to_polars)
    uris = _forwarded(ArtifactVersion.uris)
    subtree_digest = _forwarded(ArtifactVersion.subtree_digest)
    path = _forwarded(ArtifactVersion.path)
    open = _forwarded(ArtifactVersion.open)
    download = _forwarded(ArtifactVersion.download)
    download_report = _forwarded(ArtifactVersion.download_report)
    verify = _forwarded(ArtifactVersion.verify)
    diff = _forwarded(ArtifactVersion.diff)
    lineage = _forwarded(ArtifactVersion.lineage)
    logged_by = _forwarded(ArtifactVersion.logged_by)
    used_by = _forwarded(ArtifactVersion.used_by)
    promote = _forwarded(ArtifactVersion.promote)
    update = _forwarded(ArtifactVersion.update)
    delete = _forwarded(ArtifactVersion.delete)
    wait = _forwarded(ArtifactVersion.wait)
    page = _forwarded(ArtifactVersion.page)
    to_dict = _forwarded(ArtifactVersion.to_dict)

    if not TYPE_CHECKING:  # a type checker shall name a wrong attribute itself

        def __getattr__(self, name: str) -> Any:
            raise advise("Artifact", name)

    def __repr__(self) -> str:
        state = "draft" if self._version is None else self._version.name
        return f"Artifact({str(self._name)!r}, type={self._type!r}, {state})"
