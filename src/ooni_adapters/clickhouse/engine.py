"""A SqlEngine on ClickHouse, by one client: over HTTP to a server, or in this process on the embedded engine.

ClickHouse has no transactions and no unique keys. Rows with an equal key are told apart by ``row_version``, which this
engine fills, and reads run with the setting ``final``, which gives one row per key whether or not a merge has happened.
"""

import threading
import time
import uuid
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import clickhouse_connect
import pyarrow as pa
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import Error
from urllib3.exceptions import HTTPError

from ooni_adapters.clickhouse.address import Address
from ooni_adapters.clickhouse.binding import typed
from ooni_adapters.clickhouse.dialect import DELETED_COLUMN, VERSION_COLUMN, ClickHouseDialect, quoted
from ooni_adapters.clickhouse.times import naive_batch, naive_columns, naive_rows
from ooni_adapters.sql.batches import complete_batch
from ooni_adapters.sql.engine import ORDINARY, UNLIMITED, Limits, Params, Row, Rows
from ooni_adapters.sql.schema import Rule, Table
from ooni_adapters.sql.tables import PREVIOUS, STORED_BATCHES
from ooni_core.errors import Invalid, QueryTimeout, TooLarge, Unavailable

_TIMED_OUT = {159, 394}  # TIMEOUT_EXCEEDED, QUERY_WAS_CANCELLED
_TOO_MANY_ROWS = {158, 396}
_READING = {
    "final": 1,
    # Skipping granules by an index must not hide the newer version of a row from FINAL.
    "use_skip_indexes_if_final": 1,
    "use_skip_indexes_if_final_exact_mode": 1,
    "distributed_product_mode": "global",
    "output_format_arrow_string_as_string": 1,
    "join_use_nulls": 1,
}
_WRITING = {
    # One insert is one block, and one block is stored whole or not at all.
    "max_insert_block_size": 100_000_000,
    "min_insert_block_size_rows": 100_000_000,
    "min_insert_block_size_bytes": 0,
    "input_format_parallel_parsing": 0,
    "async_insert": 0,
    "distributed_foreground_insert": 1,
}


def _utc_now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


