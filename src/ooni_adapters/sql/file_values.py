"""Reading single values of files into what a column holds."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import orjson

from ooni_adapters.sql.instants import naive
from ooni_adapters.sql.schema import Column, Kind

LISTS = frozenset({Kind.TEXTS, Kind.UINT32S})
_TEXTS = frozenset({Kind.TEXT, Kind.LABEL})
_FLOATS = frozenset({Kind.FLOAT32, Kind.FLOAT64})
_INTEGERS = {
    Kind.INT8: (-(2**7), 2**7 - 1),
    Kind.UINT8: (0, 2**8 - 1),
    Kind.INT32: (-(2**31), 2**31 - 1),
    Kind.UINT32: (0, 2**32 - 1),
    Kind.INT64: (-(2**63), 2**63 - 1),
    Kind.UINT64: (0, 2**64 - 1),
}
_SHOWN = {Kind.TIME: "YYYY-MM-DD HH:MM:SS", Kind.TIME_MS: "YYYY-MM-DD HH:MM:SS.mmm", Kind.DATE: "YYYY-MM-DD"}


def expected(column: Column) -> str:
    """Say what *column* holds, for messages."""
    return column.kind.value + (f", {_SHOWN[column.kind]} in UTC" if column.kind in _SHOWN else "")


def read_text(column: Column, text: str, now: datetime) -> Any:
    """Turn the text of a CSV cell into what *column* holds; an empty cell is a value that was not given.

    Raises:
        ValueError: it does not fit.
    """
    kind = column.kind
    if kind in _TEXTS:
        return text
    if text == "":
        return column.fill(now)
    if kind is Kind.BOOL and text in {"0", "1"}:
        return text == "1"
    if kind in LISTS or kind is Kind.BOOL:
        return read_value(column, orjson.loads(text))
    if kind in _INTEGERS:
        return read_value(column, int(text))
    return float(text) if kind in _FLOATS else read_value(column, text)


def read_value(column: Column, value: Any) -> Any:
    """Turn a JSON value into what *column* holds.

    Raises:
        ValueError: it does not fit.
    """
    if not _fits(column.kind, value):
        raise ValueError(value)
    reader = _READERS.get(column.kind)
    return value if reader is None else reader(value)


def _fits(kind: Kind, value: Any) -> bool:
    if kind in _INTEGERS:
        low, high = _INTEGERS[kind]
        return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    if kind in _FLOATS:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind in LISTS:
        item_kind = Kind.TEXT if kind is Kind.TEXTS else Kind.UINT32
        return isinstance(value, list) and all(_fits(item_kind, item) for item in value)
    return isinstance(value, bool if kind is Kind.BOOL else str)


def _instant(text: str) -> datetime:
    return naive(datetime.fromisoformat(text))


_READERS: dict[Kind, Callable[[str], Any]] = {
    Kind.DATE: date.fromisoformat,
    Kind.TIME: _instant,
    Kind.TIME_MS: _instant,
}
