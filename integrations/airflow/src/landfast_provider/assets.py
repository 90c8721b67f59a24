"""artifact_asset: the one Airflow asset that stands for an artifact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import landfast
from airflow.sdk import Asset, AssetAlias

if TYPE_CHECKING:
    from collections.abc import Collection
    from urllib.parse import SplitResult

GROUP = "landfast"
_OUTLET = "An outlet is known when the file is parsed: another task's output may be the uri or the partition."


class ArtifactAsset(Asset):
    """The asset of a collection, or of one partition of it; made by `artifact_asset`."""

    @property
    def artifact(self) -> landfast.ArtifactName:
        """The full name of the collection, and of the partition if it is one's."""
        return name_of(self)

    @property
    def on_change(self) -> AssetAlias:
        """The outlet of a task that may find nothing new: an event only if the content changed.

        Airflow emits an event for each asset in ``outlets`` whenever the task succeeds; through this alias
        it emits one only when Landfast adds it.
        """
        return AssetAlias(name=f"{self.uri} on change", group=GROUP)


class DeclaredAsset(ArtifactAsset):
    """An outlet that says what a task produces, and emits no event: the run of the task takes it back.

    Airflow's pages know producing tasks by concrete outlets alone, and emits an event of each on every success.
    """


class EmittedAsset(ArtifactAsset):
    """An outlet that a task gives itself while it runs, because there is something to tell of the asset."""


def outlets_of(asset: ArtifactAsset) -> list[Asset | AssetAlias]:
    """Return the outlets of a task that emits an event of an asset only if its content changed."""
    produced = DeclaredAsset(
        name=asset.name, uri=asset.uri, group=asset.group, watchers=asset.watchers
    )
    return [asset.on_change, produced]


@landfast.renamed({"name": "artifact"})
def artifact_asset(
    artifact: str | landfast.ArtifactName | Asset,
    *,
    watch: bool = False,
    poll_interval: float = 60,
    landfast_conn_id: str | None = None,
) -> ArtifactAsset:
    """Return the asset of an artifact: the same name gives the same asset in every DAG.

    Project and entity that the name leaves out are the environment's (``LANDFAST_PROJECT``), so that a name
    means the same wherever it is parsed.

    Args:
        artifact: ``[[entity/]project/]collection``, of one partition with ``~PARTITION``.
        watch: Whether the triggerer follows the registry, for data that is logged outside of Airflow.
        poll_interval: Seconds between two looks of the watcher.
        landfast_conn_id: Where the watcher looks; None is ``landfast_default``.

    Raises:
        InvalidInput: If the name is none, or says a version: an asset is the artifact, its events say which version.

    Example:
        >>> artifact_asset("nlp/corpus").uri
        'landfast://default/nlp/corpus'
    """
    name = name_of(artifact) if isinstance(artifact, Asset) else artifact
    full = landfast.full_name(name, hint=_OUTLET).whole(
        "an asset", hint="Leave the version out; each event of the asset says its own."
    )
    uri = full.collection_uri
    watchers = []
    if watch:
        from landfast_provider.triggers.landfast import artifact_watcher

        watchers = [
            artifact_watcher(
                str(full), poll_interval=poll_interval, landfast_conn_id=landfast_conn_id
            )
        ]
    # The name is the URI, so that Asset("landfast://...") is this asset too and not its rival.
    return ArtifactAsset(name=uri, uri=uri, group=GROUP, watchers=watchers)


def artifact_verdict(
    artifact: str | landfast.ArtifactName | Asset,
    *,
    verdicts: Collection[str] = (),
    poll_interval: float = 60,
    landfast_conn_id: str | None = None,
) -> Asset:
    """Return an asset whose events say that what an alias of an artifact names stands otherwise at its source.

    Args:
        artifact: As for `artifact_asset`.
        verdicts: Only changes to these, such as ``gone``, ``changed``; none is every change, also back to ``intact``.
        poll_interval: Seconds between two looks of the triggerer.
        landfast_conn_id: Where it looks; None is ``landfast_default``.

    Raises:
        InvalidInput: If the name is none, says a version, or a verdict is none.

    Example:
        >>> artifact_verdict("nlp/corpus").name
        'verdict on landfast://default/nlp/corpus'
    """
    from airflow.sdk import AssetWatcher

    from landfast_provider.hooks.landfast import DEFAULT_CONN_ID
    from landfast_provider.triggers.landfast import LandfastVerdictTrigger

    asset = artifact_asset(artifact)
    trigger = LandfastVerdictTrigger(
        artifact=str(asset.artifact),
        verdicts=verdicts,
        poll_interval=poll_interval,
        landfast_conn_id=landfast_conn_id or DEFAULT_CONN_ID,
    )
    # Other verdicts, other asset: Airflow knows one by its name.
    only = f" ({', '.join(trigger.verdicts)})" if trigger.verdicts else ""
    name = f"verdict{only} on {asset.uri}"
    watcher = AssetWatcher(name=f"landfast {name}", trigger=trigger)
    return Asset(name=name, group=GROUP, watchers=[watcher])


def name_of(asset: Asset) -> landfast.ArtifactName:
    """Return the artifact that an asset stands for.

    Raises:
        InvalidInput: If it stands for none.
    """
    return landfast.ArtifactName.of_collection_uri(asset.uri)


def inlets_of(named: Any) -> list[Asset]:
    """Return the asset of a literal name without a version: the inlet of an operator that reads it.

    A template, another operator's output, or a name that says the version needs none.
    """
    if isinstance(named, Asset):
        return [artifact_asset(named)]
    if not isinstance(named, str) or "{{" in named or "{%" in named:
        return []
    name = landfast.full_name(named)
    return [] if name.picks_version else [artifact_asset(name)]


def with_inlet(named: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of an operator, the artifact that it reads among the inlets.

    Inlets are no parameter of our operators: their default would take the place of Airflow's in mapped ones.
    """
    known = list(options.get("inlets") or ())
    return {**options, "inlets": known + [each for each in inlets_of(named) if each not in known]}


def partition_key(given: Any, rendered: Any) -> str | None:
    """Return the partition that a template says; None if none was asked for.

    Args:
        given: As the author wrote it; None if there is no partition.
        rendered: What became of it.

    Raises:
        InvalidInput: If it says nothing: the content would go to the collection without a partition.
    """
    if given is None:
        return None
    text = "" if rendered is None else str(rendered)
    if text.strip() and (text != "None" or text == given):
        return text
    raise landfast.InvalidInput(
        "the partition is empty",
        subject="partition",
        expected="a key, such as {{ ds }}",
        found=f"{given!r}, which became {rendered!r}",
        hint="Leave the argument out to record without partitions.",
    )


def is_artifact(asset: Any) -> bool:
    """Whether an inlet or outlet is the asset of an artifact."""
    return isinstance(asset, Asset) and asset.uri.startswith("landfast://")


def sanitize_uri(uri: SplitResult) -> SplitResult:
    """Check the URI of an asset as Airflow reads it.

    Raises:
        ValueError: If it does not name an artifact, or names a version of it.
    """
    landfast.ArtifactName.of_collection_uri(uri.geturl())
    return uri


def create_asset(*, uri: str, extra: Any = None) -> Asset:
    """Make an asset for Airflow's lineage collector, from the URI of a version or of an asset."""
    name = landfast.ArtifactName.parse(uri) if "version=" in uri else name_of(Asset(uri))
    made = artifact_asset(name.bare())
    made.extra = dict(extra or {})
    return made
