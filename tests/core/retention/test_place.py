"""A place before it is recorded: what its bucket's rules do, and whether they are stored as they were sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from landfast import InvalidInput
from landfast.cli import main
from landfast.stores.s3.lifecycle import RuleReader, flat
from landfast.stores.s3.sent import read_sent

RULES = [
    {
        "ID": "big",
        "Status": "Enabled",
        "Filter": {"And": {"Prefix": "d/", "ObjectSizeGreaterThan": 1000}},
        "Expiration": {"Days": 3},
    },
    {
        "ID": "old",
        "Status": "Enabled",
        "Filter": {"Prefix": "d/"},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 5, "NewerNoncurrentVersions": 2},
        "Transitions": [{"Days": 30, "StorageClass": "GLACIER"}],
    },
]
XML = """<?xml version="1.0"?>
<LifecycleConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
  <Rule><ID>big</ID><Status>Enabled</Status>
    <Filter><And><Prefix>d/</Prefix><ObjectSizeGreaterThan>1000</ObjectSizeGreaterThan></And></Filter>
    <Expiration><Days>3</Days></Expiration></Rule>
  <Rule><ID>old</ID><Status>Enabled</Status><Filter><Prefix>d/</Prefix></Filter>
    <NoncurrentVersionExpiration><NoncurrentDays>5</NoncurrentDays>
      <NewerNoncurrentVersions>2</NewerNoncurrentVersions></NoncurrentVersionExpiration>
    <Transition><Days>30</Days><StorageClass>GLACIER</StorageClass></Transition></Rule>
