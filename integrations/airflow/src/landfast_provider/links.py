"""LandfastLink: the button that leads from a task to the version's page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import landfast
from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey


class LandfastLink(BaseOperatorLink):
    """The page of the version that a task made or read; empty without a web UI URL on the connection.

    The task itself works it out as it ends, and stores it as an XCom.
    """

    name = "Landfast"

    def get_link(self, operator: Any, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002
        """Return the page that the task noted."""
        return getattr(operator, "landfast_page", None) or ""


def version_page(ui_url: str | None, version: landfast.ArtifactVersion) -> str:
    """Return the page of a version; without a web UI URL that of `LANDFAST_UI_URL`, or nothing."""
    return version.page(ui_url) if ui_url else version.url or ""
