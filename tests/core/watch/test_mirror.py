"""Mirror: changes that neither it nor an orchestrator's own runs have told are found, and again until settled."""

from __future__ import annotations

from pathlib import Path

import landfast
import pytest
from landfast.registry.values import Stream

OURS = ("airflow", "here")


@pytest.fixture
def client(tmp_path: Path) -> landfast.Client:
    return landfast.Client(f"sqlite:///{tmp_path}/registry.db", project="vision")


def log(
    client: landfast.Client, folder: Path, text: str, name: str = "flowers", **more: object
) -> landfast.Change:
    (folder / "a.txt").write_text(text)
    change = client.log(name, folder / "a.txt", **more).change  # type: ignore[arg-type]
    assert change is not None
    return change


def mirror(**how: object) -> landfast.Mirror:
    return landfast.Mirror("mail", reader="mail#mirror", **how)  # type: ignore[arg-type]


def test_what_was_looked_at_is_found_again_until_it_is_settled(
    client: landfast.Client, tmp_path: Path
) -> None:
    changes = [log(client, tmp_path, text) for text in ("A", "B", "A")]
    client.promote("flowers:v1", "prod")
    assert mirror().look(client.registry) == changes
    first = mirror()
    assert first.look(client.registry) == changes
    assert first.look(client.registry) == []
    first.settle(client.registry)
    assert mirror().look(client.registry) == []
    assert client.registry.consumers.positions("mail#mirror") == {Stream.CHANGES: 4}


def test_the_next_look_settles_the_one_before(client: landfast.Client, tmp_path: Path) -> None:
    changes = [log(client, tmp_path, text) for text in ("A", "B", "C")]
    first = mirror()
    assert first.look(client.registry, limit=2) == changes[:2]
    assert first.look(client.registry, limit=2) == changes[2:]
    assert mirror().look(client.registry) == changes[2:]


def test_a_look_that_finds_nothing_writes_nothing(client: landfast.Client, tmp_path: Path) -> None:
    log(client, tmp_path, "A")
    first = mirror(begin="now")
    assert first.look(client.registry) == []
    assert client.registry.consumers.records() == []


def test_what_runs_told_is_not_found_and_what_they_passed_over_is(
    client: landfast.Client, tmp_path: Path
) -> None:
    ours = client.with_defaults(run=landfast.RunKey(system=OURS[0], deployment=OURS[1], run_id="1"))
    passed_over = log(client, tmp_path, "A")
    for text in ("B", "C"):
        client.mark_announced("mail", log(ours, tmp_path, text))
    later = log(client, tmp_path, "D")
    assert mirror(own=OURS).look(client.registry) == [passed_over, later]


def test_the_first_look_may_begin_with_the_newest_change(
    client: landfast.Client, tmp_path: Path
) -> None:
    for key in ("de", "en"):
        newest = log(client, tmp_path, key, partition=key)
    log(client, tmp_path, "A", name="other")
    name = client.resolve_name("flowers")
    first = mirror(name=name, begin="newest")
    assert first.look(client.registry) == [newest]
    first.settle(client.registry)
    assert client.pending_announcement("flowers~de", "mail") is None, "known, though not told"
    client.mark_announced("mail", log(client, tmp_path, "other", partition="de"))
    news = log(client, tmp_path, "more", partition="en")
    again = landfast.Mirror("mail", reader="new", name=name, begin="newest")
    assert again.look(client.registry) == [news], "behind what runs told last"


def test_a_position_from_before_there_were_consumers_counts(
    client: landfast.Client, tmp_path: Path
) -> None:
    client.mark_announced("mail#mirror", log(client, tmp_path, "A"))
    news = log(client, tmp_path, "B")
    assert mirror().look(client.registry) == [news]


def test_another_registry_has_a_position_of_its_own(tmp_path: Path) -> None:
    clients = [landfast.Client(f"sqlite:///{tmp_path}/{name}.db") for name in "ab"]
    changes = [log(client, tmp_path, "A") for client in clients]
    one = mirror()
    assert [one.look(client.registry) for client in clients] == [[each] for each in changes]


def test_a_slow_mirror_does_not_put_the_position_back(
    client: landfast.Client, tmp_path: Path
) -> None:
    log(client, tmp_path, "A")
    slow, fast = mirror(), mirror()
    slow.look(client.registry)
    log(client, tmp_path, "B")
    fast.look(client.registry)
    fast.settle(client.registry)
    slow.settle(client.registry)
    assert mirror().look(client.registry) == []


def test_before_there_is_a_registry_there_is_nothing_to_tell(
    client: landfast.Client, tmp_path: Path
) -> None:
    early = mirror()
    assert early.look(client.registry) == []
    early.settle(client.registry)
    assert not (tmp_path / "registry.db").exists()
    assert early.look(client.registry) == []
    news = log(client, tmp_path, "A")
    assert early.look(client.registry) == [news]


def test_verdicts_are_found_apart_from_what_moved(client: landfast.Client, tmp_path: Path) -> None:
    moved = log(client, tmp_path, "A", aliases=["prod"])
    (tmp_path / "a.txt").write_text("B")
    (found,) = client.verify_aliases("flowers", aliases=["prod"])
    assert mirror().look(client.registry) == [moved]
    watch = landfast.Mirror("mail", reader="mail#verdicts", verdicts=True)
    assert watch.look(client.registry) == [found.change]
    watch.settle(client.registry)
    assert watch.look(client.registry) == []
    assert client.verify_aliases("flowers", aliases=["prod"])[0].change is None
    (tmp_path / "a.txt").write_text("A")
    (back,) = client.verify_aliases("flowers", aliases=["prod"])
    assert watch.look(client.registry) == [back.change]
    assert back.change is not None
    facts = client.version_of(back.change).facts(back.change)
    assert (facts["verdict"], facts["previous_verdict"], facts["kind"]) == (
        "intact",
        "changed",
        "verdict",
    )
    assert client.pending_announcement("flowers", "mail") == moved, "nothing is announced"
