"""What tells the inputs of two task runs apart, and what does not."""

from __future__ import annotations

from datetime import date
from enum import Enum
from pathlib import Path

import landfast
import pytest
from prefect_landfast.fingerprint import Opaque, describe, fingerprint
from pydantic import BaseModel, SecretStr


class Colour(Enum):
    RED = 1


class Model(BaseModel):
    lr: float
    key: SecretStr = SecretStr("s")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, "1"),
        (1, True),
        ([1, 2], [2, 1]),
        ([1], (1,)),
        ({"a": 1}, {"b": 1}),
        (b"a", b"b"),
        (Path("a"), "a"),
        (date(2026, 5, 1), "2026-05-01"),
        (Colour.RED, 1),
        (Model(lr=1), Model(lr=2)),
        (landfast.Reference("s3://b/a"), landfast.Reference("s3://b/a", include=["*"])),
        (["ab"], ["a", "b"]),
    ],
)
def test_different_inputs_have_different_fingerprints(one: object, other: object) -> None:
    assert fingerprint({"x": one}) != fingerprint({"x": other})
    assert fingerprint({"x": one}) is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({3, 1, 2}, {2, 3, 1}),
        (Model(lr=1, key=SecretStr("a")), Model(lr=1, key=SecretStr("b"))),
    ],
)
def test_equal_inputs_have_equal_fingerprints(one: object, other: object) -> None:
    assert fingerprint({"x": one}) == fingerprint({"x": other})


def test_what_has_no_stable_description_has_no_fingerprint() -> None:
    assert fingerprint({"x": [object()]}) is None
    with pytest.raises(Opaque):
        describe(object(), version=str)


def test_what_has_no_stable_description_can_be_described_by_the_caller() -> None:
    assert describe(object(), version=str, other=lambda _: "?") == ["object", "?"]


def test_versions_differ_by_number_for_runs_and_by_content_for_caches(
    registry_url: str, tmp_path: Path
) -> None:
    client = landfast.Client()
    (tmp_path / "a").write_text("a")
    one, two = client.log("one", tmp_path / "a"), client.log("two", tmp_path / "a")
    assert fingerprint({"x": one}) != fingerprint({"x": two})
    described = [describe(v, version=lambda found: found.digest) for v in (one, two)]
    assert described[0] == described[1]
    assert registry_url
