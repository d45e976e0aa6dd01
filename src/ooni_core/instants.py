"""Instants as all areas hold them: aware, in UTC."""

from datetime import datetime, timedelta
from typing import Any

import attrs

from ooni_core.errors import Invalid


def in_utc(_: object, attribute: "attrs.Attribute[Any]", value: datetime | None) -> None:
    """Validate an attribute that holds an instant, or None where it may be unknown.

    Raises:
        Invalid: it has no zone, or another one than UTC.
    """
    if value is not None and value.utcoffset() != timedelta(0):
        raise Invalid(f"{attribute.name} is {value!r}, expected an aware instant in UTC")
