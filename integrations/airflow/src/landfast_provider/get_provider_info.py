"""What Airflow's providers manager reads about this package.

Every Airflow component loads this module at start, so it imports nothing.
"""

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Describe the provider in the form that Airflow's ``provider_info.schema.json`` asks for."""
    return {
        "package-name": "airflow-provider-landfast",
        "name": "Landfast",
        "description": "Reference artifacts: which bytes a task read and wrote, without moving them.",
    }
