"""LandfastVerifyOperator: are the recorded bytes still at their source?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import landfast

from landfast_provider.assets import with_inlet
from landfast_provider.operators.base import LandfastOperator

if TYPE_CHECKING:
    from airflow.sdk import Asset


class LandfastVerifyOperator(LandfastOperator):
    """Compare every entry of a version with what its stores have now, from list pages.

    Args:
        artifact: As for `LandfastDownloadOperator`, templated.
        fail_on: ``drift`` fails the task if anything else than the recorded content lies at the source;
            ``loss`` only if recorded bytes cannot be had, or could not be looked at; ``never`` only reports.
        deep: Whether the bytes are read again.
        kwargs: As for `LandfastOperator`.

    Returns:
        The version's URI, as XCom; the report is the XCom ``report``.
    """

    template_fields: Sequence[str] = (*LandfastOperator.template_fields, "artifact")

    def __init__(
        self,
        *,
        artifact: str | Asset,
        fail_on: landfast.FailOn = "drift",
        deep: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**with_inlet(artifact, kwargs))
        landfast.check_choice("fail_on", fail_on, landfast.FailOn)
        self.artifact = artifact
        self.fail_on = fail_on
        self.deep = deep

    @classmethod
    def with_ports(cls, options: dict[str, Any]) -> dict[str, Any]:
        """Return the options, the artifact among the inlets."""
        return with_inlet(options.get("artifact"), options)

    def execute(self, context: Mapping[str, Any]) -> str:
        """Verify the version.

        Raises:
            ObjectChanged: If it drifted, or bytes are lost, as `fail_on` says.
        """
        run = self.begin(context)
        version = run.resolve(self.artifact)
        report = version.verify(deep=self.deep)
        self.log.info("%s: %s", version.qualified_name, report.summary)
        facts = report.to_dict()
        context["ti"].xcom_push("report", {key: facts[key] for key in _REPORTED})
        report.raise_for(self.fail_on, version.qualified_name)
        return self.answer(version)


# Without its rows, which may be many.
_REPORTED = ("ok", "worst", "summary", "counts", "added")
