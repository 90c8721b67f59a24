"""Settings: from the call, the environment, `landfast.toml` (or `[tool.landfast]`), then defaults."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Unpack

from landfast.errors import InvalidInput
from landfast.model.names import DEFAULT_ENTITY, DEFAULT_PROJECT, ArtifactName, check_name
from landfast.model.options import GivenSettings
from landfast.model.reference import DEFAULT_MAX_OBJECTS, UNLIMITED
from landfast.spelling import named_options
from landfast.system.cache_folder import cache_folder

DEFAULT_CACHE_BYTES = 50 * 1024**3
_MOST_AT_ONCE = 256

_MOST_DAYS = 365_000
_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}

# Setting -> environment variable; the keys are also those of landfast.toml.
VARIABLES = {
    "registry_url": "LANDFAST_REGISTRY_URL",
    "store_url": "LANDFAST_STORE_URL",
    "entity": "LANDFAST_ENTITY",
    "project": "LANDFAST_PROJECT",
    "cache_dir": "LANDFAST_CACHE_DIR",
    "cache_size": "LANDFAST_CACHE_SIZE",
    "artifact_dir": "LANDFAST_ARTIFACT_DIR",
    "max_objects": "LANDFAST_MAX_OBJECTS",
    "workers": "LANDFAST_WORKERS",
    "ranges": "LANDFAST_RANGES",
    "range_threshold": "LANDFAST_RANGE_THRESHOLD",
    "ui_url": "LANDFAST_UI_URL",
    "run": "LANDFAST_RUN",
    "openlineage": "LANDFAST_OPENLINEAGE",
}
_FILE_ONLY = {"options", "path_map", "endpoint_map"}
_INNER = {"options": "a table", "path_map": "a path", "endpoint_map": "a URL"}
ALLOW_LOCAL = "LANDFAST_ALLOW_LOCAL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The places of registry, store and cache, and the defaults of a project.

    Args:
        registry_url: ``sqlite:///PATH`` or ``postgresql://...``; None is SQLite in the user's data folder.
        store_url: URL of the registry's store that you expect; None accepts the store that the registry names.
        entity: Namespace of projects.
        project: Namespace of collections.
        cache_dir: Folder of the blob cache.
        cache_size: Maximum size of the cache in bytes.
        artifact_dir: Folder of downloads; None is ``./artifacts``.
        max_objects: Maximum number of entries of one reference.
        workers: Number of processes that list a large folder.
        ranges: Number of ranges of large objects that a download reads at once; 1 reads each object with one request.
        range_threshold: Minimum size of a large object, in bytes.
        ui_url: Base URL of `landfast ui`, for links; None makes no links.
        run: The run to join, in the format of `LANDFAST_RUN`; None joins no run.
        openlineage: ``on`` sends events of each run to OpenLineage, ``off`` sends none; None sends them if
            `OPENLINEAGE_URL` is set.
        options: Store options by URI prefix; the longest prefix wins.
        path_map: Local folder by recorded folder, for mounts that differ between machines.
        endpoint_map: Local endpoint by recorded endpoint, for servers that have another name on this machine.
    """

    registry_url: str | None = field(default=None, repr=False)
    store_url: str | None = None
    entity: str = DEFAULT_ENTITY
    project: str = DEFAULT_PROJECT
    cache_dir: Path
    cache_size: int = DEFAULT_CACHE_BYTES
    artifact_dir: Path | None = None
    max_objects: int = DEFAULT_MAX_OBJECTS
    workers: int = 1
    ranges: int = 16
    range_threshold: int = 64 * 1024**2
    ui_url: str | None = None
    run: str | None = None
    openlineage: str | None = None
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    path_map: Mapping[str, str] = field(default_factory=dict)
    endpoint_map: Mapping[str, str] = field(default_factory=dict)

    @property
    def effective_registry_url(self) -> str:
        """URL of the registry, or of the embedded default registry if none is set."""
        return self.registry_url or default_registry_url()

    def require_shared(self, elsewhere: str, how: str = "Set LANDFAST_REGISTRY_URL") -> None:
        """Raise an error if no registry is set and other machines may do the work.

        Args:
            elsewhere: Name of the part that uses other machines, for the message, such as ``CeleryExecutor``.
            how: Instruction to set a registry, for the hint.

        Raises:
            InvalidInput: If no registry is set, and `LANDFAST_ALLOW_LOCAL` is not 1.

        Example:
            >>> load_settings(registry_url="postgresql://registry/landfast").require_shared("CeleryExecutor")
        """
        if self.registry_url or os.environ.get(ALLOW_LOCAL) == "1":
            return
        raise InvalidInput(
            f"no registry is named, and {elsewhere} may do this work on other machines",
            subject="LANDFAST_REGISTRY_URL",
            expected="a registry that every worker reaches, such as postgresql://...",
            found="the embedded SQLite registry, of which each machine would have its own",
            hint=f"{how}; if all of them share this disk, set {ALLOW_LOCAL}=1.",
        )


