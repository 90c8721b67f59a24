"""Translate failures without a reply: no connection, no credentials, a wrong configuration."""

from __future__ import annotations

from landfast.errors import AccessDenied, InvalidInput, LandfastError, MissingExtra, Unavailable

_NO_CREDENTIALS = (
    "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or write ~/.aws/credentials;"
    " for a public bucket use the option anonymous."
)
# By name, so that no version of botocore needs to have all of them.
_CREDENTIAL_ERRORS = {
    "NoCredentialsError": _NO_CREDENTIALS,
    "PartialCredentialsError": _NO_CREDENTIALS,
    "CredentialRetrievalError": "The credential source of the profile failed: run it by hand.",
    "MetadataRetrievalError": "The metadata service gave no credentials.",
    "NoAuthTokenError": "Log in: aws sso login.",
    "TokenRetrievalError": "Log in: aws sso login.",
    "SSOError": "Log in: aws sso login.",
    "SSOTokenLoadError": "Log in: aws sso login.",
    "UnauthorizedSSOTokenError": "Log in: aws sso login.",
    "LoginError": "Log in: aws login.",
    "RefreshWithMFAUnsupportedError": "Get a session with MFA first, then use its keys.",
}
_CONFIGURATION = {
    "ProfileNotFound": "Check AWS_PROFILE, or the option profile.",
    "NoRegionError": "Set AWS_REGION, or the option region.",
    "InvalidRegionError": "Check AWS_REGION, or the option region.",
    "ConfigParseError": "Repair the file.",
    "ConfigNotFound": "Check AWS_CONFIG_FILE.",
}
# In these the text holds what was sent; the class says enough.
_WORDY = frozenset({"ParamValidationError", "HTTPClientError", "ResponseParserError"})


def translate_failure(error: Exception, name: str, verb: str) -> LandfastError:
    """Return the error for an exception of botocore, urllib3 or the system; `verb` is a past participle."""
    names = [kind.__name__ for kind in type(error).__mro__]
    found = names[0] if names[0] in _WORDY else f"{names[0]}: {_first_line(error)}"
    problem = f"{name} could not be {verb}"
    hint = next((_CREDENTIAL_ERRORS[n] for n in names if n in _CREDENTIAL_ERRORS), None)
    if hint is not None:
        return AccessDenied(problem, subject=name, found=found, hint=hint, credentials=True)
    hint = next((_CONFIGURATION[n] for n in names if n in _CONFIGURATION), None)
    if hint is not None:
        return InvalidInput(problem, subject=name, found=found, hint=hint)
    if "MissingDependencyException" in names:
        return MissingExtra(problem, found=found, hint="Run: pip install 'botocore[crt]'")
    if _is_certificate(error):
        return InvalidInput(
            f"{problem}: the server's certificate is not trusted",
            subject=name,
            found=found,
            hint="Give the option ca_file the certificate of your authority, or set AWS_CA_BUNDLE.",
        )
    if _is_transient(error, names):
        return Unavailable(problem, subject=name, found=found)
    return InvalidInput(problem, subject=name, found=found, hint="Check the endpoint and the name.")


def _is_certificate(error: Exception) -> bool:
    return "CERTIFICATE_VERIFY_FAILED" in str(error) or "self-signed certificate" in str(error)


def _is_transient(error: Exception, names: list[str]) -> bool:
    from botocore.exceptions import ConnectionError as BotoConnectionError
    from botocore.exceptions import HTTPClientError, IncompleteReadError
    from botocore.parsers import ResponseParserError
    from urllib3.exceptions import HTTPError

    kinds = (BotoConnectionError, HTTPClientError, IncompleteReadError, ResponseParserError)
    return isinstance(error, (*kinds, HTTPError, OSError)) or "FlexibleChecksumError" in names


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:300]