</LifecycleConfiguration>"""


def terraform(bucket: str | None) -> str:
    """Write what `terraform show -json` does: a module inside a module, unset numbers as 0 or null."""
    big = {
        "id": "big",
        "status": "Enabled",
        "prefix": "",
        "filter": [
            {
                "prefix": "",
                "object_size_greater_than": None,
                "tag": [],
                "and": [
                    {
                        "prefix": "d/",
                        "object_size_greater_than": 1000,
                        "object_size_less_than": 0,
                        "tags": None,
                    }
                ],
            }
        ],
        "expiration": [{"days": 3, "date": None, "expired_object_delete_marker": False}],
        "transition": [],
    }
    old = {
        "id": "old",
        "status": "Enabled",
        "filter": [{"prefix": "d/", "and": [], "tag": []}],
        "noncurrent_version_expiration": [{"noncurrent_days": 5, "newer_noncurrent_versions": 2}],
        "transition": [{"days": 30, "date": None, "storage_class": "GLACIER"}],
    }
    kind = "aws_s3_bucket_lifecycle_configuration"
    resource = {"type": kind, "values": {"bucket": bucket, "rule": [big, old]}}
    child = {"resources": [{"type": "aws_s3_bucket", "values": {"bucket": bucket}}, resource]}
    return json.dumps({"planned_values": {"root_module": {"child_modules": [child]}}})


SENT = {
    "json": json.dumps({"Rules": RULES}),
    "cli input": json.dumps({"Bucket": "b", "LifecycleConfiguration": {"Rules": RULES}}),
    "xml": XML,
    "terraform": terraform("b"),
    "terraform, not yet named": terraform(None),
}


@pytest.mark.parametrize("text", SENT.values(), ids=SENT)
def test_every_spelling_of_the_same_rules_is_the_same(text: str) -> None:
    rules, _ = read_sent(text, "b")
    assert [*flat(rules)] == [*flat(RULES)]
    assert [*RuleReader().actions(rules)] == [*RuleReader().actions(RULES)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{", "neither XML nor JSON"),
        ("[]", "a JSON list"),
        ("{}", "without any of them"),
        ("<Tagging/>", "<Tagging>"),
        ("<Tag", "no XML"),
        (terraform("another"), "another"),
    ],
)
def test_a_file_of_something_else_is_refused(text: str, found: str) -> None:
    with pytest.raises(InvalidInput, match=found):
        read_sent(text, "b")


@pytest.mark.parametrize(
    ("filter_", "rest"),
    [
        ({"Filter": {"Tag": {"Key": "a", "Value": "1"}}}, {}),
        ({"Filter": {"And": {"Tags": [{"Key": "a", "Value": "1"}]}}}, {}),
        ({"Filter": {"Prefix": "", "Tag": {"Key": "a", "Value": "1"}}}, {}),  # radosgw's
    ],
)
def test_filters_that_are_the_same_are_written_the_same(filter_: Any, rest: Any) -> None:
    rule = {"ID": "r", "Status": "Enabled", "Expiration": {"Days": 1}, **filter_}
    assert dict([*flat([rule])])["r"]["Filter.Tag a"] == "1"


def doctor(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["doctor", *arguments])


def prepared(server: Any, rules: Any) -> str:
    bucket: str = server.bucket("Enabled")
    for number in range(3):
        server.put(bucket, "d/x", b"%d" % number)
    server.put(bucket, "e/x", b"elsewhere")
    server.client.put_bucket_lifecycle_configuration(
        Bucket=bucket, LifecycleConfiguration={"Rules": rules}
    )
    return bucket


def says_what_is_not_as_sent(server: Any, tmp_path: Path, rules: Any) -> None:
    bucket = prepared(server, rules)
    sent = tmp_path / "rules.json"
    sent.write_text(json.dumps({"Rules": rules}))
    run = doctor(f"s3://{bucket}/d/", "--lifecycle", str(sent))
    assert run.exit_code == 1, run.output
    dropped = "rule 'big': Filter.ObjectSizeGreaterThan 1000 was sent and is not stored"
    assert dropped in run.output
    number = "NoncurrentVersionExpiration.NewerNoncurrentVersions 2 was sent and is not stored"
    assert number in run.output
    assert "takes more than was sent: 3 of 3 versions" in run.output
    told = json.loads(doctor(f"s3://{bucket}/d/", "--lifecycle", str(sent), "--json").stdout)
    (sooner,) = told["retention"]["sooner"]
    assert (sooner["rule"], sooner["entries"]) == ("old", 3)
    parts = {(one["rule"], one["part"]) for one in told["retention"]["differences"]}
    assert ("big", "Filter.ObjectSizeGreaterThan") in parts
    stored = server.client.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    sent.write_text(json.dumps({"Rules": stored}, default=str))
    run = doctor(f"s3://{bucket}/d/", "--lifecycle", str(sent))
    assert "The stored rules are those that were sent." in run.output
    assert run.exit_code == 0, run.output


def test_a_server_that_drops_a_part_of_a_rule_is_found_out(s3: Any, tmp_path: Path) -> None:
    says_what_is_not_as_sent(s3, tmp_path, RULES)


@pytest.mark.system
def test_radosgw_is_found_out(radosgw: Any, tmp_path: Path) -> None:
    # It has no class of storage to move objects to.
    rules = [{name: part for name, part in rule.items() if name != "Transitions"} for rule in RULES]
    says_what_is_not_as_sent(radosgw, tmp_path, rules)


def test_doctor_says_what_rules_do_to_what_lies_there(s3: Any) -> None:
    bucket = prepared(s3, RULES)
    run = doctor(f"s3://{bucket}/d/")
    assert run.exit_code == 0, run.output
    assert "versions are kept, no Object Lock; 3 actions of lifecycle rules" in run.output
    assert "3 versions, first d/x version" in run.output
    assert "take NoncurrentVersionExpiration out of the rule 'old'" in run.output
    other = doctor(f"s3://{bucket}/e/").output
    assert "expires" not in other
    assert "archives" not in other


def test_doctor_of_a_folder_says_nothing_of_rules(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x")
    told = json.loads(doctor(str(tmp_path), "--json").stdout)
    assert told["retention"] is None
    run = doctor(str(tmp_path), "--lifecycle", str(tmp_path / "x"))
    assert run.exit_code == 2
    assert "in no bucket whose rules can be read" in run.output
