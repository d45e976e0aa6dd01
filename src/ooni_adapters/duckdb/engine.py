"""A SqlEngine on DuckDB. One process owns the file; inside it, readers see a snapshot and never wait for the writer."""

import re
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from ooni_adapters.duckdb.dialect import DuckDbDialect, quoted
from ooni_adapters.sql.batches import complete_batch
from ooni_adapters.sql.engine import ORDINARY, Cancellation, Limits, Params, Row, Rows
from ooni_adapters.sql.schema import Rule, Table
from ooni_adapters.sql.tables import PREVIOUS, STORED_BATCHES
from ooni_core.errors import Conflict, Invalid, QueryTimeout, TooLarge, Unavailable

_HOLDER = re.compile(r"\(PID (\d+)\)")
_STREAM_ROWS = 10_000
_COLUMN_ROWS = 100_000
_LOOKED_UP_ROWS = 5_000
# How Python names the numbers that a column consists of.
_MEMORY = {
    pa.int8(): "b",
    pa.int16(): "h",
    pa.int32(): "i",
    pa.int64(): "q",
    pa.uint8(): "B",
    pa.uint16(): "H",
    pa.uint32(): "I",
    pa.uint64(): "Q",
}
# DuckDB 2.0.0 counts removed rows when it chooses row groups for ORDER BY … LIMIT, and then returns too few rows.
_OPTIONS = {"disabled_optimizers": "row_group_pruner"}


def _utc_now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


