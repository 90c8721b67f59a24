"""LandfastPrefixSensor: wait until a place holds something else than what is recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import landfast

from landfast_provider.assets import partition_key
from landfast_provider.operators.base import LandfastOperator
from landfast_provider.questions import Differs
from landfast_provider.sensors.base import LandfastSensor
from landfast_provider.task_run import to_name

if TYPE_CHECKING:
    from airflow.sdk import Asset
    from airflow.triggers.base import BaseTrigger


class LandfastPrefixSensor(LandfastSensor):
    """Wait until the content of a place differs from a recorded version.

    The place is listed, and its content digest compared with the registry's: the sensor needs no memory,
    so a restart or a reschedule misses nothing.  A place that is missing or empty is waited for.

    Args:
        uri: The place, templated.
        against: The artifact or version to compare with, or an artifact's asset; templated. One that is not
            recorded yet differs from everything.
        partition: Key of the partition of `against`, templated.
        include: Globs of paths to keep; as when `against` was recorded.
        exclude: Globs of paths to leave out; as when `against` was recorded.
        checksum: As when `against` was recorded.
        max_objects: The most entries; None is the setting.
        allow_empty: Whether an empty place counts as content.
        kwargs: As for `LandfastSensor`.

    Returns:
        The content digest of the place, as XCom.

    Example:
        >>> LandfastPrefixSensor(  # doctest: +SKIP
        ...     task_id="wait", uri="s3://bucket/corpus/", against="nlp/corpus", mode="reschedule"
        ... )
    """

    template_fields: Sequence[str] = (
        *LandfastOperator.template_fields,
        *("uri", "against", "partition", "include", "exclude"),
    )

    def __init__(
        self,
        *,
        uri: str,
        against: str | Asset,
        partition: str | None = None,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        checksum: str | bool | None = None,
        max_objects: int | None = None,
        allow_empty: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.uri = uri
        self.against = against
        self.partition = partition
        self._given_partition = partition
        self.include = include
        self.exclude = exclude
        self.checksum = checksum
        self.max_objects = max_objects
        self.allow_empty = allow_empty

    def question(self, client: landfast.Client, context: Mapping[str, Any]) -> Differs:  # noqa: ARG002
        """Ask whether the place differs."""
        name = to_name(self.against)
        key = partition_key(self._given_partition, self.partition)
        if key is not None:
            name = replace(name, partition=key)
        scan = {
            "include": list(self.include),
            "exclude": list(self.exclude),
            "checksum": self.checksum,
            "max_objects": self.max_objects,
            "allow_empty": self.allow_empty,
        }
        return Differs(uri=self.uri, against=str(name), scan=scan)

    def trigger_of(self, question: Differs) -> BaseTrigger:
        """Wait for the content in the triggerer."""
        from landfast_provider.triggers.asking import LandfastPrefixTrigger

        return LandfastPrefixTrigger(
            question=question.serialize(),
            poll_interval=self.poke_interval,
            landfast_conn_id=self.landfast_conn_id,
            aws_conn_id=self.aws_conn_id,
            gcp_conn_id=self.gcp_conn_id,
        )

    def found(self, context: Mapping[str, Any], answer: str) -> str:  # noqa: ARG002
        """Hand the digest on."""
        self.log.info("%s holds %s, which is not what %s has", self.uri, answer, self.against)
        return answer
