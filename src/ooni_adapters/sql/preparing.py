"""Making the declared tables, and saying how a live database differs from the declaration."""

from collections.abc import Iterable, Mapping

import attrs

from ooni_adapters.sql.engine import SqlEngine
from ooni_adapters.sql.schema import Rule, Table
from ooni_adapters.sql.tables import TABLES

_ALL = tuple(TABLES.values())


@attrs.frozen(order=True)
class Difference:
    """One way in which a live database is not as declared.

    Attributes:
        column: empty when the whole table is meant.
        kind: ``missing table``, ``missing column``, ``type``, ``key`` or ``extra column``.
    """

    table: str
    column: str
    kind: str
    detail: str

    @property
    def text(self) -> str:
        """One line for a person."""
        place = f"{self.table}.{self.column}" if self.column else self.table
        return f"{place}: {self.kind} ({self.detail})"


def create_tables(engine: SqlEngine, tables: Iterable[Table] = _ALL) -> None:
    """Make the tables that are not there yet; those that are stay as they are."""
    with engine.transaction():
        for table in tables:
            for statement in engine.dialect.create(table):
                engine.execute(statement)


def differences(engine: SqlEngine, tables: Iterable[Table] = _ALL) -> list[Difference]:
    """Compare the live database with the declaration; an empty list means they agree."""
    live, keys = engine.existing(), engine.existing_keys()
    found: list[Difference] = []
    for table in tables:
        for name in engine.dialect.stored_as(table):
            if name not in live:
                found.append(Difference(name, "", "missing table", table.doc))
                continue
            found.extend(_column_differences(engine, table, name, dict(live[name])))
        found.extend(_key_differences(table, keys))
    return sorted(found)


def _column_differences(engine: SqlEngine, table: Table, called: str, live: dict[str, str]) -> Iterable[Difference]:
    for column in table.columns:
        declared = engine.dialect.column_type(column)
        actual = live.pop(column.name, None)
        if actual is None:
            yield Difference(called, column.name, "missing column", f"declared as {declared}")
        elif actual != declared:
            yield Difference(called, column.name, "type", f"declared as {declared}, is {actual}")
    for name, actual in live.items():
        if not name.startswith("row_"):  # columns of the engine itself
            yield Difference(called, name, "extra column", f"is {actual}, not declared")


def _key_differences(table: Table, keys: Mapping[str, tuple[str, ...]]) -> Iterable[Difference]:
    actual = keys.get(table.name)
    if table.rule is not Rule.APPEND and actual is not None and actual != table.key:
        declared, found = ", ".join(table.key), ", ".join(actual) or "none"
        yield Difference(table.name, "", "key", f"declared as {declared}, is {found}")
