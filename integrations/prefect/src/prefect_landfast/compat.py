"""What differs between versions of Prefect, or has to be asked in a roundabout way."""

from __future__ import annotations

from typing import Any

import landfast
from prefect.blocks.core import Block, UnknownBlockType
from prefect.exceptions import ObjectNotFound
from pydantic import ValidationError

from prefect_landfast import api


def load_block(name: str, kind: type[Any] = Block) -> Any:
    """Load a block, from sync and async code alike.

    Args:
        name: Its name; for the kind `Block` with the type's slug before it: ``aws-credentials/prod``.
        kind: The block's class.

    Raises:
        landfast.NotFound: If the API has no such block, or nobody here knows its type.
        landfast.InvalidInput: If no API is configured (none is started for it), or the block is not valid.
    """
    kept = name if "/" in name else f"{kind.get_block_type_slug()}/{name}"
    if not api.can_reach_api():
        raise landfast.InvalidInput(
            f"the Prefect block {kept} is needed, and no API is configured to ask for it",
            subject=kept,
            hint="Set PREFECT_API_URL; or do without blocks: LANDFAST_REGISTRY_URL and the storage's"
            " own environment variables.",
        )
    try:
        # Inside an async task Prefect would answer a coroutine, even in a thread of it.
        return kind.load(name, _sync=True)
    except RuntimeError as error:
        if not isinstance(error.__cause__, ValidationError):
            raise
        raise landfast.InvalidInput(
            f"the block {kept} cannot be used",
            subject=kept,
            found="; ".join(
                problem["msg"] for problem in error.__cause__.errors(include_input=False)
            ),
            hint=f"Save it anew: {kind.__name__}(...).save({kept.rpartition('/')[2]!r}, overwrite=True)",
        ) from None
    except (ValueError, UnknownBlockType) as error:
        if not isinstance(error.__cause__ or error, (ObjectNotFound, UnknownBlockType)):
            raise
        raise landfast.NotFound(
            f"there is no block {kept}",
            subject=kept,
            found=str(error),
            hint="Save it first, or install the collection that has its type.",
        ) from error


def block_name(block: Block) -> str | None:
    """Return the name that a block is saved under; None for one that is not saved."""
    return None if block._is_anonymous else block._block_document_name
