"""LandfastObjectIOManager: Python objects as files that are named by their content, loaded as the version recorded."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import dagster as dg
from landfast import Artifact, ArtifactName, ArtifactVersion, Client
from pydantic import Field

from dagster_landfast import compat, identity, lineage, loading, objects, publishing, reference_io
from dagster_landfast.io_base import LandfastIOManager
from dagster_landfast.resolving import Resolved
from dagster_landfast.serializers import SAFE, PickleSerializer, Serializer
from dagster_landfast.serializers.base import allows_none, kinds_of


class LandfastObjectIOManager(LandfastIOManager):
    """Stores what an asset returns as a managed file, and loads it back verified.

    Frames of pandas, polars and arrow become Parquet; dictionaries, lists, text and numbers JSON; numpy arrays
    ``.npy``; bytes, and the files or folder of a returned ``Path``, stay what they are.  Every object lies under
    the sha256 of its bytes, so no older version is ever overwritten, and an object that is equal to the last
    one makes no new version and keeps what depends on it fresh.  A ``landfast.Artifact`` that the asset filled
    itself, with files and references, is logged as it is.

    An input is what was stored, in the shape that its annotation asks for; ``ArtifactVersion`` and ``Path`` are
    the version itself and its download.  Of several partitions it is a ``dict`` by partition key.  An asset that
    makes several partitions at once returns such a ``dict``.

    A definition, or ``Output(metadata=...)``, may say ``landfast/type``, ``landfast/serializer``,
    ``landfast/aliases``, ``landfast/tags``, ``landfast/description`` and ``landfast/metadata``.

    Example:
        >>> import dagster as dg
        >>> @dg.asset
        ... def words() -> dict[str, int]:
        ...     return {"ice": 3}
        >>> defs = dg.Definitions(assets=[words], resources={"io_manager": LandfastObjectIOManager()})
    """

    base_uri: str | None = Field(
        default=None,
        description="A folder, s3://BUCKET/PREFIX or gs://BUCKET/PREFIX that takes the objects; the registry's store"
        " if there is none.",
    )
    allow_pickle: bool = Field(
        default=False,
        description="Whether objects that have no other form are pickled, and pickles are loaded: loading one runs"
        " code that it holds.",
    )

    def serializers(self) -> Sequence[Serializer]:
        """Return what stores objects, asked in this order; override it to add your own."""
        return (*SAFE, PickleSerializer()) if self.allow_pickle else SAFE

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Store the object, log it, and make its digest the data version.

        Raises:
            InvalidInput: If it cannot be stored, or is not exactly the partitions of the run.
        """
        if compat.is_no_value(obj):
            return
        name = reference_io.output_name(context)
        items = self._storable(context, obj)
        if not items:
            return
        resource = self.resource_for(context)
        key = context.asset_key if context.has_asset_key else None
        said = objects.Said.of({**context.definition_metadata, **context.output_metadata})
        versions = {}
        for part, item in items.items():
            client = resource.for_context(context, asset_key=key, partition_key=part)
            own = client.resolve_name(identity.within_partition(name, part))
            versions[part] = self._logged(client, own, item, said)
        if key is not None:
            lineage.declare(resource, context, key)
        is_logged = not any(isinstance(item, ArtifactVersion) for item in items.values())
        published = publishing.described(
            resource, context, versions, asset_key=key, is_logged=is_logged
        )
        context.add_output_metadata(dict(published.metadata))
        if key is not None:
            publishing.attach(context, key, published)

    def load_input(self, context: dg.InputContext) -> Any:
        """Load the version that is pinned, else the one that Dagster recorded, else the registry's latest.

        Raises:
            NotFound: Naming what there is no version of.
            InvalidInput: If it holds no object, or a pickle that nobody allowed.
            ObjectChanged: If the recorded bytes are not to be had any more.
        """
        found = reference_io.load(self.resource_for(context), context, pins=self.versions)
        wanted = loading.annotation_of(context)
        if not _is_by_partition(context, found):
            return self._object(found[0].version, wanted)
        inner = (*get_args(wanted), Any)[1] if len(get_args(wanted)) == 2 else Any
        return {each.partition_key: self._object(each.version, inner) for each in found}

    def _logged(
        self, client: Client, name: ArtifactName, item: Any, said: objects.Said
    ) -> ArtifactVersion:
        if isinstance(item, ArtifactVersion):
            return item
        if isinstance(item, Artifact):
            return said.log(client, objects.checked(client, item, name))
        store = self.serializers()
        with objects.written(item, store, subject=str(name), named=said.serializer) as file:
            draft = said.draft(client, name)
            file.add_to(draft, into=self.base_uri)
            return said.log(client, draft)

    def _storable(self, context: dg.OutputContext, obj: Any) -> dict[str | None, Any]:
        """Return what there is to store, by partition; None is an object only where the annotation says so."""
        none_too = allows_none(loading.annotation_of(context))
        items = {} if obj is None and not none_too else reference_io.by_partition(context, obj)
        kept = {key: item for key, item in items.items() if item is not None or none_too}
        if len(kept) < len(items) or not items:
            context.log.warning(
                "None was returned, so no version is recorded. Annotate with `-> None` if that is meant, or with"
                " `| None` to record None itself."
            )
        return kept

    def _object(self, version: ArtifactVersion, wanted: Any) -> Any:
        kinds = kinds_of(wanted)
        if ArtifactVersion in kinds:
            return version
        if Path in kinds:
            return objects.downloaded(version)
        return objects.read(version, self.serializers(), wanted)


def _is_by_partition(context: dg.InputContext, found: Sequence[Resolved]) -> bool:
    """Tell whether an input is a dictionary: of several partitions, and of all of them however many there are."""
    if not found or len(found) > 1:
        return True
    step = compat.step_context(context)
    return (
        found[0].partition_key is not None and step is not None and not compat.partition_keys(step)
    )
