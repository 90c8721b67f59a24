"""An inventory in the place of a listing: the same digest and pins, or an error that says what to configure."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner
from kit.servers.moto import Moto
from landfast import (
    Client,
    Conflict,
    InvalidInput,
    LimitExceeded,
    MissingExtra,
    NotFound,
    Reference,
    Verdict,
    load_snapshots,
)
from landfast.cli import main
from landfast.scan.values import Shard
from landfast.stores.inventory import rows as inventory_rows

from tests.conftest import ProxiedS3
from tests.core.inventory.inventories import FIELDS, Inventory, Row, live_table, rows_of

FORMATS = ["CSV", "ORC", "Parquet"]
KEYS = [
    *("d/a", "d/a/b", "d/empty", "d/folder/", "d/folder/x", "d/ü ö", "d/a+b", "d/100%", "d/%2F"),
    *("d/q?version=1", "d/'\"", "d/a,b", "d/gone", "d/old", "d2/x", "d/zero"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A bucket with a past, and a bucket for its inventories."""

    server: Moto
    bucket: str
    inventory: Inventory
    client: Client

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/d/"

    def rows(self) -> list[Row]:
        return rows_of(self.server, self.bucket)

    def deliver(self, format: str = "Parquet", **options: object) -> str:
        return self.inventory.deliver(self.bucket, self.rows(), format, **options)  # type: ignore[arg-type]


def filled(s3: Moto, versioning: str | None) -> Place:
    bucket = s3.bucket(versioning)  # type: ignore[arg-type]
    for key in KEYS:
        body = b"" if key.endswith(("/", "empty", "d/a", "zero")) else key.encode()
        s3.put(bucket, key, body)
    s3.put(bucket, "d/old", b"newer")
    s3.client.delete_object(Bucket=bucket, Key="d/gone")
    inventory = Inventory(server=s3, bucket=s3.bucket("Enabled"))
    return Place(server=s3, bucket=bucket, inventory=inventory, client=Client())


@pytest.fixture
def place(s3: Moto) -> Place:
    return filled(s3, "Enabled")


def in_parts(s3: Moto, bucket: str, key: str) -> None:
    """Write an object in two parts, whose ETag is no MD5."""
    upload = s3.client.create_multipart_upload(Bucket=bucket, Key=key)
    part = {"Bucket": bucket, "Key": key, "UploadId": upload["UploadId"]}
    done = [
        {
            "PartNumber": number,
            "ETag": s3.client.upload_part(**part, PartNumber=number, Body=body)["ETag"],
        }
        for number, body in ((1, b"1" * (5 << 20)), (2, b"2"))
    ]
    s3.client.complete_multipart_upload(**part, MultipartUpload={"Parts": done})  # type: ignore[typeddict-item]


# -- the same as a listing --------------------------------------------------------------------


def test_the_digest_and_pins_are_those_of_a_listing(place: Place) -> None:
    client = place.client
    in_parts(place.server, place.bucket, "d/parts")
    listed = client.log("listed", place.uri)
    for kind in FORMATS:
        told = client.log(f"told-{kind.lower()}", place.uri, inventory=place.deliver(kind))
        assert told.digest == listed.digest, kind
        assert told.manifest.pin_digest == listed.manifest.pin_digest
        assert list(told.entries()) == list(listed.entries())
        assert told.skipped == listed.skipped
        assert told.is_restorable
    assert any((e.etag or "").endswith("-2") for e in listed.entries())


def test_the_live_table_of_s3_metadata_is_an_inventory(
    place: Place, tmp_path: Path, monkeypatch
) -> None:
    for name, value in live_table(tmp_path / "tables", place.rows()).items():
        monkeypatch.setenv(name, value)
    listed = place.client.log("listed", place.uri)
    told = place.client.log("told", place.uri, inventory="iceberg://s3tables/b_source.inventory")
    assert list(told.entries()) == list(listed.entries())
    (source,) = told.sources
    assert source.inventory.startswith("iceberg://s3tables/b_source.inventory?snapshot=")
    assert source.as_of.startswith("20")
    again = place.client.log("again", f"s3://{place.bucket}", inventory=source.inventory)
    assert again.digest == place.client.log("whole", f"s3://{place.bucket}").digest
    metadata = max((tmp_path / "tables").rglob("*.metadata.json"))
    static = place.client.log("static", place.uri, inventory=str(metadata))
    assert static.digest == listed.digest