@named_options(GivenSettings)
def load_settings(start: Path | None = None, **given: Unpack[GivenSettings]) -> Settings:
    """Return the settings in force.

    Args:
        start: Folder where the search for `landfast.toml` begins; it continues in the parent folders. None is the
            working folder.
        given: Settings of this call, by name; None means not given.

    Raises:
        InvalidInput: If a setting is not valid; the message names the setting, its origin and the allowed values.

    Example:
        >>> load_settings(project="vision", cache_size="2 GB").cache_size
        2000000000
    """
    values: dict[str, tuple[Any, str]] = {}
    path, table = _project_file(start or Path.cwd())
    for key, value in table.items():
        if key not in VARIABLES and key not in _FILE_ONLY:
            known = ", ".join(sorted({*VARIABLES, *_FILE_ONLY} - {"run"}))
            raise InvalidInput(
                f"{path}: unknown setting {key!r}", subject=key, expected=f"one of {known}"
            )
        values[key] = (value, str(path))
    for key, variable in VARIABLES.items():
        if os.environ.get(variable):
            values[key] = (os.environ[variable], variable)
    values |= {key: (value, key) for key, value in given.items() if value is not None}
    parsed = {key: _parse(key, value, origin) for key, (value, origin) in values.items()}
    parsed.setdefault("cache_dir", cache_folder())
    return Settings(**parsed)


def full_name(artifact: str | ArtifactName, *, hint: str | None = None) -> ArtifactName:
    """Return the full name: the settings give the project and entity that the name leaves out.

    Args:
        artifact: ``[[entity/]project/]collection[~PARTITION]``, with or without a version.
        hint: Next step for the message, if the value is not text.

    Raises:
        InvalidInput: If the text is not the name of an artifact.

    Example:
        >>> str(full_name("vision/flowers:v3"))
        'default/vision/flowers:v3'
    """
    name = ArtifactName.parse(artifact) if isinstance(artifact, str) else artifact
    if not isinstance(name, ArtifactName):
        raise InvalidInput(
            f"{type(name).__name__} is not an artifact name",
            subject=str(name)[:200],
            expected="a text such as nlp/corpus",
            found=type(name).__name__,
            hint=hint,
        )
    if name.project and name.entity:
        return name
    settings = load_settings()
    return name.within(entity=settings.entity, project=settings.project)


def default_registry_url() -> str:
    """Return the URL of the embedded registry in the user's data folder."""
    from platformdirs import user_data_path

    return f"sqlite:///{user_data_path('landfast') / 'registry.db'}"


def _project_file(start: Path) -> tuple[Path, dict[str, Any]]:
    for folder in (start, *start.absolute().parents):
        for name, inner in (("landfast.toml", ()), ("pyproject.toml", ("tool", "landfast"))):
            path = folder / name
            if not path.is_file():
                continue
            table = _read_toml(path)
            for key in inner:
                table = table.get(key, {})
            if table or name == "landfast.toml":
                return path, table
    return start, {}


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} is not valid TOML: {error}", subject=str(path)) from None


