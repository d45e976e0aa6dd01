"""Types of the catalog: what can be asked about scored measurements, and what comes back.

List and chart share `MeasurementFilter`, so that the number of measurements a list shows and the number a chart draws
are answers to the same question.
"""

import enum
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from operator import add
from typing import NamedTuple

import attrs

from ooni_core.errors import Invalid

EARLIEST = datetime(1970, 1, 1)  # noqa: DTZ001 - times of measurements are naive UTC everywhere inside
LATEST = datetime(2106, 1, 1)  # noqa: DTZ001
"""No measurement lies outside these: bounds further away mean the same as these do, on every storage engine."""

GLOBAL_LIST = "ZZ"
UNKNOWN_COUNTRY = "ZZ"
UNKNOWN_NETWORK = 0

_SECOND = timedelta(seconds=1)


def _clamped(instant: datetime) -> datetime:
    if instant.tzinfo is not None:
        # Shifting to UTC overflows next to the ends of the calendar, which are out of range in any zone.
        if instant.year in (1, 9999):
            instant = instant.replace(tzinfo=UTC)
        instant = instant.astimezone(UTC).replace(tzinfo=None)
    return min(max(instant, EARLIEST), LATEST)


def _rounded_up(instant: datetime) -> datetime:
    clamped = _clamped(instant)
    return clamped if clamped.microsecond == 0 else clamped.replace(microsecond=0) + _SECOND


def _next_second(instant: datetime) -> datetime:
    return _clamped(instant).replace(microsecond=0) + _SECOND


@attrs.frozen
class TimeWindow:
    """Half-open interval of ``measurement_start_time``: *start* belongs to it, *end* does not.

    Start times have whole seconds, so the three ways in which the API writes intervals all become this one.

    Attributes:
        start: naive UTC with whole seconds; None when nothing bounds the past.
        end: the same for the future.
    """

    start: datetime | None = None
    end: datetime | None = None

    @classmethod
    def since_until(cls, since: datetime | None, until: datetime | None) -> "TimeWindow":
        """Build ``[since, until)``, as charts mean it. Aware instants are converted to UTC."""
        return cls(since and _rounded_up(since), until and _rounded_up(until))

    @classmethod
    def after_through(cls, since: datetime | None, until: datetime | None) -> "TimeWindow":
        """Build ``(since, until]``, as lists mean it. Aware instants are converted to UTC."""
        return cls(since and _next_second(since), until and _next_second(until))

    def contains(self, instant: datetime) -> bool:
        """Say whether *instant*, naive UTC, lies in the window."""
        return (self.start is None or instant >= self.start) and (self.end is None or instant < self.end)

    def is_longer_than(self, span: timedelta) -> bool:
        """Say whether the window holds more than *span*; one that is open at an end does."""
        return self.start is None or self.end is None or self.end - self.start > span


@attrs.frozen
class CategoryFilter:
    """Keeps measurements of URLs that a test list has under one category.

    Attributes:
        code: such as ``NEWS``.
        lists: names of the lists that count, in capitals (``ZZ`` is the global one); None: any list.
    """

    code: str
    lists: frozenset[str] | None = None


@attrs.frozen
class MeasurementFilter:
    """Which measurements are meant. Several values of one field are alternatives; an empty tuple restricts nothing.

    Attributes:
        known_country: leave out measurements whose country is unknown (``ZZ``).
        known_network: leave out measurements whose network is unknown (AS0).
        anomaly: only rows whose flag has this value, independently of the other flags; None restricts nothing.
    """

    window: TimeWindow = attrs.field(factory=TimeWindow)
    report_id: str | None = None
    inputs: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    probe_ccs: tuple[str, ...] = ()
    probe_asns: tuple[int, ...] = ()
    test_names: tuple[str, ...] = ()
    category: CategoryFilter | None = None
    anomaly: bool | None = None
    confirmed: bool | None = None
    failure: bool | None = None
    software_versions: tuple[str, ...] = ()
    test_versions: tuple[str, ...] = ()
    engine_versions: tuple[str, ...] = ()
    ooni_run_link_ids: tuple[int, ...] = ()
    known_country: bool = False
    known_network: bool = False

    @property
    def is_selective(self) -> bool:
        """True when a filter is there that leaves few rows whatever the window."""
        return bool(self.report_id or self.inputs or self.domains or self.probe_asns)


class OrderBy(enum.StrEnum):
    """Fields a list can be sorted by; the measurement uid always breaks ties, in the same direction."""

    MEASUREMENT_START_TIME = "measurement_start_time"
    TEST_START_TIME = "test_start_time"
    INPUT = "input"
    PROBE_CC = "probe_cc"
    PROBE_ASN = "probe_asn"
    TEST_NAME = "test_name"


@attrs.frozen
class Cursor:
    """The place after one measurement in a sorted list.

    Attributes:
        value: that measurement's value of the field the list is sorted by.
        measurement_uid: its uid.
    """

    value: str | int | datetime
    measurement_uid: str


def _positive(_: object, attribute: "attrs.Attribute[int]", value: int) -> None:
    if value < 1:
        raise Invalid(f"{attribute.name} must be at least 1")


def _not_negative(_: object, attribute: "attrs.Attribute[int]", value: int) -> None:
    if value < 0:
        raise Invalid(f"{attribute.name} must not be negative")


@attrs.frozen
class Page:
    """Which part of a sorted list is wanted.

    Attributes:
        after: continue behind this place; *offset* then only counts for the page's number.
    """

    limit: int = attrs.field(default=100, validator=_positive)
    offset: int = attrs.field(default=0, validator=_not_negative)
    order_by: OrderBy = OrderBy.MEASUREMENT_START_TIME
    descending: bool = True
    after: Cursor | None = None


