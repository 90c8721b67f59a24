"""The error tree: its shape, its one-line messages, its pickles, and no secret in any of them."""

import builtins
import copy
import inspect
import pickle
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from landfast import errors
from landfast.errors import (
    AccessDenied,
    LandfastError,
    LimitExceeded,
    MissingExtra,
    NotFound,
    Unavailable,
)

FAMILIES = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, LandfastError) and kind is not LandfastError
]
EVERY = [LandfastError, *FAMILIES]


@pytest.mark.parametrize("found", ["404 The key does not exist.", "404 The key does not exist"])
def test_a_hint_follows_one_full_stop(found: str) -> None:
    error = NotFound("s3://b/k is gone", found=found, hint="Do that.")
    assert str(error) == "s3://b/k is gone: found 404 The key does not exist. Do that."


def test_the_tree_is_the_one_drawn_in_the_module() -> None:
    tree = inspect.getdoc(errors) or ""
    drawn = re.findall(r"^[├└]── (\w+) \((\w+)\)", tree, re.MULTILINE)
    within = re.findall(r"^[├└]── (\w+) .*\n│   └── (\w+) ", tree, re.MULTILINE)
    found = {kind.__name__: kind.__mro__ for kind in FAMILIES}
    assert {name for name, _ in drawn} | {name for _, name in within} == set(found)
    for name, builtin in drawn:
        assert getattr(builtins, builtin) in found[name], name
    for family, name in within:
        assert getattr(errors, family) is found[name][1], name


def test_every_family_has_one_parent_of_ours_and_one_builtin() -> None:
    for kind in FAMILIES:
        assert kind.__doc__
        if kind.__bases__ == (AccessDenied,):
            continue  # a kind of it, which whoever catches the family catches too
        assert kind.__bases__[0] is LandfastError
        assert len(kind.__bases__) == 2


@pytest.mark.parametrize("kind", EVERY)
def test_a_message_says_object_expected_found_and_what_to_do(kind: type[LandfastError]) -> None:
    error = kind(
        "s3://b/k is wrong", subject="s3://b/k", expected="1", found="2", hint="Do that.", limit=3
    )
    assert str(error) == "s3://b/k is wrong: expected 1, found 2. Do that."
    assert (error.problem, error.subject, error.expected) == ("s3://b/k is wrong", "s3://b/k", "1")
    assert (error.found, error.hint, error.details) == ("2", "Do that.", {"limit": 3})


@pytest.mark.parametrize("kind", EVERY)
def test_an_error_pickles_and_copies_with_all_it_holds(kind: type[LandfastError]) -> None:
    error = kind("p", subject="s", expected="e", found="f", hint="h", limit=3, uris=("a", "b"))
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(twin) is kind
        assert str(twin) == str(error)
        assert vars(twin) == vars(error)


@pytest.mark.parametrize("kind", EVERY)
def test_an_error_with_only_a_problem_says_only_that(kind: type[LandfastError]) -> None:
    assert str(kind("that is wrong")) == "that is wrong"


def test_builtin_families_catch_ours() -> None:
    with pytest.raises(LookupError):
        raise NotFound("gone")
    with pytest.raises(OSError, match="slow"):
        raise Unavailable("slow")
    with pytest.raises(ImportError):
        raise MissingExtra("absent")


@given(st.text(), st.text())
def test_every_message_is_one_printable_line(problem: str, found: str) -> None:
    error = LimitExceeded(problem, found=found)
    assert str(error).isprintable() or not str(error)
    str(error).encode()


SECRET = "hunter2abc"
URL = f"https://h/a?X-Amz-Signature={SECRET}"


def test_no_part_of_an_error_holds_a_secret() -> None:
    error = NotFound(
        f"cannot read {URL}",
        subject=URL,
        expected=f"postgresql://ann:{SECRET}@db/x",
        found=f"Authorization: Bearer {SECRET}",
        hint=f"Try {URL}",
        url=URL,
        uris=(URL, [URL]),
        headers={"x": URL},
    )
    for text in (str(error), repr(error), repr(vars(error)), pickle.dumps(error).decode("latin-1")):
        assert SECRET not in text


def test_a_missing_extra_names_the_command() -> None:
    error = MissingExtra.of("s3", "reading s3://")
    assert str(error).endswith("Run: pip install 'landfast[s3]'")
