"""Replies: what a store says of an object that it sends, compared with what was recorded."""

from __future__ import annotations

from landfast.errors import ObjectChanged
from landfast.stores.base import ObjectInfo, Pin


def check_pairs(
    uri: str, pin: Pin, info: ObjectInfo, version_id: str | None, *own: tuple[str, object, object]
) -> None:
    """Compare what a reply says of itself with what was recorded: `own` first, then size and checksum.

    Own facts of a store are triples: what it is, as recorded, as found.

    Raises:
        ObjectChanged: At the first that differs.
    """
    pairs = list(own)
    if pin.size is not None and info.size is not None:
        pairs.append(("size", pin.size, info.size))
    if pin.checksum and info.extra and pin.checksum.algorithm in info.extra:
        algorithm = pin.checksum.algorithm
        pairs.append((algorithm, pin.checksum.value, info.extra[algorithm]))
    for what, recorded, found in pairs:
        if recorded != found:
            raise ObjectChanged(
                f"{uri}: the server answers with another object than was recorded",
                subject=uri,
                expected=f"{what} {recorded}",
                found="none in the reply" if found is None else f"{found}",
                version_id=version_id,
                differs=what,
            )
