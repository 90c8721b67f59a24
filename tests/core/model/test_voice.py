"""What all adapters say alike: the outcome of a log, drift as an error, a secret refused, a wrong choice."""

from __future__ import annotations

import json
from pathlib import Path

import landfast
import pytest
from kit import voice
from kit.snapshots import EVERY_KEY, RECORDED
from landfast.model.checksum import Checksum
from landfast.model.manifest import ManifestEntry
from landfast.model.verdict import EntryVerdict, FailOn, Verdict, VerifyReport


def report(*verdicts: Verdict) -> VerifyReport:
    rows = [
        EntryVerdict(
            entry=ManifestEntry(
                path=f"{verdict}.txt",
                size=1,
                checksum=Checksum("sha256", "0" * 64),
                uri=f"s3://b/{verdict}.txt",
            ),
            verdict=verdict,
        )
        for verdict in verdicts
        if verdict is not Verdict.INTACT
    ]
    return VerifyReport(
        digest="lf1:0", counts={verdict: verdicts.count(verdict) for verdict in verdicts}, rows=rows
    )


@pytest.mark.parametrize(
    ("verdict", "raised_by"),
    [
        (Verdict.INTACT, set()),
        (Verdict.MOVED, set()),
        (Verdict.OVERWRITTEN, {"drift"}),
        (Verdict.DELETED, {"drift"}),
        (Verdict.ARCHIVED, {"drift"}),
        (Verdict.UNVERIFIABLE, {"drift", "loss"}),
        (Verdict.DENIED, {"drift", "loss"}),
        (Verdict.CHANGED, {"drift", "loss"}),
        (Verdict.GONE, {"drift", "loss"}),
    ],
)
def test_a_verdict_is_an_error_as_fail_on_says(verdict: Verdict, raised_by: set[str]) -> None:
    found = set()
    choices: tuple[FailOn, ...] = ("drift", "loss", "never")
    for fail_on in choices:
        try:
            report(Verdict.INTACT, verdict).raise_for(fail_on, "vision/flowers:v3")
        except landfast.ObjectChanged:
            found.add(fail_on)
    assert found == raised_by


def test_drift_names_the_version_and_the_worst_entries() -> None:
    with pytest.raises(landfast.ObjectChanged) as caught:
        report(Verdict.MOVED, Verdict.GONE, Verdict.OVERWRITTEN).raise_for("drift", "vision/a:v3")
    error = caught.value
    assert error.subject == "vision/a:v3"
    assert str(error.found).startswith("1 moved, 1 overwritten, 1 gone (gone.txt gone, overwritten")
    assert "landfast verify vision/a:v3" in str(error.hint)


def test_a_choice_that_is_none_names_all() -> None:
    with pytest.raises(landfast.InvalidInput, match=r"fail_on='maybe'.*'drift', 'loss', 'never'"):
        report(Verdict.INTACT).raise_for("maybe", "a")  # type: ignore[arg-type]


@pytest.mark.parametrize("fact", ["uris", "options", "metadata"])
def test_a_secret_in_a_snapshot_is_refused_and_not_shown(fact: str) -> None:
    said = {
        "uris": (landfast.SnapshotUri(uri="https://h/a?X-Amz-Signature=s3cr3t"),),
        "options": {"secret_key": "s3cr3t"},
        "metadata": {"password": "s3cr3t"},
    }
    config = landfast.SnapshotConfig(
        **{"name": "a", "uris": (landfast.SnapshotUri(uri="s3://b/a/"),), fact: said[fact]}
    )
    with pytest.raises(landfast.InvalidInput, match="snapshot a holds a secret, and X") as caught:
        config.refuse_secrets("X stores it")
    assert "s3cr3t" not in str(caught.value)
    EVERY_KEY.refuse_secrets("X stores it")


def test_the_snapshot_of_the_kit_says_every_key() -> None:
    plain = landfast.SnapshotConfig(name="other", uris=(landfast.SnapshotUri(uri="s3://b/"),))
    silent = [name for name in RECORDED if getattr(EVERY_KEY, name) == getattr(plain, name)]
    assert not silent, (
        "tests/kit/snapshots.py says nothing of these, so no adapter is tried with them"
    )


def test_an_entry_that_is_written_reads_as_the_same_snapshot() -> None:
    assert landfast.snapshots_of([EVERY_KEY.to_dict()]) == [EVERY_KEY]
    filled = EVERY_KEY.for_partition("a{b}")
    (again,) = landfast.snapshots_of([filled.to_dict()])
    assert again.for_partition(None) == filled


def test_an_old_name_of_an_option_is_an_error_that_says_the_new_one() -> None:
    @landfast.renamed({"old": "new"})
    def verb(*, new: int = 1, **options: object) -> int:
        return new

    assert verb(new=2) == 2
    with pytest.raises(
        landfast.InvalidInput, match=r"verb\(\) has no old= any more: it is new= now"
    ):
        verb(old=2)


def test_what_events_say_of_a_version_is_said_in_the_words_of_the_table(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    version = landfast.Client(f"sqlite:///{tmp_path}/registry.db").log("a", tmp_path / "a.txt")
    assert voice.event_problems("airflow", version.facts(version.change)) == []
    told = version.facts(version.change)
    assert version.facts().items() <= told.items()
    assert json.loads(json.dumps(told)) == told


@pytest.mark.parametrize("name", ["a:v3", "a~de:prod", f"a@lf1:{'0' * 64}"])
def test_what_stands_for_an_artifact_names_no_version(name: str) -> None:
    parsed = landfast.ArtifactName.parse(name)
    with pytest.raises(landfast.InvalidInput, match="but an asset is the whole artifact"):
        parsed.whole("an asset")
    assert parsed.bare().whole("an asset") == parsed.bare()


@pytest.mark.parametrize("partition", ["", "de", "2026-05/01", "a b+c&d=e~#?", "ä€", "%2F"])
def test_an_artifact_is_read_from_the_uri_of_its_asset(partition: str) -> None:
    name = landfast.full_name(landfast.ArtifactName(collection="a", partition=partition))
    assert landfast.ArtifactName.of_collection_uri(name.collection_uri) == name


@pytest.mark.parametrize(
    "uri", ["s3://default/a/b", "landfast://a/b", "landfast://a/b/c?version=v1", "landfast://a//c"]
)
def test_another_uri_is_no_artifacts(uri: str) -> None:
    with pytest.raises(landfast.InvalidInput):
        landfast.ArtifactName.of_collection_uri(uri)


@pytest.mark.parametrize(
    ("id", "position"), [("r:3", 3), ("other:3", None), ("r:x", None), ("r", None), ("", None)]
)
def test_a_position_is_read_from_the_id_of_a_change(id: str, position: int | None) -> None:
    assert landfast.Change.position_of(id, "r") == position


def test_a_version_that_is_not_there_is_found_as_nothing(tmp_path: Path) -> None:
    client = landfast.Client(f"sqlite:///{tmp_path}/registry.db")
    (tmp_path / "a.txt").write_text("a")
    version = client.log("a", tmp_path / "a.txt", type="text")
    assert (client.find("a"), client.find("a:v1"), client.find("b")) == (version, None, None)
    assert version.of_type("text") is version.of_type(None) is version
    with pytest.raises(landfast.Conflict, match="another type"):
        version.of_type("model")
