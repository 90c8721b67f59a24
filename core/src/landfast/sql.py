"""SQL over versions, on DuckDB: a name is a table of its entries, `entry(name, path)` the recorded contents of files.

DuckDB itself tells which tables a query needs: it is asked to run it, and names what it does not find.  What it names
is looked up as an artifact and handed over as a stream of Arrow batches, so that no version is in memory as a whole.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from landfast.context import Context
from landfast.errors import InvalidInput, LandfastError, NotFound, Unavailable, needs_extra
from landfast.manifests.frames import Rows
from landfast.model.names import ArtifactName
from landfast.version import ArtifactVersion, record_use

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import polars as pl
    import pyarrow as pa

Parameters = Sequence[Any] | Mapping[str, Any] | None

_ROWS_AT_ONCE = 8_192
# A name without a version means its latest, as everywhere; the reader goes by the file's name, unless it is told.
_ENTRY = """
CREATE TEMP MACRO entry(name, path, format := NULL) AS TABLE FROM query(
  'FROM ' || CASE lower(format)
    WHEN 'csv' THEN 'read_csv(' WHEN 'json' THEN 'read_json(' WHEN 'parquet' THEN 'read_parquet('
    WHEN 'text' THEN 'read_text(' WHEN 'blob' THEN 'read_blob('
    ELSE CASE WHEN format IS NULL THEN '' ELSE error('format has to be csv, json, parquet, text or blob') END
  END || '''landfast://' || replace(
    regexp_replace(name, '^landfast://', '')
    || CASE WHEN contains(name, ':') OR contains(name, '@') THEN '' ELSE ':latest' END
    || '/' || path, '''', '''''') || '''' || CASE WHEN format IS NULL THEN '' ELSE ')' END
)
"""
_READING = re.compile(r"\s*(select|with|from|pivot|unpivot|values|\()", re.IGNORECASE)
_EXPLAIN = "EXPLAIN "
_COMMENTS = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlOptions:
    """How a query is run.

    Args:
        external_access: Whether it may read other files and addresses than recorded ones.
        use: Whether what is read is recorded as used, where there is a run.
        memory_limit: The most memory for sorting, joining and grouping, such as ``1GiB``; more goes to disk.
    """

    external_access: bool = False
    use: bool = True
    memory_limit: str = "1GiB"


class SqlResult:
    """The rows that a query returns.

    Rows are read as a stream. Each method reads them again from the same versions.

    Example:
        >>> import landfast
        >>> landfast.Client().sql("select 6 * 7 as answer").fetchall()
        [(42,)]
    """

    def __init__(
        self, context: Context, query: str, parameters: Parameters, options: SqlOptions
    ) -> None:
        self._query, self._parameters = query, parameters or None
        self._session = _Session(context, options)
        try:
            self._relation = self._session.relation(query, parameters)
            self.columns: list[str] = list(self._relation.columns)
        except BaseException:
            self.close()
            raise

    @property
    def versions(self) -> dict[str, ArtifactVersion]:
        """The versions whose entries the query reads, by their names in the query."""
        return dict(self._session.versions)

    def to_arrow_batch_reader(self) -> pa.RecordBatchReader:
        """Return the rows as a stream of Arrow batches; it stays open until you call the next method."""
        import pyarrow as pa

        with self._session.typed_errors(self._query):
            reader = self._relation.to_arrow_reader(_ROWS_AT_ONCE)
        return pa.RecordBatchReader.from_batches(reader.schema, self._checked(reader))

    def to_arrow(self) -> pa.Table:
        """Return the rows as a `pyarrow.Table`."""
        return self.to_arrow_batch_reader().read_all()

    def to_pandas(self) -> pd.DataFrame:
        """Return the rows as a pandas `DataFrame` with DuckDB's pandas types; needs the extra `pandas`."""
        with needs_extra("pandas", "to_pandas()"):
            import pandas  # noqa: F401, ICN001 - DuckDB would say less of what is missing
        with self._session.typed_errors(self._query):
            return self._relation.df()

    def to_polars(self) -> pl.DataFrame:
        """Return the rows as a Polars `DataFrame`; needs the extra `polars`."""
        with needs_extra("polars", "to_polars()"):
            import polars as pl
        return pl.DataFrame(self.to_arrow())

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return the rows as tuples."""
        return list(self)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Yield the rows as tuples, a few thousand in memory at a time."""
        with self._session.typed_errors(self._query):
            result = self._session.connection.execute(self._query, self._parameters)
        while True:
            with self._session.typed_errors(self._query):
                rows = result.fetchmany(_ROWS_AT_ONCE)
            if not rows:
                return
            yield from rows

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Hand the rows to whatever reads Arrow streams (the Arrow PyCapsule interface)."""
        return self.to_arrow_batch_reader().__arrow_c_stream__(requested_schema)

    def _checked(self, batches: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
        while True:
            with self._session.typed_errors(self._query):
                try:
                    batch = batches.read_next_batch()
                except StopIteration:
                    return
            yield batch

    def close(self) -> None:
        """Free memory and delete files on disk; after that, you cannot read the result."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"SqlResult({', '.join(self.columns)})"


