"""What a foreign version is called here: its collection, its tag, its aliases."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from landfast.errors import InvalidInput
from landfast.migrate.base import PeerVersion
from landfast.model.names import LATEST, ArtifactName, check_alias, check_name

_NO_WORD = re.compile(r"[^A-Za-z0-9_.-]+")
_MOST = 128


def name_here(version: PeerVersion, rename: Mapping[str, str]) -> ArtifactName:
    """Return the name of a foreign version's collection and partition here.

    A part of `rename` that its name is, or begins with up to a ``/``, is replaced; the longest such part
    counts.  Else project and collection stay as they are, and an entity is left away.

    Raises:
        InvalidInput: If that is not a name here.

    Example:
        >>> version = PeerVersion(name="acme/vision/mnist", label="v0", rows=lambda: iter(()), read=id)
        >>> str(name_here(version, {})), str(name_here(version, {"acme/vision": "ml"}))
        ('vision/mnist', 'ml/mnist')
    """
    theirs = version.name
    for part in sorted(rename, key=len, reverse=True):
        if theirs == part or theirs.startswith(part + "/"):
            ours = rename[part] + theirs[len(part) :]
            break
    else:
        ours = "/".join(theirs.split("/")[-2:])
    try:
        name = ArtifactName.parse(ours)
        if not name.picks_version:
            return replace(name, partition=name.partition or version.partition)
        problem = "it says a version"
    except InvalidInput as error:
        problem = error.problem
    raise InvalidInput(
        f"{theirs} cannot be called {ours!r} here",
        subject=theirs,
        found=problem,
        hint=f"Give it another name with rename={{'{theirs}': 'project/collection'}} "
        f"(--rename '{theirs}=project/collection').",
    )


def tag_of(peer: str, version: PeerVersion) -> str:
    """Return the tag that tells which version of the tool one is: ``wandb-v3``."""
    return word(f"{peer}-{version.label}")


def words_here(kind: str, theirs: Iterable[str], notes: list[str]) -> tuple[str, ...]:
    """Return aliases or tags as they can be here; what had to be spelled in another way is noted."""
    found: dict[str, None] = {}
    for given in theirs:
        if given == LATEST:
            continue
        try:
            here = check_alias(given) if kind == "alias" else check_name(given, kind)
        except InvalidInput:
            here = word(given)
            if kind == "alias" and re.fullmatch(r"[vV]\d+", here):
                notes.append(
                    f"the alias {given!r} is left out: it has the form of a version number"
                )
                continue
            notes.append(f"the {kind} {given!r} is {here!r} here")
        found[here] = None
    return tuple(found)


def word(text: str) -> str:
    """Spell a text with the letters of a name.

    Example:
        >>> word("first try!"), word("_x")
        ('first-try', 'x')
    """
    return _NO_WORD.sub("-", text).strip("-._")[:_MOST] or "x"
