"""From ``$name`` parameters to ClickHouse's typed ``{name:Type}`` ones, bound on the server."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

_TOKEN = re.compile(r"'(?:[^'\\]|\\.|'')*'|\$([A-Za-z_]\w*)")


def typed(sql: str, params: Mapping[str, Any] | None) -> tuple[str, dict[str, Any]]:
    """Return the statement with typed parameters, and the values that it mentions.

    Texts between quotes stay as they are.

    Raises:
        KeyError: the statement mentions a parameter that has no value.
    """
    given, used = dict(params or {}), {}

    def typed_token(match: re.Match[str]) -> str:
        name = match[1]
        if name is None:
            return match[0]
        used[name] = given[name]
        return f"{{{name}:{_type(given[name])}}}"

    return _TOKEN.sub(typed_token, sql), used


def _type(value: Any) -> str:
    if value is None:
        return "Nullable(String)"
    if isinstance(value, (list, tuple)):
        return f"Array({_item_type(value)})"
    for python_type, name in _SCALARS:
        if isinstance(value, python_type):
            return name
    if isinstance(value, int):
        return "Int64" if value < 2**63 else "UInt64"
    raise TypeError(f"a {type(value).__name__} cannot be a query parameter")


def _item_type(values: Sequence[Any]) -> str:
    return _type(max(values, key=lambda v: v if isinstance(v, int) else 0)) if values else "Nothing"


# In order: bool is an int, datetime is a date.
_SCALARS: tuple[tuple[type, str], ...] = (
    (str, "String"),
    (bool, "Bool"),
    (float, "Float64"),
    (datetime, "DateTime64(6, 'UTC')"),
    (date, "Date32"),
)
