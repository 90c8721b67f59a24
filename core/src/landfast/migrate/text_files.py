"""Text files of other tools: found below a folder or a URI, and read with limits, as they may be damaged or hostile."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from landfast.errors import Conflict, InvalidInput, NotFound

# A document that is read whole, as its own tool reads it: a manifest of five million entries.
MOST_BYTES = 1 << 30
# A line of a stream: one entry with its metadata.
MOST_LINE_BYTES = 16 << 20
_LINES = "lines of JSON"


def found_file(path: str) -> Path:
    """Return a file or folder of this machine, or raise `NotFound`."""
    place = Path(path).expanduser()
    if not place.exists():
        raise NotFound(f"{path} does not exist", subject=path, hint="Check the spelling.")
    return place


def files_below(folder: Path, name: re.Pattern[str]) -> Iterator[Path]:
    """Yield the files below a folder whose names match, in order of their paths; links to folders are not followed."""
    yield from sorted(
        path for path in folder.rglob("*") if name.fullmatch(path.name) and path.is_file()
    )


def json_document(file: Path) -> Any:
    """Return a JSON document; `Conflict` if it is none."""
    if file.stat().st_size > MOST_BYTES:
        raise InvalidInput(
            f"{file} is too large to be read",
            subject=str(file),
            expected=f"at most {MOST_BYTES:,} bytes",
            found=f"{file.stat().st_size:,}",
        )
    with damage(str(file), "JSON"):
        return json.loads(file.read_bytes())


def json_lines(chunks: Iterable[bytes], file: str) -> Iterator[Any]:
    """Yield the values of JSON lines, one at a time; `Conflict` at the first that is none."""
    for number, line in enumerate(_lines(chunks, file), start=1):
        if line.strip():
            with damage(file, _LINES, f"line {number}: "):
                value = json.loads(line)
            yield value


def _lines(chunks: Iterable[bytes], file: str) -> Iterator[bytes]:
    begun = b""
    for chunk in chunks:
        *whole, begun = (begun + chunk).split(b"\n")
        yield from whole
        if len(begun) > MOST_LINE_BYTES:
            raise not_a(file, _LINES, f"a line is over {MOST_LINE_BYTES:,} bytes")
    yield begun


@contextmanager
def damage(file: str, kind: str, where: str = "") -> Iterator[None]:
    """Turn what a parser says of bytes that it cannot read into `Conflict`."""
    try:
        yield
    except (ValueError, EOFError, RecursionError, OverflowError) as error:
        if isinstance(error, Conflict | InvalidInput):
            raise
        found = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise not_a(file, kind, where + (found or type(error).__name__)) from None


def not_a(file: str, kind: str, found: str) -> Conflict:
    """Build the error for a file that is not what it should be."""
    return Conflict(
        f"{file} cannot be read as {kind}",
        subject=file,
        found=ascii(found)[1:-1][:200],
        hint="It is damaged, cut off, or something else.",
    )
