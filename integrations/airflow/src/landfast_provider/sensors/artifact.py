"""LandfastArtifactSensor: wait for a version that this DAG has not worked on yet."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import landfast

from landfast_provider.operators.base import PartitionOperator
from landfast_provider.questions import Newer
from landfast_provider.sensors.base import LandfastSensor
from landfast_provider.task_run import to_name
from landfast_provider.triggers.asking import LandfastVersionTrigger
from landfast_provider.unread import used_by_last_success

if TYPE_CHECKING:
    from airflow.sdk import Asset


class LandfastArtifactSensor(PartitionOperator, LandfastSensor):
    """Wait until an artifact's latest version is another than the one this DAG used last.

    "Used last" is what the registry has of the newest successful run of this DAG: what its tasks used, and
    what its sensors found.  The first run is content with any version.

    Args:
        artifact: ``[[entity/]project/]collection``, or its asset; templated.
        after: The version that is no news, instead of what this DAG used: its name, its URI, or ``"v3"``;
            templated.
        kwargs: As for `LandfastSensor` and `PartitionOperator`: partition.

    Returns:
        The version's URI, as XCom; it is recorded as declared for this task.

    Example:
        >>> LandfastArtifactSensor(task_id="wait", artifact="nlp/corpus", deferrable=True)  # doctest: +SKIP
    """

    trigger_type = LandfastVersionTrigger
    template_fields: Sequence[str] = (
        *PartitionOperator.template_fields,
        *("artifact", "after"),
    )

    def __init__(
        self,
        *,
        artifact: str | Asset,
        after: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.artifact = artifact
        self.after = after

    def question(self, client: landfast.Client, context: Mapping[str, Any]) -> Newer:
        """Ask for a version that is none of those known."""
        name = to_name(self.artifact)
        name = name.whole(
            "what is waited for", hint="Leave it out; the version that is no news goes into after=."
        )
        name = name.in_partition(self.key)
        known = (
            [client.get(_after(name, self.after)).qualified_name]
            if self.after
            else used_by_last_success(client, context["ti"], name)
        )
        return Newer(artifact=str(name), known=known)

    def found(self, context: Mapping[str, Any], answer: str) -> str:
        """Record that this DAG run is about the version."""
        version = self.begin(context).declare(answer)
        self.log.info("%s is news", version.qualified_name)
        return self.answer(version)


def _after(name: landfast.ArtifactName, after: str) -> landfast.ArtifactName:
    if re.fullmatch(r"v[0-9]+", after):
        return name.at(int(after[1:]))
    known = to_name(after)
    if known.bare() != name:
        raise landfast.InvalidInput(
            f"after={after!r} is no version of {name}",
            subject=after,
            expected=f"a version of {name}, such as v3",
        )
    return known
