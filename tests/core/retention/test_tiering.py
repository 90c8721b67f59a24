"""Intelligent-Tiering: objects of that class may go to an archive when nobody reads them, others do not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kit.servers.faults import Body
from landfast import Client, Outlook

CONFIGURATIONS = b"""<?xml version="1.0" encoding="UTF-8"?>
<ListBucketIntelligentTieringConfigurationsOutput xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
  <IsTruncated>false</IsTruncated>
  <IntelligentTieringConfiguration><Id>cold</Id><Status>Enabled</Status>
    <Filter><Prefix>d/</Prefix></Filter>
    <Tiering><AccessTier>ARCHIVE_ACCESS</AccessTier><Days>90</Days></Tiering>
    <Tiering><AccessTier>DEEP_ARCHIVE_ACCESS</AccessTier><Days>180</Days></Tiering>
  </IntelligentTieringConfiguration>
  <IntelligentTieringConfiguration><Id>off</Id><Status>Disabled</Status>
    <Tiering><AccessTier>ARCHIVE_ACCESS</AccessTier><Days>1</Days></Tiering>
  </IntelligentTieringConfiguration>
</ListBucketIntelligentTieringConfigurationsOutput>"""


@pytest.mark.parametrize("prefix", ["d/", "e/"])
def test_only_objects_of_that_class_go_to_its_archives(s3_proxy: Any, prefix: str) -> None:
    direct = s3_proxy.direct
    bucket = direct.bucket("Enabled")
    direct.put(bucket, f"{prefix}standard", b"x")
    direct.client.put_object(
        Bucket=bucket, Key=f"{prefix}tiered", Body=b"x", StorageClass="INTELLIGENT_TIERING"
    )
    s3_proxy.proxy.inject(Body(body=CONFIGURATIONS), kind="list-tiering")
    before = datetime.now(UTC)
    version = Client().log("a", f"s3://{bucket}/{prefix}")
    report = version.retention(within=timedelta(days=120))
    if prefix == "e/":
        assert report.counts == {Outlook.KEPT: 2}
        return
    (row,) = report.rows
    assert (row.path, row.outlook, row.expires) == ("tiered", Outlook.ARCHIVES, None)
    assert row.archives is not None
    assert abs(row.archives.at - before - timedelta(days=90)) < timedelta(minutes=5)
    assert "ARCHIVE_ACCESS after 90 days without a read" in row.archives.action
    assert report.exit_code == 6
