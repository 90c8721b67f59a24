"""What the footer of a manifest file says of its rows, read strictly."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from landfast.errors import Conflict
from landfast.manifests import schema
from landfast.manifests.parquet import damage_is_conflict, damaged
from landfast.manifests.rows import breaks_format
from landfast.model.manifest import ManifestSummary

_VERSION = re.compile(r"([0-9]{1,9})\.[0-9]{1,9}")
_FULL, _DELTA = (int(text.partition(".")[0]) for text in (schema.FULL_FORMAT, schema.DELTA_FORMAT))
_BASE = re.compile(r"[0-9a-f]{64}(?: [0-9a-f]{64})*")
_NUMBER = re.compile(r"[0-9]{1,19}")
_PLACE = re.compile(r"([0-9]{1,19}) ([0-9]{1,19})")
_CONTENT_DIGEST = re.compile(r"lf1:[0-9a-f]{64}")
_PIN_DIGEST = re.compile(r"lp1:[0-9a-f]{64}")


class Footer:
    """The texts that a manifest file holds under ``landfast.`` keys of its Parquet footer.

    Raises:
        Conflict: If the file is no manifest, or of a format that this Landfast does not read.
    """

    def __init__(self, path: Path, raw: Mapping[bytes, bytes]) -> None:
        self._path = path
        if schema.KEY_FORMAT not in raw:
            raise damaged(path, "its footer has no landfast.format")
        with damage_is_conflict(path):
            self._texts = {k: v.decode() for k, v in raw.items() if k.startswith(b"landfast.")}
        version = self._value(schema.KEY_FORMAT, _VERSION, "MAJOR.MINOR")
        self._is_delta = int(version[1]) == _DELTA
        if int(version[1]) not in {_FULL, _DELTA}:
            raise Conflict(
                f"the manifest file {path.name} has a format that this Landfast does not read",
                subject=str(path),
                expected=f"format {_FULL} or {_DELTA}",
                found=f"format {version[0]}",
                hint="Upgrade it: pip install --upgrade landfast",
            )

    @cached_property
    def base(self) -> tuple[str, ...]:
        """The sha256 of the files that a delta stands on, the full one first; of a full file nothing."""
        if not self._is_delta:
            return ()
        expected = "sha256 of files, one space between"
        return tuple(self._value(schema.KEY_BASE, _BASE, expected)[0].split(" "))

    def summary(self, rows: int) -> ManifestSummary:
        """Return what the footer says of the whole; `Conflict` if a key is missing or malformed.

        `Conflict` too if the count is not that of the rows, unless it is a delta.
        """
        summary = ManifestSummary(
            digest=self._value(schema.KEY_CONTENT_DIGEST, _CONTENT_DIGEST, "an lf1: digest")[0],
            pin_digest=self._value(schema.KEY_PIN_DIGEST, _PIN_DIGEST, "an lp1: digest")[0],
            count=self._number(schema.KEY_COUNT),
            size=self._number(schema.KEY_SIZE),
            unverified=self._number(schema.KEY_UNVERIFIED),
            unpinned=self._number(schema.KEY_UNPINNED),
        )
        if summary.count != rows and not self._is_delta:
            raise self._broken(schema.KEY_COUNT, f"{rows}, the count of the rows")
        return summary

    def rollup(self) -> tuple[int, int]:
        """Return where the roll-up begins in the file, and its bytes."""
        place = self._value(schema.KEY_FOLDERS, _PLACE, "offset and length, decimal")
        return int(place[1]), int(place[2])

    def _number(self, key: bytes) -> int:
        return int(self._value(key, _NUMBER, "a decimal number")[0])

    def _value(self, key: bytes, form: re.Pattern[str], expected: str) -> re.Match[str]:
        match = form.fullmatch(self._texts.get(key, ""))
        if match is None:
            raise self._broken(key, expected)
        return match

    def _broken(self, key: bytes, expected: str) -> Conflict:
        name = key.decode()
        found = f"{name}={self._texts[key]!r}" if key in self._texts else f"no {name}"
        return breaks_format(self._path, "its footer", f"{name}: {expected}", found)
