"""Bytes, as they are."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any, ClassVar


class BytesSerializer:
    """`bytes` and `bytearray`; both come back as `bytes`."""

    name: ClassVar[str] = "bytes"
    extension: ClassVar[str] = "bin"
    accepts: ClassVar[str] = "bytes"

    def takes(self, value: object) -> bool:
        """Tell whether it is bytes."""
        return isinstance(value, bytes | bytearray)

    def write(self, value: Any, path: Path) -> None:
        """Write them."""
        path.write_bytes(value)

    def read(self, stream: IO[bytes], wanted: Any = Any) -> Any:  # noqa: ARG002 - there is one kind
        """Return them."""
        return stream.read()
