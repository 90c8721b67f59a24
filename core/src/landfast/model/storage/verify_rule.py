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
    """What aliases name is looked at on a schedule: see `Client.verify_aliases`.

    Args:
        aliases: The aliases; a version with several of them is verified once.
        name: ``vision/mnist``, with all its partitions, or one with ``~PARTITION``; None is the whole project.
        schedule: Five fields of cron, kept as written; None leaves the time to the caller.
        fail_on: What makes it a failure, as of `VerifyReport.raise_for`; the feed hears of every change.

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
        """As `Client.verify_aliases` takes them: one name, or none for the project."""
        return () if self.name is None else (self.name,)

    @property
    def label(self) -> str:
        """What people call it: the name and its aliases; ``*`` is the whole project."""
        return f"{self.name or '*'}:{','.join(self.aliases)}"

    def raise_for(self, found: Sequence[AliasVerdict]) -> None:
        """Raise if a version that the aliases name is not what it has to be.

        Args:
            found: What `Client.verify_aliases` returned.

        Raises:
            LandfastError: What kept a version from being looked at, whatever `fail_on` says.
            ObjectChanged: Naming the versions.
            Unavailable: If all that fails is that servers do not answer.
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
        """Return its entry of `snapshots.yaml`, of JSON values."""
        entry = {
            "name": self.name,
            "aliases": list(self.aliases),
            "schedule": self.schedule,
            "fail_on": self.fail_on,
        }
        return {key: value for key, value in entry.items() if value is not None}
