"""Folders that lie side by side are scanned with one listing, and each result is as if it were scanned alone."""

from __future__ import annotations

from pathlib import Path

import landfast
import pytest
from landfast import Client, Reference
from landfast.scan import siblings

DAYS = [f"2026-05-{day:02}" for day in range(1, 8)]


@pytest.fixture
def client() -> Client:
    return Client(project="sales")


def fill(server, bucket: str, days=DAYS) -> None:
    for day in days:
        server.put(bucket, f"orders/dt={day}/part-0.csv", day.encode())
        server.put(bucket, f"orders/dt={day}/part-1.tmp", b"left out")
        server.put(bucket, f"orders/dt={day}/", b"")


def references(bucket: str, days=DAYS, **scan) -> list[Reference]:
    return [Reference(f"s3://{bucket}/orders/dt={day}/", **scan) for day in days]


def test_one_listing_serves_all_and_each_version_is_as_if_scanned_alone(s3_proxy, client, tmp_path):
    bucket = s3_proxy.direct.bucket("Enabled")
    fill(s3_proxy.direct, bucket)
    wanted = references(bucket, include=["*.csv"])
    s3_proxy.proxy.clear()
    scans = client.scan_folders(tmp_path, wanted)
    assert dict(s3_proxy.proxy.counts) == {"get-bucket-versioning": 1, "list-versions": 1}

    for day, reference, scan in zip(DAYS, wanted, scans, strict=True):
        together_logged = client.log_scans("orders", [scan], partition=day)
        alone = client.log("alone", reference, partition=day)
        assert together_logged.digest == alone.digest
        assert together_logged.record.summary == alone.record.summary
        assert together_logged.sources == alone.sources
        assert together_logged.skipped == alone.skipped
        assert [s.reason for s in alone.skipped] == ["folder marker", "not included"]
        assert list(together_logged.entries()) == list(alone.entries())


def test_what_lies_beside_the_folders_is_in_none_of_them(s3, client, tmp_path):
    bucket = s3.bucket("Enabled")
    fill(s3, bucket)
    for key in (
        "orders/a",
        "orders/dt=2026-05-02",
        "orders/dt=2026-05-020",
        "orders/dt=2026-05-2/x",
    ):
        s3.put(bucket, key, b"stray")
    scans = client.scan_folders(tmp_path, references(bucket, ["2026-05-07", "2026-05-02"]))
    found = [[entry.path for entry in client.open_scan(scan).entries()] for scan in scans]
    assert found == [["part-0.csv", "part-1.tmp"]] * 2
    assert next(client.open_scan(scans[0]).entries()).uri.endswith("dt=2026-05-07/part-0.csv")


def test_an_empty_folder_among_others_is_refused_when_it_is_logged(s3, client, tmp_path):
    bucket = s3.bucket("Enabled")
    fill(s3, bucket, DAYS[:2])
    full, empty = client.scan_folders(tmp_path, references(bucket, [DAYS[0], DAYS[4]]))
    client.log_scans("orders", [full], partition=DAYS[0])
    with pytest.raises(landfast.NotFound, match="dt=2026-05-05/ holds no objects"):
        client.log_scans("orders", [empty], partition=DAYS[4])


@pytest.mark.parametrize("spelling", ["s3://{bucket}/orders/dt={day}", "{folder}/dt={day}/"])
def test_a_place_that_is_scanned_alone_and_not_there_is_empty_too(s3, client, tmp_path, spelling):
    bucket = s3.bucket("Enabled")
    fill(s3, bucket, DAYS[:1])
    here = Path(tmp_path) / "here"
    (here / f"dt={DAYS[0]}").mkdir(parents=True)
    (here / f"dt={DAYS[0]}" / "f").write_text("f")
    wanted = [Reference(spelling.format(bucket=bucket, folder=here, day=day)) for day in DAYS[:2]]
    full, empty = client.scan_folders(tmp_path, wanted)
    assert full.manifest.summary.count > 0
    assert empty.manifest.summary.count == 0
    with pytest.raises(landfast.NotFound, match="holds no objects"):
        client.log_scans("orders", [empty])


def test_the_limit_is_that_of_each_folder(s3, client, tmp_path):
    bucket = s3.bucket("Enabled")
    fill(s3, bucket)
    assert len(client.scan_folders(tmp_path, references(bucket, max_objects=2))) == len(DAYS)
    with pytest.raises(landfast.LimitExceeded, match="dt=2026-05-01/ holds more"):
        client.scan_folders(tmp_path, references(bucket, max_objects=1))


def test_far_more_beside_the_folders_than_in_them_ends_the_one_listing(
    s3_proxy, client, tmp_path, monkeypatch
):
    monkeypatch.setattr(siblings, "_PAGE", 3)
    bucket = s3_proxy.direct.bucket("Enabled")
    fill(s3_proxy.direct, bucket)
    for number in range(10):
        s3_proxy.direct.put(bucket, f"orders/dt=2026-05-03-{number}", b"stray")
    s3_proxy.proxy.clear()
    scans = client.scan_folders(tmp_path, references(bucket, ["2026-05-02", "2026-05-06"]))
    assert [scan.manifest.summary.count for scan in scans] == [2, 2]
    # One for the start, in which the first was found, and one for the second alone.
    assert s3_proxy.proxy.counts["list-versions"] == 2


@pytest.mark.parametrize("case", ["nested", "other checksum", "files", "other bucket"])
def test_what_no_single_listing_can_serve_is_scanned_one_by_one(s3, client, tmp_path, case):
    bucket = s3.bucket("Enabled")
    fill(s3, bucket)
    one, two = references(bucket, DAYS[:2])
    if case == "nested":
        wanted = [Reference(f"s3://{bucket}/orders/"), two]
    elif case == "other checksum":
        wanted = [one, Reference(two.uri, checksum=False)]
    elif case == "other bucket":
        other = s3.bucket("Enabled")
        fill(s3, other, DAYS[:1])
        wanted = [*references(other, DAYS[:1]), two]
    else:
        for name in ("x", "y"):
            (Path(tmp_path) / name).mkdir()
            (Path(tmp_path) / name / "f").write_text(name)
        wanted = [Reference(f"{tmp_path}/{name}/") for name in ("x", "y")]
    assert not siblings.lie_together(wanted, client.context.stores)
    scans = client.scan_folders(tmp_path, wanted)
    assert [client.open_scan(scan).digest for scan in scans] == [
        client.probe(reference) for reference in wanted
    ]
