"""Reading JSON that anybody on the internet may have written: present, null and wrong types told apart.

The historical rules distinguish a missing key from a null one, and read some fields where a wrong type is fatal.
These few functions are the only way the rules touch a measurement, so "wrong type" is always `Lost`, never a crash.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any

from ooni_core.scoring.verdict import Lost

MAX_ECHO_DEPTH = 100
"""Values that are compared or copied into scores may be nested this deep. Real ones are 2 deep."""

_KINDS: dict[type, str] = {
    type(None): "null",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a text",
    list: "a list",
}


def kind_of(value: object) -> str:
    """Name the JSON type of *value* for a message."""
    return _KINDS.get(type(value), "an object")


def wrong_type(what: str, value: object, wanted: str) -> Lost:
    """Return the error that says *what* should have been *wanted*."""
    return Lost("bad_type", f"{what} is {kind_of(value)}, expected {wanted}")


def get(record: Any, key: str, default: Any = None) -> Any:
    """Return ``record[key]``; *default* only if the key is missing, a null stays null.

    Raises:
        Lost: *record* is not an object.
    """
    if isinstance(record, dict):
        return record.get(key, default)
    raise wrong_type(f"the holder of {key!r}", record, "an object")


def get_or(record: Any, key: str, default: Any) -> Any:
    """Return ``record[key]``, or *default* if the key is missing or its value null. Other empty values stay.

    Raises:
        Lost: *record* is not an object.
    """
    value = get(record, key)
    return default if value is None else value


def has(record: Any, key: str) -> bool:
    """Say whether *key* is present, even if null.

    Raises:
        Lost: *record* is not an object.
    """
    if isinstance(record, dict):
        return key in record
    raise wrong_type(f"the holder of {key!r}", record, "an object")


def records(holder: Any, key: str) -> Iterator[dict[str, Any]]:
    """Yield the objects of the list ``holder[key]``, one by one; missing, null and empty are no objects.

    Raises:
        Lost: the value is no list, or when reached, an element is no object. Elements before it are yielded.
    """
    value = get(holder, key)
    if value is None or (isinstance(value, str | dict) and not value):
        return
    if not isinstance(value, list):
        raise wrong_type(repr(key), value, "a list of objects")
    for number, element in enumerate(value):
        if not isinstance(element, dict):
            raise wrong_type(f"{key}[{number}]", element, "an object")
        yield element


def test_keys(measurement: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the nettest itself recorded; empty if there is nothing.

    Raises:
        Lost: it is not an object.
    """
    keys = measurement.get("test_keys")
    if keys is None:
        return {}
    if isinstance(keys, dict):
        return keys
    raise wrong_type("test_keys", keys, "an object")


def is_false(value: object) -> bool:
    """Say whether *value* is the JSON ``false``, which 0 is not."""
    return value is False


def number(value: Any, what: str) -> float:
    """Read a number, also one written as text.

    Raises:
        Lost: it is neither, or not a number that can be computed with.
    """
    if not isinstance(value, int | float | str):
        raise wrong_type(what, value, "a number")
    try:
        result = float(value)
    except (ValueError, OverflowError) as exc:
        raise Lost("bad_value", f"{what} is not a number: {str(value)[:60]!r}") from exc
    if result != result:  # noqa: PLR0124  NaN is the one value that differs from itself
        raise Lost("bad_value", f"{what} is not a number")
    return result


def shallow(value: Any, what: str) -> Any:
    """Return *value* if it is safe to compare and print.

    Raises:
        Lost: it is nested deeper than `MAX_ECHO_DEPTH`.
    """
    level = [value] if isinstance(value, dict | list) else []
    depth = 0
    while level:
        depth += 1
        if depth > MAX_ECHO_DEPTH:
            raise Lost("too_deep", f"{what} is nested more than {MAX_ECHO_DEPTH} levels deep")
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
    return value


class BadBase64(Exception):
    """A part that says it is base64 has wrong padding or a left-over character."""


def decoded_base64(data: Any) -> bytes:
    """Decode leniently: foreign characters are skipped, anything after complete padding is ignored.

    Raises:
        BadBase64: the padding is wrong.
        Lost: *data* is not ASCII text.
    """
    if not isinstance(data, str):
        raise wrong_type("base64 data", data, "a text")
    if not data.isascii():
        raise Lost("bad_base64", "base64 data holds characters that are not ASCII")
    try:
        return base64.b64decode(data)
    except binascii.Error as exc:
        raise BadBase64 from exc
