"""What engines spell differently. A query that needs one of these asks the engine's dialect for the expression."""

from typing import Protocol

from ooni_adapters.sql.schema import Column, Table


class Dialect(Protocol):
    """Expressions and DDL of one engine. Arguments are SQL expressions; never values from outside.

    Portable already, and therefore not here: ``$name`` parameters (also in ``IN $list`` and ``LIMIT $n``),
    ``count(*) FILTER (WHERE …)``, ``CAST``, ``CASE``, ``coalesce``, window functions, CTEs, ``USING`` joins.
    """

    name: str

    def bucket(self, grain: str, instant: str) -> str:
        """The start of the *grain* (hour, day, week, month, year) that holds *instant*.

        A DATE, except for hour: a time. Weeks begin on Sunday.
        """

    def iso_week(self, instant: str) -> str:
        """The Monday on or before *instant*, a DATE."""

    def json_text(self, document: str, *path: str) -> str:
        """The value at *path* of a JSON text, as text without quotes; ``''`` when it is absent."""

    def json_number(self, document: str, *path: str) -> str:
        """The value at *path* of a JSON text as a 64 bit float; 0 when it is absent."""

    def contains(self, list_column: str, item: str) -> str:
        """True when the list holds the item."""

    def overlaps(self, list_column: str, items: str) -> str:
        """True when the two lists have a member in common."""

    def distinct(self, expression: str) -> str:
        """The exact number of distinct values."""

    def fingerprint(self, expression: str) -> str:
        """A number made of *expression* in all rows, in any order: another one when any of them differs."""

    def quantile(self, level: float, expression: str) -> str:
        """The quantile of *expression*, interpolated between neighbours."""

    def minus_days(self, instant: str, days: int) -> str:
        """*instant* moved back by whole days."""

    def column_type(self, column: Column) -> str:
        """How the engine writes the type of a column, as it also reports it afterwards."""

    def create(self, table: Table, name: str | None = None) -> list[str]:
        """Statements that make a table (under another *name*) and its indexes; what is there already stays."""

    def stored_as(self, table: Table) -> tuple[str, ...]:
        """Return the names under which a database has the columns of *table*, that of readers first."""

    def drop(self, name: str) -> list[str]:
        """Statements that remove a table, harmless when there is none. Only for what can be made again."""

    def add_column(self, table: Table, column: Column) -> list[str]:
        """Statements that add a column to a live table, harmless when it is there already."""
