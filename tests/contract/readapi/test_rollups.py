"""Rollups never change an answer: not while rows arrive late, are replaced, or are scored again."""

from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ooni_adapters.memory.catalog import MemoryCatalog
from ooni_adapters.sql.catalog import SqlCatalog
from ooni_adapters.sql.catalog_rollups import SqlRollups, plan_for, rollup_for
from ooni_adapters.sql.tables import FASTPATH
from ooni_adapters.sql.verdicts import verdict_row
from ooni_core.catalog.model import Axis, CountQuery, Grain, MeasurementFilter, TimeWindow
from ooni_core.scoring.model import Stored
from tests.contract.readapi.stores import ENGINES, PROVENANCE, fill
from tests.unit.catalog.rows import LISTS, START, row, rows

ALL = MeasurementFilter()
AXES = [Axis.DAY, Axis.COUNTRY, Axis.NETWORK, Axis.TEST_NAME, Axis.DOMAIN, Axis.BLOCKING_TYPE]
bounds = st.one_of(st.none(), st.integers(-60, 60_000).map(lambda minutes: START + timedelta(minutes=minutes)))
queries = st.builds(
    CountQuery,
    st.builds(
        MeasurementFilter,
        window=st.builds(TimeWindow, bounds, bounds),
        domains=st.sampled_from([(), (), ("a.example",)]),
        probe_ccs=st.sampled_from([(), ("IT",), ("BR", "ZZ")]),
        probe_asns=st.sampled_from([(), (), (30722, 4294967295)]),
        test_names=st.sampled_from([(), ("web_connectivity",)]),
        known_country=st.booleans(),
    ),
    st.lists(st.sampled_from(AXES), max_size=2, unique=True).map(tuple),
    st.sampled_from(Grain),
)


class LaterClock:
    """A clock ahead of every row stored so far."""

    def __init__(self, minutes):
        self.minutes = minutes

    def now(self):
        return datetime.now(UTC) + timedelta(minutes=self.minutes)


def store(engine, found, minutes):
    stamp = (datetime.now(UTC) + timedelta(minutes=minutes)).replace(tzinfo=None)
    latest = {r.measurement_uid: r for r in found}.values()
    engine.insert(FASTPATH, [{**verdict_row(Stored(r, {}, PROVENANCE)), "update_time": stamp} for r in latest])


def assert_exact(engine, found, query):
    expected = MemoryCatalog(found, LISTS)
    assert SqlCatalog(engine).count(query).cells == expected.count(query).cells
    assert list(SqlCatalog(engine).activity(query)) == list(expected.activity(query))


@pytest.fixture
def database(request, engines):
    engine = engines(request.param)
    SqlRollups(engine, LaterClock(0)).forget()
    yield engine
    SqlRollups(engine, LaterClock(0)).forget()


