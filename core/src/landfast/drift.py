"""Drift: look at what aliases name, and write into the feed what stands otherwise than before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from landfast.context import Context
from landfast.errors import InvalidInput, LandfastError, NotFound, Unavailable
from landfast.model.names import LATEST, ArtifactName, check_alias
from landfast.model.options import VerifyOptions
from landfast.model.storage.drift import AliasVerdict, verdict_of
from landfast.model.version import UNREACHABLE, VersionRecord
from landfast.registry.values import Found, Place
from landfast.version import ArtifactVersion


def verify_aliases(
    context: Context,
    names: Iterable[ArtifactName],
    aliases: Sequence[str],
    options: VerifyOptions,
) -> list[AliasVerdict]:
    """Return how each version stands that one of the aliases names; see `Client.verify_aliases`."""
    wanted = tuple(dict.fromkeys(aliases))
    if not wanted:
        raise InvalidInput("no alias is named", subject="aliases", expected="such as prod")
    for alias in wanted:
        if alias != LATEST:
            check_alias(alias)
    # The run is made before anything is looked at: who may not write hears of it at once.
    context.ensure_run()
    records = _records(context, list(names), wanted)
    return [_look(context, record, wanted, options) for record in records]


def _records(
    context: Context, names: Sequence[ArtifactName], wanted: Sequence[str]
) -> list[VersionRecord]:
    verdicts, settings = context.registry.verdicts, context.settings
    if not names:
        place = Place(entity=settings.entity, project=settings.project)
        found = verdicts.named(place, wanted)
        if not found:
            raise _nothing(f"{settings.entity}/{settings.project}", wanted)
        return found
    by_id: dict[int, VersionRecord] = {}
    for name in names:
        place = Place(
            entity=name.entity or settings.entity,
            project=name.project or settings.project,
            collection=name.collection,
            partition=name.partition or None,
        )
        found = verdicts.named(place, wanted)
        if not found:
            raise _nothing(str(name.bare()), wanted)
        by_id |= {record.id: record for record in found}
    return list(by_id.values())


def _nothing(where: str, wanted: Sequence[str]) -> NotFound:
    told = " or ".join(map(repr, wanted))
    return NotFound(
        f"no version of {where} is named {told}",
        subject=where,
        hint="landfast ls shows which aliases there are.",
    )


def _look(
    context: Context, record: VersionRecord, wanted: Sequence[str], options: VerifyOptions
) -> AliasVerdict:
    version = ArtifactVersion(record, context)
    try:
        report = version.verify(**options)
    except Unavailable as error:
        found, told = Found(verdict=UNREACHABLE, summary=str(error), counts={}), None
    except LandfastError as error:
        return AliasVerdict(
            version=record.name,
            aliases=record.aliases,
            verdict="",
            summary=str(error),
            error=error,
        )
    else:
        counts = {str(verdict): count for verdict, count in report.counts.items() if count}
        found, told = (
            Found(verdict=verdict_of(report), summary=report.summary, counts=counts),
            report,
        )
    change = context.registry.verdicts.note(record, found, wanted, run=context.run_key)
    return AliasVerdict(
        version=record.name,
        aliases=record.aliases,
        verdict=found.verdict,
        summary=found.summary,
        change=change,
        report=told,
    )
