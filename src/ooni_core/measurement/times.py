"""Times as measurements write them."""

from datetime import datetime
from typing import Any

_FORMAT = "%Y-%m-%d %H:%M:%S"


def parsed_time(value: Any) -> datetime | None:
    """Read ``YYYY-MM-DD HH:MM:SS`` (fields may lack leading zeros); None if it is anything else.

    Returns:
        A naive datetime, meaning UTC.
    """
    if not isinstance(value, str):
        return None
    if len(value) == 19 and value[4] == value[7] == "-" and value[10] == " " and value[13] == value[16] == ":":
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            pass  # not ISO 8601 to the letter; the slower parser below has the last word
    try:
        return datetime.strptime(value, _FORMAT)
    except ValueError:
        return None
