"""LandfastVerifyOperator: are the recorded bytes still at their source?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import landfast

from landfast_provider.operators.version import VersionOperator


class LandfastVerifyOperator(VersionOperator):
    """Compare every entry of a version with what its stores have now, from list pages.

    Args:
        fail_on: ``drift`` fails the task if anything else than the recorded content lies at the source;
            ``loss`` only if recorded bytes cannot be had, or could not be looked at; ``never`` only reports.
        deep: Whether the bytes are read again.
        kwargs: As for `VersionOperator`: artifact, partition.

    Returns:
        The version's URI, as XCom; the report is the XCom ``report``.
    """

    def __init__(
        self,
        *,
        fail_on: landfast.FailOn = "drift",
        deep: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        landfast.check_choice("fail_on", fail_on, landfast.FailOn)
        self.fail_on = fail_on
        self.deep = deep

    def execute(self, context: Mapping[str, Any]) -> str:
        """Verify the version.

        Raises:
            ObjectChanged: If it drifted, or bytes are lost, as `fail_on` says.
        """
        run = self.begin(context)
        version = run.resolve(self.wanted)
        report = version.verify(deep=self.deep)
        self.log.info("%s: %s", version.qualified_name, report.summary)
        facts = report.to_dict()
        context["ti"].xcom_push("report", {key: facts[key] for key in _REPORTED})
        report.raise_for(self.fail_on, version.qualified_name)
        return self.answer(version)


# Without its rows, which may be many.
_REPORTED = ("ok", "worst", "summary", "counts", "added")
