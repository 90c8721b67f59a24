"""A private certificate authority is trusted for one prefix, without a variable of the process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import landfast
import pytest
import requests.certs
from kit.servers.exchange import gcs_kind
from kit.servers.proxy import proxy
from landfast import Client
from landfast.clouds.s3_client import S3Options
from landfast.errors import InvalidInput
from landfast.stores.gcs import GcsStore
from landfast.stores.http import HttpStore
from landfast.stores.s3 import S3Store


def test_mend_16_s3_trusts_an_authority_per_prefix(s3: Any, authority: Any) -> None:
    public, context = authority
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "d/k", b"recorded")
    with proxy(s3.url, tls=context) as front:
        options = {"endpoint": front.url, "ca_file": str(public)}
        Path("landfast.toml").write_text(
            f'[options."s3://{bucket}/"]\nendpoint = "{front.url}"\nca_file = "{public}"\n'
        )
        client = Client(project="vision")
        client.log("d", f"s3://{bucket}/d/")
        assert client.download("d", "out").files == 1
        assert client.verify("d").ok
        untrusting = Client(project="vision", options={f"s3://{bucket}/": {"endpoint": front.url}})
        with pytest.raises(landfast.InvalidInput, match="option ca_file"):
            untrusting.verify("d")
        assert S3Store(options).endpoint == front.url


def test_mend_16_the_store_of_a_registry_trusts_it_too(s3: Any, authority: Any) -> None:
    from landfast.blobs.opener import open_blobs

    public, context = authority
    bucket = s3.bucket()
    with proxy(s3.url, tls=context) as front:
        options = {"endpoint": front.url, "ca_file": str(public)}
        blobs = open_blobs(f"s3://{bucket}/landfast/", options=options)
        assert blobs.stat("0" * 64) is None


def test_mend_16_gcs_trusts_an_authority_per_prefix(
    gcs: Any, authority: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    public, context = authority
    bucket = gcs.bucket()
    gcs.put(bucket, "d/k", b"recorded")
    monkeypatch.delenv("STORAGE_EMULATOR_HOST")
    # The environment trusts somebody else, and does not win.
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", requests.certs.where())
    with proxy(gcs.url, classify=gcs_kind, tls=context) as front:
        named = {"endpoint": front.url, "anonymous": True}
        client = Client(project="vision", options={"gs://": {**named, "ca_file": str(public)}})
        client.log("d", f"gs://{bucket}/d/")
        assert client.download("d", "out").files == 1
        with pytest.raises(landfast.InvalidInput, match="option ca_file"):
            Client(project="vision", options={"gs://": named}).verify("d")


@pytest.mark.parametrize("scheme", ["s3", "gs", "https"])
def test_mend_16_a_file_that_is_not_there_is_named(scheme: str) -> None:
    makers: dict[str, Any] = {"s3": S3Store, "gs": GcsStore, "https": HttpStore}
    given: dict[str, Any] = {"ca_file": "/nowhere/ca.pem"}
    if scheme != "https":
        given |= {"endpoint": "https://127.0.0.1:1", "anonymous": True}
    with pytest.raises(InvalidInput, match=r"/nowhere/ca\.pem"):
        makers[scheme](given).stat(landfast.Reference(f"{scheme}://127.0.0.1/k").location)


def test_mend_16_the_path_may_begin_at_home() -> None:
    assert S3Options.of({"ca_file": "~/ca.pem"}).ca_file == "~/ca.pem"
    (Path.home() / "ca.pem").write_text("")
    from landfast.clouds.options import check_ca_file

    assert check_ca_file("~/ca.pem", "s3://") == str(Path.home() / "ca.pem")
