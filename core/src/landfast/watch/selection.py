"""Selection: which changes of the feed somebody wants to hear of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal
from urllib.parse import unquote

from landfast.errors import InvalidInput
from landfast.model.names import LATEST, ArtifactName, check_alias
from landfast.model.version import Change, ChangeKind
from landfast.registry.values import ChangeFilter

On = Literal["change", "verdict", "any"]
_GLOB = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Collections and aliases, by name or by pattern.

    Args:
        entity, project, collection: Patterns, such as ``*``.
        partition: Pattern of partition keys; None is every partition, and what has none.
        aliases: Patterns of aliases; ``latest`` is the content.
        name: The collection, if it is one.
        on: What is told: that something else is there (``change``), that what is named stands otherwise
            (``verdict``), or ``any`` of both.
    """

    entity: str
    project: str
    collection: str
    partition: str | None
    aliases: tuple[str, ...]
    name: ArtifactName | None
    on: On = "change"

    @classmethod
    def parse(
        cls,
        text: str,
        aliases: Sequence[str] = (),
        *,
        entity: str,
        project: str,
        on: On = "change",
    ) -> Selection:
        """Read ``[[entity/]project/]collection[~PARTITION][:alias]``, each part a name or a pattern.

        Args:
            text: What is watched; ``vision/`` and ``vision/*`` are a whole project.
            aliases: Of which moves are told; without any it is the alias of the name, else ``latest``.
            entity: Of names that say none.
            project: Of names that say none.
            on: What is told.

        Raises:
            InvalidInput: If it is no such name, or names one version, which never changes.
        """
        path, _, alias = text.partition(":")
        if alias and aliases:
            raise InvalidInput(
                f"{text!r} names an alias, and --alias does too",
                subject=text,
                expected="one of both",
            )
        path, tilde, partition = path.partition("~")
        parts = (path + "*" if path.endswith("/") else path).split("/")
        if len(parts) > 3 or (tilde and not partition) or not all(parts):
            raise InvalidInput(
                f"{text!r} is nothing that can be watched",
                subject=text,
                expected="[[entity/]project/]collection[~PARTITION][:alias], or a pattern of these",
            )
        entity, project, collection = [entity, project][: 3 - len(parts)] + parts
        whole = f"{entity}/{project}/{collection}"
        return cls(
            entity=entity,
            project=project,
            collection=collection,
            partition=unquote(partition) if tilde else None,
            aliases=_aliases(text, [alias] if alias else aliases),
            name=None if _GLOB.search(whole) else ArtifactName.parse(whole),
            on=on,
        )

    @property
    def filter(self) -> ChangeFilter:
        """What the registry itself can leave out."""
        kind = ChangeKind.VERDICT if self.on == "verdict" else None
        verdicts = self.on == "any"
        if self.name is not None:
            return ChangeFilter(name=self.name, partitions=True, kind=kind, verdicts=verdicts)
        entity = None if _GLOB.search(self.entity) else self.entity
        return ChangeFilter(entity=entity, kind=kind, verdicts=verdicts)

    def has(self, change: Change) -> bool:
        """Tell whether a change is wanted."""
        name = change.version
        pairs = [
            (name.entity or "", self.entity),
            (name.project or "", self.project),
            (name.collection, self.collection),
        ]
        if self.partition is not None:
            pairs.append((name.partition, self.partition))
        if not all(_fits(value, pattern) for value, pattern in pairs):
            return False
        named = (change.alias,) if change.verdict is None else change.verdict.aliases
        return any(_fits(alias, pattern) for alias in named for pattern in self.aliases)

    def __str__(self) -> str:
        path = f"{self.entity}/{self.project}/{self.collection}"
        if self.partition is not None:
            path += f"~{self.partition}"
        path += "" if self.aliases == (LATEST,) else f":{','.join(self.aliases)}"
        return path if self.on == "change" else f"{path} on {self.on}"


def _fits(value: str, pattern: str) -> bool:
    return value == pattern or fnmatchcase(value, pattern)  # a partition may hold a bracket


def _aliases(text: str, wanted: Sequence[str]) -> tuple[str, ...]:
    for alias in wanted:
        if not _GLOB.search(alias):
            if re.fullmatch(r"v\d+|lf1", alias):
                raise InvalidInput(
                    f"{text!r} names one version, which never changes",
                    subject=text,
                    hint="Leave the version out, or name an alias.",
                )
            check_alias(alias)
    return tuple(dict.fromkeys(wanted)) or (LATEST,)
