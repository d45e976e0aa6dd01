"""Counters of listed URLs: a function of the stored measurements, on every engine."""

import random
from datetime import UTC, date, datetime, timedelta

import attrs
import pytest

from ooni_adapters.sql.counting import count_verdicts, recount
from ooni_adapters.sql.tables import CITIZENLAB, COUNTERS_ASN_TEST_LIST, COUNTERS_TEST_LIST, FASTPATH
from ooni_adapters.sql.verdicts import SqlVerdictStore
from ooni_core.errors import Unavailable
from ooni_core.prioritization.counting import is_counted, sunday
from tests.contract.storage.test_scoring_stores import FixedClock, verdict

NOW = FixedClock().now().astimezone(UTC).replace(tzinfo=None)  # Wednesday 2024-05-15 12:00
WEEK = "SELECT week, probe_cc, probe_asn, input, sum(msmt_cnt) AS n FROM counters_asn_test_list"
DAY = "SELECT day, probe_cc, input, sum(msmt_cnt) AS n FROM counters_test_list"


def lists(*urls, countries=("ZZ",)):
    return [{"domain": "d", "url": url, "cc": cc, "category_code": "NEWS"} for url in urls for cc in countries]


def by_week(engine):
    found = engine.query(f"{WEEK} GROUP BY week, probe_cc, probe_asn, input").tuples
    return {row[:4]: row[4] for row in found if row[4]}


def by_day(engine):
    return {row[:3]: row[3] for row in engine.query(f"{DAY} GROUP BY day, probe_cc, input").tuples if row[3]}


def measured(uid, **changes):
    return verdict(
        uid,
        **{
            "input": "https://a.example/",
            "probe_asn": 1,
            "measurement_start_time": NOW - timedelta(hours=1),
            **changes,
        },
    )


