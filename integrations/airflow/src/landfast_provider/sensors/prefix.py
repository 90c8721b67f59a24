"""LandfastPrefixSensor: wait until a place holds something else than what is recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import landfast

from landfast_provider.operators.base import PartitionOperator
from landfast_provider.operators.place import PlaceOperator
from landfast_provider.questions import Differs
from landfast_provider.sensors.base import LandfastSensor
from landfast_provider.task_run import to_name
from landfast_provider.triggers.asking import LandfastPrefixTrigger

if TYPE_CHECKING:
    from airflow.sdk import Asset


class LandfastPrefixSensor(PlaceOperator, PartitionOperator, LandfastSensor):
    """Wait until the content of a place differs from a recorded version.

    The place is listed, and its content digest compared with the registry's: the sensor needs no memory,
    so a restart or a reschedule misses nothing.  A place that is missing or empty is waited for.

    Args:
        uri: The place, templated.
        against: The artifact or version to compare with, or an artifact's asset; templated. One that is not
            recorded yet differs from everything.
        kwargs: As for `LandfastSensor`; `PartitionOperator`: partition, of `against`; and `PlaceOperator`: include,
            exclude and checksum as when `against` was recorded, max_objects, and allow_empty, whether an empty
            place counts as content.

    Returns:
        The content digest of the place, as XCom.

    Example:
        >>> LandfastPrefixSensor(  # doctest: +SKIP
        ...     task_id="wait", uri="s3://bucket/corpus/", against="nlp/corpus", mode="reschedule"
        ... )
    """

    trigger_type = LandfastPrefixTrigger
    template_fields: Sequence[str] = (
        *PlaceOperator.template_fields,
        *PartitionOperator.template_fields,
        *("uri", "against"),
    )

    def __init__(self, *, uri: str, against: str | Asset, **kwargs: Any) -> None:
        super().__init__(uri=uri, **kwargs)
        self.against = against

    def question(self, client: landfast.Client, context: Mapping[str, Any]) -> Differs:  # noqa: ARG002
        """Ask whether the place differs."""
        name = to_name(self.against).in_partition(self.key)
        return Differs(uri=self.uri, against=str(name), scan=self.scan_options())

    def found(self, context: Mapping[str, Any], answer: str) -> str:  # noqa: ARG002
        """Hand the digest on."""
        self.log.info("%s holds %s, which is not what %s has", self.uri, answer, self.against)
        return answer
