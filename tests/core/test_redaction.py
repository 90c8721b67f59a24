"""Redaction: known secrets go, everything else stays."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from landfast.redaction import is_secret_parameter, redact

SECRET = "hunter2ABC"


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://ann:{SECRET}@db:5432/landfast",
        f"postgresql+psycopg://ann:{SECRET}@db/landfast",
        f"postgresql://ann:a/{SECRET}?x@db/landfast",
        f"postgresql://ann:p@{SECRET}@db/landfast",
        f"cannot reach 'https://ann:{SECRET}@h/x'",
        f"https://{SECRET}@github.com/x",
        f"https://b.s3.amazonaws.com/k?X-Amz-Algorithm=AWS4&X-Amz-Credential=AKIA&X-Amz-Signature={SECRET}",
        f"https://b.s3.amazonaws.com/k?x-amz-security-token={SECRET}&a=b",
        f"https://b.s3.amazonaws.com/k?AWSAccessKeyId=x&Expires=1&Signature={SECRET}%3D",
        f"https://storage.googleapis.com/b/k?X-Goog-Signature={SECRET}",
        f"https://storage.googleapis.com/b/k?GoogleAccessId=x&Signature={SECRET}",
        f"https://a.blob.core.windows.net/c/b?sv=2024&sp=r&sig={SECRET}",
        f"https://h/a?b=1;token={SECRET}",
        f"https://h/a?access_token={SECRET}#x",
        f"https://h/a?x=1?api-key={SECRET}",
        f"https://h/a?%73ig={SECRET}",
        f"Authorization: Bearer {SECRET}",
        f"authorization: AWS4-HMAC-SHA256 Credential=x/y, SignedHeaders=host, Signature={SECRET}",
        f"{{'Authorization': 'Basic {SECRET}'}}",
        f"X-Amz-Security-Token: {SECRET}",
        f"Cookie: a=b; session={SECRET}",
        f"host=db user=ann password={SECRET} dbname=x",
        f'{{"aws_secret_access_key": "{SECRET}"}}',
        f"AWS_SECRET_ACCESS_KEY={SECRET}",
        f"aws_session_token = {SECRET}",
        f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----",
        f"-----BEGIN RSA PRIVATE KEY-----\\n{SECRET}",
    ],
)
def test_a_secret_goes(text: str) -> None:
    assert SECRET not in redact(text)
    assert "***" in redact(text)
    assert redact(redact(text)) == redact(text)


def test_an_aws_key_id_goes() -> None:
    assert redact("key AKIAIOSFODNN7EXAMPLE is unknown") == "key *** is unknown"


@pytest.mark.parametrize(
    "text",
    [
        "https://h/a?code=7&st=CA&se=x&sp=oak&sv=1&ss=2",
        "https://h/a?expires=never&policy=open",
        "https://h/a?page=1&sort=key&tokens=5",
        "https://h:8080/a@b",
        "http://h/search?q=password",
        "s3://b/data/key=1/token=2/part.parquet",
        "s3://b/dt=2026-05-01/a?versionId=3sL4.kq",
        "landfast://e/p/c?version=v3&partition=a%20b",
        "no credentials: run `aws configure`",
        "expected etag=abc, found etag=def",
        "vision/mnist@lf1:abc",
        "postgresql://ann@db/landfast",
        "mail ann@example.com",
        "",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    ("name", "beside", "is_secret"),
    [
        ("sig", [], True),
        ("se", [], False),
        ("se", ["se", "SIG"], True),
        ("expires", ["signature"], True),
        ("expires", ["sig"], False),
        ("Expires", ["Expires", "Signature"], True),
        ("X-Amz-Date", [], True),
        ("code", ["sig"], True),
        ("part", ["sig", "signature"], False),
    ],
)
def test_which_parameter_authorises_its_holder(
    name: str, beside: list[str], is_secret: bool
) -> None:
    assert is_secret_parameter(name, beside) is is_secret


_WORD = st.text(string.ascii_letters + string.digits, min_size=12, max_size=30)


@given(st.sampled_from(["X-Amz-Signature", "sig", "token", "api_key", "password"]), _WORD, _WORD)
def test_a_secret_parameter_goes_wherever_it_stands(name: str, secret: str, other: str) -> None:
    secret = f"S{secret}S"
    for query in (f"{name}={secret}", f"a={other}&{name}={secret}", f"{name}={secret}&b={other}"):
        assert secret not in redact(f"GET https://h/{other}?{query} failed")


@given(st.text())
def test_any_text_is_redacted_once_and_for_all(text: str) -> None:
    assert redact(redact(text)) == redact(text)


@pytest.mark.parametrize(
    "unit", ["a", "a.", "a:", "?a=", "password", "://", "a://b:", "&x", "=", "cookie"]
)
def test_long_texts_are_no_trap(unit: str) -> None:
    # A pattern that backtracks would be busy with these for minutes.
    assert redact(unit * 20_000 + " end").endswith(" end")
