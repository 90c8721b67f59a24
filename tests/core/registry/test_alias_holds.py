"""What is held as long as an alias names it need not be once the alias names something else, however it moved."""

from __future__ import annotations

import pytest
from landfast.model.storage.holds import HoldKind, holder_of
from landfast.registry.holds.request import HoldStart
from landfast.registry.registry import Registry
from landfast.testing.registry.drafts import NAME, RUN, begin, log


def hold(registry: Registry, version_id: int, alias: str) -> None:
    start = HoldStart(
        version_id=version_id, kind=HoldKind.LEGAL, reason="in use", holder=holder_of(alias)
    )
    registry.holds.begin(start)


def ending(registry: Registry) -> list[tuple[str, int]]:
    return [(one.holder, one.version.index) for one in registry.holds.ending()]


@pytest.mark.parametrize(
    "given", [{}, {"run": RUN}, {"aliases": ("seen",)}], ids=["alone", "in a run", "with an alias"]
)
def test_content_that_is_logged_first_ends_what_latest_held(
    registry: Registry, given: dict[str, object]
) -> None:
    begin(registry)
    old = log(registry, "a").version
    hold(registry, old.id, "latest")
    hold(registry, old.id, "prod")
    log(registry, "b", **given)
    assert ending(registry) == [("alias:latest", 0)]


def test_content_that_returns_ends_it_too_and_content_that_stays_does_not(
    registry: Registry,
) -> None:
    first = log(registry, "a").version
    second = log(registry, "b").version
    hold(registry, second.id, "latest")
    log(registry, "b")
    log(registry, "c", move_latest=False)
    assert ending(registry) == []
    log(registry, "a")
    assert registry.get(NAME).id == first.id
    assert ending(registry) == [("alias:latest", 1)]
