"""Announcing: what every integration does with a change, by one function; and the report that it shows."""

from __future__ import annotations

from pathlib import Path

import landfast
import pytest

RUN = landfast.RunKey(system="test", deployment="here", run_id="1")


@pytest.fixture
def client(tmp_path: Path) -> landfast.Client:
    return landfast.Client(f"sqlite:///{tmp_path}/registry.db", project="vision")


def log(client: landfast.Client, folder: Path, **files: str) -> landfast.ArtifactVersion:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return client.log("flowers", folder)


def test_a_change_is_sent_once(client: landfast.Client, tmp_path: Path) -> None:
    version = log(client, tmp_path / "data", a="1")
    sent: list[tuple[landfast.ArtifactVersion, landfast.Change]] = []

    def send(news: landfast.ArtifactVersion, change: landfast.Change) -> None:
        sent.append((news, change))

    assert client.announce("flowers", "mail", send) == version.change
    assert client.announce("flowers", "mail", send) is None
    assert sent == [(version, version.change)]
    assert client.announce("flowers", "chat", send) == version.change


def test_what_could_not_be_sent_is_pending(client: landfast.Client, tmp_path: Path) -> None:
    version = log(client, tmp_path / "data", a="1")

    def fails(_news: landfast.ArtifactVersion, _change: landfast.Change) -> None:
        raise landfast.Unavailable("no answer", subject="mail")

    with pytest.raises(landfast.Unavailable):
        client.announce("flowers", "mail", fails)
    assert client.announce("flowers", "mail", lambda _news, _change: False) is None
    assert client.announce("flowers", "mail", lambda _news, _change: None) == version.change


def test_a_change_that_is_told_later_is_marked_later(
    client: landfast.Client, tmp_path: Path
) -> None:
    change = log(client, tmp_path / "data", a="1").change
    assert change is not None
    for _ in range(2):
        told = client.announce("flowers", "mail", lambda _news, _change: True, mark=False)
        assert told == change
    client.mark_announced("mail", change)
    assert client.announce("flowers", "mail", lambda _news, _change: True) is None


def test_the_next_attempt_of_a_run_tells_what_the_one_before_changed(
    client: landfast.Client, tmp_path: Path
) -> None:
    log(client, tmp_path / "data", a="1")
    client.announce("flowers", "mail", lambda _news, _change: None)
    killed = client.with_defaults(run=RUN)
    change = log(killed, tmp_path / "data", a="2").change
    again = client.with_defaults(run=RUN)
    assert not log(again, tmp_path / "data").changed
    assert again.announce("flowers", "mail", lambda _news, _change: None) == change


def test_a_report_says_what_changed_and_who_did_it(client: landfast.Client, tmp_path: Path) -> None:
    client = client.with_defaults(run=RUN)
    client.begin_run(name="nightly", link="https://runs.example/1")
    first = log(client, tmp_path / "data", a="1").change
    assert first is not None
    assert "created, from nothing" in client.report(first)
    assert "##" not in client.report(first)
    many = {f"f{number:02}": "x" for number in range(23)}
    change = log(client, tmp_path / "data", a="2", **many).change
    assert change is not None
    text = client.report(change)
    assert text.startswith(
        "# vision/flowers:v1\n\n| | |\n|---|---|\n| Change | created, from default/"
    )
    assert "| Files | 24 |" in text
    assert "| Logged by | [nightly](https://runs.example/1) |" in text
    assert "## 23 added, 1 modified" in text
    assert "- modified `a`" in text
    assert text.endswith("- and 4 more")
