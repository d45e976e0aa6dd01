"""How ClickHouse spells what engines spell differently, and how a declared table becomes a MergeTree."""

import attrs

from ooni_adapters.sql.schema import Column, Kind, Rule, Table

_TYPES = {
    Kind.TEXT: "String",
    Kind.LABEL: "LowCardinality(String)",
    Kind.BOOL: "Bool",
    Kind.INT8: "Int8",
    Kind.UINT8: "UInt8",
    Kind.INT32: "Int32",
    Kind.UINT32: "UInt32",
    Kind.INT64: "Int64",
    Kind.UINT64: "UInt64",
    Kind.FLOAT32: "Float32",
    Kind.FLOAT64: "Float64",
    Kind.DATE: "Date",
    Kind.TIME: "DateTime('UTC')",
    Kind.TIME_MS: "DateTime64(3, 'UTC')",
    Kind.TEXTS: "Array(String)",
    Kind.UINT32S: "Array(UInt32)",
}
_TRUNCATE = {
    "hour": "toStartOfHour",
    "day": "toDate",
    "week": "toStartOfWeek",
    "month": "toStartOfMonth",
    "year": "toStartOfYear",
}

VERSION_COLUMN = "row_version"
"""Rises with every insert: among rows with an equal key the greatest wins. Filled by the engine, never by callers."""

DELETED_COLUMN = "row_deleted"
"""1 in the row that stands for a removed one."""


def quoted(name: str) -> str:
    """Return *name* as an identifier."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _path(path: tuple[str, ...]) -> str:
    return "".join(f", '{step}'" for step in path)


@attrs.frozen
class ClickHouseDialect:
    """See :class:`ooni_adapters.sql.dialect.Dialect`.

    Attributes:
        cluster: make Replicated tables on this cluster; large ones are sharded behind a Distributed table of the
            plain name, small ones are whole on every host. None: one server.
    """

    cluster: str | None = None
    name: str = "clickhouse"

    def bucket(self, grain: str, instant: str) -> str:
        """Truncate; toStartOfWeek begins weeks on Sunday."""
        if grain not in _TRUNCATE:
            raise ValueError(f"there is no grain {grain!r}")
        return f"{_TRUNCATE[grain]}({instant})"

    def iso_week(self, instant: str) -> str:
        """Truncate to Monday."""
        return f"toMonday({instant})"

    def json_text(self, document: str, *path: str) -> str:
        """Extract as text, whatever the type."""
        steps = _path(path)
        return (
            f"multiIf(JSONType({document}{steps}) = 'Null', '', JSONType({document}{steps}) = 'String',"
            f" JSONExtractString({document}{steps}), JSONExtractRaw({document}{steps}))"
        )

    def json_number(self, document: str, *path: str) -> str:
        """Extract as a float."""
        return f"toFloat64OrZero({self.json_text(document, *path)})"

    def contains(self, list_column: str, item: str) -> str:
        """Ask an array."""
        return f"has({list_column}, {item})"

    def overlaps(self, list_column: str, items: str) -> str:
        """Ask two arrays."""
        return f"hasAny({list_column}, {items})"

    def distinct(self, expression: str) -> str:
        """Count exactly."""
        return f"count(DISTINCT {expression})"

    def fingerprint(self, expression: str) -> str:
        """Combine hashes."""
        return f"groupBitXor(cityHash64({expression}))"

    def quantile(self, level: float, expression: str) -> str:
        """Interpolate."""
        return f"quantileExactInclusive({level!r})({expression})"

    def minus_days(self, instant: str, days: int) -> str:
        """Subtract an interval."""
        return f"({instant} - INTERVAL {int(days)} DAY)"

    def column_type(self, column: Column) -> str:
        """Look the kind up; only plain types can be nullable."""
        plain = _TYPES[column.kind]
        return f"Nullable({plain})" if column.nullable else plain

    def create(self, table: Table, name: str | None = None) -> list[str]:
        """Make the table; on a cluster, its replicas and the Distributed table that reads all shards."""
        called = name or table.name
        local = f"{called}_local" if self.cluster and table.sharded else called
        parts = [f"{quoted(c.name)} {self.column_type(c)}" for c in table.columns]
        if table.rule is Rule.LATEST:
            parts += [f"`{VERSION_COLUMN}` UInt64", f"`{DELETED_COLUMN}` UInt8"]
        parts += [f"INDEX by_{c} {quoted(c)} TYPE bloom_filter(0.01) GRANULARITY 1" for c in table.indexes]
        parts += [f"INDEX over_{c} {quoted(c)} TYPE minmax GRANULARITY 1" for c in table.ranges]
        statement = (
            f"CREATE TABLE IF NOT EXISTS {quoted(local)}{self._everywhere()} ({', '.join(parts)})"
            f" ENGINE = {self._engine(table, local)} ORDER BY ({', '.join(map(quoted, table.key))})"
            f"{'' if self.cluster else ' SETTINGS non_replicated_deduplication_window = 1000'}"
        )
        made = [statement]
        if local != called:
            made.append(
                f"CREATE TABLE IF NOT EXISTS {quoted(called)}{self._everywhere()} AS {quoted(local)}"
                f" ENGINE = Distributed('{self.cluster}', currentDatabase(), {quoted(local)},"
                f" cityHash64({', '.join(map(quoted, table.sharded))}))"
            )
        return made

    def stored_as(self, table: Table) -> tuple[str, ...]:
        """On a cluster, a sharded table stands before another one on each host."""
        return (table.name, f"{table.name}_local") if self.cluster and table.sharded else (table.name,)

    def drop(self, name: str) -> list[str]:
        """Drop the Distributed table where it is, and what it stands in front of."""
        names = [name, f"{name}_local"] if self.cluster else [name]
        return [f"DROP TABLE IF EXISTS {quoted(each)}{self._everywhere()} SYNC" for each in names]

    def add_column(self, table: Table, column: Column) -> list[str]:
        """Add the column to the replicas first, then to the Distributed table in front of them."""
        return [
            f"ALTER TABLE {quoted(name)}{self._everywhere()}"
            f" ADD COLUMN IF NOT EXISTS {quoted(column.name)} {self.column_type(column)}{_default(column)}"
            for name in reversed(self.stored_as(table))
        ]

    def _everywhere(self) -> str:
        return f" ON CLUSTER '{self.cluster}'" if self.cluster else ""

    def _engine(self, table: Table, name: str) -> str:
        family, arguments = {
            Rule.LATEST: ("ReplacingMergeTree", [VERSION_COLUMN, DELETED_COLUMN]),
            Rule.SUM: ("SummingMergeTree", []),
            Rule.APPEND: ("MergeTree", []),
        }[table.rule]
        if self.cluster:
            # A small table is one set of replicas over all hosts; a large one has a set per shard.
            shard = "{shard}" if table.sharded else "all"
            arguments = [f"'/clickhouse/tables/{shard}/{{database}}/{name}/{{uuid}}'", "'{replica}'", *arguments]
            family = f"Replicated{family}"
        return f"{family}({', '.join(arguments)})"


def _default(column: Column) -> str:
    """For rows from before the column; what is not said is the zero of its type already."""
    if column.default is None:
        return ""
    if isinstance(column.default, str):
        return " DEFAULT '" + column.default.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return f" DEFAULT {column.default}"
