"""A report of more than memory should hold reads as one of few rows does."""

import pickle
from pathlib import Path

import pytest
from landfast import Client
from landfast.model.manifest import ManifestEntry
from landfast.model.verdict import EntryVerdict, Verdict
from landfast.system import spilled_rows as spill
from landfast.system.spilled_rows import RowsByPath as Verdicts


def row(path: str, verdict: Verdict = Verdict.GONE) -> EntryVerdict:
    entry = ManifestEntry(path=path, size=1, checksum=None, uri=f"s3://b/{path}")
    return EntryVerdict(entry=entry, verdict=verdict)


@pytest.mark.parametrize("most", [3, 100])
def test_rows_come_by_path_whatever_their_number(monkeypatch, most: int) -> None:
    monkeypatch.setattr(spill, "MOST_IN_MEMORY", most)
    found = Verdicts()
    for number in (5, 3, 9, 1, 7, 2):
        found.put(row(f"é{number}"))
    found.put(row("é3", Verdict.CHANGED))
    found.drop("é9")
    assert len(found) == 5
    assert found.get("é9") is None
    rows = found.sorted()
    assert [each.path for each in rows] == ["é1", "é2", "é3", "é5", "é7"]
    assert (len(rows), rows[2].verdict, rows[-1].path) == (5, Verdict.CHANGED, "é7")
    assert [each.path for each in rows[1:3]] == ["é2", "é3"]
    assert [each.path for each in rows[::-2]] == ["é7", "é3", "é1"]
    assert list(pickle.loads(pickle.dumps(rows))) == list(rows)
    with pytest.raises(IndexError):
        rows[5]


def test_a_report_is_the_same_in_a_file(monkeypatch, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for number in range(8):
        (data / f"{number}").write_text(str(number))
    client = Client(f"sqlite:///{tmp_path}/registry.db")
    version = client.log("vision/mnist", data)
    for number in range(6):
        (data / f"{number}").unlink()
    few = client.verify(version)
    monkeypatch.setattr(spill, "MOST_IN_MEMORY", 2)
    many = client.verify(version)
    assert isinstance(many.rows, spill.SpilledRows)
    assert many.to_dict() == few.to_dict()
    assert len(list(many.of(Verdict.GONE))) == 6
