"""Rollups never change an answer: not while an hour is open, rows arrive late, are replaced, or are scored again."""

import functools
from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ooni_adapters.memory.catalog import MemoryCatalog
from ooni_adapters.sql.catalog import SqlCatalog
from ooni_adapters.sql.catalog_charts import SqlCharts
from ooni_adapters.sql.catalog_plans import plan_for, rollup_for
from ooni_adapters.sql.catalog_rollups import Known, SqlRollups, known_to
from ooni_adapters.sql.tables import FASTPATH
from ooni_adapters.sql.tables.rollups import ROLLUPS
from ooni_adapters.sql.verdicts import verdict_row
from ooni_core.catalog.model import Axis, CountQuery, Grain, MeasurementFilter, TimeWindow
from ooni_core.errors import TooLarge
from ooni_core.scoring.model import Stored
from tests.contract.readapi.stores import ENGINES, PROVENANCE
from tests.unit.catalog.rows import LISTS, START, row, rows

ALL = MeasurementFilter()
BY_COUNTRY = CountQuery(ALL, (Axis.COUNTRY,))
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
arrivals = st.lists(st.integers(0, 4 * 1440), min_size=40, max_size=40)


@attrs.frozen
class ClockAt:
    """A clock that stands at a minute after START."""

    minutes: int

    def now(self):
        return (START + timedelta(minutes=self.minutes)).replace(tzinfo=UTC)


def arriving(measurement, minutes, number=0):
    """Return *measurement* with the uid of one that arrived then."""
    instant = START + timedelta(minutes=minutes)
    return attrs.evolve(measurement, measurement_uid=f"{instant:%Y%m%d%H%M%S}.{number:06d}_IT_test_0123456789abcdef")


def stored_rows(found, minutes=None):
    """Write rows of fastpath, scored at *minutes* or, when that is None, as soon as they arrived."""
    for measurement in {r.measurement_uid: r for r in found}.values():
        scored = datetime.strptime(measurement.measurement_uid[:14], "%Y%m%d%H%M%S") if minutes is None else None
        scored = scored or START + timedelta(minutes=minutes)
        yield {**verdict_row(Stored(measurement, {}, PROVENANCE)), "update_time": scored}


def put(engine, *found, minutes=None):
    engine.insert(FASTPATH, list(stored_rows(found, minutes)))


def refresh(engine, minutes):
    return SqlRollups(engine, ClockAt(minutes)).refresh()


@functools.cache
def kept_catalog(engine):
    """A catalog that stays, and so has answered some of the questions before."""
    return SqlCatalog(engine)


def assert_exact(engine, found, query=BY_COUNTRY):
    expected = MemoryCatalog(list(found), LISTS)
    assert SqlCatalog(engine).count(query).cells == expected.count(query).cells
    assert kept_catalog(engine).count(query).cells == expected.count(query).cells
    assert list(SqlCatalog(engine).activity(query)) == list(expected.activity(query))


def rolled_up(engine, table="rollup_places"):
    """Return how many measurements the builds that count have."""
    sql = f"SELECT sum(measurements) FROM {table} WHERE build IN (SELECT build FROM rollup_units)"
    return int(engine.query(sql).scalar() or 0)


def emptied(engine):
    SqlRollups(engine, ClockAt(0)).forget()
    engine.replace({FASTPATH: []})
    return engine


@pytest.fixture
def database(request, engines):
    yield emptied(engine := engines(request.param))
    emptied(engine)