class CountersContract:
    """Subclasses supply ``engine``."""

    @pytest.fixture
    def store(self, engine):
        engine.replace({CITIZENLAB: lists("https://a.example/", "https://b.example/", countries=("ZZ", "IT", "US"))})
        return SqlVerdictStore(engine, FixedClock())

    def test_a_url_on_several_lists_is_counted_once(self, engine, store):
        store.put([measured("m1"), measured("m2")])
        assert by_week(engine) == {(date(2024, 5, 12), "IT", 1, "https://a.example/"): 2}
        assert by_day(engine) == {(date(2024, 5, 15), "IT", "https://a.example/"): 2}

    def test_a_measurement_stored_twice_is_counted_once(self, engine, store):
        store.put([measured("m1"), measured("m1")])
        store.put([measured("m1"), measured("m2")])
        assert sum(by_week(engine).values()) == 2
        assert sum(by_day(engine).values()) == 2

    @pytest.mark.parametrize("failing", [COUNTERS_TEST_LIST, COUNTERS_ASN_TEST_LIST, FASTPATH], ids=lambda t: t.name)
    @pytest.mark.parametrize("took_effect", [True, False])
    def test_a_retry_counts_once_wherever_the_first_attempt_failed(
        self, engine, store, monkeypatch, failing, took_effect
    ):
        insert, failed = engine.insert, []

        def failing_once(table, *args, **options):
            if table is not failing or failed:
                return insert(table, *args, **options)
            failed.append(table)
            if took_effect:
                insert(table, *args, **options)
            raise Unavailable("the answer is lost")

        monkeypatch.setattr(engine, "insert", failing_once)
        with pytest.raises(Unavailable):
            store.put([measured("m1"), measured("m2")])
        store.put([measured("m1"), measured("m2")])
        assert failed
        assert (sum(by_week(engine).values()), sum(by_day(engine).values())) == (2, 2)
        assert engine.query("SELECT count(*) FROM fastpath").scalar() == 2

    def test_what_is_not_on_a_list_or_another_nettest_is_not_counted(self, engine, store):
        store.put([measured("m1", input="https://unlisted.example/"), measured("m2", test_name="signal")])
        assert by_week(engine) == {}

    def test_failed_measurements_count(self, engine, store):
        store.put([measured("m1", msm_failure=True)])
        assert sum(by_week(engine).values()) == 1

    def test_weeks_of_sunday_stay_apart(self, engine, store):
        for uid, start in (("m1", "2024-05-11T23:59:59"), ("m2", "2024-05-12T00:00:00")):
            store.put([measured(uid, measurement_start_time=datetime.fromisoformat(start))])
        assert {key[0]: n for key, n in by_week(engine).items()} == {date(2024, 5, 5): 1, date(2024, 5, 12): 1}

    def test_the_future_and_what_is_older_than_the_previous_week_do_not_count(self, engine, store):
        for uid, start in (("m1", "2024-05-15T12:00:00"), ("m2", "2024-05-04T23:59:59")):
            store.put([measured(uid, measurement_start_time=datetime.fromisoformat(start))])
        assert by_week(engine) == {}

    def test_recount_follows_a_change_of_the_lists(self, engine, store):
        store.put([measured("m1"), measured("m2", input="https://new.example/")])
        engine.replace({CITIZENLAB: lists("https://new.example/")})
        recount(engine, NOW)
        assert by_week(engine) == {(date(2024, 5, 12), "IT", 1, "https://new.example/"): 1}

    def test_recount_mends_what_was_lost_or_counted_twice(self, engine, store):
        store.put([measured("m1"), measured("m2", probe_cc="US")])
        right = by_week(engine), by_day(engine)
        stray = {"probe_cc": "IT", "input": "https://a.example/", "msmt_cnt": 5}
        engine.insert(COUNTERS_TEST_LIST, [{**stray, "day": date(2024, 5, 15)}])
        engine.insert(COUNTERS_ASN_TEST_LIST, [{**stray, "week": date(2024, 5, 12), "probe_asn": 9}])
        recount(engine, NOW)
        assert (by_week(engine), by_day(engine)) == right

    def test_recount_forgets_what_is_older_than_three_weeks(self, engine, store):
        stray = {"probe_cc": "IT", "input": "https://a.example/", "msmt_cnt": 5}
        engine.insert(
            COUNTERS_TEST_LIST, [{**stray, "day": date(2024, day // 32 + 4, day % 31 or 1)} for day in (23, 25)]
        )
        recount(engine, NOW)
        assert {key[0] for key in by_day(engine)} == {date(2024, 4, 25)}

    def test_reprocessing_replaces_rows_in_place_and_leaves_counting_to_the_recount(self, engine, store):
        store.put([measured("m1"), measured("m2")])
        again = attrs.evolve(store, counting=False)
        again.put([measured("m1", anomaly=False), measured("m3"), measured("m2", input="https://b.example/")])
        found = engine.query("SELECT measurement_uid, anomaly FROM fastpath ORDER BY measurement_uid").tuples
        assert found == [("m1", "f"), ("m2", "t"), ("m3", "t")]
        assert by_week(engine) == {(date(2024, 5, 12), "IT", 1, "https://a.example/"): 2}
        recount(engine, NOW)
        assert {key[3]: n for key, n in by_week(engine).items()} == {"https://a.example/": 2, "https://b.example/": 1}

    @pytest.mark.parametrize("seed", [1, 2])
    def test_adding_and_recounting_and_a_plain_model_agree(self, engine, store, seed):
        rnd = random.Random(seed)
        urls = [f"https://{n}.example/" for n in range(12)]
        engine.replace({CITIZENLAB: lists(*urls[:8], countries=("ZZ", "IT"))})
        rows = {}
        for _ in range(6):
            batch = [_random_row(rnd, urls) for _ in range(60)]
            with engine.transaction():
                count_verdicts(engine, batch, NOW)
                engine.insert(FASTPATH, batch)
            rows |= {row["measurement_uid"]: row for row in batch}
        expected = _model(rows.values(), set(urls[:8]))
        assert by_week(engine) == expected
        recount(engine, NOW)
        assert by_week(engine) == expected
        recount(engine, NOW)
        assert by_week(engine) == expected


def _random_row(rnd, urls):
    uid = f"m{rnd.randrange(150)}"
    fixed = random.Random(uid)  # scored again, a measurement keeps its place, time and input
    return {
        "measurement_uid": uid,
        "test_name": fixed.choice(["web_connectivity", "web_connectivity", "dash"]),
        "input": fixed.choice([*urls, ""]),
        "probe_cc": fixed.choice(["IT", "US"]),
        "probe_asn": fixed.choice([1, 2]),
        "measurement_start_time": NOW - timedelta(hours=fixed.randrange(-10, 500)),
        "anomaly": rnd.choice("tf"),
    }


def _model(rows, listed):
    counted = {}
    for row in rows:
        started = row["measurement_start_time"]
        if row["input"] in listed and is_counted(row["test_name"], row["input"], started, NOW):
            key = (sunday(started.date()), row["probe_cc"], row["probe_asn"], row["input"])
            counted[key] = counted.get(key, 0) + 1
    return counted


class TestCountersOnDuckDb(CountersContract):
    @pytest.fixture
    def engine(self, duckdb_memory):
        return duckdb_memory


class TestCountersOnEmbeddedClickHouse(CountersContract):
    @pytest.fixture
    def engine(self, chdb):
        return chdb


class TestCountersOnClickHouseOverHttp(CountersContract):
    @pytest.fixture
    def engine(self, clickhouse):
        return clickhouse
