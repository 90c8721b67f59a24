"""No two assets and no two partitions share a name in the registry, and common names read as written."""

import dagster as dg
import landfast
import pytest
from dagster_landfast import identity
from hypothesis import given
from hypothesis import strategies as st

SEGMENT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
ODD = st.text("aZ0_-.|/:% \xe9", max_size=40)
PATH = st.lists(SEGMENT | ODD, min_size=1, max_size=5)


def decoded(collection: str) -> list[str]:
    """Read a name back into segments; written from the rule, not from the code."""
    text = collection.removeprefix("key-.")
    segments = [b""]
    while text:
        if text.startswith("--"):
            segments[-1] += b"-"
            text = text[2:]
        elif text[0] == "-":
            segments[-1] += bytes.fromhex(text[1:3])
            text = text[3:]
        elif text[0] == ".":
            segments.append(b"")
            text = text[1:]
        else:
            segments[-1] += text[0].encode()
            text = text[1:]
    return [segment.decode() for segment in segments]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (["features"], "features"),
        (["vision", "mnist"], "vision.mnist"),
        (["raw_2", "Images_v3"], "raw_2.Images_v3"),
        (["my-data"], "my--data"),
        (["a.b"], "a-2eb"),
        (["caf\xe9"], "caf-c3-a9"),
        (["_private"], "key-._private"),
    ],
)
def test_a_common_key_reads_as_it_is_written(path: list[str], name: str) -> None:
    assert identity.collection_of(dg.AssetKey(path)) == name


@given(PATH)
def test_a_name_that_fits_can_be_read_back(path: list[str]) -> None:
    name = identity.collection_of(dg.AssetKey(path))
    landfast.ArtifactName(collection=name)
    if "-h" not in name or len(name) < 128 - 45:
        assert decoded(name) == path


@given(PATH, PATH)
def test_two_keys_never_share_a_name(one: list[str], other: list[str]) -> None:
    names = {identity.collection_of(dg.AssetKey(path)) for path in (one, other)}
    assert len(names) == (1 if one == other else 2)


@given(st.text("a-._", min_size=60, max_size=200), st.text("a-._", min_size=60, max_size=200))
def test_long_keys_never_share_a_name(one: str, other: str) -> None:
    names = {identity.collection_of(dg.AssetKey([path])) for path in (one, other)}
    assert len(names) == (1 if one == other else 2)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["a", "x"], ["a", "y"]),
        (["a", "x"], ["a.x"]),
        (["a", "x"], ["a-x"]),
        (["a", "x"], ["a--x"]),
        (["a-", "x"], ["a", "-x"]),
        (["key-._a"], ["_a"]),
        (["a" * 200, "x"], ["a" * 200, "y"]),
    ],
)
def test_keys_that_look_alike_do_not_collide(one: list[str], other: list[str]) -> None:
    assert identity.collection_of(dg.AssetKey(one)) != identity.collection_of(dg.AssetKey(other))


@pytest.mark.parametrize("key", ["a/b", "a|b", "a:b", "a%2Fb", "a b", " ", "..", "~", "\xe9"])
def test_a_partition_key_stays_as_it_is_and_survives_the_name(key: str) -> None:
    name = identity.artifact_name(dg.AssetKey("a"), {}, key)
    assert name.partition == key
    assert landfast.ArtifactName.parse(str(name)) == name


def test_a_partition_of_several_dimensions_is_dagsters_own_text() -> None:
    key = dg.MultiPartitionKey({"region": "eu/west", "date": "2026-11-02"})
    assert identity.partition(key) == "2026-11-02|eu/west"


DIMENSION = st.text("ab|%7C2/: ", max_size=6)


@given(DIMENSION, DIMENSION, DIMENSION, DIMENSION)
def test_partitions_of_several_dimensions_never_collide(a: str, b: str, c: str, d: str) -> None:
    one = dg.MultiPartitionKey({"x": a, "y": b})
    other = dg.MultiPartitionKey({"x": c, "y": d})
    names = {identity.partition(one), identity.partition(other)}
    assert len(names) == (1 if (a, b) == (c, d) else 2)


def test_an_empty_partition_key_is_refused_for_it_would_be_no_partition() -> None:
    with pytest.raises(landfast.InvalidInput, match="empty"):
        identity.partition("")


def test_the_definition_may_name_the_artifact() -> None:
    given_metadata = {"landfast/artifact": dg.MetadataValue.text("vision/mnist")}
    name = identity.artifact_name(dg.AssetKey("a"), given_metadata, "eu")
    assert str(name) == "vision/mnist~eu"
    assert str(identity.artifact_name(dg.AssetKey("a"), {"landfast/artifact": "b"})) == "b"


def test_the_definition_may_not_name_a_version() -> None:
    with pytest.raises(landfast.InvalidInput, match=r"vision/mnist:v3.*landfast/version"):
        identity.artifact_name(dg.AssetKey("a"), {"landfast/artifact": "vision/mnist:v3"})


def test_an_artifact_with_a_partition_of_its_own_cannot_be_partitioned() -> None:
    with pytest.raises(landfast.Conflict, match="eu"):
        identity.artifact_name(dg.AssetKey("a"), {"landfast/artifact": "b~us"}, "eu")
