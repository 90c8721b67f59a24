"""Artifact: a draft.  It collects references and files; logged, it forwards to its version."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import uuid
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from landfast.errors import Conflict, InvalidInput, NotFound, NotLogged
from landfast.model.globs import hint_for_glob
from landfast.model.names import ArtifactName, check_name
from landfast.model.reference import UNLIMITED, Reference
from landfast.publish import managed_files
from landfast.scan import merging
from landfast.wandb_names import advise, check_options

if TYPE_CHECKING:
    from landfast.client import Client
    from landfast.draft import DraftEntries
    from landfast.manifests.base import Manifest
    from landfast.manifests.held import HeldManifest
    from landfast.manifests.writer import WrittenManifest
    from landfast.version import ArtifactVersion


class Artifact:
    """A draft of a version: name, type, description, metadata and references.

    `add_reference` scans at once.  `run.log_artifact(draft)`, `run.use_artifact(draft)` or `draft.save()` log
    it; from then on it forwards to its `ArtifactVersion`, and can no longer be added to.

    Args:
        name: ``[[entity/]project/]collection[~PARTITION]``.
        type: ``dataset``, ``model``, ...; one per collection.
        description: Of the version.
        metadata: JSON object.
        partition: The partition key, instead of ``~PARTITION``.
        ttl: How long the version is kept; None keeps it.
        client: Where to log; None is the environment's.
        wandb: ``storage_region`` and ``digest_algorithm`` are ignored.

    Raises:
        InvalidInput: If the name or type is no name, or the name says a version.

    Example:
        >>> draft = Artifact("mnist", type="dataset", metadata={"split": "train"})
        >>> draft.name, draft.type
        ('mnist', 'dataset')
    """

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
        **wandb: Any,
    ) -> None:
        check_options("Artifact", wandb)
        self._name = _draft_name(name, partition)
        self._type = check_name(type, "type")
        self.description = description or ""
        self.metadata: dict[str, Any] = dict(metadata or {})
        self.ttl = ttl
        self._client = client
        self._scans: list[merging.ShardScan] = []
        self._secrets: dict[str, str] = {}
        self._ticket: int | None = None
        self._version: ArtifactVersion | None = None
        self._folder: Path | None = None
        self._entries: DraftEntries | None = None
        self._originals: dict[str, Path] = {}

    # -- the draft ----------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The name as it will be logged; of a logged artifact ``collection:vN``."""
        return self._version.name if self._version is not None else str(self._name)

    @property
    def type(self) -> str:
        """The type."""
        return self._type

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
        options: Mapping[str, Any] | None = None,
        shards: int = 1,
    ) -> Manifest:
        """Scan a place and add what is there; no byte of data is read where the store tells checksums.

        Args:
            uri: An object, a folder, another artifact (``landfast://``), or a `Reference`.
            name: Path under the artifact: of the object, or of the folder that takes the entries.
            checksum: A kind such as ``"sha256"``; True is the store's default, False records no token.
            max_objects: The most entries; None is the setting (10,000), `landfast.UNLIMITED` lifts it.
            include: Globs of paths to keep.
            exclude: Globs of paths to leave out; exclude wins.
            allow_empty: Whether a missing or empty prefix is no error.
            options: For the store: endpoint, region, profile, role, requester_pays, anonymous, ...
            shards: How many key ranges to cut the scan into.

        Returns:
            The manifest of what was added.

        Raises:
            NotFound: If there is nothing to record.
            LimitExceeded: If there is more than `max_objects`.
            AccessDenied: Naming the missing permission.
            InvalidInput: If the URI is none, or both an object and a folder; if a `Reference` is given
                together with arguments that belong into it.
            Conflict: If the artifact is logged already, or holds a URL that differs only in what is not recorded.
        """
        self._check_open()
        reference = Reference.of(
            uri,
            name=name,
            checksum=None if checksum is True else checksum,
            max_objects=max_objects,
            include=tuple(include) or None,
            exclude=tuple(exclude) or None,
            allow_empty=allow_empty or None,
            options=dict(options or {}) or None,
        )
        self._tell_apart(reference)
        self._draw_ticket()
        scans = self.client.scan_into(
            self._work_folder(), reference, shards=shards, near=self._name
        )
        return self._added(scans)

    def _tell_apart(self, reference: Reference) -> None:
        """Refuse two URLs that would be recorded as one, for want of what may be no secret."""
        from landfast.scan.plan import place_of

        if reference.uri is not None and reference.uri.startswith("landfast://"):
            return
        place = place_of(reference, self.client.stores)
        given = place.ambiguous_secrets()
        told = hashlib.sha256(repr(given).encode(errors="replace")).hexdigest()
        if given and self._secrets.setdefault(str(place), told) != told:
            names = ", ".join(given)
            raise Conflict(
                f"two URLs that differ only in {names} would be recorded as one, {place}",
                subject=str(place),
                hint=f"{names} may be a secret, so it is not recorded; if it says which object is meant, "
                f"give options={{'plain_parameters': '{names}'}}.",
            )

    def add_scans(
        self, scans: Sequence[merging.ShardScan], *, ticket: int | None = None
    ) -> Manifest:
        """Add what `Client.scan_shard` found elsewhere: all shards of one plan.

        Args:
            scans: One result for every shard.
            ticket: Drawn before the plan was made; None draws one now.

        Raises:
            LimitExceeded: If they exceed the limit together.
            NotFound: If they are all empty.
        """
        self._check_open()
        self._ticket = ticket if self._ticket is None else self._ticket
        self._draw_ticket()
        return self._added([self.client.localise(scan) for scan in scans])

    def add_file(
        self,
        local_path: str | Path,
        name: str | None = None,
        *,
        into: str | None = None,
        **wandb: Any,
    ) -> Manifest:
        """Copy a file into the registry's store and add it as a managed entry.

        Args:
            local_path: The file.
            name: Path under the artifact; None is the file's name.
            into: A folder, bucket or prefix of yours that takes the copy instead, as `Client.copy_into` says;
                the entry is a reference to it.
            wandb: ``policy``, ``skip_cache`` and ``is_tmp`` are ignored: a file is always copied, once.

        Raises:
            NotFound: If it is no file.
        """
        self._check_open()
        self._draw_ticket()
        check_options("Artifact.add_file", wandb)
        path = Path(local_path)
        if not path.is_file():
            raise NotFound(
                f"{path} is not a file",
                subject=str(path),
                hint=hint_for_glob(str(path)) or "Folders are added with add_dir.",
            )
        if into is not None:
            return self.add_reference(self.client.copy_into(into, path), name=name or path.name)
        return self._copied(Reference(str(path.absolute()), name=name, checksum="sha256"))

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
        **wandb: Any,
    ) -> Manifest:
        """Copy every file below a folder into the registry's store and add them as managed entries.

        Args:
            local_path: The folder.
            name: Folder under the artifact that takes them; None is its root.
            include: Globs of paths to keep.
            exclude: Globs of paths to leave out; exclude wins.
            max_objects: The most files.
            allow_empty: Whether a folder without files is no error.
            symlinks: ``follow`` them, or ``skip`` them and say so.
            wandb: As in `add_file`.

        Raises:
            NotFound: If it is no folder, or holds no file.
            LimitExceeded: If there are more than `max_objects` files; nothing is copied then.
        """
        self._check_open()
        self._draw_ticket()
        check_options("Artifact.add_dir", wandb)
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
        return self._copied(folder)

    @contextmanager
    def new_file(
        self, name: str, mode: str = "w", encoding: str | None = None
    ) -> Iterator[IO[Any]]:
        """Open a new file for writing; when the block ends it is added as a managed entry.

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
        """Log the draft outside a run; in a run, `run.log_artifact` says more."""
        return self.client.log_artifact(self)

    def new_draft(self) -> Artifact:
        """Return a draft that starts from this version's entries."""
        return self._logged("new_draft").new_draft()

    # -- for the client -----------------------------------------------------------------------

    @property
    def client(self) -> Client:
        """Where it is logged."""
        if self._client is None:
            from landfast.session import default_client

            self._client = default_client()
        return self._client

    def bind(self, client: Client) -> None:
        """Log through this client, unless the draft has scanned through another.

        Raises:
            Conflict: If it has.
        """
        if self._client is None:
            self._client = client
        elif self._scans and not self._client.shares_registry(client):
            raise Conflict(
                f"artifact {self._name} was filled through another registry",
                subject=str(self._name),
                expected=client.display_url,
                found=self._client.display_url,
            )

    @property
    def draft_name(self) -> ArtifactName:
        """The parsed name."""
        return self._name

    @property
    def scans(self) -> tuple[merging.ShardScan, ...]:
        """What was added so far."""
        return tuple(self._scans)

    @property
    def ticket(self) -> int:
        """The start ticket, drawn before the first request of the first scan."""
        return self._draw_ticket()

    def merged(self) -> WrittenManifest | HeldManifest:
        """Join everything that was added into one manifest.

        Raises:
            InvalidInput: If nothing was added.
        """
        if self._entries is None:
            raise InvalidInput(
                f"artifact {self._name} is empty",
                subject=str(self._name),
                hint="Add something with add_reference.",
            )
        return self._entries.merged()

    def find_managed(self, sha256: str) -> Path | None:
        """Return the local file that was copied into the store under this sha256, if it is still there."""
        path = self._originals.get(sha256)
        return path if path is not None and path.is_file() else None

    def became(self, version: ArtifactVersion) -> None:
        """Forward to this version from now on."""
        self._version = version

    @property
    def is_logged(self) -> bool:
        """Whether it has become a version."""
        return self._version is not None

    def _logged(self, name: str) -> ArtifactVersion:
        if self._version is None:
            raise NotLogged(
                f"artifact {self._name} is a draft and has no {name!r} yet",
                subject=str(self._name),
                hint="Log it first: run.log_artifact(artifact), run.use_artifact(artifact) or artifact.save().",
            )
        return self._version

    def __getattr__(self, name: str) -> Any:
        # Only names that ArtifactVersion has are forwarded; the rest is an ordinary AttributeError.
        from landfast.version import ArtifactVersion

        if name.startswith("_") or name not in dir(ArtifactVersion):
            raise advise("Artifact", name)
        return getattr(self._logged(name), name)

    def __repr__(self) -> str:
        state = "draft" if self._version is None else self._version.name
        return f"Artifact({str(self._name)!r}, type={self._type!r}, {state})"

    def _check_open(self) -> None:
        if self._version is not None:
            raise Conflict(
                f"artifact {self._version.name} is logged and cannot change",
                subject=self._version.name,
                hint="Start the next version with artifact.new_draft().",
            )

    def _draw_ticket(self) -> int:
        if self._ticket is None:
            self._ticket = self.client.registry.ticket()
        return self._ticket

    def _work_folder(self) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="landfast-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        return self._folder

    def _copied(self, reference: Reference) -> Manifest:
        folder, originals = self._work_folder(), self._originals
        return self._added(
            [managed_files.store_files(self.client, reference, folder, originals=originals)]
        )

    def _added(self, scans: Sequence[merging.ShardScan]) -> Manifest:
        from landfast.draft import DraftEntries

        merging.check_complete(scans)
        if len(scans) == 1:
            found = scans[0].manifest
        else:
            found = merging.merge(scans, self._work_folder() / f"added-{len(self._scans)}.parquet")
        self._entries = self._entries or DraftEntries(self._work_folder)
        manifest = self._entries.add(found)
        self._scans.extend(scans)
        return manifest


def _draft_name(name: str, partition: str | None) -> ArtifactName:
    from dataclasses import replace

    parsed = ArtifactName.parse(name)
    if parsed.picks_version:
        raise InvalidInput(
            f"{name!r} says a version, but the registry numbers versions itself",
            subject=name,
            hint=f"Give the name {parsed.bare()}; aliases are given when it is logged.",
        )
    if partition is not None and parsed.partition and parsed.partition != partition:
        raise Conflict(f"{name!r} and partition={partition!r} disagree", subject=name)
    return parsed if partition is None else replace(parsed, partition=partition)