def test_a_bucket_without_versions_has_an_inventory_without_them(s3: Moto) -> None:
    place = filled(s3, None)
    names = [n for n in FIELDS if n not in {"version_id", "is_latest", "is_delete_marker"}]
    listed = place.client.log("listed", place.uri)
    for kind in FORMATS:
        told = place.client.log(
            f"told-{kind.lower()}", place.uri, inventory=place.deliver(kind, names=names)
        )
        assert list(told.entries()) == list(listed.entries())


def test_filters_limits_and_names_count_as_for_a_listing(place: Place) -> None:
    client, inventory = place.client, place.deliver("CSV")
    options = {"include": ["**/*b", "a*"], "exclude": ["a/*"], "name": "below"}
    listed = client.scan(Reference(place.uri, **options))  # type: ignore[arg-type]
    told = client.scan(Reference(place.uri, inventory=inventory, **options))  # type: ignore[arg-type]
    assert [e.path for e in told] == [e.path for e in listed] != []
    assert told.digest == listed.digest
    with pytest.raises(LimitExceeded):
        client.scan(place.uri, inventory=inventory, max_objects=3)
    with pytest.raises(NotFound, match="nothing"):
        client.log("x", f"s3://{place.bucket}/nothing/", inventory=inventory)
    bare = client.scan(place.uri, inventory=inventory, checksum=False)
    assert bare.digest == client.scan(place.uri, checksum=False).digest
    assert client.probe(f"s3://{place.bucket}", inventory=inventory) == client.probe(
        f"s3://{place.bucket}/"
    )


