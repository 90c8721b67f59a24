"""VerifyRule: which aliases are verified, and when, as `snapshots.yaml` says it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from landfast.errors import InvalidInput, ObjectChanged, Unavailable
from landfast.model.names import LATEST, ArtifactName, check_alias
from landfast.model.snapshot_config import check_schedule
from landfast.model.storage.drift import AliasVerdict
from landfast.model.verdict import FailOn
from landfast.spelling import check_choice


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyRule:
    """A rule to verify the versions of aliases on a schedule; see `Client.verify_aliases`.

    Args:
        aliases: The aliases; a version with several of them is verified once.
        name: Collection such as ``vision/mnist`` with all its partitions, or one partition with ``~PARTITION``; None
            is the whole project.
        schedule: Cron expression with five fields, stored as written; None leaves the schedule to the caller.
        fail_on: Condition of a failure, as in `VerifyReport.raise_for`; the feed gets every change.

    Example:
        >>> VerifyRule(name="vision/mnist", aliases=["prod", "latest"]).label
        'vision/mnist:prod,latest'
    """

    aliases: Sequence[str]
    name: str | None = None
    schedule: str | None = None
    fail_on: FailOn = "drift"

    def __post_init__(self) -> None:
        object.__setattr__(self, "aliases", tuple(dict.fromkeys(self.aliases)))
        if not self.aliases:
            raise InvalidInput("no alias is named", subject="aliases", expected="such as prod")
        for alias in self.aliases:
            if alias != LATEST:
                check_alias(alias)
        if self.name is not None:
            ArtifactName.parse(self.name).whole("what is verified", hint="Name it by aliases:.")
        if self.schedule is not None:
            check_schedule(self.schedule)
        check_choice("fail_on", self.fail_on, FailOn)

    @property
    def names(self) -> tuple[str, ...]:
        """Names for `Client.verify_aliases`: one name, or none for the whole project."""
        return () if self.name is None else (self.name,)

    @property
    def label(self) -> str:
        """Label for people: the name and its aliases; ``*`` is the whole project."""
        return f"{self.name or '*'}:{','.join(self.aliases)}"

    def raise_for(self, found: Sequence[AliasVerdict]) -> None:
        """Raise an error if a version of the aliases fails `fail_on`.

        Args:
            found: Result of `Client.verify_aliases`.

        Raises:
            LandfastError: If a version could not be verified, for every `fail_on`; it is the error that prevented it.
            ObjectChanged: If versions fail; the message names them.
            Unavailable: If the only failures are servers that do not answer.
        """
        failed = [each for each in found if each.fails(self.fail_on)]
        for each in failed:
            if each.error is not None:
                raise each.error
        if not failed:
            return
        first = str(failed[0].version)
        told = "; ".join(
            f"{each.version} ({', '.join(each.aliases)}) {each.summary}" for each in failed
        )
        if all(each.report is None for each in failed):
            raise Unavailable(f"{self.label} could not be looked at", subject=first, found=told)
        raise ObjectChanged(
            f"what {self.label} names differs from what its source has now",
            subject=first,
            expected="every entry intact" if self.fail_on == "drift" else "no entry lost",
            found=told,
            hint=f"landfast verify {first} names every entry.",
        )

    def to_dict(self) -> Mapping[str, Any]:
        """Return its entry of `snapshots.yaml` as JSON values."""
        entry = {
            "name": self.name,
            "aliases": list(self.aliases),
            "schedule": self.schedule,
            "fail_on": self.fail_on,
        }
        return {key: value for key, value in entry.items() if value is not None}
