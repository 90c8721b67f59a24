"""What Airflow's providers manager reads about this package.

Every Airflow component loads this module at start, so it imports nothing.
"""

from typing import Any

PACKAGE = "airflow-provider-landfast"
CONNECTION_TYPE = "landfast"

# The registry's URL is the connection's password: Airflow encrypts it, masks it, and never shows it again.
FIELD_BEHAVIOUR: dict[str, Any] = {
    "hidden-fields": ["host", "port", "login", "schema"],
    "relabeling": {"password": "Registry URL"},
    "placeholders": {"password": "postgresql://USER:PASSWORD@HOST/DATABASE"},
}
CONNECTION_FIELDS: dict[str, dict[str, Any]] = {
    "postgres_conn_id": {
        "label": "Postgres connection",
        "description": "Id of a connection of type postgres, instead of a registry URL.",
        "schema": {"type": ["string", "null"]},
    },
    "aws_conn_id": {
        "label": "AWS connection",
        "description": "Id of the connection that reads s3:// data and manifests.",
        "schema": {"type": ["string", "null"]},
    },
    "gcp_conn_id": {
        "label": "Google connection",
        "description": "Id of the connection that reads gs:// data and manifests.",
        "schema": {"type": ["string", "null"]},
    },
    "ui_url": {
        "label": "Web UI URL",
        "description": "Where Landfast's pages are served; links point there.",
        "schema": {"type": ["string", "null"]},
    },
}


def get_provider_info() -> dict[str, Any]:
    """Describe the provider in the form that Airflow's ``provider_info.schema.json`` asks for."""
    return {
        "package-name": PACKAGE,
        "name": "Landfast",
        "description": "Reference artifacts: which bytes a task read and wrote, without moving them.",
        "integrations": [{"integration-name": "Landfast", "tags": ["service"]}],
        "hooks": _modules("landfast_provider.hooks.landfast"),
        "operators": _modules("landfast_provider.operators"),
        "sensors": _modules("landfast_provider.sensors"),
        "triggers": _modules("landfast_provider.triggers"),
        "connection-types": [
            {
                "connection-type": CONNECTION_TYPE,
                "hook-class-name": "landfast_provider.hooks.landfast.LandfastHook",
                "hook-name": "Landfast",
                "ui-field-behaviour": FIELD_BEHAVIOUR,
                "conn-fields": CONNECTION_FIELDS,
            }
        ],
        "asset-uris": [
            {
                "schemes": ["landfast"],
                "handler": "landfast_provider.assets.sanitize_uri",
                "factory": "landfast_provider.assets.create_asset",
                "to_openlineage_converter": "landfast_provider.openlineage.convert_asset",
            }
        ],
        "task-decorators": [
            {
                "name": "landfast",
                "class-name": "landfast_provider.decorators.landfast.landfast_task",
            }
        ],
        "extra-links": ["landfast_provider.links.LandfastLink"],
        "config": {
            "landfast": {
                "description": "Landfast reference artifacts.",
                "options": {
                    "deployment": {
                        "description": "Name of this Airflow in the registry; if empty, the base URL or a Variable.",
                        "version_added": None,
                        "type": "string",
                        "example": "production",
                        "default": "",
                    },
                    "ui_url": {
                        "description": "Where Landfast's pages are served; each task instance links there.",
                        "version_added": None,
                        "type": "string",
                        "example": "https://landfast.example",
                        "default": "",
                    },
                },
            }
        },
    }


def _modules(*names: str) -> list[dict[str, Any]]:
    return [{"integration-name": "Landfast", "python-modules": list(names)}]
