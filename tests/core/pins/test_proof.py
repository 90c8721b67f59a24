"""Bytes are compared with a token as far as it can be computed from bytes."""

import hashlib
from pathlib import Path

import pytest
from landfast.errors import ObjectChanged
from landfast.model.checksum import Checksum
from landfast.model.location import Location
from landfast.model.manifest import ManifestEntry
from landfast.pins.checksums import Outcome, Proof, is_computable, is_strong
from landfast.stores.base import ObjectInfo

DATA = b"123456789"
MD5 = hashlib.md5(DATA).hexdigest()
# Check values of the nine digits as the standards publish them; sha256 from FIPS 180's implementations.
RIGHT = {
    "sha256": "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
    "md5": "25f9e794323b453885f5181f1b624d0b",
    "crc32c": "e3069283",
    "crc64nvme": "ae8b14860a799888",
    "s3-etag": "25f9e794323b453885f5181f1b624d0b",
}


def entry(algorithm: str | None, value: str = "", size: int | None = 9) -> ManifestEntry:
    checksum = None if algorithm is None else Checksum(algorithm, value)
    return ManifestEntry(path="x", size=size, checksum=checksum, uri="s3://b/x")


def outcome(of: ManifestEntry, data: bytes = DATA) -> Outcome:
    proof = Proof(of)
    for letter in data:
        proof.update(bytes([letter]))
    return proof.outcome()


@pytest.mark.parametrize("algorithm", RIGHT)
def test_right_bytes_are_proven(algorithm: str) -> None:
    assert outcome(entry(algorithm, RIGHT[algorithm])) is Outcome.PROVEN


@pytest.mark.parametrize("algorithm", ["sha256", "md5", "crc32c", "crc64nvme"])
def test_other_bytes_of_the_same_size_are_wrong(algorithm: str) -> None:
    assert outcome(entry(algorithm, RIGHT[algorithm]), b"123456780") is Outcome.WRONG


def test_etag_of_one_part_is_recomputed_and_never_refutes() -> None:
    one_part = hashlib.md5(bytes.fromhex(MD5)).hexdigest() + "-1"
    assert outcome(entry("s3-etag", one_part)) is Outcome.PROVEN
    for etag in [MD5, one_part, one_part[:-1] + "2", "opaque"]:
        assert outcome(entry("s3-etag", etag), b"123456780") is Outcome.UNKNOWN


def test_etag_refutes_where_a_reply_says_that_it_is_an_md5() -> None:
    for etag, is_md5, expected in [
        (MD5, True, Outcome.WRONG),
        (MD5, False, Outcome.UNKNOWN),
        (f"{MD5}-2", True, Outcome.UNKNOWN),
    ]:
        proof = Proof(entry("s3-etag", etag))
        location = Location.parse("s3://bucket/x")
        proof.hear(ObjectInfo(location=location, size=9, extra={"md5": MD5} if is_md5 else None))
        proof.update(b"123456780")
        assert proof.outcome() is expected


@pytest.mark.parametrize("algorithm", [None, "http-etag", "stat", "s3-etag"])
def test_size_is_always_compared(algorithm: str | None) -> None:
    assert outcome(entry(algorithm, "opaque")) is Outcome.UNKNOWN
    assert outcome(entry(algorithm, "opaque"), DATA + b"0") is Outcome.WRONG
    assert outcome(entry(algorithm, "opaque", size=None), DATA + b"0") is Outcome.UNKNOWN


def test_wrong_bytes_are_told_with_both_tokens() -> None:
    proof = Proof(entry("md5", MD5))
    proof.update(b"other 999")
    with pytest.raises(ObjectChanged) as caught:
        proof.check()
    assert MD5 in str(caught.value)
    assert hashlib.md5(b"other 999").hexdigest() in str(caught.value)


def test_restart_takes_the_beginning_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "part").write_bytes(DATA[:5] + b"garbage")
    proof = Proof(entry("sha256", RIGHT["sha256"]))
    proof.update(b"something else")
    proof.restart(tmp_path / "part", 5)
    assert proof.count == 5
    proof.update(DATA[5:])
    assert proof.outcome() is Outcome.PROVEN


def test_sha256_is_computed_on_request_beside_any_token() -> None:
    proof = Proof(entry("s3-etag", "opaque"), sha256=True)
    proof.update(DATA)
    assert proof.sha256 == RIGHT["sha256"]
    assert Proof(entry("md5", MD5)).sha256 is None


def test_strong_and_computable_are_different_things() -> None:
    assert is_strong(entry("md5", MD5))
    assert is_strong(entry("s3-etag", MD5))
    assert not is_strong(entry("s3-etag", MD5 + "-2"))
    assert not is_strong(entry("crc32c", RIGHT["crc32c"]))
    assert is_computable(entry("crc32c", RIGHT["crc32c"]))
    assert not is_computable(entry("s3-etag", MD5))
    assert not is_computable(entry(None))
