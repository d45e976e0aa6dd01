"""Texts of legacy entries."""

from typing import Any

MAX_HEADER = 10_000
"""A header value of this many characters is damage, not a header."""


class Unsupported(Exception):
    """This entry is left out; the message says why."""


def clean(value: Any) -> Any:
    """Decode bytes, showing what is not UTF-8 as escapes, and drop NUL characters; other values stay."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    return value.replace("\x00", "") if isinstance(value, str) else value
