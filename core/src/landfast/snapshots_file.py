"""Read snapshots.yaml: the places to snapshot, for the command line and every orchestrator."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from landfast.errors import InvalidInput, NotFound
from landfast.model.reference import UNLIMITED
from landfast.model.snapshot_config import SnapshotConfig, SnapshotUri
from landfast.model.storage.hold_rule import HoldRule
from landfast.model.storage.verify_rule import VerifyRule

DEFAULT_FILE = "snapshots.yaml"
_SECTIONS = ("snapshots", "holds", "verify")
_R = TypeVar("_R")

_Kind: TypeAlias = "tuple[Callable[[Any], Any], str]"
"""How a value is read, and what it has to be."""

_TTL = re.compile(r"([0-9]+)\s*(s|m|h|d|w)\Z")
_TTL_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def load_snapshots(path: str | Path = DEFAULT_FILE) -> list[SnapshotConfig]:
    """Read the snapshots in a file; docs/snapshots.md describes the format.

    Args:
        path: The file.

    Raises:
        NotFound: If it does not exist.
        InvalidInput: If the file is not valid; the message names the file, the line, the problem and the allowed
            values.
    """
    return _reader(path).read_snapshots()


def load_holds(path: str | Path = DEFAULT_FILE) -> list[HoldRule]:
    """Read the hold rules below ``holds:`` in a snapshots file; docs/hold.md describes them.

    Args:
        path: The file.

    Raises:
        NotFound: If it does not exist.
        InvalidInput: If the file is not valid; the message names the file, the line, the problem and the allowed
            values.
    """
    return _reader(path).read_holds()


def load_verify(path: str | Path = DEFAULT_FILE) -> list[VerifyRule]:
    """Read the verify rules below ``verify:`` in a snapshots file; docs/verify.md describes them.

    Args:
        path: The file.

    Raises:
        NotFound: If it does not exist.
        InvalidInput: If the file is not valid; the message names the file, the line, the problem and the allowed
            values.
    """
    return _reader(path).read_verify()


def _reader(path: str | Path) -> _Reader:
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError):
        raise NotFound(f"there is no file {file}", subject=str(file)) from None
    except UnicodeDecodeError:
        raise InvalidInput(f"{file} is not UTF-8", subject=str(file)) from None
    return _Reader(file, text)


def snapshots_of(
    entries: Sequence[Mapping[str, Any]], *, source: str = "snapshots"
) -> list[SnapshotConfig]:
    """Read snapshots from mappings instead of a file; the keys are the same.

    Args:
        entries: One mapping of JSON values for each snapshot.
        source: Origin of the entries, for error messages.

    Raises:
        InvalidInput: If an entry is not valid; the message names the source, the problem and the allowed values.

    Example:
        >>> [config.name for config in snapshots_of([{"name": "flowers", "uri": "s3://b/flowers/"}])]
        ['flowers']
    """
    return _described(source, "snapshots", entries).read_snapshots()


def verify_of(entries: Sequence[Mapping[str, Any]], *, source: str = "verify") -> list[VerifyRule]:
    """Read verify rules from mappings instead of a file; the keys are the same.

    Args:
        entries: One mapping of JSON values for each rule.
        source: Origin of the entries, for error messages.

    Raises:
        InvalidInput: If an entry is not valid; the message names the source, the problem and the allowed values.

    Example:
        >>> [rule.label for rule in verify_of([{"name": "flowers", "aliases": ["prod"]}])]
        ['flowers:prod']
    """
    return _described(source, "verify", entries).read_verify()


def _described(source: str, section: str, entries: Sequence[Mapping[str, Any]]) -> _Reader:
    import yaml

    text = yaml.safe_dump({section: [dict(entry) for entry in entries]})
    return _Reader(Path(source), text, has_lines=False)


@dataclass(frozen=True, slots=True)
class _Value:
    """A value and the line of its key."""

    value: Any
    line: int


class _Reader:
    def __init__(self, file: Path, text: str, *, has_lines: bool = True) -> None:
        self._file = file
        self._text = text
        self._has_lines = has_lines

    def read_snapshots(self) -> list[SnapshotConfig]:
        keys = self._top()
        if "snapshots" not in keys:
            return []
        node = keys["snapshots"][0]
        if node.id != "sequence":
            line = node.start_mark.line + 1
            raise self._error("there are no snapshots", line, expected=self._allowed)
        configs: dict[str, tuple[SnapshotConfig, int]] = {}
        for item in node.value:
            line = item.start_mark.line + 1
            config = self._config(item, line)
            if config.name in configs:
                raise self._error(
                    f"snapshot {config.name!r} is described twice",
                    line,
                    found=f"the other one in line {configs[config.name][1]}"
                    if self._has_lines
                    else None,
                    expected="each name once; `uris:` takes several places",
                )
            configs[config.name] = (config, line)
        return [config for config, _ in configs.values()]

    def read_holds(self) -> list[HoldRule]:
        return [
            self._made(HoldRule, self._rule(item, "hold", _HOLD_KEYS, "name: mnist:prod"), line)
            for item, line in self._items("holds", "- name: mnist:prod")
        ]

    def read_verify(self) -> list[VerifyRule]:
        rules: dict[str, tuple[VerifyRule, int]] = {}
        for item, line in self._items("verify", "- aliases: [prod]"):
            given = self._rule(item, "verification", _VERIFY_KEYS, "aliases: [prod]")
            rule = self._made(VerifyRule, given, line)
            if rule.label in rules:
                raise self._error(
                    f"the verification of {rule.label!r} is described twice",
                    line,
                    found=f"the other one in line {rules[rule.label][1]}",
                    expected="each name with its aliases once",
                )
            rules[rule.label] = (rule, line)
        return [rule for rule, _ in rules.values()]

    def _items(self, section: str, example: str) -> Iterator[tuple[Any, int]]:
        """Yield what a list of the file has, with lines; nothing where the file has no such list."""
        keys = self._top()
        if section not in keys:
            return
        node = keys[section][0]
        if node.id != "sequence":
            line = node.start_mark.line + 1
            raise self._error(f"{section}: is not a list", line, expected=example)
        yield from ((item, item.start_mark.line + 1) for item in node.value)

    def _rule(
        self, node: Any, what: str, known: Mapping[str, _Kind], needed: str
    ) -> dict[str, Any]:
        line = node.start_mark.line + 1
        key = needed.partition(":")[0]
        if node.id != "mapping":
            raise self._error(f"a {what} is not a mapping", line, expected=f"keys such as {key}:")
        given = self._fields(node, known)
        if key not in given:
            raise self._error(f"a {what} has no {key}", line, expected=needed)
        return given

    def _made(self, rule: Callable[..., _R], given: Mapping[str, Any], line: int) -> _R:
        try:
            return rule(**given)
        except InvalidInput as error:
            raise self._located(error, line) from None

    @property
    def _allowed(self) -> str:
        *others, last = (f"`{section}:`" for section in _SECTIONS)
        return f"{self._file} to have {', '.join(others)} or {last}, each a list"

    def _top(self) -> dict[str, tuple[Any, int]]:
        """Return the lists of the file, at least one."""
        top = self._parse(self._text)
        if top is None or top.id != "mapping":
            raise self._error("there are no snapshots", 1, expected=self._allowed)
        keys = self._keys(top)
        for key in keys.keys() - set(_SECTIONS):
            raise self._error(f"unknown key {key!r}", keys[key][1], expected=self._allowed)
        if not keys:
            raise self._error("there are no snapshots", 1, expected=self._allowed)
        return keys

    def _parse(self, text: str) -> Any:
        import yaml

        try:
            return yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            line = 1 if mark is None else mark.line + 1
            raise self._error("not YAML", line, found=str(error.problem)) from None
        except yaml.YAMLError as error:
            raise self._error("not YAML", 1, found=str(error).splitlines()[0]) from None

    def _config(self, node: Any, line: int) -> SnapshotConfig:
        if node.id != "mapping":
            raise self._error(
                "a snapshot is not a mapping", line, expected="keys such as name: uri:"
            )
        given = self._fields(node, _KEYS)
        if "name" not in given:
            raise self._error("a snapshot has no name", line, expected="name: and uri:")
        places = [given.pop(key) for key in ("uri", "uris") if key in given]
        if len(places) != 1:
            found = "both" if places else "neither"
            raise self._error(
                f"snapshot {given['name']!r} needs one of uri: and uris:", line, found=found
            )
        return self._made(SnapshotConfig, {"uris": places[0], **given}, line)

    def _fields(self, node: Any, known: Mapping[str, _Kind]) -> dict[str, Any]:
        values: dict[str, _Value] = {}
        for key, (value, line) in self._keys(node).items():
            if key not in known:
                expected = "one of " + ", ".join(sorted(known))
                raise self._error(f"unknown key {key!r}", line, expected=expected)
            values[key] = _Value(self._built(value), line)
        return {key: self._field(key, found, known[key]) for key, found in values.items()}

    def _keys(self, node: Any) -> dict[str, tuple[Any, int]]:
        """Return the values of a mapping by key, with their lines; ``<<`` is merged in."""
        import yaml

        own = [key.value for key, _ in node.value]
        loader = yaml.SafeLoader("")
        try:
            loader.flatten_mapping(node)
        except yaml.MarkedYAMLError as error:
            line = node.start_mark.line + 1
            raise self._error("not YAML", line, found=str(error.problem)) from None
        finally:
            loader.dispose()
        found: dict[str, tuple[Any, int]] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            name = self._built(key)
            if not isinstance(name, str):
                raise self._error(f"key {name!r} is not a text", line)
            if own.count(key.value) > 1:
                raise self._error(f"key {name!r} is given twice", line)
            found[name] = (value, line)
        return found

    def _built(self, node: Any) -> Any:
        import yaml

        loader = yaml.SafeLoader("")
        try:
            return loader.construct_object(node, deep=True)
        except yaml.YAMLError as error:
            line = node.start_mark.line + 1
            raise self._error("not YAML", line, found=str(error).splitlines()[0]) from None
        finally:
            loader.dispose()

    def _field(self, key: str, found: _Value, kind: _Kind) -> Any:
        read, expected = kind
        try:
            return read(found.value)
        except (TypeError, ValueError):
            raise self._error(
                f"{key}: is wrong", found.line, expected=expected, found=_shown(found.value)
            ) from None

    def _located(self, error: InvalidInput, line: int) -> InvalidInput:
        return self._error(
            error.problem, line, expected=error.expected, found=error.found, hint=error.hint
        )

    def _error(self, problem: str, line: int, **facts: str | None) -> InvalidInput:
        place = f"{self._file}, line {line}" if self._has_lines else str(self._file)
        return InvalidInput(
            f"{place}: {problem}",
            subject=str(self._file),
            expected=facts.get("expected"),
            found=facts.get("found"),
            hint=facts.get("hint"),
            line=line,
        )


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        raise TypeError
    return tuple(_text(item) for item in value)


def _place(value: Any) -> SnapshotUri:
    if isinstance(value, str):
        return SnapshotUri(uri=_text(value))
    if not isinstance(value, dict) or not value.keys() <= {"uri", "name"} or "uri" not in value:
        raise TypeError
    name = value.get("name")
    return SnapshotUri(uri=_text(value["uri"]), name=None if name is None else _text(name))


def _places(value: Any) -> tuple[SnapshotUri, ...]:
    if not isinstance(value, list) or not value:
        raise TypeError
    return tuple(_place(item) for item in value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _limit(value: Any) -> int:
    if value == "unlimited":
        return UNLIMITED
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise TypeError
    return value


def _checksum(value: Any) -> str | bool:
    return False if value is False else _text(value)


def _json_object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise TypeError
    json.dumps(value, allow_nan=False)
    return value


def _ttl(value: Any) -> timedelta:
    found = _TTL.match(value) if isinstance(value, str) else None
    if found is None:
        raise TypeError
    return timedelta(**{_TTL_UNITS[found[2]]: int(found[1])})


def _shown(value: Any) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"


_TEXT = "a text, in quotes where YAML would read something else"
_LIST = "a list of texts"
_CRON = 'five fields of cron in quotes, such as "0 6 * * *"'
_HOLD_KEYS: dict[str, _Kind] = {
    "name": (_text, _TEXT),
    "partitions": (_ttl, "a number and s, m, h, d or w, such as 30d"),
    "kind": (_text, _TEXT),
    "reason": (_text, _TEXT),
    "partial": (_flag, "true or false"),
    "own_store": (_flag, "true or false"),
}
_VERIFY_KEYS: dict[str, _Kind] = {
    "name": (_text, _TEXT),
    "aliases": (_texts, _LIST),
    "schedule": (_text, _CRON),
    "fail_on": (_text, "drift, loss or never"),
}
_KEYS: dict[str, _Kind] = {
    "name": (_text, _TEXT),
    "uri": (lambda value: (_place(value),), _TEXT),
    "uris": (_places, "a list of URIs, or of mappings with uri: and name:"),
    "type": (_text, _TEXT),
    "description": (_text, _TEXT),
    "partition": (_text, _TEXT),
    "schedule": (_text, _CRON),
    "include": (_texts, _LIST),
    "exclude": (_texts, _LIST),
    "max_objects": (_limit, "a number from 1, or unlimited"),
    "checksum": (_checksum, "a kind such as sha256, or false"),
    "allow_empty": (_flag, "true or false"),
    "inventory": (_text, _TEXT),
    "aliases": (_texts, _LIST),
    "tags": (_texts, _LIST),
    "metadata": (_json_object, "a mapping of JSON values; dates in quotes"),
    "ttl": (_ttl, "a number and s, m, h, d or w, such as 30d"),
    "options": (_json_object, "a mapping of store options"),
}
