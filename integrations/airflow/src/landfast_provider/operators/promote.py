"""LandfastPromoteOperator: move an alias."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from landfast_provider.assets import with_inlet
from landfast_provider.operators.base import LandfastOperator

if TYPE_CHECKING:
    from airflow.sdk import Asset


class LandfastPromoteOperator(LandfastOperator):
    """Move an alias to a version.

    Args:
        artifact: As for `LandfastDownloadOperator`, templated.
        alias: The alias, templated, such as ``prod``.
        kwargs: As for `LandfastOperator`.

    Returns:
        The version's URI, as XCom.
    """

    template_fields: Sequence[str] = (
        *LandfastOperator.template_fields,
        *("artifact", "alias"),
    )

    def __init__(
        self,
        *,
        artifact: str | Asset,
        alias: str,
        **kwargs: Any,
    ) -> None:
        super().__init__(**with_inlet(artifact, kwargs))
        self.artifact = artifact
        self.alias = alias

    @classmethod
    def with_ports(cls, options: dict[str, Any]) -> dict[str, Any]:
        """Return the options, the artifact among the inlets."""
        return with_inlet(options.get("artifact"), options)

    def execute(self, context: Mapping[str, Any]) -> str:
        """Move the alias."""
        run = self.begin(context)
        version = run.client.promote(run.resolve(self.artifact), self.alias)
        self.log.info("%s is %s now", self.alias, version.qualified_name)
        return self.answer(version)
