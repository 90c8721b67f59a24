"""ClientFactory: the credentials of a Dagster resource, as Landfast takes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg
import landfast


@dataclass(frozen=True, slots=True)
class ClientFactory:
    """Makes a provider's client from a resource, on the worker that needs it.

    Args:
        resource: An `S3Resource`, a `GCSResource`, anything with ``get_client()``, or a client.

    It pickles with the resource, unless that holds explicit keys.
    """

    resource: Any

    def __call__(self) -> Any:
        """Return a new client."""
        make = getattr(self.resource, "get_client", None)
        return self.resource if make is None else make()

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpacked_factory, (packed(self.resource),)

    def __repr__(self) -> str:
        return f"ClientFactory({type(self.resource).__name__})"


def factories(s3: Any, gcs: Any, clients: Mapping[str, Any] | None) -> dict[str, ClientFactory]:
    """Return client factories by URI prefix.

    Args:
        s3: For every ``s3://``; None leaves it to the provider's own chain.
        gcs: For every ``gs://``.
        clients: For URI prefixes; the longest wins.

    Raises:
        InvalidInput: If a prefix is none.
    """
    given = {"s3": s3, "gs": gcs, **(clients or {})}
    for prefix in clients or {}:
        if "://" not in prefix:
            raise landfast.InvalidInput(
                f"clients names {prefix!r}, which is no URI prefix",
                subject=prefix,
                expected="such as s3://team-b/",
            )
    return {
        prefix: ClientFactory(_initialised(resource))
        for prefix, resource in given.items()
        if resource is not None
    }


@dataclass(frozen=True, slots=True)
class Packed:
    """A resource as it pickles: its class and fields, without what Dagster attaches to it."""

    kind: type[dg.ConfigurableResource[Any]]
    fields: dict[str, Any]

    def unpacked(self) -> dg.ConfigurableResource[Any]:
        """Return the resource again."""
        return self.kind(**self.fields)


def packed(resource: Any) -> Any:
    """Return what may be pickled of a resource; anything else is left as it is.

    Raises:
        InvalidInput: If it holds explicit keys.
    """
    if _has_keys(resource):
        name = type(resource).__name__
        raise landfast.InvalidInput(
            f"{name} with explicit keys can not be sent to another process",
            subject=name,
            hint="Give a profile_name, a role, or the environment's credentials.",
        )
    if not isinstance(resource, dg.ConfigurableResource):
        return resource
    kind = type(resource)
    return Packed(kind, {name: getattr(resource, name) for name in kind.model_fields})


def packed_without_keys(resource: Any) -> Any:
    """Return what may be pickled of a resource; None if it holds explicit keys."""
    return None if _has_keys(resource) else packed(resource)


def _has_keys(resource: Any) -> bool:
    return bool(getattr(resource, "aws_secret_access_key", None))


def unpacked(resource: Any) -> Any:
    """Return what `packed` was given."""
    return resource.unpacked() if isinstance(resource, Packed) else resource


def _unpacked_factory(resource: Any) -> ClientFactory:
    return ClientFactory(unpacked(resource))


def _initialised(resource: Any) -> Any:
    """Return a resource with its environment variables read; Dagster does so for fields only."""
    if not isinstance(resource, dg.ConfigurableResource):
        return resource
    return resource.process_config_and_initialize()
