"""Bringing a database to the declared schema, and saying how a live one differs from it."""

from collections.abc import Iterable

import attrs

from ooni_adapters.sql.engine import SqlEngine
from ooni_adapters.sql.schema import Table
from ooni_adapters.sql.tables import TABLES


@attrs.frozen(order=True)
class Difference:
    """One way in which a live database is not as declared.

    Attributes:
        kind: ``missing table``, ``missing column``, ``type`` or ``extra column``.
    """

    table: str
    column: str
    kind: str
    detail: str


def create_tables(engine: SqlEngine, tables: Iterable[Table] = tuple(TABLES.values())) -> None:
    """Make the tables that are not there yet; those that are stay as they are."""
    for table in tables:
        for statement in engine.dialect.create(table):
            engine.execute(statement)


def differences(engine: SqlEngine, tables: Iterable[Table] = tuple(TABLES.values())) -> list[Difference]:
    """Compare the live database with the declaration; an empty list means they agree."""
    live = engine.existing()
    found: list[Difference] = []
    for table in tables:
        if table.name not in live:
            found.append(Difference(table.name, "", "missing table", table.doc))
            continue
        found.extend(_column_differences(engine, table, dict(live[table.name])))
    return sorted(found)


def _column_differences(engine: SqlEngine, table: Table, live: dict[str, str]) -> Iterable[Difference]:
    for column in table.columns:
        declared = engine.dialect.column_type(column)
        actual = live.pop(column.name, None)
        if actual is None:
            yield Difference(table.name, column.name, "missing column", f"declared as {declared}")
        elif actual != declared:
            yield Difference(table.name, column.name, "type", f"declared as {declared}, is {actual}")
    for name, actual in live.items():
        if not name.startswith("row_"):  # columns of the engine itself
            yield Difference(table.name, name, "extra column", f"is {actual}, not declared")
