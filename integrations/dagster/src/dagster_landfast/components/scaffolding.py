"""SnapshotsScaffolder: what ``dg scaffold defs dagster_landfast.LandfastSnapshotsComponent`` writes."""

from typing import Any

import dagster as dg
import landfast
from pydantic import BaseModel, Field

_FILE = """\
# External data, as Dagster, `landfast snapshot` and the other integrations read it.
snapshots:
  - name: {name}
    uri: {uri}
    schedule: "0 6 * * *"
    # include: ["**/*.parquet"]
    # exclude: ["**/tmp/**"]
    # max_objects: 100000
"""


class SnapshotsParams(BaseModel):
    """What can be said on the command line."""

    name: str = Field(default="raw/example", description="[project/]collection to log it as.")
    uri: str = Field(default="s3://example-bucket/example/", description="The place.")


class SnapshotsScaffolder(dg.Scaffolder[SnapshotsParams]):
    """Writes defs.yaml, and snapshots.yaml beside it unless there is one."""

    @classmethod
    def get_scaffold_params(cls) -> type[SnapshotsParams]:
        """Return what can be said on the command line."""
        return SnapshotsParams

    def scaffold(self, request: dg.ScaffoldRequest[SnapshotsParams]) -> None:
        """Write the files.

        Raises:
            InvalidInput: If the name or the place can not be one.
        """
        params = request.params or SnapshotsParams()
        entry = {"name": params.name, "uri": params.uri}
        landfast.snapshots_of([entry], source="the command line")
        folder = request.target_path.parent if request.append else request.target_path
        file = folder / "snapshots.yaml"
        if not file.exists():
            quoted = {key: _quoted(value) for key, value in entry.items()}
            file.write_text(_FILE.format(**quoted), encoding="utf-8")
        dg.scaffold_component(request, {"config": file.name})


def _quoted(text: Any) -> str:
    # A JSON string is a YAML string.
    import json

    return json.dumps(text, ensure_ascii=False)