@pytest.mark.parametrize("database", ENGINES, indirect=True)
class TestRollups:
    @settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
    @given(found=rows(), later=rows(), query=queries)
    def test_answers_equal_those_from_measurements_at_every_moment(self, database, found, later, query):
        SqlRollups(database, LaterClock(0)).forget()  # what the example before left behind
        fill(database, found)
        SqlRollups(database, LaterClock(10)).refresh()
        assert_exact(database, found, query)
        # A uid that comes again keeps its measurement's start: it is the same measurement, scored again.
        starts = {r.measurement_uid: r.measurement_start_time for r in found}
        later = [
            attrs.evolve(r, measurement_start_time=starts.get(r.measurement_uid, r.measurement_start_time))
            for r in later
        ]
        store(database, later, minutes=20)
        assert_exact(database, [*found, *later], query)
        SqlRollups(database, LaterClock(30)).refresh()
        assert_exact(database, [*found, *later], query)

    def test_refresh_rebuilds_only_days_that_changed(self, database):
        fill(database, [row(n, minutes=n * 1440) for n in range(5)])
        assert SqlRollups(database, LaterClock(10)).refresh() == 5
        assert SqlRollups(database, LaterClock(15)).refresh() == 0
        store(database, [row(1, minutes=1440, anomaly=True), row(9, minutes=3 * 1440)], minutes=20)
        assert SqlRollups(database, LaterClock(30)).refresh() == 2
        assert SqlRollups(database, LaterClock(40)).refresh() == 0

    def test_a_measurement_scored_again_is_counted_once(self, database):
        fill(database, [row(1)])
        SqlRollups(database, LaterClock(10)).refresh()
        store(database, [row(1, anomaly=True)], minutes=20)
        SqlRollups(database, LaterClock(30)).refresh()
        assert_exact(database, [row(1, anomaly=True)], CountQuery(ALL))

    def test_interrupted_refresh_changes_nothing_and_can_be_repeated(self, database, monkeypatch):
        found = [row(n, minutes=n * 1440) for n in range(3)]
        fill(database, found)
        broken = SqlRollups(database, LaterClock(10))
        monkeypatch.setattr(database, "insert", _fails)
        with pytest.raises(InterruptedError):
            broken.refresh()
        monkeypatch.undo()
        assert_exact(database, found, CountQuery(ALL, (Axis.COUNTRY,)))
        SqlRollups(database, LaterClock(10)).refresh()
        assert_exact(database, found, CountQuery(ALL, (Axis.COUNTRY,)))
        stored = database.query(
            "SELECT sum(measurements) FROM rollup_countries WHERE (day, build) IN (SELECT day, build FROM rollup_days)"
        )
        assert int(stored.scalar()) == 3

    def test_rows_from_rollups_really_answer(self, database):
        fill(database, [row(1)])
        SqlRollups(database, LaterClock(10)).refresh()
        database.execute(
            "INSERT INTO rollup_countries (day, probe_cc, test_name, blocking_type, build, anomalies, confirmations, failures, measurements, anomaly_flags, confirmed_flags) SELECT day, 'XX', test_name, blocking_type, build, 0, 0, 0, 7, 0, 0 FROM rollup_countries WHERE probe_cc = 'IT'"
        )
        cells = SqlCatalog(database).count(CountQuery(ALL, (Axis.COUNTRY,))).cells
        assert [(cell.keys[0], cell.counts.measurements) for cell in cells] == [("IT", 1), ("XX", 7)]


def _fails(*_):
    raise InterruptedError


@pytest.mark.parametrize(
    ("query", "table"),
    [
        (CountQuery(ALL, (Axis.DAY, Axis.COUNTRY)), "rollup_countries"),
        (CountQuery(MeasurementFilter(test_names=("tor",)), (Axis.BLOCKING_TYPE,)), "rollup_countries"),
        (CountQuery(MeasurementFilter(probe_asns=(1,)), (Axis.COUNTRY,)), "rollup_networks"),
        (CountQuery(MeasurementFilter(known_network=True)), "rollup_networks"),
        (CountQuery(MeasurementFilter(probe_ccs=("IT",)), (Axis.DAY, Axis.DOMAIN)), "rollup_domains"),
        (CountQuery(MeasurementFilter(probe_asns=(1,)), (Axis.DOMAIN,)), None),
        (CountQuery(MeasurementFilter(inputs=("x",))), None),
        (CountQuery(MeasurementFilter(anomaly=True)), None),
        (CountQuery(ALL, (Axis.CATEGORY,)), None),
        (CountQuery(ALL, (Axis.DAY,), Grain.HOUR), None),
    ],
)
def test_smallest_rollup_that_knows_all_dimensions_is_chosen(query, table):
    found = rollup_for(query)
    assert (found.name if found else None) == table


def test_days_at_the_edges_and_changed_days_are_read_from_measurements():
    window = TimeWindow(datetime(2026, 11, 1, 12), datetime(2026, 11, 20, 6))
    query = CountQuery(MeasurementFilter(window=window))
    changed = {datetime(2026, 11, day).date() for day in (5, 6, 25)}
    plan = plan_for(query, rollup_for(query), changed)
    assert [str(day) for day in plan.days] == ["2026-11-02", "2026-11-20"]
    assert [str(day) for day in plan.without] == ["2026-11-05", "2026-11-06"]
    assert [(str(w.start), str(w.end)) for w in plan.rest] == [
        ("2026-11-01 12:00:00", "2026-11-02 00:00:00"),
        ("2026-11-05 00:00:00", "2026-11-07 00:00:00"),
        ("2026-11-20 00:00:00", "2026-11-20 06:00:00"),
    ]


def test_window_without_a_whole_day_needs_no_rollup():
    window = TimeWindow(datetime(2026, 11, 1, 12), datetime(2026, 11, 2, 6))
    query = CountQuery(MeasurementFilter(window=window))
    assert plan_for(query, rollup_for(query), set()) is None