def test_rows_are_sorted_on_disk_where_they_are_many(place: Place, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(inventory_rows, "_ROWS_PER_RUN", 4)
    monkeypatch.setattr(inventory_rows, "_ROWS_PER_BLOCK", 2)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    inventory = place.deliver("Parquet", files=7)
    assert place.client.scan(place.uri, inventory=inventory).digest == place.client.probe(place.uri)
    for name, value in live_table(tmp_path / "tables", place.rows()).items():
        monkeypatch.setenv(name, value)
    listed = place.client.probe(place.uri)
    for rows in range(
        1, 9
    ):  # versions of a key fall into one run, or several, or two blocks of a run
        monkeypatch.setattr(inventory_rows, "_ROWS_PER_RUN", rows)
        told = place.client.probe(place.uri, inventory="iceberg://s3tables/b_source.inventory")
        assert told == listed
    assert not list(tmp_path.rglob("inventory-*"))


def test_it_costs_no_list_pages(place: Place, s3_proxy: ProxiedS3) -> None:
    inventory = place.deliver()
    folder = inventory.removesuffix("2026-05-01T03-00Z/manifest.json")
    client = Client()
    s3_proxy.proxy.clear()
    client.scan(place.uri, inventory=inventory)
    assert set(s3_proxy.proxy.counts) == {"get-object", "get-bucket-versioning"}
    s3_proxy.proxy.clear()
    client.scan(place.uri, inventory=folder)
    assert sum(n for kind, n in s3_proxy.proxy.counts.items() if "list" in kind) == 1


# -- what is recorded of it -------------------------------------------------------------------


def test_the_version_says_which_inventory_and_as_of_when(place: Place) -> None:
    inventory = place.deliver()
    folder = inventory.removesuffix("2026-05-01T03-00Z/manifest.json")
    version = place.client.log("vision/told", place.uri, inventory=folder)
    (source,) = place.client.get("vision/told").sources
    assert (source.inventory, source.as_of) == (inventory, "2026-05-01T03:00:00Z")
    assert version.to_dict()["sources"][0]["inventory"] == inventory
    shown = CliRunner().invoke(main, ["show", "vision/told"]).output
    assert f"{inventory}, as of 2026-05-01T03:00:00Z" in shown
    place.client.log("vision/listed", place.uri)
    assert "as of" not in CliRunner().invoke(main, ["show", "vision/listed"]).output


def test_verify_and_a_later_listing_tell_what_moved_since(place: Place) -> None:
    client, inventory = place.client, place.deliver()
    place.server.put(place.bucket, "d/old", b"after the inventory")
    place.server.put(place.bucket, "d/new", b"after the inventory")
    place.server.client.delete_object(Bucket=place.bucket, Key="d/100%")
    told = client.log("vision/points", place.uri, inventory=inventory)
    verdicts = {row.path: row.verdict for row in client.verify(told).rows}
    assert verdicts == {"old": Verdict.OVERWRITTEN, "100%": Verdict.DELETED}
    listed = client.log("vision/points", place.uri)
    changes = {row.path: str(row.kind) for row in client.diff(told, listed).rows()}
    assert changes == {"old": "modified", "new": "added", "100%": "removed"}
    with told.open("old") as file:
        assert file.read() == b"newer"


def test_a_shard_carries_the_report_that_was_found(place: Place) -> None:
    inventory = place.deliver()
    folder = inventory.removesuffix("2026-05-01T03-00Z/manifest.json")
    plan = place.client.plan(place.uri, inventory=folder, shards=4)
    (shard,) = plan.shards
    assert any("as of 2026-05-01T03:00:00Z" in note for note in plan.notes)
    place.server.put(place.bucket, "d/new", b"new")
    place.deliver(at="2026-05-02T03-00Z")
    sent = Shard.from_json(shard.to_json())
    scan = place.client.scan_shard(sent)
    assert scan.sources[0].inventory == inventory
    assert "new" not in [e.path for e in place.client.open_scan(scan)]
    newest = place.client.scan(place.uri, inventory=folder)
    assert "new" in [e.path for e in newest]


def test_the_command_line_and_snapshots_take_an_inventory(place: Place, tmp_path: Path) -> None:
    inventory = place.deliver("ORC")
    arguments = ["put", place.uri, "--name", "vision/told", "--inventory", inventory, "--json"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    assert place.client.get("vision/told").sources[0].inventory == inventory
    file = tmp_path / "snapshots.yaml"
    entry = {"name": "vision/snapped", "uri": place.uri, "inventory": inventory}
    file.write_text(json.dumps({"snapshots": [entry]}))
    (config,) = load_snapshots(file)
    assert place.client.snapshot(config).digest == place.client.get("vision/told").digest
    refused = CliRunner().invoke(main, ["put", str(tmp_path), "--inventory", inventory])
    assert refused.exit_code == 2
    assert "--inventory" in refused.output


def test_folders_side_by_side_each_have_it(place: Place, tmp_path: Path) -> None:
    inventory = place.deliver()
    references = [Reference(f"s3://{place.bucket}/{d}/", inventory=inventory) for d in ("d", "d2")]
    scans = place.client.scan_folders(tmp_path, references)
    assert [scan.sources[0].inventory for scan in scans] == [inventory, inventory]
    assert scans[0].manifest.summary.digest == place.client.probe(place.uri)


# -- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "field"),
    {"e_tag": "ETag", "size": "Size", "version_id": "IncludedObjectVersions"}.items(),
)
def test_a_missing_column_is_an_error_that_says_what_to_configure(
    place: Place, column: str, field: str
) -> None:
    names = [name for name in FIELDS if name != column]
    for kind in FORMATS:
        inventory = place.deliver(kind, names=names)
        with pytest.raises(InvalidInput, match=rf"no column {column}.*{field}"):
            place.client.log("told", place.uri, inventory=inventory)


def test_an_inventory_of_another_bucket_is_refused(place: Place) -> None:
    rows = place.rows()
    other = place.inventory.deliver("somebody-elses", rows)
    with pytest.raises(Conflict, match=r"another bucket.*somebody-elses"):
        place.client.log("told", place.uri, inventory=other)
    rows[3] = rows[3] | {"bucket": "somebody-elses"}
    for kind in FORMATS:
        mixed = place.inventory.deliver(place.bucket, rows, kind)
        with pytest.raises(Conflict, match=r"another bucket.*somebody-elses"):
            place.client.log("told", place.uri, inventory=mixed)


def test_two_current_rows_of_a_key_are_refused(place: Place) -> None:
    rows = place.rows()
    (newest,) = [row for row in rows if row["key"] == "d/old" and row["is_latest"]]
    inventory = place.inventory.deliver(place.bucket, [*rows, newest | {"size": 1}])
    with pytest.raises(Conflict, match="two current rows of d/old"):
        place.client.log("told", place.uri, inventory=inventory)


def test_a_damaged_report_is_refused(place: Place) -> None:
    client, server, bucket = place.client, place.server, place.inventory.bucket
    wrong = place.deliver(checksum="0" * 32)
    with pytest.raises(Conflict, match=r"manifest\.checksum says"):
        client.log("told", place.uri, inventory=wrong)
    good = place.deliver("CSV", at="2026-05-02T03-00Z")
    key = f"inv/{place.bucket}/daily/data/2026-05-02T03-00Z-1.csv.gz"
    server.put(bucket, key, b"cut")
    with pytest.raises(Conflict, match=r"not what manifest\.json says"):
        client.log("told", place.uri, inventory=good)
    server.client.delete_object(Bucket=bucket, Key=key)
    with pytest.raises(NotFound, match=r"03-00Z-1\.csv\.gz"):
        client.log("told", place.uri, inventory=good)


def test_what_is_no_report_is_refused(place: Place, tmp_path: Path) -> None:
    folder = f"s3://{place.inventory.bucket}/inv/"
    with pytest.raises(NotFound, match="no complete inventory report"):
        place.client.log("told", place.uri, inventory=folder)
    place.deliver(checksum=None)  # that is still being delivered
    with pytest.raises(NotFound, match="no complete inventory report"):
        place.client.log("told", place.uri, inventory=folder)
    complete = place.deliver(at="2026-04-30T03-00Z")
    version = place.client.log("told", place.uri, inventory=folder)
    assert version.sources[0].inventory == complete
    (tmp_path / "manifest.json").write_text("{}")
    (tmp_path / "manifest.checksum").write_text("99914b932bd37a50b983c5e7c90ae93b")
    with pytest.raises(Conflict, match="not a manifest of an S3 Inventory"):
        place.client.log("told", place.uri, inventory=str(tmp_path / "manifest.json"))


def test_what_no_inventory_can_tell_is_refused(place: Place, tmp_path: Path) -> None:
    inventory = place.deliver()
    with pytest.raises(InvalidInput, match="no checksum of kind 'sha256'"):
        place.client.log("told", place.uri, inventory=inventory, checksum="sha256")
    with pytest.raises(InvalidInput, match=r"s3://"):
        place.client.log("told", tmp_path, inventory=inventory)
    with pytest.raises(InvalidInput, match="cannot be recorded from an inventory"):
        place.client.log("told", place.uri + "old", inventory=inventory)


def test_a_table_that_is_none_is_refused(place: Place, tmp_path: Path, monkeypatch) -> None:
    variables = live_table(tmp_path / "tables", place.rows(), without=("e_tag",))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    log = place.client.log
    with pytest.raises(InvalidInput, match="no column e_tag"):
        log("told", place.uri, inventory="iceberg://s3tables/b_source.inventory")
    with pytest.raises(NotFound, match="does not exist"):
        log("told", place.uri, inventory="iceberg://s3tables/b_source.none")
    with pytest.raises(NotFound, match="no such snapshot"):
        log("told", place.uri, inventory="iceberg://s3tables/b_source.inventory?snapshot=7")
    with pytest.raises(InvalidInput, match="names no table"):
        log("told", place.uri, inventory="iceberg://s3tables")

    def missing(_: str) -> None:
        raise ModuleNotFoundError("No module named 'pyiceberg'", name="pyiceberg")

    monkeypatch.setattr("landfast.stores.inventory.iceberg._table", missing)
    with pytest.raises(MissingExtra, match=r"landfast\[inventory\]"):
        log("told", place.uri, inventory="iceberg://s3tables/b_source.inventory")


def test_any_order_of_rows_gives_the_same(place: Place, monkeypatch) -> None:
    monkeypatch.setattr(inventory_rows, "_ROWS_PER_RUN", 5)
    digests = set()
    for seed in range(2):
        rows = place.rows()
        random.Random(seed).shuffle(rows)
        inventory = place.inventory.deliver(place.bucket, rows, "CSV", files=seed + 1)
        digests.add(place.client.probe(place.uri, inventory=inventory))
    assert digests == {place.client.probe(place.uri)}
