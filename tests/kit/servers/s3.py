"""What every S3 server of the test kit offers: its address, its keys, buckets and a client."""

import functools
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# Of an object that never had a hold: AWS, and radosgw.
_NEVER_HELD = {"NoSuchObjectLockConfiguration", "ObjectLockConfigurationNotFoundError"}

Versioning = Literal["Enabled", "Suspended"]


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Server:
    """An S3 server on loopback."""

    url: str
    access_key: str = "AKIATESTTESTTESTTEST"
    secret_key: str = field(default="secret-for-tests-only", repr=False)
    region: str = "us-east-1"

    @property
    def client(self) -> "S3Client":
        """A boto3 client that talks to this server with its keys, whatever the environment."""
        return _client(self.url, self.access_key, self.secret_key, self.region)

    def environment(self) -> dict[str, str]:
        """Name the variables that point any AWS client at this server."""
        return {
            "AWS_ENDPOINT_URL_S3": self.url,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
        }

    def bucket(self, versioning: Versioning | None = None, *, lock: bool = False) -> str:
        """Make a bucket under a name of its own.

        Args:
            versioning: Its versioning; `None` leaves it as it never was switched on.
            lock: Whether it has Object Lock, and with it versioning.

        Returns:
            The bucket's name.
        """
        name = f"test-{uuid.uuid4().hex[:12]}"
        more: dict[str, Any] = {"ObjectLockEnabledForBucket": True} if lock else {}
        self.client.create_bucket(Bucket=name, **more)
        if versioning:
            self.set_versioning(name, versioning)
        return name

    def set_versioning(self, bucket: str, versioning: Versioning) -> None:
        """Switch a bucket's versioning on, or suspend it."""
        self.client.put_bucket_versioning(
            Bucket=bucket, VersioningConfiguration={"Status": versioning}
        )

    def expire_overwritten(self, bucket: str, days: int) -> None:
        """Let a rule remove object versions so many days after they were overwritten."""
        rule: Any = {
            "ID": "tidy",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "NoncurrentVersionExpiration": {"NoncurrentDays": days},
        }
        self.client.put_bucket_lifecycle_configuration(
            Bucket=bucket, LifecycleConfiguration={"Rules": [rule]}
        )

    def is_held(self, bucket: str, key: str, version_id: str | None) -> bool:
        """Tell whether a version of an object has a legal hold."""
        try:
            reply = self.client.get_object_legal_hold(
                Bucket=bucket, Key=key, VersionId=version_id or "null"
            )
        except self.client.exceptions.ClientError as error:
            if error.response["Error"].get("Code") in _NEVER_HELD:
                return False
            raise
        return reply["LegalHold"].get("Status") == "ON"

    def set_held(self, bucket: str, key: str, version_id: str | None, *, on: bool) -> None:
        """Put a legal hold, or take it away, as a colleague would."""
        self.client.put_object_legal_hold(
            Bucket=bucket,
            Key=key,
            VersionId=version_id or "null",
            LegalHold={"Status": "ON" if on else "OFF"},
        )

    def put(self, bucket: str, key: str, body: bytes) -> str | None:
        """Write an object.

        Returns:
            Its version id; `None` where versioning never was on; `"null"` or `None`, as the server
            has it, where it is suspended.
        """
        reply = self.client.put_object(Bucket=bucket, Key=key, Body=body)
        return reply.get("VersionId")


@functools.cache
def _models() -> Any:
    from botocore.loaders import create_loader

    return create_loader()


@functools.lru_cache(maxsize=32)
def _client(url: str, access_key: str, secret_key: str, region: str) -> "S3Client":
    import boto3
    from botocore.config import Config

    session = boto3.session.Session(
        aws_access_key_id=access_key, aws_secret_access_key=secret_key, region_name=region
    )
    # Read once, not for each server and proxy.
    session._session.register_component("data_loader", _models())
    config = Config(
        retries={"total_max_attempts": 1},
        s3={"addressing_style": "path"},
        connect_timeout=60,
        read_timeout=60,
        proxies={},
    )
    return session.client("s3", endpoint_url=url, config=config)
