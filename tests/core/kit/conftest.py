"""Programs that these tests start find the kit too."""

import pytest
from kit.servers.process import WITH_KIT


@pytest.fixture(autouse=True)
def children_find_the_kit(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in WITH_KIT.items():
        monkeypatch.setenv(name, value)