class _Session:
    """A database in memory of one query, whose tables are versions."""

    def __init__(self, context: Context, options: SqlOptions) -> None:
        with needs_extra("sql", "SQL", library="duckdb"):
            import duckdb
        with needs_extra("sql", "SQL", library="fsspec"):
            from landfast.filesystem.files import LandfastFileSystem

        self._context = context
        self._options = options
        self._files = LandfastFileSystem.on(context, records_use=options.use)
        self.versions: dict[str, ArtifactVersion] = {}
        self._tables: list[_Table] = []
        self._error = duckdb.Error
        folder = tempfile.mkdtemp(prefix="landfast-sql-", dir=context.cache.scratch())
        given = {"memory_limit": options.memory_limit, "temp_directory": folder}
        try:
            self.connection = duckdb.connect(":memory:", config={**given, "errors_as_json": True})
        except duckdb.Error:
            shutil.rmtree(folder)
            raise InvalidInput(
                f"memory_limit={options.memory_limit!r} is no size",
                subject=options.memory_limit,
                expected="a number and a unit, such as 1GiB",
            ) from None
        self.close = weakref.finalize(self, _close, self.connection, folder)
        self.connection.register_filesystem(self._files)
        self.connection.execute("SET python_enable_replacements = false")
        self.connection.execute("SET TimeZone = 'UTC'").execute(_ENTRY)
        if not options.external_access:
            self.connection.execute("SET allowed_directories = ['landfast://']")
            self.connection.execute("SET enable_external_access = false")
        self.connection.execute("SET lock_configuration = true")

    def relation(self, query: str, parameters: Parameters) -> duckdb.DuckDBPyRelation:
        """Return a query, ready to be run, for which its tables were found."""
        with self.typed_errors(query):
            kind = self._check_statement(query)
        # To be explained it is bound to its tables and not run.
        asked = _EXPLAIN + query if kind == "SELECT" else query
        while True:
            with self.typed_errors(query, shift=len(asked) - len(query)):
                try:
                    self.connection.execute(asked, parameters)
                except self._error as error:
                    if not self._add_table(_facts(error)):
                        raise
                else:
                    self._check_spelling(query)
                    return self.connection.sql(query, params=parameters)

    def _check_statement(self, query: str) -> str:
        statements = self.connection.extract_statements(query)
        if len(statements) != 1:
            raise InvalidInput(
                "SQL has to be one statement", expected="one SELECT", found=str(len(statements))
            )
        text = _COMMENTS.sub(" ", query)
        kind = str(statements[0].type).rpartition(".")[2]
        is_read = kind == "SELECT" or (kind == "MULTI" and _READING.match(text))
        # EXPLAIN ANALYZE runs what it explains, which may be a COPY to a file.
        if kind == "EXPLAIN":
            is_read = not re.search(r"\banalyze\b", text, re.IGNORECASE)
        if not is_read:
            raise InvalidInput(
                "SQL here only reads",
                expected="a SELECT, or its EXPLAIN",
                found=f"{kind} statement",
            )
        return kind

    def _add_table(self, facts: dict[str, Any]) -> bool:
        """Make the table that DuckDB did not find, if an artifact has its name."""
        name = str(facts.get("name", ""))
        is_table = facts.get("error_subtype") == "MISSING_ENTRY" and facts.get("type") == "Table"
        if not is_table or name in self.versions or not _is_name(name):
            return False
        # The same name in `entry(...)` means the same version, whatever happens to its alias.
        version = self._files.resolve(name)
        table = _Table(version.manifest)
        self.connection.register(name, table)
        self._tables.append(table)
        self.versions[name] = version
        context = self._context
        if self._options.use and context.own_run.is_in_run(context.settings.run):
            record_use(context, [version])
        return True

    def _check_spelling(self, query: str) -> None:
        """Refuse a name that is there in two spellings: DuckDB would take both for the first."""
        by_fold = {name.casefold(): name for name in self.versions}
        for name in _tables_of(self.connection, query) if by_fold else ():
            known = by_fold.get(name.casefold(), name)
            if known != name:
                raise InvalidInput(
                    f"{known!r} and {name!r} are the same table for DuckDB, which ignores the case of letters",
                    subject=name,
                    hint="Write one of them in another form, such as ENTITY/PROJECT/NAME, or with its number.",
                )

    @contextlib.contextmanager
    def typed_errors(self, query: str, *, shift: int = 0) -> Iterator[None]:
        """Let DuckDB's errors be ours; one of ours that DuckDB met on its way is raised itself."""
        try:
            yield
        except self._error as error:
            failed = [table.failed for table in self._tables] + [self._files.failed]
            own = next(filter(None, failed), None)
            self._files.failed = None
            raise own or _translated(_facts(error), query, shift) from None