class DuckDbEngine:
    """A DuckDB database in a file, or in memory when *path* is None.

    Args:
        path: the file; its folder must exist.
        now: tells the instant for stamped columns, naive UTC.
        options: DuckDB settings such as ``memory_limit`` and ``threads``.

    Raises:
        Conflict: another process has the file open.
        Unavailable: the file cannot be opened.
    """

    dialect = DuckDbDialect()

    def __init__(
        self, path: Path | None = None, now: Callable[[], datetime] = _utc_now, options: Mapping[str, Any] | None = None
    ) -> None:
        self._root = _connect(path, {**_OPTIONS, **(options or {})})
        self._now = now
        self._idle: deque[duckdb.DuckDBPyConnection] = deque()
        self._writing = threading.RLock()
        self._writer = self._root.cursor()
        # Also runs when the interpreter exits, so that the file is always left in order.
        self._finalizer = weakref.finalize(self, _close_all, self._idle, self._writer, self._root)
        self._owner: int | None = None  # the thread whose transaction is open

    def execute(self, sql: str, params: Params | None = None) -> None:
        """Run a statement as the one writer."""
        with self.transaction(), _as_ours():
            self._writer.execute(sql, _bound(sql, params))

    def query(self, sql: str, params: Params | None = None, limits: Limits = ORDINARY) -> Rows:
        """Run a read on a cursor that is free, or inside the open transaction of this thread."""
        with self._lent() as cursor, _as_ours(), _interrupted_after(cursor, limits):
            cursor.execute(sql, _bound(sql, params))
            columns = tuple(column[0] for column in cursor.description or ())
            tuples = cursor.fetchall() if limits.rows is None else cursor.fetchmany(limits.rows + 1)
            if limits.rows is not None and len(tuples) > limits.rows:
                cursor.abort()
                raise TooLarge(f"the answer has more than {limits.rows} rows; narrow the question")
        return Rows(columns, tuples)

    def columns(self, sql: str, params: Params | None = None, limits: Limits = ORDINARY) -> tuple[Sequence[Any], ...]:
        """Run a read and take its answer as Arrow columns."""
        with self._lent() as cursor, _as_ours(), _interrupted_after(cursor, limits):
            read = cursor.sql(sql, params=_bound(sql, params)).to_arrow_reader(_COLUMN_ROWS)
            batches: list[pa.RecordBatch] = []
            for batch in read:
                batches.append(batch)
                if limits.rows is not None and sum(map(len, batches)) > limits.rows:
                    raise TooLarge(f"the answer has more than {limits.rows} rows; narrow the question")
        return tuple(_values(column) for column in pa.Table.from_batches(batches, read.schema).columns)

    def stream(self, sql: str, params: Params | None = None, limits: Limits = ORDINARY) -> Iterator[pa.RecordBatch]:
        """Run a read on a cursor of its own."""
        with _as_ours(), _interrupted_after(cursor := self._root.cursor(), limits):
            try:
                yield from cursor.sql(sql, params=_bound(sql, params)).to_arrow_reader(_STREAM_ROWS)
            finally:
                cursor.close()

    def insert(
        self,
        table: Table,
        rows: pa.Table | Sequence[Row],
        batch_key: str | None = None,
        attempt: str | None = None,
    ) -> bool:
        """Upsert by the primary key, or append. A failed group leaves nothing, so no attempt needs to be told apart."""
        batch = complete_batch(table, rows, self._now())
        with self.transaction():
            if batch_key is not None and self._stored_before(table, batch_key, batch.num_rows):
                return False
            self._store(table, batch)
            if table.rule is Rule.SUM:
                self._drop_zero_sums(table, batch)
        return True

    def delete(self, table: Table, keys: Sequence[Row]) -> None:
        """Delete by the primary key."""
        if table.rule is not Rule.LATEST:
            raise Invalid(f"single rows of {table.name} cannot be removed")
        condition = " AND ".join(f"{quoted(name)} = ${name}" for name in table.key)
        with self.transaction(), _as_ours():
            for key in keys:
                self._writer.execute(
                    f"DELETE FROM {quoted(table.name)} WHERE {condition}",  # noqa: S608 - names come from declarations
                    {name: key[name] for name in table.key},
                )

    def replace(self, contents: Mapping[Table, pa.Table | Sequence[Row]]) -> None:
        """Swap content in one transaction; the previous content moves to its shadow table."""
        now = self._now()
        batches = {table: complete_batch(table, rows, now) for table, rows in contents.items()}
        with self.transaction(), _as_ours():
            for table, batch in batches.items():
                name, shadow = quoted(table.name), PREVIOUS.get(table)
                if shadow is not None:
                    self._writer.execute(f"DELETE FROM {quoted(shadow.name)}")  # noqa: S608
                    self._writer.execute(f"INSERT INTO {quoted(shadow.name)} BY NAME SELECT * FROM {name}")  # noqa: S608
                self._writer.execute(f"DELETE FROM {name}")  # noqa: S608
                self._write(_insert_statement(table, table.name), batch)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """BEGIN and COMMIT around the block; nested groups join the outer one."""
        with self._writing:
            if self._owner is not None:  # part of the group that this thread has open already
                yield
                return
            self._owner = threading.get_ident()
            try:
                with _as_ours():
                    self._writer.execute("BEGIN")
                yield
                with _as_ours():
                    self._writer.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise
            finally:
                self._owner = None

    def existing(self) -> Mapping[str, Mapping[str, str]]:
        """Read the information schema."""
        found = self.query(
            "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'main'"
            " ORDER BY table_name, ordinal_position"
        )
        live: dict[str, dict[str, str]] = {}
        for table, column, data_type in found.tuples:
            live.setdefault(table, {})[column] = data_type
        return live

    def existing_keys(self) -> Mapping[str, tuple[str, ...]]:
        """Read the primary keys."""
        found = self.query(
            "SELECT t.table_name, c.constraint_column_names FROM duckdb_tables() t LEFT JOIN duckdb_constraints() c"
            " ON c.table_oid = t.table_oid AND c.constraint_type = 'PRIMARY KEY' WHERE t.schema_name = 'main'"
        )
        return {table: tuple(columns or ()) for table, columns in found.tuples}

    def close(self) -> None:
        """Close all cursors; the file is free afterwards."""
        with self._writing:
            self._finalizer()

    @contextmanager
    def _lent(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Lend a cursor. It belongs to no thread: threads come and go, and would leave theirs behind."""
        if self._owner == threading.get_ident():
            yield self._writer  # sees what its own transaction wrote
            return
        try:
            cursor = self._idle.pop()
        except IndexError:
            with _as_ours():
                cursor = self._root.cursor()
        try:
            yield cursor
        finally:
            self._idle.append(cursor)

    def _store(self, table: Table, batch: pa.Table) -> None:
        if table.rule is not Rule.LATEST or len(table.key) > 1 or batch.num_rows > _LOOKED_UP_ROWS:
            self._write(_insert_statement(table, table.name), batch)
            return
        # ON CONFLICT reads the whole key column; a small batch looks its keys up in the index instead.
        name, key = quoted(table.name), quoted(table.key[0])
        with _as_ours():
            find = f"SELECT {key} FROM {name} WHERE {key} IN $keys"  # noqa: S608
            found = self._writer.execute(find, {"keys": batch[table.key[0]].to_pylist()}).fetchall()
            if found:
                remove = f"DELETE FROM {name} WHERE {key} IN $keys"  # noqa: S608
                self._writer.execute(remove, {"keys": [one for (one,) in found]})
        self._write(_plain_insert(table, table.name), batch)

    def _drop_zero_sums(self, table: Table, batch: pa.Table) -> None:
        if all(pc.all(pc.greater(batch[name], 0)).as_py() for name in table.values):
            return
        zero = " AND ".join(f"{quoted(name)} = 0" for name in table.values)
        with _as_ours():
            self._writer.execute(f"DELETE FROM {quoted(table.name)} WHERE {zero}")  # noqa: S608

    def _roll_back(self) -> None:
        # It fails when there is no transaction (any more), or no database; what went wrong before is what callers hear.
        with suppress(duckdb.Error):
            self._writer.execute("ROLLBACK")

    def _stored_before(self, table: Table, batch_key: str, rows: int) -> bool:
        self._write(
            "INSERT INTO stored_batches BY NAME SELECT * FROM batch ON CONFLICT DO NOTHING RETURNING batch_key",
            complete_batch(
                STORED_BATCHES, [{"table_name": table.name, "batch_key": batch_key, "rows": rows}], self._now()
            ),
        )
        return not self._writer.fetchall()

    def _write(self, statement: str, batch: pa.Table) -> None:
        with _as_ours():
            self._writer.register("batch", batch)
            try:
                self._writer.execute(statement)
            finally:
                self._writer.unregister("batch")


def _values(column: pa.ChunkedArray) -> list[Any]:
    """Return the values of *column*; texts and times repeat, and making each once takes a tenth of the time."""
    if column.type in _MEMORY and not column.null_count:
        return [number for chunk in column.chunks for number in _numbers(chunk)]
    coded = column.combine_chunks().dictionary_encode()
    distinct = coded.dictionary.to_pylist()
    return [None if code is None else distinct[code] for code in coded.indices.to_pylist()]


def _numbers(column: pa.Array) -> list[int]:
    # As fast as numpy, which Arrow would ask for and an installation of the service lacks.
    memory = memoryview(column.buffers()[1]).cast(_MEMORY[column.type])
    return memory[column.offset : column.offset + len(column)].tolist()


def _close_all(cursors: Iterable[duckdb.DuckDBPyConnection], *owners: duckdb.DuckDBPyConnection) -> None:
    for connection in [*cursors, *owners]:
        connection.close()


def _connect(path: Path | None, options: dict[str, Any]) -> duckdb.DuckDBPyConnection:
    try:
        return duckdb.connect(":memory:" if path is None else str(path), config=options)
    except duckdb.IOException as exc:
        holder = _HOLDER.search(str(exc))
        if holder is None:
            raise Unavailable(f"cannot open the DuckDB database {path}: {exc}") from exc
        raise Conflict(
            f"the DuckDB database {path} is in use by process {holder[1]}, and DuckDB lets one process write: stop that"
            " process, send your request to its HTTP API, or keep the data in ClickHouse (storage.database ="
            " 'clickhouse://user:password@host:8123/ooni'), which serves many processes"
        ) from exc
    except duckdb.Error as exc:
        raise Unavailable(f"cannot open the DuckDB database {path}: {exc}") from exc


def _bound(sql: str, params: Params | None) -> dict[str, Any]:
    # DuckDB refuses values that the statement does not mention
    return {name: value for name, value in (params or {}).items() if re.search(rf"\${name}\b", sql)}


def _plain_insert(table: Table, name: str) -> str:
    columns = ", ".join(map(quoted, table.column_names))
    return f"INSERT INTO {quoted(name)} ({columns}) SELECT {columns} FROM batch"  # noqa: S608


def _insert_statement(table: Table, name: str) -> str:
    statement = _plain_insert(table, name)
    if table.rule is Rule.APPEND:
        return statement
    if not table.values:
        return f"{statement} ON CONFLICT DO NOTHING"
    plus = f"{quoted(name)}.{{0}} + " if table.rule is Rule.SUM else ""
    changes = ", ".join(f"{{0}} = {plus}EXCLUDED.{{0}}".format(quoted(value)) for value in table.values)
    return f"{statement} ON CONFLICT ({', '.join(map(quoted, table.key))}) DO UPDATE SET {changes}"


@contextmanager
def _as_ours() -> Iterator[None]:
    try:
        yield
    except duckdb.ConversionException as exc:
        raise Invalid(str(exc)) from exc
    except (duckdb.Error, pa.ArrowException, OSError) as exc:  # of a stream, Arrow tells what went wrong
        if isinstance(exc, duckdb.InterruptException) or str(exc).startswith("INTERRUPT"):
            raise QueryTimeout(
                "the query took too long and was cancelled; narrow it, for instance with since/until"
            ) from exc
        raise Unavailable(f"DuckDB: {exc}") from exc


@contextmanager
def _interrupted_after(cursor: duckdb.DuckDBPyConnection, limits: Limits) -> Iterator[None]:
    deadline = Cancellation()  # which is over when the block is: it cannot hit the cursor's next query
    timer = threading.Timer(limits.seconds, deadline.cancel) if limits.seconds is not None else None
    if timer is not None:
        timer.daemon = True
        timer.start()
    try:
        with deadline.stopping(cursor.interrupt), limits.stopping(cursor.interrupt):
            yield
    finally:
        if timer is not None:
            timer.cancel()
