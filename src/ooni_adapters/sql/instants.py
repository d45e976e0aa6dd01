"""Instants on their way into the database, which holds naive ones that mean UTC, and out of it."""

from datetime import UTC, datetime
from typing import overload


def naive(instant: datetime) -> datetime:
    """Return *instant* as it is stored; one without a zone means UTC already."""
    return instant if instant.tzinfo is None else instant.astimezone(UTC).replace(tzinfo=None)


@overload
def aware(instant: datetime) -> datetime: ...
@overload
def aware(instant: datetime | None) -> datetime | None: ...
def aware(instant: datetime | None) -> datetime | None:
    """Return a stored instant as the core holds it, None where it is unknown."""
    return None if instant is None else instant.replace(tzinfo=UTC)
