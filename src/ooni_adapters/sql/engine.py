"""What every SQL engine offers to the code that is written once for all of them.

SQL text uses ``$name`` for each value; engines bind them, nothing is ever pasted into the text. Reading a table gives
one row per key on every engine, because engines apply the table's rule (:class:`ooni_adapters.sql.schema.Rule`).
Times are naive and mean UTC, in and out.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any, Protocol

import attrs
import pyarrow as pa

from ooni_adapters.sql.dialect import Dialect
from ooni_adapters.sql.schema import Table
from ooni_core.errors import OoniError, QueryTimeout

_log = logging.getLogger(__name__)

_AGAIN_SECONDS = 0.2

Params = Mapping[str, Any]
Row = Mapping[str, Any]


class Cancellation:
    """Lets one thread stop the query that another one waits for, for instance because its client went away."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._interrupt: Callable[[], None] | None = None
        self.cancelled = False

    def cancel(self) -> None:
        """Stop the running query; it raises QueryTimeout. A query that would start later is not started."""
        with self._lock:
            self.cancelled = True
            if self._interrupt is None:
                return
            self._interrupt()
        # No engine notices an interrupt that comes just before its query begins.
        again = threading.Timer(_AGAIN_SECONDS, self._cancel_again)
        again.daemon = True
        again.start()

    def _cancel_again(self) -> None:
        try:
            self.cancel()
        except OoniError as exc:
            _log.info("a query that was cancelled may go on until its time limit: %s", exc)

    @contextmanager
    def stopping(self, interrupt: Callable[[], None]) -> Iterator[None]:
        """Say how to stop the query that runs inside the block. For engines.

        Raises:
            QueryTimeout: it was cancelled before.
        """
        with self._lock:
            if self.cancelled:
                raise QueryTimeout("the query took too long, or nobody waits for it any more: it was cancelled")
            self._interrupt = interrupt
        try:
            yield
        finally:
            with self._lock:
                self._interrupt = None


_AMBIENT: ContextVar[Cancellation | None] = ContextVar("cancellation", default=None)


@contextmanager
def cancellable() -> Iterator[Callable[[], None]]:
    """Yield what cancels every query that begins inside the block, also those of tasks and threads it hands work to."""
    cancellation = Cancellation()
    token = _AMBIENT.set(cancellation)
    try:
        yield cancellation.cancel
    finally:
        _AMBIENT.reset(token)


@attrs.frozen
class Limits:
    """What a read may cost.

    Attributes:
        seconds: time after which it is cancelled; None for no limit (jobs, never requests).
        rows: most rows it may return; None for no limit.
        cancellation: a way to stop it earlier; None for that of the surrounding `cancellable`, if any.
    """

    seconds: float | None = 30.0
    rows: int | None = 1_000_000
    cancellation: Cancellation | None = None

    def stopping(self, interrupt: Callable[[], None]) -> AbstractContextManager[None]:
        """Say how to stop the query that runs inside the block. For engines; raises as `Cancellation.stopping` does."""
        cancellation = self.cancellation or _AMBIENT.get()
        return nullcontext() if cancellation is None else cancellation.stopping(interrupt)


ORDINARY = Limits()


@attrs.frozen
class Deadline:
    """The end of a question that takes several statements.

    Attributes:
        at: as ``time.monotonic`` tells it.
    """

    at: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """Begin now."""
        return cls(time.monotonic() + seconds)

    def limits(self, rows: int | None = ORDINARY.rows) -> Limits:
        """Return what the next statement may cost."""
        return Limits(seconds=max(self.at - time.monotonic(), 0.001), rows=rows)


UNLIMITED = Limits(seconds=None, rows=None)


@attrs.frozen
class Rows:
    """The answer to a query: column names and one tuple per row."""

    columns: tuple[str, ...]
    tuples: Sequence[tuple[Any, ...]]

    def dicts(self) -> list[dict[str, Any]]:
        """Return the rows as dictionaries by column name."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.tuples]

    def scalar(self) -> Any:
        """Return the first value of the first row, None when there is no row."""
        return self.tuples[0][0] if self.tuples else None

    def __len__(self) -> int:
        return len(self.tuples)


class SqlEngine(Protocol):
    """One database. Any thread may call any method; reads never wait for writes."""

    @property
    def dialect(self) -> Dialect:
        """The expressions that this engine spells in its own way."""

    def execute(self, sql: str, params: Params | None = None) -> None:
        """Run a statement that returns nothing, such as DDL.

        Raises:
            Unavailable: the engine failed; inside a transaction nothing of it will stay.
        """

    def query(self, sql: str, params: Params | None = None, limits: Limits = ORDINARY) -> Rows:
        """Run a read.

        Raises:
            QueryTimeout: it took longer than its limit, or was cancelled.
            TooLarge: it has more rows than its limit.
            Unavailable: the engine failed.
        """

    def columns(self, sql: str, params: Params | None = None, limits: Limits = ORDINARY) -> tuple[Sequence[Any], ...]:
        """Run a read and return its values column by column, in one sequence for each.

        Much faster than ``query`` for answers of many rows; one without rows may come without columns. Raises as
        ``query`` does.
        """

    def stream(self, sql: str, params: Params | None = None, limits: Limits = ORDINARY) -> Iterator[pa.RecordBatch]:
        """Run a read and hand its rows over in Arrow batches, without holding them all in memory.

        The row limit does not apply; the time limit counts until the last batch is taken. Raises as ``query`` does.
        """

    def insert(
        self,
        table: Table,
        rows: pa.Table | Sequence[Row],
        batch_key: str | None = None,
        attempt: str | None = None,
    ) -> bool:
        """Store *rows*, all or none, by the rule of *table*. Columns that are missing get their declared default.

        Args:
            table: where they go.
            rows: with column names of *table*.
            batch_key: names this batch. A batch whose key was stored before adds nothing, so a retry is safe.
            attempt: names a part of a group of writes that is repeated when it fails. An engine that cannot undo the
                group lets the same attempt, among its latest, add nothing; no record is kept of it.

        Returns:
            False when nothing was added because the batch had been stored before.

        Raises:
            Invalid: a column is not in the table, or a value does not fit its column.
            Unavailable: nothing was stored.
        """

    def delete(self, table: Table, keys: Sequence[Row]) -> None:
        """Remove the rows with these keys (all key columns given); unknown ones are ignored. LATEST tables only.

        Raises:
            Unavailable: nothing was removed.
        """

    def replace(self, contents: Mapping[Table, pa.Table | Sequence[Row]]) -> None:
        """Give tables new content. A reader of a table sees the old content or the new one, never less.

        Raises:
            Invalid: a column is not in the table, or a value does not fit its column; nothing was changed.
            Unavailable: the engine failed; each table has its old or its new content.
        """

    def transaction(self) -> AbstractContextManager[None]:
        """Group writes of this thread; other writers of this process wait.

        Where the engine has transactions, an exception undoes the group. ClickHouse has none: there the statements
        take effect one by one, so a group must be safe to repeat.
        """

    def existing(self) -> Mapping[str, Mapping[str, str]]:
        """Return the live tables and their columns: ``{table: {column: type text of this engine}}``."""

    def existing_keys(self) -> Mapping[str, tuple[str, ...]]:
        """Return the key columns of the live tables, in order; a table that only passes reads on has no entry."""

    def close(self) -> None:
        """Let go of files and connections."""
