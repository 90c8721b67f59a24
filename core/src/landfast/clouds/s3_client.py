"""Make boto3 clients: options, endpoint, credentials."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import urlsplit

from landfast.clouds.options import check_ca_file, check_endpoint, given_options, plain_endpoint
from landfast.clouds.s3_failures import translate_failure
from landfast.errors import InvalidInput, LandfastError, MissingExtra
from landfast.redaction import redact_loggers
from landfast.stores.base import ClientFactory

# The variable of the W&B page; botocore's own (AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL) go before it.
WANDB_ENDPOINT = "AWS_S3_ENDPOINT_URL"
CONNECT_TIMEOUT_S = 10
READ_TIMEOUT_S = 60
POOL_SIZE = 64


# As the model of the service says.
MOST_HOLD_DAYS = 36_500


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Options:
    """What may be said about a store or a prefix; all else comes from boto3's own chain.

    Args:
        endpoint: URL of an S3-compatible server; None is what the environment says, else AWS.
        region: Region name.
        profile: A profile of ``~/.aws/config``; then the keys of the environment are not looked at.
        role: ARN of a role to assume through STS; its credentials are refreshed as they expire.
        external_id: For `role`, where its trust policy asks for one.
        requester_pays: Whether to pay for requests to other people's buckets.
        anonymous: Whether to send unsigned requests.
        addressing: ``path`` or ``virtual``; None is ``path`` at own endpoints.
        event_hold_days: How many days an event hold goes on after it is released, 1 to 36,500.
        ca_file: A PEM file of certificate authorities, instead of ``AWS_CA_BUNDLE`` and the system's.
        access_key_id: Explicit keys; they never leave this process.
        secret_access_key: As above.
        session_token: As above.
    """

    endpoint: str | None = None
    region: str | None = None
    profile: str | None = None
    role: str | None = None
    external_id: str | None = None
    requester_pays: bool = False
    anonymous: bool = False
    addressing: str | None = None
    event_hold_days: int = 1
    ca_file: str | None = None
    access_key_id: str | None = field(default=None, repr=False)
    secret_access_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, options: Mapping[str, Any] | None) -> S3Options:
        """Read a mapping; see `given_options`."""
        made = cls(**given_options(cls, "s3://", options))
        made._check()
        return made

    def _check(self) -> None:
        if bool(self.access_key_id) != bool(self.secret_access_key):
            raise InvalidInput("access_key_id and secret_access_key of s3:// go together")
        if self.anonymous and (self.access_key_id or self.role or self.profile):
            raise InvalidInput("option anonymous of s3:// excludes keys, role and profile")
        if self.addressing not in {None, "path", "virtual", "auto"}:
            raise InvalidInput("option addressing of s3:// is path, virtual or auto")
        if not 1 <= self.event_hold_days <= MOST_HOLD_DAYS:
            raise InvalidInput(f"option event_hold_days of s3:// is 1 to {MOST_HOLD_DAYS:,}")
        if self.endpoint is not None:
            check_endpoint(self.endpoint)

    def __getstate__(self) -> list[Any]:
        if self.access_key_id is not None:
            raise InvalidInput(
                "a store with explicit keys can not be sent to another process",
                hint="Give a profile, a role, the environment's credentials, or a client factory.",
            )
        return [getattr(self, each.name) for each in fields(self)]


def make_client(options: S3Options, factory: ClientFactory | None) -> Any:
    """Make a client, or let the factory that was handed in do it.

    Raises:
        MissingExtra: If boto3 is not installed.
        AccessDenied: If there are no usable credentials.
        InvalidInput: If the configuration is wrong.
    """
    try:
        import boto3  # noqa: F401
        import botocore.exceptions
    except ImportError:
        raise MissingExtra.of("s3", "s3://") from None
    redact_loggers("botocore.auth", "botocore.endpoint", "botocore.parsers")  # they log headers
    try:
        return factory() if factory is not None else _own_client(options)
    except LandfastError:
        raise
    except (botocore.exceptions.BotoCoreError, ValueError, OSError) as error:
        problem = translate_failure(error, "an S3 client", "made")
    raise problem


def _own_client(options: S3Options) -> Any:
    import boto3.session
    from botocore import UNSIGNED
    from botocore.config import Config

    session = boto3.session.Session(
        profile_name=options.profile,
        region_name=options.region,
        aws_access_key_id=options.access_key_id,
        aws_secret_access_key=options.secret_access_key,
        aws_session_token=options.session_token,
    )
    core = session._session
    core.register_component("data_loader", _models(core.get_config_variable("data_path")))
    if options.role:
        _assume(core, options.role, options.external_id)
    endpoint = options.endpoint or _environment_endpoint(core)
    own = endpoint is not None and public_endpoint(endpoint) is not None
    settings: dict[str, Any] = {
        # The wrapper of the store retries, and it alone.
        "retries": {"total_max_attempts": 1, "mode": "standard"},
        "connect_timeout": CONNECT_TIMEOUT_S,
        "read_timeout": READ_TIMEOUT_S,
        "max_pool_connections": POOL_SIZE,
        "tcp_keepalive": True,
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
    }
    addressing = options.addressing or (
        "path" if own and not _configured_addressing(core) else None
    )
    if addressing:
        settings["s3"] = {"addressing_style": addressing}
    if options.anonymous:
        settings["signature_version"] = UNSIGNED
    verify = check_ca_file(options.ca_file, "s3://")
    client = session.client("s3", endpoint_url=endpoint, config=Config(**settings), verify=verify)
    if own:
        _follow_no_redirects(client)
    choose: Any = _sign_addresses_by_v4
    client.meta.events.register_first("choose-signer.s3.GetObject", choose)
    return client


def _sign_addresses_by_v4(signature_version: object, **_: Any) -> str | None:
    """Keep botocore from signing addresses by V2, which KMS and newer regions refuse."""
    return "s3v4-query" if signature_version in {"v4-query", "s3v4-query"} else None


@functools.lru_cache(maxsize=4)
def _models(search_path: str | None) -> Any:
    """Botocore's descriptions of AWS, read once in a process: each session would read its own."""
    from botocore.loaders import create_loader

    return create_loader(search_path)


