"""LandfastRegistry: where artifacts are recorded, and which credentials read their storage."""

from __future__ import annotations

import landfast
from prefect.blocks.core import Block
from pydantic import Field, HttpUrl, SecretStr, field_validator

from prefect_landfast import logs, names
from prefect_landfast.credentials import client_factories

_HOME = "https://github.com/landfast/landfast/blob/main"


class LandfastRegistry(Block):
    """Records which bytes a flow read and wrote: the registry's URL and the credentials of storage.

    Tasks take a registry by its block's name (``registry="default"``), never the block itself as a flow
    parameter: Prefect would store a copy of it with the run.

    Example:
        Save a registry, then use it in a task:
        ```python
        from prefect_landfast import LandfastRegistry

        LandfastRegistry(
            url="postgresql://landfast:PASSWORD@db.example.com/landfast",
            project="vision",
            storage_credentials={"s3://raw-images/": "aws-credentials/prod"},
        ).save("default")

        registry = LandfastRegistry.load("BLOCK_NAME")
        print(registry.get_client().get("flowers").digest)
        ```
    """

    _block_type_name = "Landfast Registry"
    _block_type_slug = "landfast-registry"
    _logo_url = HttpUrl(f"{_HOME}/docs/images/landfast.png?raw=true")
    _documentation_url = HttpUrl(f"{_HOME}/docs/prefect.md")

    url: SecretStr = Field(
        description="The registry: sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE.",
    )
    project: str | None = Field(
        default=None,
        description="Project of names that say none, where LANDFAST_PROJECT says none either.",
    )
    storage_credentials: dict[str, str] = Field(
        default_factory=dict,
        description="Credentials blocks by URI prefix, such as s3://raw-images/ to"
        " aws-credentials/prod; the longest prefix wins.",
    )

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

        Raises:
            landfast.InvalidInput: If the URL is none.
        """
        return landfast.Client(
            self.url.get_secret_value(),
            project=names.project_of(self.project),
            clients=client_factories(self.storage_credentials),
            note=logs.say_once,
        )
