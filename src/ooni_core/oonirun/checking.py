"""How a value in a document is checked, and what is said about one that cannot be right."""

import re
from collections.abc import Mapping
from typing import Any

from ooni_core.errors import Invalid

Path = tuple[str | int, ...]

_ABSENT = object()


class BadDocument(Invalid):
    """A value cannot be right.

    Attributes:
        path: keys and positions that lead to it; empty where it is about several values together.
        reason: what would be right.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{'.'.join(map(str, path))}: {reason}" if path else reason)
        self.path = path
        self.reason = reason


def required(document: Mapping[str, Any], key: str, path: Path = ()) -> Any:
    """Return the value of *key* in what *path* leads to.

    Raises:
        BadDocument: there is none.
    """
    value = document.get(key, _ABSENT)
    if value is _ABSENT:
        raise BadDocument((*path, key), "it is missing")
    return value


def text(path: Path, value: Any, shortest: int, longest: int) -> str:
    """Return *value*, a text of so many characters.

    Raises:
        BadDocument: it is none.
    """
    if not isinstance(value, str) or not shortest <= len(value) <= longest:
        raise BadDocument(path, f"expected a text of {shortest} to {longest} characters")
    return value


def matching(key: str, value: Any, pattern: re.Pattern[str], expected: str) -> re.Match[str]:
    """Return how *value*, that of *key*, matches the whole pattern.

    Raises:
        BadDocument: it does not: *expected* says what would be right.
    """
    found = pattern.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise BadDocument((key,), f"expected {expected}")
    return found


def is_deep(value: Any, levels: int) -> bool:
    """Say whether *value* holds objects or lists in each other on more than so many levels."""
    held = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else None
    return held is not None and (levels == 0 or any(is_deep(each, levels - 1) for each in held))