@pytest.mark.parametrize("database", [*ENGINES, "clickhouse"], indirect=True)
class TestRollups:
    @settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
    @given(found=rows(), later=rows(), query=queries, arrived=arrivals, again=st.sets(st.integers(0, 39)))
    def test_answers_equal_those_from_measurements_at_every_moment(self, database, found, later, query, arrived, again):
        emptied(database)
        found = [arriving(r, arrived[n], n) for n, r in enumerate(found)]
        put(database, *found) if found else None
        refresh(database, minutes=4 * 1440)
        assert_exact(database, found, query)
        # Some of the rows that follow are measurements from before, scored again; the others arrive now.
        later = [
            attrs.evolve(
                r, measurement_uid=found[n].measurement_uid, measurement_start_time=found[n].measurement_start_time
            )
            if n in again and n < len(found)
            else arriving(r, 4 * 1440 + arrived[n] // 20, n)
            for n, r in enumerate(later)
        ]
        put(database, *later, minutes=4 * 1440 + 300) if later else None
        assert_exact(database, [*found, *later], query)
        refresh(database, minutes=4 * 1440 + 180)
        assert_exact(database, [*found, *later], query)
        refresh(database, minutes=5 * 1440)
        assert_exact(database, [*found, *later], query)

    def test_closed_hours_are_rolled_up_and_the_open_one_is_read_from_measurements(self, database):
        found = [arriving(row(n, minutes=5), minutes) for n, minutes in enumerate((10, 59, 60, 119, 120))]
        put(database, *found)
        refresh(database, minutes=119)
        assert rolled_up(database) == 2
        assert_exact(database, found)
        refresh(database, minutes=121)  # rows of the last hour may still become visible
        assert rolled_up(database) == 2
        refresh(database, minutes=122)
        assert rolled_up(database) == 4
        assert_exact(database, found)
        put(database, arrives := arriving(row(9, minutes=5), 125))
        assert_exact(database, [*found, arrives])
        assert rolled_up(database) == 4

    def test_refresh_rebuilds_only_days_of_arrival_that_changed(self, database):
        put(database, *(arriving(row(n, minutes=n * 1440), n * 1440) for n in range(5)))
        assert refresh(database, minutes=5 * 1440) == 5
        assert refresh(database, minutes=5 * 1440 + 5) == 0
        assert refresh(database, minutes=5 * 1440 + 65) == 0
        put(database, arriving(row(1, minutes=1440, anomaly=True), 1440), minutes=5 * 1440 + 70)
        put(database, arriving(row(9, minutes=3 * 1440), 5 * 1440 + 70))
        assert refresh(database, minutes=5 * 1440 + 125) == 2
        assert refresh(database, minutes=5 * 1440 + 185) == 0

    def test_a_late_measurement_counts_on_its_own_day_with_the_hour_in_which_it_arrived(self, database):
        put(database, early := arriving(row(1), 10))
        refresh(database, minutes=5 * 1440)
        put(database, late := arriving(row(2, minutes=20), 5 * 1440 + 10))
        by_day = CountQuery(ALL, (Axis.DAY,))
        assert_exact(database, [early, late], by_day)
        assert refresh(database, minutes=5 * 1440 + 62) == 1
        assert rolled_up(database) == 2
        assert_exact(database, [early, late], by_day)

    def test_a_measurement_scored_again_is_counted_once(self, database):
        put(database, arriving(row(1), 10))
        refresh(database, minutes=5 * 1440)
        put(database, arriving(row(1, anomaly=True), 10), minutes=5 * 1440 + 10)
        assert_exact(database, [again := arriving(row(1, anomaly=True), 10)])
        refresh(database, minutes=5 * 1440 + 15)
        assert rolled_up(database) == 1
        assert_exact(database, [again])

    def test_a_measurement_scored_long_after_it_arrived_is_counted(self, database):
        put(database, first := arriving(row(1), 10))
        refresh(database, minutes=1440)
        put(database, second := arriving(row(2), 500), minutes=1450)
        assert_exact(database, [first, second])
        refresh(database, minutes=1455)
        assert rolled_up(database) == 2
        assert_exact(database, [first, second])

    def test_historical_uids_are_counted_too(self, database):
        found = [
            attrs.evolve(row(n, minutes=n), measurement_uid=uid) for n, uid in enumerate(["0120180101ab", "temp-id-1"])
        ]
        database.insert(FASTPATH, [{**r, "update_time": START} for r in stored_rows(found, 0)])
        refresh(database, minutes=1440)
        assert_exact(database, found)
        assert rolled_up(database) == 2
        put(database, arriving(row(3), 1445))
        refresh(database, minutes=1500)
        # Those without a time in their uid, which arrived long ago, are not looked for in the open hour.
        assert known_to(database).open_since >= START + timedelta(days=1)
        again = attrs.evolve(found[1], anomaly=True)
        database.insert(FASTPATH, [{**r, "update_time": START + timedelta(days=2)} for r in stored_rows([again], 0)])
        assert_exact(database, [found[0], again, arriving(row(3), 1445)])
        database.delete(FASTPATH, [{"measurement_uid": again.measurement_uid}])
        SqlRollups(database, ClockAt(3 * 1440)).recount([again.measurement_uid])
        assert_exact(database, [found[0], arriving(row(3), 1445)])

    def test_a_chart_stays_whole_while_measurements_are_withdrawn_one_by_one(self, database, monkeypatch):
        found = [arriving(row(n), 10 + n) for n in range(4)]
        put(database, *found)
        refresh(database, minutes=1300)
        ask = database.columns

        def after_withdrawals(*arguments):
            for gone in found[:3]:
                database.delete(FASTPATH, [{"measurement_uid": gone.measurement_uid}])
                SqlRollups(database, ClockAt(1300)).recount([gone.measurement_uid])
            return ask(*arguments)

        monkeypatch.setattr(database, "columns", after_withdrawals)
        [cell] = SqlCatalog(database).count(CountQuery(ALL)).cells
        assert cell.counts.measurements == 4
        monkeypatch.undo()
        assert_exact(database, found[3:])

    def test_all_statements_of_a_chart_share_one_time_limit(self, database, monkeypatch):
        put(database, arriving(row(1), 10))
        refresh(database, minutes=1440)
        limits = []
        for name in ("query", "columns"):
            ask = getattr(database, name)
            monkeypatch.setattr(database, name, lambda *a, ask=ask: limits.append(a[2].seconds) or ask(*a))
        half_a_day = MeasurementFilter(window=TimeWindow(None, START + timedelta(hours=36)))
        SqlCatalog(database, seconds=9.0).count(CountQuery(half_a_day))
        SqlCatalog(database, seconds=8.0).activity(CountQuery(half_a_day))
        assert len(limits) == 4 + 3
        assert 9 >= limits[0] > limits[1] > limits[2] > limits[3]
        assert 8 >= limits[4] > limits[5] > limits[6]

    def test_removed_measurements_are_counted_no_longer(self, database):
        found = [arriving(row(n), minutes) for n, minutes in enumerate((10, 20, 1500))]
        put(database, *found)
        refresh(database, minutes=1500)
        gone = [found[0].measurement_uid, found[2].measurement_uid]
        database.delete(FASTPATH, [{"measurement_uid": uid} for uid in gone])
        SqlRollups(database, ClockAt(1500)).recount(gone)
        assert_exact(database, [found[1]])

    def test_what_is_removed_while_rollups_are_made_is_counted_no_longer(self, database, monkeypatch):
        put(database, *(found := [arriving(row(n), 10 + n) for n in range(2)]))
        refresh(database, minutes=1440)
        put(database, later := arriving(row(5), 20, 5), minutes=1440)
        execute, gone = database.execute, found[0].measurement_uid

        def removing_after(*arguments):
            execute(*arguments)
            monkeypatch.undo()
            database.delete(FASTPATH, [{"measurement_uid": gone}])
            SqlRollups(database, ClockAt(1440)).recount([gone])

        monkeypatch.setattr(database, "execute", removing_after)
        refresh(database, minutes=1450)
        assert_exact(database, [found[1], later])
        assert rolled_up(database) == 2

    def test_interrupted_refresh_changes_nothing_and_can_be_repeated(self, database, monkeypatch):
        found = [arriving(row(n, minutes=n * 1440), n * 1440) for n in range(3)]
        put(database, *found)
        monkeypatch.setattr(database, "insert", _fails)
        with pytest.raises(InterruptedError):
            refresh(database, minutes=5 * 1440)
        monkeypatch.undo()
        assert_exact(database, found)
        refresh(database, minutes=5 * 1440)
        assert_exact(database, found)
        assert {rolled_up(database, table.name) for table in ROLLUPS} == {3}

    def test_refresh_leaves_no_more_than_the_build_before(self, database):
        for hour in range(1, 5):
            put(database, arriving(row(hour), hour * 60))
            refresh(database, minutes=hour * 60 + 62)
        assert len(database.query("SELECT DISTINCT build FROM rollup_places WHERE build LIKE '%20261101'")) == 2

    def test_a_chart_that_was_planned_before_a_refresh_is_exact_after_it(self, database, monkeypatch):
        found = [arriving(row(n), minutes) for n, minutes in enumerate((10, 70))]
        put(database, *found)
        refresh(database, minutes=65)
        ask = database.columns

        def refreshed_first(*arguments):
            refresh(database, minutes=125)
            return ask(*arguments)

        monkeypatch.setattr(database, "columns", refreshed_first)
        [cell] = SqlCatalog(database).count(CountQuery(ALL)).cells
        assert cell.counts.measurements == 2
        monkeypatch.undo()
        assert rolled_up(database) == 2

    def test_rows_from_rollups_really_answer(self, database):
        put(database, arriving(row(1), 10))
        refresh(database, minutes=1440)
        database.execute(
            "INSERT INTO rollup_places (day, probe_cc, build, anomalies, confirmations, failures, measurements,"
            " anomaly_flags, confirmed_flags) SELECT day, 'XX', build, 0, 0, 0, 7, 0, 0 FROM rollup_places"
        )
        cells = SqlCatalog(database).count(BY_COUNTRY).cells
        assert [(cell.keys[0], cell.counts.measurements) for cell in cells] == [("IT", 1), ("XX", 7)]

    def test_a_chart_asked_for_again_reads_only_what_the_rollups_do_not_know(self, database, monkeypatch):
        put(database, arriving(row(1), 10))
        refresh(database, minutes=1445)
        catalog, asked = SqlCatalog(database), []
        monkeypatch.setattr(database, "columns", lambda *a, ask=database.columns: asked.append(a[0]) or ask(*a))
        for _ in range(3):
            assert catalog.count(BY_COUNTRY).cells[0].counts.measurements == 1
        [settled] = asked
        assert "rollup_places" in settled
        assert "fastpath" not in settled
        refresh(database, minutes=1450)  # which finds nothing to do
        assert catalog.count(BY_COUNTRY).cells[0].counts.measurements == 1
        assert len(asked) == 1
        put(database, arriving(row(2), 1441))
        refresh(database, minutes=1503)
        assert catalog.count(BY_COUNTRY).cells[0].counts.measurements == 2
        assert len(asked) == 2

    def test_only_so_many_cells_are_kept_those_of_the_latest_charts(self, database, monkeypatch):
        put(database, *(arriving(row(n, probe_cc=cc), 10 + n) for n, cc in enumerate(("IT", "BR", "DE"))))
        refresh(database, minutes=1440)
        charts, asked = SqlCharts(database, seconds=10, most_cells=100, rollups=True, most_kept=210), []
        monkeypatch.setattr(database, "columns", lambda *a, ask=database.columns: asked.append(a[0]) or ask(*a))
        by_test = CountQuery(ALL, (Axis.TEST_NAME,))
        for query in (BY_COUNTRY, by_test, BY_COUNTRY, CountQuery(ALL), BY_COUNTRY, by_test):
            charts.count(query)
        assert len(asked) == 4

    def test_chart_with_too_many_cells_is_refused_however_it_is_put_together(self, database):
        put(database, *(arriving(row(n, probe_cc=cc), 10 + n) for n, cc in enumerate(("IT", "BR"))))
        refresh(database, minutes=1440)
        assert len(SqlCatalog(database, most_cells=2).count(BY_COUNTRY).cells) == 2
        with pytest.raises(TooLarge, match="narrow the filters"):
            SqlCatalog(database, most_cells=1).count(BY_COUNTRY)
        put(database, arriving(row(3, probe_cc="DE"), 1450))
        with pytest.raises(TooLarge, match="narrow the filters"):
            SqlCatalog(database, most_cells=2).count(BY_COUNTRY)


def _fails(*_):
    raise InterruptedError


@pytest.mark.parametrize(
    ("query", "table"),
    [
        (CountQuery(ALL, (Axis.DAY, Axis.COUNTRY)), "rollup_places"),
        (CountQuery(MeasurementFilter(probe_ccs=("IT",), known_country=True)), "rollup_places"),
        (CountQuery(ALL, (Axis.DAY, Axis.TEST_NAME)), "rollup_countries"),
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


KNOWN = Known("20261120", "build", "2026112005", datetime(2026, 11, 20, 5, 3), datetime(2026, 11, 20, 5))


def planned(window):
    query = CountQuery(MeasurementFilter(window=window))
    return plan_for(query, rollup_for(query), KNOWN)


def test_parts_of_days_at_the_edges_are_read_from_measurements():
    plan = planned(TimeWindow(datetime(2026, 11, 1, 12), datetime(2026, 11, 20, 6)))
    assert [str(day) for day in plan.days] == ["2026-11-02", "2026-11-20"]
    assert [(str(w.start), str(w.end)) for w in plan.edges] == [
        ("2026-11-01 12:00:00", "2026-11-02 00:00:00"),
        ("2026-11-20 00:00:00", "2026-11-20 06:00:00"),
    ]


def test_window_without_a_whole_day_needs_no_rollup():
    assert planned(TimeWindow(datetime(2026, 11, 1, 12), datetime(2026, 11, 2, 6))) is None
