"""How DuckDB spells what engines spell differently."""

import attrs

from ooni_adapters.sql.schema import EPOCH, Column, Kind, Rule, Table

_TYPES = {
    Kind.TEXT: "VARCHAR",
    Kind.LABEL: "VARCHAR",
    Kind.BOOL: "BOOLEAN",
    Kind.INT8: "TINYINT",
    Kind.UINT8: "UTINYINT",
    Kind.INT32: "INTEGER",
    Kind.UINT32: "UINTEGER",
    Kind.INT64: "BIGINT",
    Kind.UINT64: "UBIGINT",
    Kind.FLOAT32: "FLOAT",
    Kind.FLOAT64: "DOUBLE",
    Kind.DATE: "DATE",
    Kind.TIME: "TIMESTAMP",
    Kind.TIME_MS: "TIMESTAMP",
    Kind.TEXTS: "VARCHAR[]",
    Kind.UINT32S: "UINTEGER[]",
}


def quoted(name: str) -> str:
    """Return *name* as an identifier."""
    return '"' + name.replace('"', '""') + '"'


def _path(path: tuple[str, ...]) -> str:
    return "'$" + "".join(f'."{step}"' for step in path) + "'"


@attrs.frozen
class DuckDbDialect:
    """See :class:`ooni_adapters.sql.dialect.Dialect`."""

    name: str = "duckdb"

    def bucket(self, grain: str, instant: str) -> str:
        """Truncate; Sundays begin weeks."""
        if grain == "hour":
            return f"date_trunc('hour', {instant})"
        if grain == "day":
            return f"CAST({instant} AS DATE)"
        if grain == "week":  # date_trunc would begin it on Monday
            return f"(CAST({instant} AS DATE) - CAST(dayofweek({instant}) AS INTEGER))"
        return f"CAST(date_trunc('{_grain(grain)}', {instant}) AS DATE)"

    def iso_week(self, instant: str) -> str:
        """Truncate to Monday."""
        return f"CAST(date_trunc('week', {instant}) AS DATE)"

    def json_text(self, document: str, *path: str) -> str:
        """Extract as text."""
        return f"coalesce(json_extract_string({document}, {_path(path)}), '')"

    def json_number(self, document: str, *path: str) -> str:
        """Extract as a float."""
        return f"coalesce(TRY_CAST(json_extract_string({document}, {_path(path)}) AS DOUBLE), 0)"

    def contains(self, list_column: str, item: str) -> str:
        """Ask a list."""
        return f"list_contains({list_column}, {item})"

    def overlaps(self, list_column: str, items: str) -> str:
        """Ask two lists."""
        return f"list_has_any({list_column}, {items})"

    def distinct(self, expression: str) -> str:
        """Count exactly."""
        return f"count(DISTINCT {expression})"

    def fingerprint(self, expression: str) -> str:
        """Combine hashes."""
        return f"bit_xor(hash({expression}))"

    def quantile(self, level: float, expression: str) -> str:
        """Interpolate."""
        return f"quantile_cont({expression}, {level!r})"

    def minus_days(self, instant: str, days: int) -> str:
        """Subtract an interval."""
        return f"({instant} - INTERVAL {int(days)} DAY)"

    def column_type(self, column: Column) -> str:
        """Look the kind up."""
        return _TYPES[column.kind]

    def create(self, table: Table, name: str | None = None) -> list[str]:
        """Make the table with its primary key, and an index per looked-up column."""
        called = name or table.name
        parts = [f"{quoted(c.name)} {_TYPES[c.kind]}{'' if c.nullable else ' NOT NULL'}" for c in table.columns]
        if table.rule is not Rule.APPEND:
            parts.append(f"PRIMARY KEY ({', '.join(map(quoted, table.key))})")
        made = [f"CREATE TABLE IF NOT EXISTS {quoted(called)} ({', '.join(parts)})"]
        for column in table.indexes:
            index = quoted(f"{called}_by_{column}")
            made.append(f"CREATE INDEX IF NOT EXISTS {index} ON {quoted(called)} ({quoted(column)})")
        return made

    def stored_as(self, table: Table) -> tuple[str, ...]:
        """A table is one table."""
        return (table.name,)

    def drop(self, name: str) -> list[str]:
        """Drop the table where it is."""
        return [f"DROP TABLE IF EXISTS {quoted(name)}"]

    def add_column(self, table: Table, column: Column) -> list[str]:
        """Add the column with its default."""
        # DuckDB cannot add NOT NULL columns; the default reaches existing rows, and the writer fills new ones.
        return [
            f"ALTER TABLE {quoted(table.name)} ADD COLUMN IF NOT EXISTS {quoted(column.name)} {_TYPES[column.kind]}"
            + ("" if column.nullable else f" DEFAULT {_literal(column)}")
        ]


def _grain(grain: str) -> str:
    if grain not in {"month", "year"}:
        raise ValueError(f"there is no grain {grain!r}")
    return grain


def _literal(column: Column) -> str:
    value = column.fill(EPOCH)
    if isinstance(value, tuple):
        return "[]"
    if isinstance(value, (bool, int, float)):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"
