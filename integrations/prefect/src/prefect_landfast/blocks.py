"""LandfastRegistry: where artifacts are recorded, and which credentials read their storage."""

from __future__ import annotations

from typing import Any

import landfast
from prefect.blocks.core import Block
from pydantic import ConfigDict, Field, HttpUrl, SecretStr, field_validator, model_validator

from prefect_landfast import logs
from prefect_landfast.credentials import client_factories
from prefect_landfast.flow_client import FlowClient

_HOME = "https://github.com/landfast/landfast/blob/main"


class LandfastRegistry(Block):
    """Records which bytes a flow read and wrote: the registry's URL and the credentials of storage.

    Tasks take a registry by its block's name (``registry="default"``), never the block itself as a flow
    parameter: Prefect would store a copy of it with the run.

    Example:
        Log to a saved registry from a flow:
        ```python
        from prefect import flow
        from prefect_landfast import LandfastRegistry, log_reference

        @flow
        def snapshot():
            log_reference("vision/flowers", "s3://raw-images/flowers/", registry="BLOCK_NAME")

        # Or without a flow:
        registry = LandfastRegistry.load("BLOCK_NAME")
        print(registry.get_client().get("vision/flowers").digest)
        ```
    """

    _block_type_name = "Landfast Registry"
    _block_type_slug = "landfast-registry"
    _logo_url = HttpUrl(f"{_HOME}/docs/images/landfast.png?raw=true")
    _documentation_url = HttpUrl(f"{_HOME}/docs/prefect.md")

    # What is wrong is said without the value: it may hold a password.
    model_config = ConfigDict(hide_input_in_errors=True)

    url: SecretStr = Field(
        description="The registry: sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE.",
    )
    storage_credentials: dict[str, str] = Field(
        default_factory=dict,
        description="Credentials blocks by URI prefix, such as s3://raw-images/ to"
        " aws-credentials/prod; the longest prefix wins.",
    )

    @model_validator(mode="before")
    @classmethod
    def _refuse_project(cls, values: dict[str, Any]) -> dict[str, Any]:
        project = values.get("project")
        if project is not None:
            raise ValueError(
                f"the block has project={project!r}, and a project never comes from a block: triggers and"
                f" assets could not know it. Set LANDFAST_PROJECT={project} wherever flows run, are served or"
                " defined, or write project/collection; then save the block without it"
            )
        return {name: value for name, value in values.items() if name != "project"}

    @field_validator("url")
    @classmethod
    def _check_url(cls, value: SecretStr) -> SecretStr:
        landfast.check_registry_url(value.get_secret_value())
        return value

    @field_validator("storage_credentials")
    @classmethod
    def _check_credentials(cls, value: dict[str, str]) -> dict[str, str]:
        for prefix, slug in value.items():
            if "://" not in prefix or slug.count("/") != 1:
                raise ValueError(
                    f"{prefix!r}: {slug!r} is no URI prefix with the slug of a block; give for example"
                    " {'s3://raw-images/': 'aws-credentials/prod'}"
                )
        return value

    @property
    def display_url(self) -> str:
        """The URL without its password, for people and logs."""
        return landfast.redact(self.url.get_secret_value())

    def get_client(self) -> landfast.Client:
        """Return a client of this registry, which reads storage with these credentials.

        In a flow, `landfast_client("BLOCK_NAME")` is the same in the name of its run.

        Raises:
            landfast.InvalidInput: If the URL is none.
        """
        return FlowClient(
            self.url.get_secret_value(),
            clients=client_factories(self.storage_credentials),
            note=logs.say_once,
        )