def _parse(key: str, value: Any, origin: str) -> Any:
    if key in {"entity", "project"}:
        return check_name(value, key)
    if key in {"cache_dir", "artifact_dir"}:
        return Path(value).expanduser()
    if key in _NUMBERS:
        return _NUMBERS[key](value, origin)
    if key == "openlineage":
        return _parse_switch(value, origin)
    expected = Mapping if key in _FILE_ONLY else str
    if not isinstance(value, expected):
        raise InvalidInput(
            f"{origin}: {key} has the wrong type", subject=key, expected=expected.__name__.lower()
        )
    if isinstance(value, Mapping):
        _check_inner(key, value, origin)
    return value


def _check_inner(key: str, table: Mapping[str, Any], origin: str) -> None:
    expected = Mapping if key == "options" else str
    for name, value in table.items():
        if not isinstance(value, expected):
            raise InvalidInput(
                f"{origin}: {key} of {name!r} has the wrong type",
                subject=name,
                expected=_INNER[key],
            )


def _parse_few(value: object, origin: str) -> int:
    text = str(value).strip()
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_AT_ONCE:
        raise InvalidInput(
            f"{origin} is {value!r}", subject=origin, expected=f"a number from 1 to {_MOST_AT_ONCE}"
        )
    return int(text)


def _parse_switch(value: object, origin: str) -> str:
    text = {"true": "on", "false": "off"}.get(str(value).lower(), str(value).lower())
    if text not in {"on", "off"}:
        raise InvalidInput(f"{origin} is {value!r}", subject=origin, expected="on or off")
    return text


def parse_count(value: object, origin: str = "max_objects") -> int:
    """Read a positive count, or ``unlimited``."""
    text = str(value).strip().lower().replace("_", "").replace(",", "")
    if text == "unlimited":
        return UNLIMITED
    if not text.isdecimal() or int(text) < 1:
        raise InvalidInput(
            f"{origin} is {value!r}", subject=origin, expected="a positive number, or 'unlimited'"
        )
    return int(text)


def parse_days(value: object, origin: str = "within") -> timedelta:
    """Read a length of time in days, such as ``30d``, ``12w``, ``36h`` or ``90``.

    Example:
        >>> parse_days("12w").days, parse_days("36h").total_seconds() / 3600, parse_days(90).days
        (84, 36.0, 90)
    """
    text = str(value).strip().lower().replace("_", "")
    digits, unit = text.rstrip("hdw "), text[-1:]
    try:
        days = float(digits) * {"h": 1 / 24, "w": 7}.get(unit, 1)
    except ValueError:
        days = -1
    if not 0 <= days <= _MOST_DAYS or text[len(digits) :].strip() not in {"", "h", "d", "w"}:
        raise InvalidInput(
            f"{origin} is {value!r}", subject=origin, expected="days, such as 30d, 12w or 36h"
        )
    return timedelta(days=days)


def parse_size(value: object, origin: str = "size") -> int:
    """Read a number of bytes, such as ``20 GB`` or ``512MiB``."""
    text = str(value).strip().upper().replace("_", "")
    digits = text.rstrip("BKMGTI ")
    unit = text[len(digits) :].strip()
    try:
        size = float(digits) * _UNITS[unit]
    except (ValueError, KeyError):
        size = -1
    if not 0 <= size < 2**63:
        raise InvalidInput(
            f"{origin} is {value!r}", subject=origin, expected="bytes, such as 500 MB or 20GiB"
        )
    return int(size)


_NUMBERS: dict[str, Callable[[object, str], int]] = {
    "cache_size": parse_size,
    "max_objects": parse_count,
    "workers": _parse_few,
    "ranges": _parse_few,
    "range_threshold": parse_size,
}
