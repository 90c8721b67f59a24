"""What differs between versions of Prefect, or has to be asked in a roundabout way."""

from __future__ import annotations

from typing import Any, TypeVar

import landfast
from prefect.artifacts import create_markdown_artifact
from prefect.blocks.core import Block, UnknownBlockType
from prefect.exceptions import ObjectNotFound

B = TypeVar("B", bound=Block)


def load_block(name: str, kind: type[Any] = Block) -> Any:
    """Load a block, from sync and async code alike.

    Args:
        name: Its name; for the kind `Block` with the type's slug before it: ``aws-credentials/prod``.
        kind: The block's class.

    Raises:
        landfast.NotFound: If the API has no such block, or nobody here knows its type.
    """
    try:
        # Inside an async task Prefect would answer a coroutine, even in a thread of it.
        return kind.load(name, _sync=True)
    except (ValueError, UnknownBlockType) as error:
        if not isinstance(error.__cause__ or error, (ObjectNotFound, UnknownBlockType)):
            raise
        kept = name if "/" in name else f"{kind.get_block_type_slug()}/{name}"
        raise landfast.NotFound(
            f"there is no block {kept}",
            subject=kept,
            found=str(error),
            hint="Save it first, or install the collection that has its type.",
        ) from error


def block_name(block: Block) -> str | None:
    """Return the name that a block is saved under; None for one that is not saved."""
    return None if block._is_anonymous else block._block_document_name


def create_markdown(*, key: str, markdown: str, description: str) -> None:
    """Create a keyed Prefect artifact, from sync and async code alike."""
    create: Any = create_markdown_artifact
    create(key=key, markdown=markdown, description=description, _sync=True)
