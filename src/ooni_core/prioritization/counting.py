"""Which measurements count when the service asks how often a URL was measured lately."""

from datetime import date, datetime, timedelta

COUNTED_TEST = "web_connectivity"


def sunday(day: date) -> date:
    """Return the Sunday on or before *day*: weeks begin with it.

    >>> sunday(date(2024, 5, 15))
    datetime.date(2024, 5, 12)
    """
    return day - timedelta(days=day.isoweekday() % 7)


def window_start(now: datetime) -> date:
    """Return the Sunday that begins the previous week: measurements from it on are counted."""
    return sunday(now.date()) - timedelta(days=7)


def is_counted(test_name: str, input: str, started: datetime, now: datetime) -> bool:
    """Say whether a measurement counts, provided that a test list has its URL.

    Failed measurements count too; those whose clock is ahead do not.

    Args:
        test_name: its nettest.
        input: its URL, empty for none.
        started: when the probe measured, in the same zone as *now*: UTC.
        now: when it is counted.
    """
    return test_name == COUNTED_TEST and bool(input) and window_start(now) <= started.date() and started < now
