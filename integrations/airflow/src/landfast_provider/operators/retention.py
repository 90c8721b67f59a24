"""LandfastRetentionOperator: does what was recorded stay long enough?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from landfast_provider.operators.version import VersionOperator


class LandfastRetentionOperator(VersionOperator):
    """Fail if a rule of a bucket removes or archives what a version refers to sooner than in some time.

    It reads the rules of each bucket, and list pages where a rule may apply.

    Args:
        within: How far ahead a date is too near.
        locks: Whether to ask what holds each object version that would expire, in two requests each.
        kwargs: As for `VersionOperator`: artifact, partition.

    Returns:
        The version's URI, as XCom; the report is the XCom ``report``.
    """

    def __init__(
        self, *, within: timedelta = timedelta(days=30), locks: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.within = within
        self.locks = locks

    def execute(self, context: Mapping[str, Any]) -> str:
        """Look at the rules.

        Raises:
            ExpiresSoon: If something expires, is archived or is gone by then; names the rule and what prevents it.
            Unverifiable: If rules could not be read; names what is missing.
        """
        run = self.begin(context)
        version = run.resolve(self.wanted)
        report = version.retention(within=self.within, locks=self.locks)
        self.log.info("%s: %s", version.qualified_name, report.summary)
        facts = report.to_dict(rows=False)
        context["ti"].xcom_push("report", {key: facts[key] for key in _REPORTED})
        report.raise_for()
        return self.answer(version)


_REPORTED = ("ok", "summary", "first", "due", "counts", "rules")
