"""Give a version the shape that an input's annotation asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin

import dagster as dg
import landfast

from dagster_landfast.resolving import Resolved


def annotation_of(context: dg.InputContext | dg.OutputContext) -> Any:
    """Return the annotation of an input or output; `Any` if there is none."""
    try:
        kind = context.dagster_type
    except dg.DagsterInvariantViolationError:
        return Any
    return Any if kind is None else kind.typing_type


def shaped(context: dg.InputContext, found: Sequence[Resolved]) -> Any:
    """Return the versions of an input as its annotation asks.

    Raises:
        InvalidInput: If the annotation is none that a version can become, or several partitions are to be
            one value.
    """
    wanted = _of_one(context, annotation_of(context))
    subject = _subject(context)
    partitioned = bool(found) and found[0].partition_key is not None
    is_mapping = get_origin(wanted) in (dict, Mapping) or wanted in (dict, Mapping)
    if is_mapping:
        inner = (*get_args(wanted), Any, Any)[1]
        make = _maker(inner, subject)
        return {each.partition_key or "": make(each.version) for each in found}
    make = _maker(wanted, subject)
    if len(found) == 1:
        return make(found[0].version)
    if wanted is Any and (partitioned or not found):
        return {each.partition_key: make(each.version) for each in found}
    raise landfast.InvalidInput(
        f"{subject} has {len(found)} partitions",
        subject=subject,
        expected="the annotation dict[str, ArtifactVersion], or dict of another shape",
        found=str(wanted),
    )


def _of_one(context: dg.InputContext, annotation: Any) -> Any:
    """Return what one of several outputs that become a list is wanted as; ``list[str]`` is URIs."""
    is_list = get_origin(annotation) is list and get_args(annotation) != (str,)
    if is_list and not context.has_asset_key:
        return get_args(annotation)[0]
    return annotation


def _maker(wanted: Any, subject: str) -> Callable[[landfast.ArtifactVersion], Any]:
    if wanted is Any or wanted is landfast.ArtifactVersion or wanted is object:
        return lambda version: version
    if wanted is Path:
        return lambda version: Path(version.download())
    if wanted is str:
        return _only_uri
    if get_origin(wanted) in (list, Sequence) and get_args(wanted) == (str,):
        return landfast.ArtifactVersion.uris
    if getattr(wanted, "__module__", "").startswith("upath"):
        return lambda version: wanted(_only_uri(version))
    raise landfast.InvalidInput(
        f"{subject} is annotated {wanted}",
        subject=subject,
        expected="ArtifactVersion, Path, UPath, str, list[str], or a dict of these by partition key",
    )


def _only_uri(version: landfast.ArtifactVersion) -> str:
    if len(version.sources) != 1:
        raise landfast.InvalidInput(
            f"{version.qualified_name} was recorded from {len(version.sources)} places",
            subject=version.qualified_name,
            expected="one place, to be a str or UPath",
            hint="Annotate the input with list[str] or ArtifactVersion.",
        )
    return version.sources[0].uri


def _subject(context: dg.InputContext) -> str:
    name = f"input {context.name}" if context.has_input_name else "the value"
    return f"{name} ({context.asset_key.to_user_string()})" if context.has_asset_key else name
