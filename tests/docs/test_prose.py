"""The linter of prose finds what its list calls bad, in prose only, and says where."""

from __future__ import annotations

from pathlib import Path

import pytest
from kit.scripts import load_script

prose = load_script("prose")
WORDS = prose.words()


@pytest.mark.parametrize("word", WORDS, ids=lambda word: word.pattern.pattern)
def test_a_word_is_found_in_its_bad_examples_only(word: prose.Word) -> None:
    assert word.bad
    assert word.good
    for sentence in word.bad:
        assert list(prose.problems(f"Before it. {sentence}\n", [word])), sentence
    for sentence in word.good:
        assert not list(prose.problems(f"{sentence}\n", [word])), sentence


def test_good_examples_have_none_of_the_words() -> None:
    for word in WORDS:
        for sentence in word.good:
            assert not list(prose.problems(f"{sentence}\n", WORDS)), sentence


def test_a_word_is_found_across_lines_and_told_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A page\n\nA number of the\nbudget is\nno limit.\n\n| cell | it shall stay |\n"
    )
    assert prose.main([str(page)]) == 1
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f'{page}:4: "is no": write "is not a" (')
    assert second.startswith(f'{page}:7: "shall": ')


@pytest.mark.parametrize(
    "text",
    [
        "```console\n$ it shall\n```\n",
        "- item\n\n  ```text\n  it shall\n  ```\n",
        "A block:\n\n    it shall\n\n    and shall\n\nThe end.\n",
        "The word `shall` and ``a ` shall``.\n",
        "<!-- it shall -->\n",
        '<img alt="it shall">\n',
        "[a page](shall.md#shall)\n",
        "# Changelog\n\n## [1.0.0] - 2026-01-01\n\n- It shall.\n",
    ],
)
def test_code_tags_targets_and_history_are_not_prose(text: str) -> None:
    assert not list(prose.problems(text, WORDS))


@pytest.mark.parametrize(
    "text",
    [
        "```text\n```\nIt shall.\n",
        "- item\n    - it shall\n",
        "[it shall](page.md)\n",
        "Code `a` shall `b`.\n",
        "# It shall\n",
        "## [Unreleased]\n\n- It shall.\n\n## [1.0.0]\n",
    ],
)
def test_what_is_beside_code_is_prose(text: str) -> None:
    assert list(prose.problems(text, WORDS))
