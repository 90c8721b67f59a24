"""LandfastVerifyAliasesOperator: is what aliases name still at its source? A change is told by the feed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import landfast

from landfast_provider.assets import with_inlet
from landfast_provider.operators.base import LandfastOperator
from landfast_provider.task_run import to_name

if TYPE_CHECKING:
    from airflow.sdk import Asset


class LandfastVerifyAliasesOperator(LandfastOperator):
    """Compare every version that aliases name with what its stores have now, from list pages.

    A change is written into the feed, which `artifact_verdict` and `LandfastVerdictTrigger` follow.

    Args:
        artifact: The collection, which means all its partitions, or one with ``~PARTITION``, templated; an asset; None
            is the whole project.
        aliases: Which, such as ``prod``.
        fail_on: ``drift`` fails the task if anything else than the recorded content lies at the source;
            ``loss`` only if recorded bytes cannot be had, or could not be looked at; ``never`` only reports.
        kwargs: As for `LandfastOperator`.

    Returns:
        What was found of each version: version, aliases, verdict, ok, summary. The XCom ``report`` is the same, also
        of a task that fails.
    """

    template_fields: Sequence[str] = (*LandfastOperator.template_fields, "artifact")

    def __init__(
        self,
        *,
        artifact: str | Asset | None = None,
        aliases: Sequence[str],
        fail_on: landfast.FailOn = "drift",
        **kwargs: Any,
    ) -> None:
        super().__init__(**with_inlet(artifact, kwargs))
        self.artifact = artifact
        self.rule = landfast.VerifyRule(aliases=aliases, fail_on=fail_on)

    @classmethod
    def with_ports(cls, options: dict[str, Any]) -> dict[str, Any]:
        """Return the options, the artifact among the inlets."""
        return with_inlet(options.get("artifact"), options)

    def execute(self, context: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Look at what the aliases name.

        Raises:
            ObjectChanged: If something drifted, or bytes are lost, as `fail_on` says.
            NotFound: If no version has one of the aliases.
        """
        run = self.begin(context)
        names = () if self.artifact is None else (to_name(self.artifact),)
        found = run.client.verify_aliases(*names, aliases=self.rule.aliases)
        for one in found:
            self.log.info("%s: %s: %s", one.version, one.verdict or "not looked at", one.summary)
        told = [one.to_dict() for one in found]
        report = [{key: one[key] for key in _REPORTED} for one in told]
        # For who asks why, also where the task fails.
        context["ti"].xcom_push("report", report)
        self.rule.raise_for(found)
        return report


_REPORTED = ("version", "aliases", "verdict", "ok", "summary")
