"""Which tools can be read."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, cast

from landfast.errors import InvalidInput

if TYPE_CHECKING:
    from landfast.migrate.base import Peer, PeerPlace, PeerVersion

# Peer -> module.
PEERS = {
    "wandb": "wandb",
    "dagster-wandb": "dagster_wandb",
    "dvc": "dvc",
    "quilt": "quilt",
    "datachain": "datachain",
}


def peer_versions(peer: str, place: PeerPlace) -> Iterator[PeerVersion]:
    """Yield the versions that a tool left at a place.

    Raises:
        InvalidInput: If no such tool is known.
        NotFound: If nothing of it is there.
    """
    if peer not in PEERS:
        raise InvalidInput(
            f"nothing is known of the files of {peer!r}",
            subject=peer,
            expected="one of " + ", ".join(PEERS),
        )
    module = cast("Peer", import_module(f"landfast.migrate.{PEERS[peer]}"))
    return module.versions(place)
