"""LandfastOperator: what the operators have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import landfast
from airflow.sdk import BaseOperator

from landfast_provider.assets import partition_key
from landfast_provider.hooks.landfast import DEFAULT_CONN_ID
from landfast_provider.links import LandfastLink, version_page
from landfast_provider.openlineage import lineage
from landfast_provider.task_run import TaskRun

if TYPE_CHECKING:
    from collections.abc import Sequence


class LandfastOperator(BaseOperator):
    """An operator on the registry of a connection.

    Args:
        landfast_conn_id: The registry.
        aws_conn_id: Credentials of ``s3://``; None is the connection's.
        gcp_conn_id: Credentials of ``gs://``; None is the connection's.
        kwargs: As for every operator.
    """

    template_fields: Sequence[str] = ("landfast_conn_id", "aws_conn_id", "gcp_conn_id")
    operator_extra_links = (LandfastLink(),)
    ui_color = "#dcecf5"

    def __init__(
        self,
        *,
        landfast_conn_id: str = DEFAULT_CONN_ID,
        aws_conn_id: str | None = None,
        gcp_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.landfast_conn_id = landfast_conn_id
        self.aws_conn_id = aws_conn_id
        self.gcp_conn_id = gcp_conn_id

    @property
    def connections(self) -> dict[str, Any]:
        """The ids of the connections, by the name of their parameters."""
        return {name: getattr(self, name) for name in LandfastOperator.template_fields}

    @classmethod
    def partial(cls, **kwargs: Any) -> Any:
        """Begin a mapped operator, with the inlets and outlets that this one has by its artifact."""
        return super().partial(**cls.with_ports(kwargs))

    @classmethod
    def with_ports(cls, options: dict[str, Any]) -> dict[str, Any]:
        """Return the options, and what the artifact among them makes an inlet or outlet."""
        return options

    def begin(self, context: Mapping[str, Any]) -> TaskRun:
        """Return this try's run of the registry."""
        self._run = TaskRun.of(context, **self.connections)
        return self._run

    def answer(self, version: landfast.ArtifactVersion) -> str:
        """Return what goes to XCom: the version's URI, which the next operator takes."""
        self.landfast_page = version_page(self._run.hook.fields().ui_url, version)
        return version.uri

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:  # noqa: ARG002
        """Say which versions were read and written, for the OpenLineage provider."""
        run: TaskRun | None = getattr(self, "_run", None)
        return None if run is None else lineage(run.used, run.logged)


class PartitionOperator(LandfastOperator):
    """An operator on one partition of an artifact.

    Args:
        partition: Its key, templated; None is what the name says.
        kwargs: As for `LandfastOperator`.
    """

    template_fields: Sequence[str] = (*LandfastOperator.template_fields, "partition")

    def __init__(self, *, partition: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.partition = partition
        self._given_partition = partition

    @property
    def key(self) -> str | None:
        """The key as it was rendered; None if none was given.

        Raises:
            InvalidInput: If nothing is left of it.
        """
        return partition_key(self._given_partition, self.partition)
