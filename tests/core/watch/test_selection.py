"""What is watched is said by a name, a pattern, an alias."""

from __future__ import annotations

from dataclasses import replace

import landfast
import pytest
from landfast.model.names import ArtifactName
from landfast.model.version import Change, ChangeKind
from landfast.watch.selection import Selection

MNIST = ArtifactName(entity="default", project="vision", collection="mnist", index=3)


def change(name: ArtifactName = MNIST, alias: str = "latest") -> Change:
    from datetime import UTC, datetime

    return Change(
        position=1,
        id="r:1",
        kind=ChangeKind.CREATED,
        alias=alias,
        version=name,
        type="dataset",
        digest="lf1:0",
        at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def has(text: str, of: Change, *aliases: str) -> bool:
    return Selection.parse(text, aliases, entity="default", project="vision").has(of)


@pytest.mark.parametrize(
    "text",
    ["mnist", "vision/mnist", "default/vision/mnist", "*", "vision/*", "vision/", "*/*/*", "mn?st"],
)
def test_a_name_and_a_pattern_have_it(text) -> None:
    assert has(text, change())
    assert not has(text, change(alias="prod"))
    assert has(text, change(replace(MNIST, partition="may")))


@pytest.mark.parametrize(
    "text", ["minst", "audio/mnist", "audio/*", "other/vision/mnist", "mnist~may"]
)
def test_another_name_does_not(text) -> None:
    assert not has(text, change())


def test_partitions() -> None:
    may = change(replace(MNIST, partition="2026-05"))
    assert has("mnist~2026-05", may)
    assert has("mnist~2026-*", may)
    assert not has("mnist~2026-06", may)
    assert has("mnist~a%2Fb", change(replace(MNIST, partition="a/b")))
    assert has("mnist~a[b", change(replace(MNIST, partition="a[b")))


def test_aliases() -> None:
    assert has("mnist:prod", change(alias="prod"))
    assert not has("mnist:prod", change())
    assert has("mnist", change(alias="prod"), "prod", "latest")
    assert has("mnist", change(), "prod", "latest")
    assert has("*", change(alias="prod"), "*")


@pytest.mark.parametrize(
    "text", ["a/b/c/d", "", "a//b", "mnist~", "mnist:v3", "a b", "mnist:pr od"]
)
def test_what_is_no_name_is_refused(text) -> None:
    with pytest.raises(landfast.InvalidInput):
        Selection.parse(text, entity="default", project="vision")


def test_an_alias_is_said_once() -> None:
    with pytest.raises(landfast.InvalidInput, match="both"):
        Selection.parse("mnist:prod", ["prod"], entity="default", project="vision")