@attrs.frozen
class CatalogEntry:
    """What the catalog knows about one measurement. Times are naive UTC.

    Attributes:
        input: ``""`` for nettests without one.
        scores: JSON text, as stored.
        category_code: of the input in the test lists; ``""`` when no list has it.
        is_verified: ``t``, ``u`` (nobody checked) or ``f``.
    """

    measurement_uid: str
    report_id: str
    input: str
    probe_cc: str
    probe_asn: int
    test_name: str
    test_start_time: datetime
    measurement_start_time: datetime
    scores: str
    anomaly: bool
    confirmed: bool
    failure: bool
    category_code: str = ""
    is_verified: str = "u"


class Axis(enum.StrEnum):
    """What a chart can group by."""

    DAY = "measurement_start_day"
    DOMAIN = "domain"
    INPUT = "input"
    CATEGORY = "category_code"
    COUNTRY = "probe_cc"
    NETWORK = "probe_asn"
    TEST_NAME = "test_name"
    BLOCKING_TYPE = "blocking_type"


class Grain(enum.StrEnum):
    """Width of a step on the time axis. Weeks begin on Sunday."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


@attrs.frozen
class CountQuery:
    """Count what *filter* keeps, once per combination of values of *axes* that occurs.

    On the category axis a measurement counts once under each category that the (admitted) lists give its input, and
    not at all when no list has it.

    Attributes:
        grain: step of the time axis; ignored when *axes* has none.
    """

    filter: MeasurementFilter
    axes: tuple[Axis, ...] = ()
    grain: Grain = Grain.DAY


AxisValue = str | int | date | datetime
"""A time key is a `datetime` (naive UTC) when the grain is an hour, else the `date` its step begins with."""


class Counts(NamedTuple):
    """Five counters of a chart's cell; the first four are disjoint and add up to the fifth."""

    anomaly: int = 0
    confirmed: int = 0
    failure: int = 0
    ok: int = 0
    measurements: int = 0


class Cell(NamedTuple):
    """One combination of axis values, in the order of the query's axes, and its counters."""

    keys: tuple[AxisValue, ...]
    counts: Counts


@attrs.frozen
class Chart:
    """Cells sorted by their keys, ascending; exactly one cell when the query has no axes.

    Held column by column: charts have ten thousands of cells, and an object for each takes longer than the query.

    Attributes:
        keys: for each axis its value in each cell.
        counts: the counters of each cell, in columns of equal length.
    """

    keys: tuple[Sequence[AxisValue], ...]
    counts: "Columns"

    @classmethod
    def of(cls, cells: Sequence[Cell], axes: int) -> "Chart":
        """Build a chart with that many *axes* from its cells, which are sorted."""
        if not cells:
            return cls(((),) * axes, Columns())
        keys = zip(*(cell.keys for cell in cells), strict=True)
        return cls(tuple(keys), Columns(*zip(*(cell.counts for cell in cells), strict=True)))

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The chart cell by cell."""
        return tuple(map(Cell, self._rows_of_keys(), map(Counts._make, zip(*self.counts, strict=True))))

    def plus(self, cells: Iterable[Cell]) -> "Chart":
        """Return a chart that counts *cells* as well. They come in any order, and their keys may repeat or be new."""
        columns, new = [list(column) for column in self.counts], dict[tuple[AxisValue, ...], Counts]()
        for keys, counts in cells:
            place = self._places.get(keys)
            if place is None:
                new[keys] = Counts._make(map(add, new.get(keys, Counts()), counts))
                continue
            for column, count in zip(columns, counts, strict=True):
                column[place] += count
        chart = Chart(self.keys, Columns(*columns))
        return Chart.of(sorted([*chart.cells, *map(Cell._make, new.items())]), len(self.keys)) if new else chart

    def __len__(self) -> int:
        return len(self.counts.measurements)

    @cached_property
    def _places(self) -> dict[tuple[AxisValue, ...], int]:
        return {keys: place for place, keys in enumerate(self._rows_of_keys())}

    def _rows_of_keys(self) -> Iterable[tuple[AxisValue, ...]]:
        return zip(*self.keys, strict=True) if self.keys else ((),) * len(self)


class Columns(NamedTuple):
    """The counters of many cells, each like the one of that name in `Counts`."""

    anomaly: Sequence[int] = ()
    confirmed: Sequence[int] = ()
    failure: Sequence[int] = ()
    ok: Sequence[int] = ()
    measurements: Sequence[int] = ()


@attrs.frozen
class Activity:
    """How much was measured in one group. Flags are counted as stored, so they may overlap.

    Attributes:
        networks: distinct networks.
        countries: distinct countries.
        first_day: day of the earliest measurement; None when there are none.
        last_day: day of the latest.
    """

    keys: tuple[AxisValue, ...] = ()
    measurements: int = 0
    anomalies: int = 0
    confirmed: int = 0
    failures: int = 0
    networks: int = 0
    countries: int = 0
    first_day: date | None = None
    last_day: date | None = None


@attrs.frozen
class Runtime:
    """How long one circumvention nettest took in one country on one day, in seconds, over *count* measurements."""

    test_name: str
    probe_cc: str
    day: date
    median: float
    ninth_decile: float
    count: int


@attrs.frozen
class ListedUrl:
    """A URL on a test list.

    Attributes:
        list_name: ``ZZ`` for the global list, else the country's code in capitals.
    """

    domain: str
    url: str
    list_name: str
    category_code: str
