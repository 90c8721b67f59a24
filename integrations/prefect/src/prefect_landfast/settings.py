"""Settings: what `PREFECT_INTEGRATIONS_LANDFAST_*`, a Prefect profile or `prefect.toml` say."""

from __future__ import annotations

from prefect.settings.base import PrefectBaseSettings, build_settings_config
from pydantic import Field


class LandfastSettings(PrefectBaseSettings):
    """What holds for every flow of a profile; each is read anew when it is used."""

    model_config = build_settings_config(("integrations", "landfast"))

    registry: str | None = Field(
        default=None,
        description="Name of the `LandfastRegistry` block that tasks use where they name none.",
    )
    deployment: str | None = Field(
        default=None,
        description="Name of this Prefect in lineage; the API's URL where it is not given. Give one"
        " where workers reach one API under several URLs, so that their retries meet the same run.",
    )