def _configured_addressing(core: Any) -> str | None:
    table = core.get_scoped_config().get("s3")
    return table.get("addressing_style") if isinstance(table, Mapping) else None


def _environment_endpoint(core: Any) -> str | None:
    from botocore.configprovider import ConfiguredEndpointProvider

    if core.get_config_variable("ignore_configured_endpoint_urls"):
        return None
    configured = ConfiguredEndpointProvider(
        full_config=core.full_config, scoped_config=core.get_scoped_config(), client_name="s3"
    ).provide()
    return configured or os.environ.get(WANDB_ENDPOINT) or None


def _assume(core: Any, role: str, external_id: str | None) -> None:
    from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials

    source = core.get_credentials()
    if source is None:
        from botocore.exceptions import NoCredentialsError

        raise NoCredentialsError
    details = {"RoleSessionName": "landfast"}
    if external_id:
        details["ExternalId"] = external_id
    fetcher = AssumeRoleCredentialFetcher(core.create_client, source, role, extra_args=details)
    core._credentials = DeferredRefreshableCredentials(
        method="assume-role", refresh_using=fetcher.fetch_credentials
    )


def _follow_no_redirects(client: Any) -> None:
    """Quiet botocore's redirector: an own server has one place, and a 400 to a HEAD is a 400.

    At AWS it stays: a bucket of another region costs one further request per process.
    """

    def mark(context: dict[str, Any], **_: Any) -> None:
        context.setdefault("s3_redirect", {})["redirected"] = True

    client.meta.events.register_last("before-parameter-build.s3", mark)


@functools.lru_cache(maxsize=256)
def public_endpoint(url: str) -> str | None:
    """Return an endpoint as it may be recorded: without secrets; None if it is AWS's own."""
    host = (urlsplit(url).hostname or "").lower()
    if any(host == suffix or host.endswith("." + suffix) for suffix in _aws_suffixes()):
        return None
    return plain_endpoint(url)


@functools.lru_cache(maxsize=1)
def _aws_suffixes() -> frozenset[str]:
    from botocore.loaders import Loader

    partitions = Loader().load_data("partitions")["partitions"]
    names = ("dnsSuffix", "dualStackDnsSuffix")
    return frozenset(
        p["outputs"][name] for p in partitions for name in names if p["outputs"].get(name)
    )
