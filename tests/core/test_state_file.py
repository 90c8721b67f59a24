"""Facts of files are kept while the file's state lasts, across processes, and lost without harm."""

import multiprocessing
import warnings
from pathlib import Path

import pytest
from landfast.system.state_file import StateFile


@pytest.fixture
def facts(tmp_path: Path) -> StateFile:
    return StateFile(tmp_path / "folder" / "facts.sqlite3")


def test_fact_is_told_for_the_same_state_only(facts: StateFile) -> None:
    facts.put(b"/x", "1", "fact")
    for _ in range(2):  # before and after it is written
        assert facts.get(b"/x", "1") == "fact"
        assert facts.get(b"/x", "2") is None
        assert facts.get(b"/y", "1") is None
        facts.flush()
    facts.put(b"/x", "2", "newer")
    assert facts.get(b"/x", "1") is None
    assert facts.get(b"/x", "2") == "newer"
    facts.close()


def test_paths_are_bytes_of_any_kind(facts: StateFile) -> None:
    for path in [b"", b"\xff\xfe", b"a\0b", "é\n".encode()]:
        facts.put(path, "s", repr(path))
    facts.flush()
    for path in [b"", b"\xff\xfe", b"a\0b", "é\n".encode()]:
        assert facts.get(path, "s") == repr(path)
    facts.close()


def test_nothing_is_made_by_asking(facts: StateFile, tmp_path: Path) -> None:
    assert facts.get(b"/x", "1") is None
    facts.close()
    assert not (tmp_path / "folder").exists()


def test_it_lasts_and_leaves_one_file(tmp_path: Path) -> None:
    path = tmp_path / "facts.sqlite3"
    first = StateFile(path)
    first.put(b"/x", "1", "fact")
    first.close()
    assert [file.name for file in tmp_path.glob("facts*")] == ["facts.sqlite3"]
    second = StateFile(path)
    assert second.get(b"/x", "1") == "fact"
    second.close()


def _child(facts: StateFile, sender: object) -> None:
    seen = [facts.get(b"/parent", "1"), facts.get(b"/pending", "1")]
    facts.put(b"/child", "1", "from the child")
    facts.close()
    sender.send(seen)


def test_child_of_a_fork_reads_and_writes_the_same_file(facts: StateFile) -> None:
    facts.put(b"/parent", "1", "from the parent")
    facts.flush()
    facts.put(b"/pending", "1", "not written yet")
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(facts, sender))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        process.start()
    assert receiver.recv() == ["from the parent", None]
    process.join(120)
    assert process.exitcode == 0
    assert facts.get(b"/child", "1") == "from the child"
    assert facts.get(b"/pending", "1") == "not written yet"
    facts.close()
