"""Rows that carry a sign: +1 says that a row holds, -1 takes an equal row back.

Files and older systems change such tables by appending pairs of rows. Here the pairs are resolved when they are stored,
so that the table holds each rule once and readers need not know about signs.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ooni_adapters.sql.engine import UNLIMITED, SqlEngine
from ooni_adapters.sql.schema import Table

_SIGN = "sign"


def apply_signed(engine: SqlEngine, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store signed rows: equal +1 and -1 rows annul each other, in whatever order they come.

    A -1 row without its partner in *rows* removes an equal stored row and is ignored when there is none. Of several +1
    rows with one key the last stays.

    Args:
        engine: the database.
        table: has a column ``sign`` outside its key.
        rows: every column of the table given.

    Raises:
        Unavailable: the database failed; on ClickHouse a part may be stored, and storing all again completes it.
    """
    names = [name for name in table.column_names if name != _SIGN]
    balance: Counter[tuple[Any, ...]] = Counter()
    for row in rows:
        content = tuple(row[name] for name in names)
        balance[content] = balance.pop(content, 0) + row[_SIGN]  # moved to the end: the last one of a key wins
    with engine.transaction():
        stored = _stored(engine, table, names)
        taken_back = [c for c, total in balance.items() if total < 0 and c in stored]
        engine.delete(table, [dict(zip(names, content, strict=True)) for content in taken_back])
        holding = [c for c, total in balance.items() if total > 0]
        engine.insert(table, [{**dict(zip(names, content, strict=True)), _SIGN: 1} for content in holding])


def _stored(engine: SqlEngine, table: Table, names: Sequence[str]) -> set[tuple[Any, ...]]:
    columns = ", ".join(names)
    return set(engine.query(f"SELECT {columns} FROM {table.name}", limits=UNLIMITED).tuples)  # noqa: S608
