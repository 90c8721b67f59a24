"""Names: every legal one round-trips, everything else is refused in one line."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from landfast.errors import InvalidInput
from landfast.model.names import ArtifactName, check_alias, check_name, check_partition
from landfast.testing import strategies


@given(strategies.artifact_names())
def test_every_name_is_read_back_from_its_text(name: ArtifactName) -> None:
    assert ArtifactName.parse(str(name)) == name
    assert pickle.loads(pickle.dumps(name)) == name


@given(strategies.artifact_names(full=True))
def test_every_full_name_is_read_back_from_its_uri(name: ArtifactName) -> None:
    assert ArtifactName.parse(name.uri) == name


@given(strategies.artifact_names())
def test_a_name_is_printable_ascii_without_spaces(name: ArtifactName) -> None:
    assert str(name).isascii()
    assert str(name).isprintable()
    assert " " not in str(name)


@given(st.text())
def test_any_text_is_a_name_or_invalid_input(text: str) -> None:
    try:
        name = ArtifactName.parse(text)
    except InvalidInput as error:
        message = str(error)
    else:
        assert ArtifactName.parse(str(name)) == name
        message = str(name)
    assert message.isprintable()


@given(st.text())
def test_any_text_after_the_scheme_is_a_uri_or_invalid_input(text: str) -> None:
    try:
        name = ArtifactName.parse("landfast://" + text)
    except InvalidInput:
        return
    assert ArtifactName.parse(name.uri) == name


@given(strategies.artifact_names(), strategies.artifact_names())
def test_two_names_never_share_a_text(one: ArtifactName, other: ArtifactName) -> None:
    assert (str(one) == str(other)) == (one == other)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("mnist", (None, None, "mnist", "", None, None)),
        ("vision/mnist:v0", (None, "vision", "mnist", "", 0, None)),
        ("me/vision/mnist:prod", ("me", "vision", "mnist", "", None, "prod")),
        ("mnist~2026-05-01:v12", (None, None, "mnist", "2026-05-01", 12, None)),
        ("mnist~a%2Fb%3Av1%40~", (None, None, "mnist", "a/b:v1@~", None, None)),
        ("mnist:latest", (None, None, "mnist", "", None, "latest")),
    ],
)
def test_the_wire_form(text: str, parts: tuple[object, ...]) -> None:
    name = ArtifactName.parse(text)
    found = (name.entity, name.project, name.collection, name.partition, name.index, name.alias)
    assert found == parts


def test_the_uri_form() -> None:
    name = ArtifactName.parse("e/p/c~a b&c=d:v3")
    assert name.uri == "landfast://e/p/c?version=v3&partition=a%20b%26c%3Dd"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/mnist",
        "a/b/c/d",
        "-mnist",
        "mn ist",
        "mnist\n",
        "m" * 129,
        "mnist:",
        "mnist:v01x:y",
        "mnist:v01",
        "mnist:V1",
        "mnist:v" + "9" * 19,
        "mnist@v1",
        "mnist@lf1:abc",
        "mnist@lf1:" + "A" * 64,
        "mnist~",
        "mnist~%FF",
        "mnist~%00",
        "mnist~" + "x" * 1025,
        "landfast://e/p/c",
        "landfast://e/p/c?version=",
        "landfast://e/p/c?version=v1&version=v2",
        "landfast://e/p/c?version=v1&partion=x",
        "landfast://e/p/c?version=v1#x",
        "landfast://e/p/c/d?version=v1",
        "landfast://e//p/c?version=v1",
        "landfast://[e/p/c?version=v1",
        "landfast://e/p\n/c?version=v1",
        "landfast://e/p/c?version=v1&partition=%FF",
    ],
)
def test_what_is_no_name_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        ArtifactName.parse(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "parts",
    [
        {"index": -1},
        {"index": True},
        {"index": 1, "alias": "prod"},
        {"alias": "prod", "digest": "lf1:" + "0" * 64},
        {"digest": "0" * 64},
        {"alias": "v3"},
    ],
)
def test_a_name_cannot_be_built_with_an_impossible_pick(parts: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        ArtifactName(collection="c", **parts)  # type: ignore[arg-type]


def test_a_name_without_version_has_no_uri() -> None:
    with pytest.raises(InvalidInput, match="entity, project and version"):
        _ = ArtifactName.parse("p/c:v1").uri


def test_within_fills_only_what_is_missing() -> None:
    name = ArtifactName.parse("vision/mnist:v3").within(entity="me", project="other")
    assert str(name) == "me/vision/mnist:v3"
    assert str(name.bare()) == "me/vision/mnist"
    assert str(name.at(7)) == "me/vision/mnist:v7"


@given(strategies.partitions)
def test_every_partition_of_the_strategy_is_legal(partition: str) -> None:
    assert check_partition(partition) == partition


@pytest.mark.parametrize("text", ["\ud800", "a\0b", "é" * 513])
def test_what_is_no_partition_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        check_partition(text)


@pytest.mark.parametrize("text", ["v1", "V22", "v007", ""])
def test_the_form_of_a_version_is_no_alias(text: str) -> None:
    with pytest.raises(InvalidInput):
        check_alias(text)


@given(strategies.aliases)
def test_every_alias_of_the_strategy_is_legal(alias: str) -> None:
    assert check_alias(alias) == alias


@given(strategies.names)
def test_every_name_of_the_strategy_is_legal(name: str) -> None:
    assert check_name(name, "collection") == name
