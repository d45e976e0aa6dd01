"""The words in which tables are declared. One declaration gives the DDL of every engine."""

import enum
from datetime import date, datetime
from typing import Any

import attrs

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - storage times are naive UTC


class Kind(enum.Enum):
    """What a column holds."""

    TEXT = "text"
    LABEL = "text with few distinct values"
    BOOL = "true or false"
    INT8 = "integer, 8 bits"
    UINT8 = "integer from 0, 8 bits"
    INT32 = "integer, 32 bits"
    UINT32 = "integer from 0, 32 bits"
    INT64 = "integer, 64 bits"
    UINT64 = "integer from 0, 64 bits"
    FLOAT32 = "number, 32 bits"
    FLOAT64 = "number, 64 bits"
    DATE = "day"
    TIME = "instant, to the second"
    TIME_MS = "instant, to the millisecond"
    TEXTS = "list of texts"
    UINT32S = "list of 32 bit integers from 0"


_ZERO: dict[Kind, Any] = {
    Kind.TEXT: "",
    Kind.LABEL: "",
    Kind.BOOL: False,
    Kind.FLOAT32: 0.0,
    Kind.FLOAT64: 0.0,
    Kind.DATE: date(1970, 1, 1),
    Kind.TIME: EPOCH,
    Kind.TIME_MS: EPOCH,
    Kind.TEXTS: (),
    Kind.UINT32S: (),
}


class Rule(enum.Enum):
    """What happens when rows with an equal key meet."""

    LATEST = "the row inserted last replaces the earlier one"
    SUM = "the columns outside the key are added up"
    APPEND = "all rows stay"


@attrs.frozen
class Column:
    """One column.

    Attributes:
        default: what a row that does not name the column gets; when not given, the zero of its kind.
        nullable: the value may be unknown; its default is then None.
        stamped: gets the instant of insertion when a row does not name it.
    """

    name: str
    kind: Kind
    default: Any = attrs.field(default=None)
    nullable: bool = False
    stamped: bool = False

    def fill(self, now: datetime) -> Any:
        """Return what a row that does not name this column gets."""
        if self.stamped:
            return now
        if self.default is not None or self.nullable:
            return self.default
        return _ZERO.get(self.kind, 0)


@attrs.frozen(eq=False)
class Table:
    """One table.

    Attributes:
        columns: in their order on disk.
        key: the columns that identify a row; for APPEND tables the order in which rows are laid out.
        rule: see :class:`Rule`.
        indexes: further columns by which single rows are looked up.
        ranges: further columns by which ranges are read.
        sharded: on a cluster, the columns whose hash says which shard holds a row; empty: every host has all rows.
        private: holds something about people or secrets; never part of a public export.
        doc: one line for ``ooni schema show``.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    rule: Rule = Rule.LATEST
    indexes: tuple[str, ...] = ()
    ranges: tuple[str, ...] = ()
    sharded: tuple[str, ...] = ()
    private: bool = False
    doc: str = ""

    def __attrs_post_init__(self) -> None:
        unknown = {*self.key, *self.indexes, *self.ranges} - set(self.column_names)
        if unknown:
            raise ValueError(f"table {self.name} is declared with a key or index on unknown columns {sorted(unknown)}")

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names in order."""
        return tuple(column.name for column in self.columns)

    @property
    def values(self) -> tuple[str, ...]:
        """Names of the columns outside the key, in order."""
        return tuple(name for name in self.column_names if name not in self.key)

    def column(self, name: str) -> Column:
        """Return the column of that name; KeyError when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)
