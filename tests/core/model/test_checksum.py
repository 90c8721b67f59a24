"""Checksums: tagged values, read back as they were written."""

import pytest
from hypothesis import given
from landfast.errors import InvalidInput
from landfast.model.checksum import CONTENT_TOKENS, STRONG_TOKENS, VALIDATORS, Checksum
from landfast.testing import strategies


@given(strategies.checksums())
def test_every_checksum_is_read_back_from_its_text(checksum: Checksum) -> None:
    assert Checksum.parse(str(checksum)) == checksum


def test_no_kind_is_token_and_validator() -> None:
    assert not CONTENT_TOKENS & VALIDATORS
    assert STRONG_TOKENS <= CONTENT_TOKENS


def test_an_unknown_kind_is_a_validator() -> None:
    assert not Checksum("my-store-revision", "7").is_content_token


def test_equal_values_of_two_kinds_are_not_equal() -> None:
    assert Checksum("md5", "00") != Checksum("s3-etag", "00")


@pytest.mark.parametrize(("algorithm", "value"), [("", "x"), ("md5", ""), ("a:b", "x")])
def test_half_a_checksum_is_refused(algorithm: str, value: str) -> None:
    with pytest.raises(InvalidInput, match="is not a checksum"):
        Checksum(algorithm, value)


@pytest.mark.parametrize("text", ["", "md5", "md5:", ":abc"])
def test_a_text_without_both_parts_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        Checksum.parse(text)
