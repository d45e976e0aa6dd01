"""Figures for the project's own web pages: how much is measured where, by whom, and of what."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import attrs

from ooni_core.catalog.model import (
    GLOBAL_LIST,
    Activity,
    Axis,
    CountQuery,
    Grain,
    ListedUrl,
    MeasurementFilter,
    Runtime,
    TimeWindow,
)
from ooni_core.catalog.ports import MeasurementCatalog, ReferenceTables
from ooni_core.ports import Clock
from ooni_core.reference.countries import COUNTRY_NAMES
from ooni_core.reference.test_groups import TEST_GROUPS

CIRCUMVENTION_TESTS = ("psiphon", "riseupvpn", "stunreachability", "tor", "torsf")
MESSENGER_TESTS = ("facebook_messenger", "signal", "telegram", "whatsapp")
_TOR_TESTS = ("tor", "vanilla_tor")
_FIRST_MEASUREMENTS = datetime(2012, 12, 1)  # noqa: DTZ001 - naive UTC, as everywhere inside
_UNLISTED = "MISC"


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())


def _months_before(day: date, months: int) -> date:
    """Return the same day of an earlier month, or that month's last day when it is shorter."""
    month_index = day.year * 12 + day.month - 1 - months
    first = date(month_index // 12, month_index % 12 + 1, 1)
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return first.replace(day=min(day.day, last.day))


@attrs.frozen
class CountryCount:
    """A country, its English name and how many measurements it has."""

    probe_cc: str
    name: str
    measurements: int


@attrs.frozen
class Coverage:
    """How well a country was covered lately, every day and group present, zeros included.

    Attributes:
        tests: (group, day, measurements), by group, then day.
        networks: (day, networks), by day.
    """

    tests: tuple[tuple[str, date, int], ...]
    networks: tuple[tuple[date, int], ...]


@attrs.frozen
class DomainCount:
    """A domain of the test lists, its category, and how many web measurements it has."""

    domain: str
    category_code: str
    measurements: int


@attrs.frozen
class NetworkCount:
    """A network, its organisation (``""`` when unknown) and how many measurements it has."""

    probe_asn: int
    organisation: str
    measurements: int


def _list_rank(entry: ListedUrl) -> tuple[bool, int, str, str, str]:
    """Sort the entry that speaks for a domain first: global list, then shortest URL, then alphabetically."""
    return (entry.list_name != GLOBAL_LIST, len(entry.url), entry.url, entry.list_name, entry.category_code)


@attrs.frozen
class StatisticsService:
    """Computes the figures. Days are UTC; windows end before today unless said otherwise."""

    catalog: MeasurementCatalog
    reference: ReferenceTables
    clock: Clock

    def _today(self) -> date:
        return self.clock.now().date()

    def _days(self, first: int, end: int) -> TimeWindow:
        """Return the days from *first* to *end* (exclusive) days before today."""
        today = self._today()
        return TimeWindow(_midnight(today - timedelta(days=first)), _midnight(today - timedelta(days=end)))

    def _half_year(self, end: datetime | None) -> TimeWindow:
        return attrs.evolve(TimeWindow.after_through(_midnight(_months_before(self._today(), 6)), None), end=end)

    def _activity(self, *axes: Axis, grain: Grain = Grain.DAY, **filters: Any) -> Sequence[Activity]:
        return self.catalog.activity(CountQuery(MeasurementFilter(**filters), axes, grain))

    def countries(self) -> list[CountryCount]:
        """Count all measurements of each country that has a name, by code. Codes in either case are one country."""
        counts: dict[str, int] = {}
        for row in self._activity(Axis.COUNTRY):
            code = str(row.keys[0]).upper()
            counts[code] = counts.get(code, 0) + row.measurements
        return [
            CountryCount(code, COUNTRY_NAMES[code], counts[code]) for code in sorted(counts) if code in COUNTRY_NAMES
        ]

    def country_overview(self, probe_cc: str) -> Activity:
        """Sum up the measurements of one country."""
        window = TimeWindow.after_through(_FIRST_MEASUREMENTS, None)
        return self._activity(probe_ccs=(probe_cc,), window=window)[0]

    def global_overview(self) -> Activity:
        """Sum up everything, measurements from unknown places included."""
        return self._activity()[0]

    def by_month(self) -> Sequence[Activity]:
        """Return the activity of each of the last two years' months and of the current one, ascending."""
        this_month = self._today().replace(day=1)
        window = attrs.evolve(
            TimeWindow.after_through(_midnight(_months_before(this_month, 24)), None),
            end=_midnight((this_month + timedelta(days=31)).replace(day=1)),
        )
        return self._activity(Axis.DAY, grain=Grain.MONTH, window=window)

    def coverage(self, probe_cc: str, groups: Collection[str] | None) -> Coverage:
        """Count tests per day and group, and networks per day.

        Args:
            probe_cc: the country.
            groups: count only networks that ran tests of these groups; None: of any.
        """
        group_of = self.reference.test_groups() or TEST_GROUPS
        return Coverage(self._test_coverage(probe_cc, group_of), self._network_coverage(probe_cc, group_of, groups))

    def _test_coverage(self, probe_cc: str, group_of: Mapping[str, str]) -> tuple[tuple[str, date, int], ...]:
        days = [self._today() - timedelta(days=n) for n in range(32, 2, -1)]
        counts = {(group, day): 0 for group in sorted(set(group_of.values())) for day in days}
        for row in self._activity(Axis.DAY, Axis.TEST_NAME, probe_ccs=(probe_cc,), window=self._days(32, 2)):
            place = (group_of.get(str(row.keys[1]), ""), row.keys[0])
            if place in counts:
                counts[place] += row.measurements
        return tuple((group, day, count) for (group, day), count in counts.items())

    def _network_coverage(
        self, probe_cc: str, group_of: Mapping[str, str], groups: Collection[str] | None
    ) -> tuple[tuple[date, int], ...]:
        tests = tuple(test for test, group in group_of.items() if groups is None or group in groups)
        networks: dict[Any, int] = {}
        if groups is None or tests:
            rows = self._activity(
                Axis.DAY,
                probe_ccs=(probe_cc,),
                test_names=() if groups is None else tests,
                window=self._days(31, 1),
            )
            networks = {row.keys[0]: row.networks for row in rows}
        days = [self._today() - timedelta(days=n) for n in range(31, 1, -1)]
        return tuple((day, networks.get(day, 0)) for day in days)

    def networks_of(self, probe_cc: str) -> list[Activity]:
        """Return the activity of each network of a country in the last 31 days, busiest first."""
        rows = self._activity(Axis.NETWORK, probe_ccs=(probe_cc,), window=self._days(31, 0))
        return sorted(rows, key=lambda row: (-row.measurements, row.keys))

    def website_by_day(self, probe_cc: str, probe_asn: int, input: str) -> Sequence[Activity]:
        """Return the activity about one URL in one network, per day of the last 31 that has any."""
        return self._activity(
            Axis.DAY, probe_ccs=(probe_cc,), probe_asns=(probe_asn,), inputs=(input,), window=self._days(31, 0)
        )

    def websites(self, probe_cc: str, probe_asn: int) -> list[Activity]:
        """Return the activity per URL of web_connectivity in one network, last 31 days, most blocked first."""
        rows = self._activity(
            Axis.INPUT,
            probe_ccs=(probe_cc,),
            probe_asns=(probe_asn,),
            test_names=("web_connectivity",),
            window=self._days(31, 0),
        )
        return sorted(rows, key=lambda row: (-row.confirmed, -row.measurements, -row.anomalies, row.keys))

    def tor_networks(self, probe_cc: str) -> list[Activity]:
        """Return the activity of the Tor nettests per network, last six months, busiest first."""
        rows = self._activity(Axis.NETWORK, probe_ccs=(probe_cc,), test_names=_TOR_TESTS, window=self._half_year(None))
        return sorted(rows, key=lambda row: (-row.measurements, row.keys))

    def messenger_networks(self, probe_cc: str) -> dict[str, list[Activity]]:
        """Return the activity per network for each messenger nettest with data in the last 31 days, busiest first."""
        rows = self._activity(
            Axis.TEST_NAME,
            Axis.NETWORK,
            probe_ccs=(probe_cc,),
            test_names=MESSENGER_TESTS,
            window=self._days(31, 0),
        )
        found: dict[str, list[Activity]] = {}
        for row in sorted(rows, key=lambda row: (-row.measurements, row.keys)):
            found.setdefault(str(row.keys[0]), []).append(row)
        return found

    def messenger_by_day(self, probe_cc: str, probe_asn: int, test_name: str) -> list[tuple[date, int]]:
        """Count one messenger's measurements in one network for today and the 31 days before; today is always 0."""
        rows = self._activity(
            Axis.DAY,
            probe_ccs=(probe_cc,),
            probe_asns=(probe_asn,),
            test_names=(test_name,),
            window=self._days(31, 0),
        )
        counts: dict[Any, int] = {row.keys[0]: row.measurements for row in rows}
        days = [self._today() - timedelta(days=n) for n in range(31, -1, -1)]
        return [(day, counts.get(day, 0)) for day in days]

    def _circumvention_filter(self) -> MeasurementFilter:
        window = self._half_year(_midnight(self._today() - timedelta(days=1)))
        return MeasurementFilter(test_names=CIRCUMVENTION_TESTS, window=window)

    def circumvention_by_country(self) -> Sequence[Activity]:
        """Return the activity of circumvention nettests per country over half a year."""
        return self.catalog.activity(CountQuery(self._circumvention_filter(), (Axis.COUNTRY,)))

    def circumvention_runtimes(self) -> Sequence[Runtime]:
        """Return how long circumvention nettests took, per nettest, country and day over half a year."""
        return self.catalog.runtimes(self._circumvention_filter())

    def domain_metadata(self, domain: str) -> tuple[str, str]:
        """Return the category and the canonical spelling of a domain, with or without its leading ``www.``.

        A domain on no test list has category ``MISC`` and loses its ``www.``.
        """
        bare = domain.lower().removeprefix("www.")
        listed = self.reference.listed_urls((bare, f"www.{bare}"))
        if not listed:
            return _UNLISTED, bare
        best = min(listed, key=_list_rank)
        return best.category_code, best.domain

    def domains(self) -> list[DomainCount]:
        """Return each domain of the test lists with its category and its web measurements of all times, by name."""
        best: dict[str, ListedUrl] = {}
        for entry in self.reference.listed_urls():
            known = best.get(entry.domain)
            if known is None or _list_rank(entry) < _list_rank(known):
                best[entry.domain] = entry
        rows = self._activity(Axis.DOMAIN, test_names=("web_connectivity",))
        counts = {row.keys[0]: row.measurements for row in rows}
        return [DomainCount(name, best[name].category_code or _UNLISTED, counts.get(name, 0)) for name in sorted(best)]

    def network_name(self, asn: int) -> str | None:
        """Return the organisation that runs a network, or None when nobody knows."""
        return self.reference.network_names((asn,)).get(asn) or None

    def networks(self) -> list[NetworkCount]:
        """Return every network ever seen, AS0 included, busiest first."""
        names = self.reference.network_names()
        rows = sorted(self._activity(Axis.NETWORK), key=lambda row: (-row.measurements, row.keys))
        return [
            NetworkCount(asn, names.get(asn, ""), row.measurements)
            for row in rows
            if isinstance(asn := row.keys[0], int)
        ]
