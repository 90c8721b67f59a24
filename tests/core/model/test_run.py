"""Run keys: the text that carries one into subprocesses is read back, anything else refused."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from landfast.errors import InvalidInput
from landfast.model.run import JoinedRun, RunKey

KEYS = st.builds(
    RunKey, system=st.text(), deployment=st.text(), run_id=st.text(), node=st.text(), part=st.text()
)


@given(KEYS)
def test_every_key_is_read_back_from_its_text(key: RunKey) -> None:
    assert RunKey.decode(key.encode()) == key


@given(KEYS)
def test_the_text_fits_into_any_environment(key: RunKey) -> None:
    text = key.encode()
    assert text.isascii()
    assert text.replace("-", "").replace("_", "").replace(".", "").isalnum()


@given(KEYS, st.text(min_size=1), st.text())
def test_mend_32_the_registry_of_a_run_travels_with_its_key(
    key: RunKey, registry_id: str, url: str
) -> None:
    joined = JoinedRun(key=key, registry_id=registry_id, registry_url=url)
    assert JoinedRun.decode(joined.encode()) == joined
    assert RunKey.decode(joined.encode()) == key
    assert JoinedRun.decode(key.encode()) == JoinedRun(key=key)


def b64(text: str) -> str:
    return "r1." + base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "r1.",
        "r1.!",
        "r1.é",
        "r2." + b64('["a","b","c","d","e"]')[3:],
        b64("7"),
        b64("null"),
        b64('["a","b"]'),
        b64('["a","b","c","d",5]'),
        b64('{"a":1,"b":1,"c":1,"d":1,"e":1}'),
        b64('"abcde"'),
        b64("[" * 100_000),
    ],
)
def test_another_text_is_refused_with_what_to_do(text: str) -> None:
    with pytest.raises(InvalidInput, match="Pass the value"):
        RunKey.decode(text)


@given(st.text())
def test_any_text_is_a_key_or_invalid_input(text: str) -> None:
    try:
        key = RunKey.decode(text)
    except InvalidInput:
        return
    assert isinstance(key, RunKey)
