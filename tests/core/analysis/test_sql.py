"""SQL over versions: names are tables, `entry()` reads recorded files, and nothing else is touched."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import landfast
import polars as pl
import pytest
from click.testing import CliRunner
from landfast import (
    Client,
    Conflict,
    InvalidInput,
    MissingExtra,
    NotFound,
    ObjectChanged,
    SqlResult,
    Unavailable,
)
from landfast.cli import main

from tests.core.analysis.conftest import FILES, Points

PROD = "'vision/points:prod'"


def rows(client: Client, query: str, *more: object, **options: object) -> list[tuple[object, ...]]:
    with client.sql(query, *more, **options) as result:  # type: ignore[arg-type]
        return result.fetchall()


@pytest.fixture
def client(points: Points) -> Client:
    return points.client


# -- tables -----------------------------------------------------------------------------------


def test_a_name_in_quotes_is_a_table_of_the_entries(points: Points) -> None:
    with points.client.sql(f"select * from {PROD} order by path") as found:
        assert found.to_arrow().to_pylist() == points.version.to_arrow().to_pylist()
        assert found.columns == points.version.to_arrow().column_names
        assert {name: v.version for name, v in found.versions.items()} == {
            "vision/points:prod": "v0"
        }


def test_every_form_of_a_name_is_a_table(points: Points, tmp_path: Path) -> None:
    (tmp_path / "days").mkdir()
    (tmp_path / "days" / "a").write_text("a")
    points.client.log("vision/days", tmp_path / "days", partition="2026/05 1")
    for name, count in {
        "vision/points": 4,
        "vision/points:v0": 4,
        f"vision/points@{points.version.digest}": 4,
        "default/vision/points:latest": 4,
        "landfast://default/vision/points?version=v0": 4,
        "vision/days~2026%2F05%201": 1,
        "vision/days~2026%2F05%201:v0": 1,
    }.items():
        for quote in "'\"":
            query = f"select count(*) from {quote}{name}{quote}"
            assert rows(points.client, query) == [(count,)]
    assert rows(points.client.with_defaults(project="vision"), "select count(*) from points") == [
        (4,)
    ]


def test_two_versions_are_joined(points: Points) -> None:
    points.client.log(
        "vision/points", f"s3://{points.bucket}/d/c/", "s3://" + points.bucket + "/d/p/"
    )
    query = f"""
        with old as (select path, size from {PROD}),
             big as (select * from old where size > 100)
        select count(*), (select count(*) from "vision/points:v1"),
               exists(from 'vision/points:v0' where path = 'c/a.csv')
        from big join old using (path)
        left join 'vision/points:v1' new on new.path = big.path
    """
    assert rows(points.client, query) == [(2, 4, True)]


def test_a_table_can_be_scanned_many_times(client: Client) -> None:
    query = f"select count(*) from {PROD} a, {PROD} b, 'vision/points:v0' c"
    assert rows(client, query) == [(64,)]


def test_a_name_of_the_querys_own_is_no_artifact(client: Client) -> None:
    client.log("vision/mine", io_folder())
    query = "with mine as (select 1 as x) select * from mine"
    with client.with_defaults(project="vision").sql(query) as found:
        assert found.fetchall() == [(1,)]
        assert found.versions == {}


def io_folder() -> Path:
    folder = Path("mine")
    folder.mkdir()
    (folder / "a").write_text("a")
    return folder


def test_names_that_differ_by_capitals_are_never_mixed_up(client: Client) -> None:
    client.log("vision/Points", io_folder())
    assert rows(client, "select count(*) from 'vision/Points:v0'") == [(1,)]
    with pytest.raises(InvalidInput, match="ignores the case"):
        client.sql("select * from 'vision/Points:v0' a, 'vision/points:v0' b")
    query = """
        select (select count(*) from 'vision/Points:v0'),
               (select count(*) from 'default/vision/points:v0')
    """
    assert rows(client, query) == [(1, 4)]


def test_parameters_are_by_place_or_by_name(client: Client) -> None:
    assert rows(client, f"select count(*) from {PROD} where size > ?", [100]) == [(2,)]
    query = f"select path from {PROD} where path like $start limit $n"
    assert rows(client, query, {"start": "p/%", "n": 1}) == [("p/a.parquet",)]
    with pytest.raises(InvalidInput, match="parameter"):
        client.sql("select $missing")


def test_a_pivot_a_summary_and_a_plan_read_too(client: Client) -> None:
    counts = f"pivot (select checksum_algorithm as a from {PROD}) on a using count(*)"
    assert rows(client, counts) == [(4,)]
    assert len(rows(client, f"summarize {PROD}")) == 8
    assert len(rows(client, f"describe {PROD}")) == 8
    assert "ARROW_SCAN" in str(rows(client, f"explain select * from {PROD}"))


# -- contents ---------------------------------------------------------------------------------


def test_entry_reads_recorded_contents(client: Client) -> None:
    assert rows(client, "from entry('vision/points:prod', 'c/a.csv')") == [(1, 2)]
    query = "select sum(n) from entry('vision/points:v0', 'p/*.parquet')"
    assert rows(client, query) == [(sum(range(200)),)]
    found = rows(client, "from entry($name, $path)", {"name": "vision/points", "path": "c/*.csv"})
    assert sorted(found) == [(1, 2), (3, 4)]
    query = "select y from read_csv('landfast://vision/points:v0/c/b.csv', header = true)"
    assert rows(client, query) == [(4,)]


def test_entries_and_contents_are_joined(client: Client) -> None:
    query = f"""
        select e.path, count(*) from {PROD} e
        join read_csv('landfast://vision/points:prod/c/*.csv', filename = true) c
          on c.filename = 'landfast://vision/points:prod/' || e.path
        group by all order by 1
    """
    assert rows(client, query) == [("c/a.csv", 1), ("c/b.csv", 1)]


def test_entry_takes_what_a_name_does_not_tell(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    folder.mkdir()
    for name, text in {
        "raw.bin": "x,y\n7,8\n",
        "lines.txt": '{"a": 1}\n{"a": 2}\n',
        "it's [1].csv": "x\n5\n",
        "a.json": '[{"b": {"c": 3}}]',
    }.items():
        (folder / name).write_text(text)
    client = Client()
    client.log("odd", folder)
    assert rows(client, "from entry('odd', 'raw.bin', format := 'csv')") == [(7, 8)]
    assert rows(client, "from entry('odd', 'lines.txt', format := 'json')") == [(1,), (2,)]
    assert rows(client, "from entry('odd:v0', 'it''s [1].csv')") == [(5,)]
    assert rows(client, "select b.c from entry('odd', 'a.json')") == [(3,)]
    assert rows(client, "select content from entry('odd', 'raw.bin', format := 'text')") == [
        ("x,y\n7,8\n",)
    ]
    with pytest.raises(InvalidInput, match=r"format := 'csv'"):
        client.sql("from entry('odd', 'raw.bin')")
    with pytest.raises(InvalidInput, match="csv, json, parquet"):
        client.sql("from entry('odd', 'raw.bin', format := 'x')")
    with pytest.raises(InvalidInput):
        client.sql("from entry('odd', 'a.csv'' union all select 1 --')")


def test_what_is_not_there_is_not_found(client: Client) -> None:
    for query in (
        "from 'vision/points:v7'",
        "from 'vision/none:v0'",
        "from entry('vision/points:v7', 'c/a.csv')",
        "from entry('vision/points', 'none.csv')",
    ):
        with pytest.raises(NotFound, match=r"none|v7"):
            client.sql(query)


def test_other_bytes_are_an_error_of_ours(unversioned: Points) -> None:
    unversioned.overwrite("c/a.csv", "p/b.parquet")
    for path in ("c/a.csv", "p/*.parquet"):
        with pytest.raises(ObjectChanged, match="overwritten"):
            rows(unversioned.client, f"select * from entry('vision/points', '{path}')")
    assert rows(unversioned.client, "from entry('vision/points', 'c/b.csv')") == [(3, 4)]


def test_a_damaged_manifest_is_an_error_of_ours(points: Points) -> None:
    with points.client.sql(f"select * from {PROD}") as found:
        blob = points.client.context.blob_path(points.version.record.blob)
        blob.chmod(0o600)
        data = blob.read_bytes()
        blob.write_bytes(data[:40] + bytes(200) + data[240:])
        with pytest.raises(Conflict, match="damaged"):
            found.fetchall()
        with pytest.raises(Conflict, match="damaged"):
            found.to_arrow()


# -- what it does not do ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        "create table x (a int)",
        "copy (select 1) to 'x.csv'",
        "explain analyze copy (select 1) to 'x.csv'",
        "copy (pivot (select 1 as a) on a using count(*)) to 'x.csv'",
        "attach 'x.db'",
        "set threads = 1",
        "install httpfs",
        "call pragma_version()",
        "select 1; select 2",
        "select 1; copy (select 1) to 'x.csv'",
        "",
        "-- select 1",
    ],
)
def test_it_only_reads(query: str) -> None:
    for external_access in (False, True):
        with pytest.raises(InvalidInput, match=r"only reads|one statement"):
            Client().sql(query, external_access=external_access)
    assert not [name for name in os.listdir() if name.startswith("x")]


def test_other_files_are_read_only_where_that_is_asked_for(client: Client) -> None:
    Path("labels.csv").write_text("path,label\nc/a.csv,cat\n")
    query = f"select path, label, size from 'labels.csv' join {PROD} using (path)"
    for other in (
        query,
        "from read_text('/etc/hostname')",
        "from glob('/etc/*')",
    ):
        with pytest.raises(InvalidInput, match=r"disabled.*external_access=True"):
            client.sql(other)
    with pytest.raises(InvalidInput, match=r"disabled|does not say a version"):
        client.sql("from read_text('landfast://../../../../etc/hostname')")
    assert rows(client, query, external_access=True) == [("c/a.csv", "cat", 8)]


def test_variables_of_the_program_are_no_tables() -> None:
    secret = pl.DataFrame({"a": [1]})
    assert secret.height
    with pytest.raises(NotFound):
        Client().sql("select * from secret")


def test_errors_say_the_place_and_are_one_line(client: Client) -> None:
    for query, said in {
        "selec 1": r'near "selec" \(line 1, column 1\)',
        f"select path,\n  foo\nfrom {PROD}": r'"foo" not found.*\(line 2, column 3\)',
        'select * from "two words"': r"two words does not exist.*artifact's name in quotes",
        "select nofunction(1)": r"nofunction.*\(line 1, column 8\)",
        "select 'ü' as ü, bar": r'"bar" was not found.*\(line 1, column 18\)',
    }.items():
        with pytest.raises(InvalidInput, match=said) as caught:
            client.sql(query)
        assert "\n" not in str(caught.value)
        assert "{" not in str(caught.value)
    with (
        pytest.raises(InvalidInput, match=r"Could not convert string 'c/a\.csv'"),
        client.sql(f"select path::int from {PROD}") as found,
    ):
        found.fetchall()


def test_memory_is_bounded_and_what_spills_is_taken_away(client: Client) -> None:
    with client.sql(
        "select max(n) from (select range as n from range(300000) order by random())"
    ) as found:
        assert found.fetchall() == [(299999,)]
    big = "select repeat('x', 1000), row_number() over (order by hash(range)) from range(200000)"
    scratch = client.context.cache.scratch()
    assert scratch is not None
    with client.sql(big, memory_limit="100MB") as found:
        assert sum(batch.num_rows for batch in found.to_arrow_batch_reader()) == 200_000
    assert list(scratch.iterdir()) == []
    with (
        pytest.raises(Unavailable, match=r"needs more memory.*memory_limit"),
        client.sql("select list(range) from range(10000000)", memory_limit="20MB") as found,
    ):
        found.fetchall()
    with pytest.raises(InvalidInput, match="much"):
        client.sql("select 1", memory_limit="much")


# -- results ----------------------------------------------------------------------------------


def test_a_result_is_read_in_every_form_as_often_as_wanted(client: Client) -> None:
    with client.sql(f"select count(*) as n, max(modified_at) as at from {PROD}") as found:
        assert isinstance(found, SqlResult)
        assert found.columns == ["n", "at"]
        for _ in range(2):
            assert found.fetchall()[0][0] == 4
            assert next(iter(found)) == found.fetchall()[0]
            assert found.to_arrow()["n"].to_pylist() == [4]
            assert found.to_pandas()["n"].tolist() == [4]
            assert found.to_polars()["n"].to_list() == [4]
            assert pl.DataFrame(found).shape == (1, 2)
        assert found.to_arrow().schema.field("at").type.tz == "UTC"


def test_a_result_stays_with_its_versions_while_aliases_move(points: Points) -> None:
    client = points.client
    with client.sql(f"select size from {PROD} where path = 'c/a.csv'") as found:
        client.log("vision/points", f"s3://{points.bucket}/d/", aliases=["prod"])
        assert found.fetchall() == [(8,)]
    assert rows(client, f"select size from {PROD} where path = 'c/a.csv'") == [(17,)]


def test_without_duckdb_the_error_names_what_installs_it(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(MissingExtra, match=r"pip install 'landfast\[sql\]'"):
        Client().sql("select 1")


def test_what_is_read_in_a_run_is_used_by_it(points: Points) -> None:
    with landfast.init(project="vision"):
        client = Client.on(landfast.context.default_context())
        rows(client, f"select 1 from {PROD}", use=False)
        assert points.client.used_by("vision/points:v0") == []
        rows(client, f"select 1 from {PROD}")
    assert len(points.client.used_by("vision/points:v0")) == 1
    with landfast.init(project="vision"):
        client = Client.on(landfast.context.default_context())
        rows(client, "from entry('vision/points:v0', 'c/a.csv')")
    assert len(points.client.used_by("vision/points:v0")) == 2
    rows(Client(), f"select 1 from {PROD}")
    assert len(points.client.used_by("vision/points:v0")) == 2


# -- the command ------------------------------------------------------------------------------


def run(*arguments: str, code: int = 0, **options: object) -> str:
    done = CliRunner().invoke(main, ["sql", *arguments], **options)  # type: ignore[arg-type]
    assert done.exit_code == code, done.output
    return done.output


def test_the_command_prints_a_table_csv_or_json(points: Points) -> None:
    query = f"select path, size, null as nothing from {PROD} where path < 'd' order by path"
    assert run(query) == "path     size  nothing\nc/a.csv  8\nc/b.csv  8\n"
    assert run(query, "--csv") == "path,size,nothing\nc/a.csv,8,\nc/b.csv,8,\n"
    assert json.loads(run(query, "--json")) == [
        {"path": "c/a.csv", "size": 8, "nothing": None},
        {"path": "c/b.csv", "size": 8, "nothing": None},
    ]
    assert run("select 1 where false", "--json") == "[]\n"
    assert run("select 1 as a where false") == "a\n"
    assert run(query, "--quiet") == ""
    assert points.client.used_by("vision/points:v0") != []


def test_the_command_says_odd_values_as_json_and_text_can() -> None:
    query = """
        select 1 as a, 2 as a, 'x'::blob as b, 'nan'::float as f, [1, 2] as l, {'k': 1.5} as s,
               date '2026-01-02' as d, 12345678901234567890.1::decimal(38, 1) as long
    """
    assert json.loads(run(query, "--json")) == [
        {
            "a": 1,
            "a_1": 2,
            "b": "78",
            "f": None,
            "l": [1, 2],
            "s": {"k": 1.5},
            "d": "2026-01-02",
            "long": "12345678901234567890.1",
        }
    ]
    assert run("select 'a' || chr(10) || chr(27) || 'b' as x") == "x\na\\n\\x1bb\n"
    many = run("select range as n, repeat('x', range % 3) as x from range(3000)")
    assert len(many.splitlines()) == 3001


def test_the_command_takes_parameters_and_standard_input(points: Points) -> None:
    query = f"select count(*) as n from {PROD} where size > $size and path like $start"
    assert run(query, "--param", "size=5", "--param", "start=c/%", "--csv", "--no-use") == "n\n2\n"
    assert run("-", "--csv", input="select 42 as n") == "n\n42\n"
    assert points.client.used_by("vision/points:v0") == []


def test_the_command_fails_in_one_line_with_a_code(points: Points) -> None:
    assert run("selec 1", code=2).startswith("landfast: SQL: syntax error")
    assert "--external-access" in run("from 'x.csv'", code=2)
    assert "v7" in run("from 'vision/points:v7'", code=10)
    assert "NAME=VALUE" in run("select 1", "--param", "x", code=2)
    assert "exclude" in run("select 1", "--csv", "--json", code=2)
    for query in ("from 'vision/points:v7'", "selec 1"):
        assert "Traceback" not in run(query, code=10 if "v7" in query else 2)
    assert set(FILES) == set(run(f"select path from {PROD}", "--csv").splitlines()[1:])
    assert io.StringIO(run("from entry('vision/points:prod', 'c/a.csv')")).readline() == "x  y\n"


def test_a_version_that_is_stored_as_a_delta_is_no_different(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("landfast.publish.shrink.SMALL_BYTES", 1_000)
    folder = tmp_path / "d"
    (folder / "x").mkdir(parents=True)
    for number in range(3000):
        (folder / "x" / f"{number:04}").write_text(str(number))
    client = Client()
    base = client.log("many", folder, checksum="stat")
    (folder / "x" / "0007").write_text("seven!")
    (folder / "y").write_text("new")
    delta = client.log("many", folder, checksum="stat")
    sizes = [client.context.blob_path(v.record.blob).stat().st_size for v in (base, delta)]
    assert sizes[1] < sizes[0]
    changed = """
        select path, o.size, n.size from 'many:v1' n left join 'many:v0' o using (path)
        where o.size is distinct from n.size order by path
    """
    assert rows(client, changed) == [("x/0007", 1, 6), ("y", None, 3)]
    assert delta.to_arrow().num_rows == 3001
    files = client.filesystem()
    assert files.ls("many:v1", detail=False) == ["many:v1/x", "many:v1/y"]
    assert files.info("many:v1/x/0007")["size"] == 6
    assert files.cat_file("many:v1/y") == b"new"
