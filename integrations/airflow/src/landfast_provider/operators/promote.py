"""LandfastPromoteOperator: move an alias."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from landfast_provider.operators.version import VersionOperator


class LandfastPromoteOperator(VersionOperator):
    """Move an alias to a version.

    Args:
        alias: The alias, templated, such as ``prod``.
        kwargs: As for `VersionOperator`: artifact, partition.

    Returns:
        The version's URI, as XCom.
    """

    template_fields: Sequence[str] = (
        *VersionOperator.template_fields,
        "alias",
    )

    def __init__(
        self,
        *,
        alias: str,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.alias = alias

    def execute(self, context: Mapping[str, Any]) -> str:
        """Move the alias."""
        run = self.begin(context)
        version = run.client.promote(run.resolve(self.wanted), self.alias)
        self.log.info(
            "%s is %s:%s now", version.qualified_name, version.full_name.bare(), self.alias
        )
        return self.answer(version)