class ClickHouseEngine:
    """A ClickHouse database.

    Args:
        url: see :meth:`~ooni_adapters.clickhouse.address.Address.parse`.
        now: tells the instant for stamped columns, naive UTC.

    Raises:
        Invalid: the URL is not one.
        Unavailable: the server does not answer, or the folder cannot be opened.
    """

    def __init__(self, url: str, now: Callable[[], datetime] = _utc_now) -> None:
        self._address = Address.parse(url)
        self.dialect = ClickHouseDialect(self._address.cluster)
        self._now = now
        self._idle: deque[Client] = deque()
        self._writing = threading.RLock()
        self._last_version = 0
        self._closed = False
        # Also runs when the interpreter exits: the embedded engine must not outlive its clients.
        self._finalizer = weakref.finalize(self, _close_all, self._idle)
        self._make_database()

    def execute(self, sql: str, params: Params | None = None) -> None:
        """Run a statement, which may read as well: an INSERT from a SELECT sees one row per key."""
        statement, values = typed(sql, params)
        with self._lent() as client, _as_ours():
            client.command(statement, parameters=values, settings=_READING)

    def query(self, sql: str, params: Params | None = None, limits: Limits = ORDINARY) -> Rows:
        """Run a read; the server enforces the limits."""
        statement, values = typed(sql, params)
        with self._lent() as client, _as_ours(), self._killable(statement, limits) as marked:
            result = client.query(marked, parameters=values, settings=_read_settings(limits))
            tuples = naive_rows(result.result_rows, [kind.name for kind in result.column_types])
        return Rows(tuple(result.column_names), tuples)

    def columns(self, sql: str, params: Params | None = None, limits: Limits = ORDINARY) -> tuple[Sequence[Any], ...]:
        """Run a read; columns are how ClickHouse sends it."""
        statement, values = typed(sql, params)
        with self._lent() as client, _as_ours(), self._killable(statement, limits) as marked:
            result = client.query(marked, parameters=values, settings=_read_settings(limits))
            kinds = [kind.name for kind in result.column_types]
            return tuple(naive_columns(result.result_columns, kinds))

    def stream(self, sql: str, params: Params | None = None, limits: Limits = ORDINARY) -> Iterator[pa.RecordBatch]:
        """Run a read on a client of its own."""
        statement, values = typed(sql, params)
        settings = _read_settings(attrs.evolve(limits, rows=None))
        client = self._connect()
        try:
            with _as_ours(), self._killable(statement, limits) as marked:
                described = client.query(f"DESCRIBE ({statement})", parameters=values, settings=settings).result_rows
                seconds = [row[0] for row in described if "DateTime" in row[1] and "DateTime64" not in row[1]]
                with client.query_arrow_stream(marked, parameters=values, settings=settings) as batches:
                    for batch in batches:
                        yield naive_batch(batch, seconds)
        finally:
            client.close()

    def insert(
        self,
        table: Table,
        rows: pa.Table | Sequence[Row],
        batch_key: str | None = None,
        attempt: str | None = None,
    ) -> bool:
        """Insert one block. Its key is also ClickHouse's deduplication token, for two writers at once."""
        batch = complete_batch(table, rows, self._now())
        if batch_key is not None and self._stored_before(table, batch_key):
            return False
        self._write(table, table.name, batch, batch_key or attempt)
        if batch_key is not None:
            record = {"table_name": table.name, "batch_key": batch_key, "rows": batch.num_rows}
            self._write(
                STORED_BATCHES, STORED_BATCHES.name, complete_batch(STORED_BATCHES, [record], self._now()), None
            )
        return True

    def delete(self, table: Table, keys: Sequence[Row]) -> None:
        """Insert rows that stand for the removal."""
        if table.rule is not Rule.LATEST:
            raise Invalid(f"single rows of {table.name} cannot be removed")
        if keys:
            gone = complete_batch(table, [{name: key[name] for name in table.key} for key in keys], self._now())
            self._write(table, table.name, gone, None, deleted=1)

    def replace(self, contents: Mapping[Table, pa.Table | Sequence[Row]]) -> None:
        """Fill a twin of each table, then exchange them: atomic for each table, and one right after the other."""
        batches = {table: complete_batch(table, rows, self._now()) for table, rows in contents.items()}
        with self.transaction(), self._twins(list(batches)) as twins:
            for table, batch in batches.items():
                self._write(table, twins[table], batch, None)
            self._exchange({table.name: twin for table, twin in twins.items()})
            self._exchange({PREVIOUS[table].name: twin for table, twin in twins.items() if table in PREVIOUS})

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Let one thread of this process write at a time; ClickHouse cannot undo."""
        with self._writing:
            yield

    def existing(self) -> Mapping[str, Mapping[str, str]]:
        """Read the system tables."""
        found = self.query(
            "SELECT table, name, type FROM system.columns WHERE database = currentDatabase() ORDER BY table, position",
            limits=UNLIMITED,
        )
        live: dict[str, dict[str, str]] = {}
        for table, column, kind in found.tuples:
            live.setdefault(table, {})[column] = kind
        return live

    def existing_keys(self) -> Mapping[str, tuple[str, ...]]:
        """Read the sorting keys; those of a sharded table are its replicas'."""
        found = self.query(
            "SELECT name, sorting_key FROM system.tables WHERE database = currentDatabase() AND sorting_key <> ''",
            limits=UNLIMITED,
        )
        return {table.removesuffix("_local"): tuple(key.strip("()").split(", ")) for table, key in found.tuples}

    def close(self) -> None:
        """Close the clients."""
        self._closed = True
        self._finalizer()

    def _make_database(self) -> None:
        name = self._address.client.get("database")
        if name and name != "default":
            with _as_ours():
                client = self._connect(database=None)
                try:
                    client.command(f"CREATE DATABASE IF NOT EXISTS {quoted(name)}{self._everywhere()}")
                finally:
                    client.close()
        with self._lent():
            pass  # a server that does not answer is found out now

    def _connect(self, **changes: Any) -> Client:
        arguments = {**self._address.client, **changes}
        if arguments["interface"] == "chdb":
            Path(arguments["path"]).mkdir(parents=True, exist_ok=True)
        with _as_ours():
            return clickhouse_connect.get_client(**arguments)

    @contextmanager
    def _lent(self) -> Iterator[Client]:
        """Lend a client. It belongs to no thread: threads come and go, and would leave theirs behind."""
        if self._closed:
            raise Unavailable("ClickHouse: this connection is closed")
        try:
            client = self._idle.pop()
        except IndexError:
            client = self._connect()
        try:
            yield client
        finally:
            if self._closed:
                client.close()
            else:
                self._idle.append(client)

    def _everywhere(self) -> str:
        return f" ON CLUSTER '{self.dialect.cluster}'" if self.dialect.cluster else ""

    @contextmanager
    def _twins(self, tables: Sequence[Table]) -> Iterator[Mapping[Table, str]]:
        """Lend an empty table like each of *tables*, which no other process knows."""
        for table in tables:
            if table.sharded and self.dialect.cluster:
                raise Invalid(f"{table.name} is sharded over the cluster and cannot be replaced as a whole")
        twins = {table: f"{table.name}_{uuid.uuid4().hex[:12]}" for table in tables}
        try:
            for table, twin in twins.items():
                for statement in self.dialect.create(table, twin):
                    self.execute(statement)
            yield twins
        finally:
            for twin in twins.values():
                self.execute(f"DROP TABLE IF EXISTS {quoted(twin)}{self._everywhere()} SYNC")

    def _exchange(self, names: Mapping[str, str]) -> None:
        if names:
            pairs = ", ".join(f"{quoted(one)} AND {quoted(other)}" for one, other in names.items())
            self.execute(f"EXCHANGE TABLES {pairs}{self._everywhere()}")

    def _stored_before(self, table: Table, batch_key: str) -> bool:
        found = self.query(
            "SELECT count(*) FROM stored_batches WHERE table_name = $table_name AND batch_key = $batch_key",
            {"table_name": table.name, "batch_key": batch_key},
        )
        return bool(found.scalar())

    def _write(self, table: Table, name: str, batch: pa.Table, token: str | None, deleted: int = 0) -> None:
        if not batch.num_rows:
            return
        # A token of its own, because ClickHouse would drop a batch that happens to equal an earlier one.
        settings = {**_WRITING, "insert_deduplicate": 1, "insert_deduplication_token": token or uuid.uuid4().hex}
        with self._writing, self._lent() as client, _as_ours():
            stamped = self._with_version(batch, deleted) if table.rule is Rule.LATEST else batch
            client.insert_arrow(name, stamped, settings=settings)

    def _with_version(self, batch: pa.Table, deleted: int) -> pa.Table:
        # Nanoseconds, so that the order of writes is also right between processes whose clocks agree.
        self._last_version = max(self._last_version + 1, time.time_ns())
        versions = pa.repeat(pa.scalar(self._last_version, pa.uint64()), batch.num_rows)
        removals = pa.repeat(pa.scalar(deleted, pa.uint8()), batch.num_rows)
        return batch.append_column(VERSION_COLUMN, versions).append_column(DELETED_COLUMN, removals)

    @contextmanager
    def _killable(self, statement: str, limits: Limits) -> Iterator[str]:
        mark = f"ooni-{uuid.uuid4().hex}"
        with limits.stopping(lambda: self._kill(mark)):
            yield f"/* {mark} */ {statement}"

    def _kill(self, mark: str) -> None:
        client = self._connect()  # that of this thread may be the one that waits
        try:
            with _as_ours():
                client.command(
                    "KILL QUERY WHERE user = currentUser() AND query LIKE {like:String}"
                    " AND query NOT LIKE 'KILL%' ASYNC",
                    parameters={"like": f"%{mark}%"},
                )
        finally:
            client.close()


def _close_all(clients: deque[Client]) -> None:
    while clients:
        clients.pop().close()


def _read_settings(limits: Limits) -> dict[str, Any]:
    settings: dict[str, Any] = dict(_READING)
    if limits.seconds is not None:
        settings |= {"max_execution_time": limits.seconds, "timeout_overflow_mode": "throw"}
    if limits.rows is not None:
        settings |= {"max_result_rows": limits.rows, "result_overflow_mode": "throw"}
    return settings


@contextmanager
def _as_ours() -> Iterator[None]:
    try:
        yield
    except Error as exc:
        code = getattr(exc, "code", None)
        if code in _TIMED_OUT:
            raise QueryTimeout(
                "the query took too long and was cancelled; narrow it, for instance with since/until"
            ) from exc
        if code in _TOO_MANY_ROWS:
            raise TooLarge("the answer has too many rows; narrow the question") from exc
        raise Unavailable(f"ClickHouse: {exc}") from exc
    except (HTTPError, pa.ArrowException, OSError) as exc:  # a stream that ends too early
        raise Unavailable(f"ClickHouse: {exc}") from exc