class _Table(Rows):
    """A manifest as DuckDB scans it, once for each place in the query; remembers what went wrong."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self.failed: LandfastError | None = None

    def to_arrow_batch_reader(
        self, prefix: str = "", *, columns: Sequence[str] | None = None
    ) -> pa.RecordBatchReader:
        """Return the rows as a stream."""
        import pyarrow as pa

        reader = self._rows.to_arrow_batch_reader(prefix, columns=columns)
        return pa.RecordBatchReader.from_batches(reader.schema, self._noting(reader))

    def _noting(self, batches: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
        try:
            yield from batches
        except LandfastError as error:
            self.failed = error
            raise


def _close(connection: duckdb.DuckDBPyConnection, folder: str) -> None:
    connection.close()
    shutil.rmtree(folder, ignore_errors=True)


def _is_name(name: str) -> bool:
    try:
        ArtifactName.parse(name)
    except InvalidInput:
        return False
    return True


def _tables_of(connection: duckdb.DuckDBPyConnection, query: str) -> Iterator[str]:
    """Yield the names of tables in a query, as they are written."""
    found = connection.cursor().execute("SELECT json_serialize_sql(?::VARCHAR)", [query]).fetchone()
    left = [json.loads(found[0])] if found else []
    while left:
        node = left.pop()
        if isinstance(node, dict):
            if node.get("type") == "BASE_TABLE":
                yield str(node.get("table_name"))
            left.extend(node.values())
        elif isinstance(node, list):
            left.extend(node)


def _facts(error: Exception) -> dict[str, Any]:
    """Return what DuckDB says of an error, as it says it to programs."""
    text = str(error)
    with contextlib.suppress(ValueError):
        facts = json.loads(text[text.index("{") :])
        if isinstance(facts, dict) and "exception_message" in facts:
            return facts
    return {"exception_message": text, "exception_type": type(error).__name__}


def _translated(facts: dict[str, Any], query: str, shift: int) -> LandfastError:
    kind, message = str(facts.get("exception_type", "")), str(facts["exception_message"])
    problem = " ".join(message.partition("\n\nLINE ")[0].split())
    place = _place(facts, query, shift)
    if kind == "Out of Memory":
        problem = problem.partition(" Possible solutions")[0]
        return Unavailable(
            f"the query needs more memory: {problem}", hint="Give memory_limit='4GiB'."
        )
    if "disabled by configuration" in problem or "disabled through configuration" in problem:
        return InvalidInput(
            f"SQL here reads recorded files only: {problem}{place}",
            hint="Give external_access=True to read others too.",
        )
    hint = None
    if facts.get("error_subtype") == "MISSING_ENTRY" and facts.get("type") == "Table":
        problem = problem.partition(" Did you mean")[0]
        hint = "A table is an artifact's name in quotes: from 'project/name:alias'."
        if str(facts.get("name", "")).startswith("landfast://"):
            hint = "The name does not show the format: entry(name, path, format := 'csv')."
    if kind == "IO" and "No files found" in problem:
        return NotFound(f"{problem}{place}", hint="List what there is with `landfast ls`.")
    return InvalidInput(
        f"SQL: {problem}{place}", subject=str(facts.get("name", "")) or None, hint=hint
    )


def _place(facts: dict[str, Any], query: str, shift: int) -> str:
    """Say where in the query an error is."""
    try:
        before = query.encode()[: int(facts["position"]) - shift].decode(errors="ignore")
    except (KeyError, ValueError):
        return ""
    line = before.count("\n") + 1
    column = len(before) - (before.rfind("\n") + 1) + 1
    return f" (line {line}, column {column})"
