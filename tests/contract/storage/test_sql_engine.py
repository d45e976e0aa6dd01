"""What every SqlEngine promises: tables by their rules, whole batches, limits, and many threads."""

import threading
import time
from contextlib import contextmanager, suppress
from contextvars import copy_context
from datetime import date, datetime, timedelta

import attrs
import duckdb
import pyarrow as pa
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import OperationalError

from ooni_adapters.database import open_database
from ooni_adapters.duckdb import DuckDbEngine
from ooni_adapters.sql.datasets import activate, roll_back
from ooni_adapters.sql.engine import UNLIMITED, Cancellation, Limits, cancellable
from ooni_adapters.sql.preparing import differences
from ooni_adapters.sql.schema import Column, Kind
from ooni_adapters.sql.signed import apply_signed
from ooni_adapters.sql.tables import (
    ASNMETA,
    CITIZENLAB,
    COUNTERS_TEST_LIST,
    DATASET_VERSIONS,
    FASTPATH,
    FINGERPRINTS_DNS,
    FINGERPRINTS_HTTP,
    INCIDENTS,
    MSMT_FEEDBACK,
    TABLES,
    TEST_GROUPS,
    URL_PRIORITIES,
)
from ooni_adapters.sql.tables.rollups import ROLLUP_COUNTRIES
from ooni_core.errors import Invalid, OoniError, QueryTimeout, TooLarge, Unavailable
from tests.contract.conftest import emptied
from tests.contract.storage.clickhouse_bridge import Faults, serving_clickhouse
from tests.embedded_clickhouse import chdb_url
from tests.service import PATIENCE_SECONDS

DAY = date(2024, 5, 12)
# Both engines know this table function; neither finishes the product in a second.
ENDLESS = {
    "duckdb": "SELECT sum(a.range * b.range) FROM range(3000000) a, range(3000000) b",
    "clickhouse": "SELECT sum(number) FROM numbers(1000000000000)",
}
KINDS = {"text": Kind.TEXT, "number": Kind.UINT32}


def url(name, cc="ZZ"):
    return {"domain": name, "url": f"https://{name}/", "cc": cc, "category_code": "NEWS"}


def rule(priority, sign=1, code="NEWS", cc="IT"):
    return {"sign": sign, "category_code": code, "cc": cc, "domain": "*", "url": "*", "priority": priority}


def counter(count, cc="IT", day=DAY):
    return {"day": day, "probe_cc": cc, "input": "https://example.org/", "msmt_cnt": count}


class SqlEngineContract:
    """What every SqlEngine promises. Subclasses supply ``engine``."""

    # rules

    def test_last_inserted_row_of_a_key_is_the_one_that_is_read(self, engine):
        engine.insert(TEST_GROUPS, [{"test_name": "ndt", "test_group": "old"}])
        engine.insert(TEST_GROUPS, [{"test_name": "ndt", "test_group": "new"}])
        assert engine.query("SELECT test_name, test_group FROM test_groups").tuples == [("ndt", "new")]

    def test_last_row_of_a_key_wins_inside_one_batch(self, engine):
        engine.insert(
            TEST_GROUPS, [{"test_name": "ndt", "test_group": group} for group in ("first", "second", "third")]
        )
        assert engine.query("SELECT test_group FROM test_groups").tuples == [("third",)]

    def test_two_edits_within_one_millisecond_keep_their_order(self, engine):
        for edit in range(20):
            engine.insert(
                INCIDENTS,
                [{"id": "1", "title": f"edit {edit}", "update_time": datetime.fromisoformat("2024-01-01T00:00:00")}],
            )
        assert engine.query("SELECT title FROM incidents").tuples == [("edit 19",)]

    def test_rows_of_sums_are_added_up(self, engine):
        engine.insert(COUNTERS_TEST_LIST, [counter(1), counter(2), counter(5, cc="US")])
        engine.insert(COUNTERS_TEST_LIST, [counter(4)])
        found = engine.query(
            "SELECT probe_cc, sum(msmt_cnt) FROM counters_test_list GROUP BY probe_cc ORDER BY probe_cc"
        )
        assert found.tuples == [("IT", 7), ("US", 5)]

    def test_sums_of_different_days_stay_apart(self, engine):
        engine.insert(COUNTERS_TEST_LIST, [counter(1), counter(2, day=DAY - timedelta(days=7))])
        assert engine.query("SELECT msmt_cnt FROM counters_test_list ORDER BY day").tuples == [(2,), (1,)]

    def test_what_was_added_can_be_taken_away(self, engine):
        engine.insert(COUNTERS_TEST_LIST, [counter(3), counter(1, cc="US")])
        engine.insert(COUNTERS_TEST_LIST, [counter(-3)])
        found = engine.query("SELECT probe_cc, msmt_cnt FROM counters_test_list WHERE msmt_cnt <> 0")
        assert found.tuples == [("US", 1)]

    def test_all_rows_of_an_append_table_stay(self, engine):
        row = {"day": DAY, "probe_cc": "IT", "test_name": "ndt", "build": "b", "measurements": 1}
        engine.insert(ROLLUP_COUNTRIES, [row, row])
        engine.insert(ROLLUP_COUNTRIES, [row])
        assert engine.query("SELECT count(*) FROM rollup_countries").scalar() == 3

    def test_missing_columns_get_their_declared_default(self, engine):
        engine.insert(FASTPATH, [{"measurement_uid": "m"}])
        found = engine.query(
            "SELECT anomaly, input, probe_asn, ooni_run_link_id, is_verified, test_start_time, page_len_ratio FROM fastpath"
        )
        assert found.tuples == [("f", "", 0, None, "u", datetime.fromisoformat("1970-01-01T00:00:00"), 0.0)]

    def test_lists_come_back_as_they_went(self, engine):
        engine.insert(INCIDENTS, [{"id": "1", "CCs": ["IT", "it's"], "ASNs": [4294967295, 1], "domains": []}])
        found = engine.query("SELECT CCs, ASNs, domains, tags, end_time FROM incidents")
        assert found.tuples == [(["IT", "it's"], [4294967295, 1], [], [], None)]

    # batches

    def test_batch_with_a_known_key_adds_nothing(self, engine):
        assert engine.insert(COUNTERS_TEST_LIST, [counter(3)], batch_key="b1") is True
        assert engine.insert(COUNTERS_TEST_LIST, [counter(3)], batch_key="b1") is False
        assert engine.insert(COUNTERS_TEST_LIST, [counter(3)], batch_key="b2") is True
        assert engine.query("SELECT sum(msmt_cnt) FROM counters_test_list").scalar() == 6

    def test_batch_whose_answer_was_lost_is_stored_once_by_the_retry(self, engine, losing_an_answer):
        before = {"measurement_uid": "m", "account_id": "a", "status": "ok"}
        for table, rows in ((COUNTERS_TEST_LIST, [counter(3)]), (MSMT_FEEDBACK, [before])):
            with losing_an_answer(engine), pytest.raises(Unavailable):
                engine.insert(table, rows, batch_key="b1")
            engine.insert(table, rows, batch_key="b1")
            engine.insert(table, rows, batch_key="b1")
        assert engine.query("SELECT sum(msmt_cnt) FROM counters_test_list").scalar() == 3
        assert engine.query("SELECT count(*) FROM msmt_feedback").scalar() == 1

    def test_batch_key_is_per_table(self, engine):
        engine.insert(COUNTERS_TEST_LIST, [counter(3)], batch_key="b1")
        assert engine.insert(TEST_GROUPS, [{"test_name": "ndt"}], batch_key="b1") is True

    def test_equal_batches_without_a_key_both_count(self, engine):
        engine.insert(COUNTERS_TEST_LIST, [counter(3)])
        engine.insert(COUNTERS_TEST_LIST, [counter(3)])
        assert engine.query("SELECT sum(msmt_cnt) FROM counters_test_list").scalar() == 6

    def test_arrow_batch_is_stored_like_rows(self, engine):
        engine.insert(CITIZENLAB, pa.Table.from_pylist([url("a.example"), url("b.example")]))
        assert engine.query("SELECT domain FROM citizenlab ORDER BY domain").tuples == [("a.example",), ("b.example",)]

    def test_empty_batch_is_fine(self, engine):
        engine.insert(CITIZENLAB, [])
        assert engine.query("SELECT count(*) FROM citizenlab").scalar() == 0

    @pytest.mark.parametrize(
        ("row", "named"),
        [
            ({"measurement_uid": "m", "surprise": 1}, "surprise"),
            ({"measurement_uid": "m", "probe_asn": -1}, "probe_asn"),
            ({"measurement_uid": "m", "probe_asn": "AS1"}, "probe_asn"),
            ({"measurement_uid": "m", "probe_asn": 2**32}, "probe_asn"),
            ({"measurement_uid": None}, "measurement_uid"),
            ({"measurement_uid": "m", "input": 1}, "input"),
        ],
    )
    def test_batch_with_one_bad_row_is_refused_whole(self, engine, row, named):
        with pytest.raises(Invalid, match=named):
            engine.insert(FASTPATH, [{"measurement_uid": "good"}, row])
        assert engine.query("SELECT count(*) FROM fastpath").scalar() == 0

    # removal

    def test_removed_row_is_not_read_and_can_come_back(self, engine):
        feedback = {"measurement_uid": "m", "account_id": "a", "status": "ok"}
        engine.insert(MSMT_FEEDBACK, [feedback, {**feedback, "account_id": "b"}])
        engine.delete(MSMT_FEEDBACK, [{"measurement_uid": "m", "account_id": "a"}])
        assert engine.query("SELECT account_id FROM msmt_feedback").tuples == [("b",)]
        engine.insert(MSMT_FEEDBACK, [feedback])
        assert engine.query("SELECT account_id FROM msmt_feedback ORDER BY account_id").tuples == [("a",), ("b",)]

    def test_removing_unknown_keys_or_nothing_changes_nothing(self, engine):
        engine.insert(TEST_GROUPS, [{"test_name": "ndt"}])
        engine.delete(TEST_GROUPS, [])
        engine.delete(TEST_GROUPS, [{"test_name": "dash"}])
        assert engine.query("SELECT test_name FROM test_groups").tuples == [("ndt",)]

    def test_rows_of_sums_cannot_be_removed(self, engine):
        with pytest.raises(Invalid):
            engine.delete(COUNTERS_TEST_LIST, [counter(1)])

    # replacement

    def test_replacing_gives_exactly_the_new_content(self, engine):
        engine.insert(CITIZENLAB, [url("a.example"), url("b.example")])
        engine.replace({CITIZENLAB: [url("b.example"), url("c.example"), url("c.example")]})
        assert engine.query("SELECT domain FROM citizenlab ORDER BY domain").tuples == [("b.example",), ("c.example",)]

    def test_refused_replacement_changes_nothing(self, engine):
        engine.insert(CITIZENLAB, [url("a.example")])
        with pytest.raises(Invalid):
            engine.replace({ASNMETA: [{"asn": 1}], CITIZENLAB: [{"url": 5}]})
        assert engine.query("SELECT domain FROM citizenlab").tuples == [("a.example",)]
        assert engine.query("SELECT count(*) FROM asnmeta").scalar() == 0

    def test_table_without_a_shadow_can_be_replaced(self, engine):
        engine.insert(TEST_GROUPS, [{"test_name": "ndt"}])
        engine.replace({TEST_GROUPS: [{"test_name": "dash"}]})
        engine.replace({TEST_GROUPS: [{"test_name": "tor"}]})
        assert engine.query("SELECT test_name FROM test_groups").tuples == [("tor",)]

    def test_readers_see_old_or_new_content_and_never_less(self, engine):
        old, new = [url(f"old{n}.example") for n in range(200)], [url(f"new{n}.example") for n in range(300)]
        engine.replace({CITIZENLAB: old})
        seen, failures, stop = set(), [], threading.Event()

        def read():
            while not stop.is_set():
                try:
                    counts = engine.query("SELECT count(*), count(DISTINCT substring(domain, 1, 3)) FROM citizenlab")
                    seen.add(counts.tuples[0])
                except OoniError as exc:
                    failures.append(exc)
                    return

        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        for _ in range(3):
            engine.replace({CITIZENLAB: new})
            engine.replace({CITIZENLAB: old})
        stop.set()
        for reader in readers:
            reader.join()
        assert failures == []
        assert seen <= {(200, 1), (300, 1)}

    def test_activated_content_is_recorded_and_can_be_rolled_back(self, engine):
        first, second = {"name": "a", "pattern": "1.1.1.1"}, {"name": "b", "pattern": "2.2.2.2"}
        activate(engine, {FINGERPRINTS_DNS: [first], FINGERPRINTS_HTTP: []})
        activate(engine, {FINGERPRINTS_DNS: [second], FINGERPRINTS_HTTP: [first]})
        roll_back(engine, [FINGERPRINTS_DNS, FINGERPRINTS_HTTP])
        assert engine.query("SELECT name FROM fingerprints_dns").tuples == [("a",)]
        assert engine.query("SELECT name FROM fingerprints_http").tuples == []
        versions = engine.query("SELECT name, rows FROM dataset_versions ORDER BY activated_at, name")
        assert len(versions) == 6
        assert {name for name, _ in versions.tuples} == {"fingerprints_dns", "fingerprints_http"}
        assert DATASET_VERSIONS.name in TABLES

    def test_what_keeps_no_previous_content_cannot_be_rolled_back(self, engine):
        with pytest.raises(Invalid):
            roll_back(engine, [TEST_GROUPS])

    # signs

    def test_plus_and_minus_of_equal_rows_annul_in_any_order(self, engine):
        apply_signed(engine, URL_PRIORITIES, [rule(10, -1), rule(20), rule(10)])
        assert engine.query("SELECT priority FROM url_priorities").tuples == [(20,)]

    def test_minus_removes_an_equal_stored_row(self, engine):
        apply_signed(engine, URL_PRIORITIES, [rule(10), rule(5, cc="US")])
        apply_signed(engine, URL_PRIORITIES, [rule(10, -1)])
        assert engine.query("SELECT cc, priority FROM url_priorities").tuples == [("US", 5)]

    def test_minus_of_another_priority_takes_nothing_back(self, engine):
        apply_signed(engine, URL_PRIORITIES, [rule(10)])
        apply_signed(engine, URL_PRIORITIES, [rule(11, -1)])
        assert engine.query("SELECT priority FROM url_priorities").tuples == [(10,)]

    def test_update_by_minus_and_plus_leaves_the_new_row(self, engine):
        apply_signed(engine, URL_PRIORITIES, [rule(10)])
        apply_signed(engine, URL_PRIORITIES, [rule(10, -1), rule(30)])
        assert engine.query("SELECT priority, sign FROM url_priorities").tuples == [(30, 1)]

    # reading

    def test_parameters_are_values_never_text_of_the_statement(self, engine):
        for value in ("x' OR 1=1 --", "\\", "{a:String}", "$b", "é\n\t"):
            found = engine.query("SELECT $value AS v, '$value' AS quoted", {"value": value, "unused": 1})
            assert found.tuples == [(value, "$value")]

    def test_parameters_of_every_type(self, engine):
        moment = datetime.fromisoformat("2024-05-12T10:11:12")
        engine.insert(
            FASTPATH, [{"measurement_uid": "m", "probe_asn": 7, "test_start_time": moment, "blocking_general": 0.5}]
        )
        for condition, value in [
            ("probe_asn = $v", 7),
            ("probe_asn IN $v", [7, 8]),
            ("measurement_uid IN $v", ["x", "m"]),
            ("test_start_time >= $v", moment),
            ("test_start_time < $v", moment + timedelta(microseconds=500_000)),
            ("test_start_time >= $v", DAY),
            ("blocking_general > $v", 0.25),
            ("coalesce($v, measurement_uid) = measurement_uid", None),
        ]:
            assert engine.query(f"SELECT count(*) FROM fastpath WHERE {condition}", {"v": value}).scalar() == 1

    def test_dialect_expressions_mean_the_same(self, engine):
        moment = datetime.fromisoformat("2024-05-15T10:11:12")  # a Wednesday
        engine.insert(
            FASTPATH,
            [
                {
                    "measurement_uid": "m",
                    "test_start_time": moment,
                    "scores": '{"a":{"b":"x\\"y","n":1.5,"z":null,"t":true}}',
                }
            ],
        )
        d = engine.dialect
        for expression, expected in [
            (d.bucket("hour", "test_start_time"), datetime.fromisoformat("2024-05-15T10:00:00")),
            (d.bucket("day", "test_start_time"), date(2024, 5, 15)),
            (d.bucket("week", "test_start_time"), date(2024, 5, 12)),
            (d.bucket("month", "test_start_time"), date(2024, 5, 1)),
            (d.bucket("year", "test_start_time"), date(2024, 1, 1)),
            (d.iso_week("test_start_time"), date(2024, 5, 13)),
            (d.minus_days("test_start_time", 2), moment - timedelta(days=2)),
            (d.json_text("scores", "a", "b"), 'x"y'),
            (d.json_text("scores", "a", "n"), "1.5"),
            (d.json_text("scores", "a", "z"), ""),
            (d.json_text("scores", "a", "absent"), ""),
            (d.json_number("scores", "a", "n"), 1.5),
            (d.json_number("scores", "a", "b"), 0),
            (d.json_number("scores", "absent"), 0),
            ("count(*) FILTER (WHERE test_name = 'ndt')", 0),
            (d.distinct("measurement_uid"), 1),
        ]:
            assert engine.query(f"SELECT {expression} AS x FROM fastpath").scalar() == expected, expression

    @pytest.mark.parametrize(
        ("day", "sunday"), [("2024-05-12", "2024-05-12"), ("2024-05-18", "2024-05-12"), ("2024-01-01", "2023-12-31")]
    )
    def test_weeks_begin_on_sunday(self, engine, day, sunday):
        engine.insert(FASTPATH, [{"measurement_uid": "m", "test_start_time": datetime.fromisoformat(day)}])
        found = engine.query(f"SELECT {engine.dialect.bucket('week', 'test_start_time')} FROM fastpath").scalar()
        assert found == date.fromisoformat(sunday)

    def test_quantiles_interpolate(self, engine):
        engine.insert(FASTPATH, [{"measurement_uid": f"m{n}", "probe_asn": n} for n in (1, 2, 3, 4)])
        assert engine.query(f"SELECT {engine.dialect.quantile(0.5, 'probe_asn')} FROM fastpath").scalar() == 2.5

    def test_lists_answer_membership(self, engine):
        engine.insert(INCIDENTS, [{"id": "1", "CCs": ["IT", "FR"]}, {"id": "2"}])
        d = engine.dialect
        for condition in (d.contains("CCs", "$cc"), d.overlaps("CCs", "$ccs")):
            found = engine.query(f"SELECT id FROM incidents WHERE {condition}", {"cc": "FR", "ccs": ["US", "FR"]})
            assert found.tuples == [("1",)]

    def test_first_rows_in_an_order_are_all_there_after_many_replacements(self, engine):
        uids = [f"m{n}" for n in range(12)]
        for turn in range(40):
            start = datetime(2026, 11, 1) + timedelta(minutes=turn * 7919 % 50_000)
            kept = uids[: turn % 12]
            rows = [
                {"measurement_uid": uid, "measurement_start_time": start - timedelta(hours=n)}
                for n, uid in enumerate(kept)
            ]
            engine.replace({FASTPATH: rows})
            for limit in (1, 3):
                found = engine.query(
                    "SELECT measurement_uid, report_id FROM fastpath WHERE true"
                    f" ORDER BY measurement_start_time DESC, measurement_uid DESC LIMIT {limit} OFFSET 0"
                )
                assert [uid for uid, _ in found.tuples] == kept[:limit], turn

    def test_statement_that_is_wrong_is_an_error_of_ours(self, engine):
        for ask in (engine.query, engine.execute, lambda sql: list(engine.stream(sql))):
            with pytest.raises(OoniError):
                ask("SELECT nothing FROM nowhere")
        assert engine.query("SELECT 1").scalar() == 1

    def test_threads_that_ended_leave_nothing_open(self, engine):
        for _ in range(20):
            thread = threading.Thread(target=engine.query, args=("SELECT 1",))
            thread.start()
            thread.join()
        assert len(engine._idle) < 10

    def test_answer_longer_than_its_limit_is_refused(self, engine):
        engine.insert(CITIZENLAB, [url(f"{n}.example") for n in range(11)])
        assert len(engine.query("SELECT url FROM citizenlab", limits=Limits(rows=11))) == 11
        with pytest.raises(TooLarge):
            engine.query("SELECT url FROM citizenlab", limits=Limits(rows=10))

    def test_query_over_its_time_is_cancelled_and_the_engine_goes_on(self, engine):
        with pytest.raises(QueryTimeout):
            engine.query(ENDLESS[engine.dialect.name], limits=Limits(seconds=0.2))
        assert engine.query("SELECT 1").scalar() == 1

    def test_query_is_cancelled_from_another_thread(self, engine):
        cancellation = Cancellation()
        canceller = threading.Timer(0.3, cancellation.cancel)
        canceller.start()
        with pytest.raises(QueryTimeout):
            engine.query(ENDLESS[engine.dialect.name], limits=Limits(seconds=None, cancellation=cancellation))
        canceller.join()
        assert engine.query("SELECT 1").scalar() == 1

    def test_query_that_was_cancelled_before_is_not_started(self, engine):
        cancellation = Cancellation()
        cancellation.cancel()
        with pytest.raises(QueryTimeout):
            engine.query("SELECT 1", limits=Limits(cancellation=cancellation))
        assert engine.query("SELECT 1").scalar() == 1

    def test_everything_that_began_in_a_cancellable_block_is_cancelled_with_it(self, engine):
        caught = []

        def ask():
            try:
                engine.query(ENDLESS[engine.dialect.name], limits=UNLIMITED)
            except QueryTimeout as exc:
                caught.append(exc)

        with cancellable() as cancel:
            thread = threading.Thread(target=copy_context().run, args=(ask,))
            thread.start()
            time.sleep(0.3)
            cancel()
            thread.join()
            assert len(caught) == 1
            with pytest.raises(QueryTimeout):
                list(engine.stream("SELECT 1"))
        assert engine.query("SELECT 1").scalar() == 1

    def test_columns_have_the_values_that_rows_have(self, engine):
        moments = [datetime.fromisoformat("2024-05-12T10:11:12") + timedelta(hours=n % 2) for n in range(5)]
        engine.insert(
            FASTPATH,
            [
                {"measurement_uid": f"m{n}", "test_start_time": moment, "ooni_run_link_id": n if n % 2 else None}
                for n, moment in enumerate(moments)
            ],
        )
        day = engine.dialect.bucket("day", "test_start_time")
        sql = (
            f"SELECT measurement_uid, test_start_time, {day} AS day, ooni_run_link_id, test_runtime FROM fastpath"
            " WHERE measurement_uid <> $uid ORDER BY measurement_uid"
        )
        rows = engine.query(sql, {"uid": "m0"}).tuples
        assert len(rows) == 4
        assert list(zip(*engine.columns(sql, {"uid": "m0"}), strict=True)) == rows
        assert not any(engine.columns(f"{sql} LIMIT 0", {"uid": "m0"}))

    def test_columns_longer_than_their_limit_are_refused(self, engine):
        engine.insert(CITIZENLAB, [url(f"{n}.example") for n in range(11)])
        assert len(engine.columns("SELECT url FROM citizenlab", limits=Limits(rows=11))[0]) == 11
        with pytest.raises(TooLarge):
            engine.columns("SELECT url FROM citizenlab", limits=Limits(rows=10))
        assert len(engine.query("SELECT url FROM citizenlab")) == 11

    def test_stream_has_all_rows_and_the_same_values(self, engine):
        moment = datetime.fromisoformat("2024-05-15T10:11:12")
        rows = [
            {"measurement_uid": f"m{n:05}", "probe_asn": n, "test_start_time": moment, "update_time": moment}
            for n in range(25_000)
        ]
        engine.insert(FASTPATH, rows)
        sql = "SELECT measurement_uid, probe_asn, test_start_time, update_time, probe_cc FROM fastpath"
        batches = list(engine.stream(f"{sql} ORDER BY measurement_uid", limits=UNLIMITED))
        read = pa.Table.from_batches(batches).to_pylist()
        assert len(read) == 25_000
        assert read[24_999] == {**rows[-1], "probe_cc": ""}

    def test_stream_over_its_time_is_cancelled(self, engine):
        with pytest.raises(QueryTimeout):
            list(engine.stream(ENDLESS[engine.dialect.name], limits=Limits(seconds=0.2)))

    def test_reads_do_not_wait_for_a_writer(self, engine):
        engine.insert(TEST_GROUPS, [{"test_name": "ndt"}])
        with engine.transaction():
            engine.insert(TEST_GROUPS, [{"test_name": "dash"}])
            found = []
            reader = threading.Thread(
                target=lambda: found.append(engine.query("SELECT count(*) FROM test_groups").scalar())
            )
            reader.start()
            reader.join(PATIENCE_SECONDS)
            assert found
            assert found[0] in {1, 2}

    def test_transaction_sees_what_it_wrote(self, engine):
        with engine.transaction():
            engine.insert(TEST_GROUPS, [{"test_name": "ndt"}])
            assert engine.query("SELECT count(*) FROM test_groups").scalar() == 1

    def test_many_threads_read_while_one_writes(self, engine):
        failures = []

        def read():
            try:
                for _ in range(10):
                    found = engine.query("SELECT count(*), count(DISTINCT measurement_uid) FROM fastpath").tuples[0]
                    assert found[0] == found[1]
            except (OoniError, AssertionError) as exc:
                failures.append(exc)

        readers = [threading.Thread(target=read) for _ in range(4)]
        for reader in readers:
            reader.start()
        for batch in range(10):
            engine.insert(FASTPATH, [{"measurement_uid": f"m{n}", "page_len": batch} for n in range(50)])
        for reader in readers:
            reader.join()
        assert failures == []
        assert engine.query("SELECT DISTINCT page_len FROM fastpath").tuples == [(9,)]

    # schema

    def test_live_schema_is_as_declared(self, engine):
        assert [d for d in differences(engine) if d.kind != "extra column"] == []

    @pytest.mark.parametrize(
        ("declared", "text"),
        [
            (attrs.evolve(TEST_GROUPS, name="absent", doc="x"), "absent: missing table (x)"),
            (
                attrs.evolve(TEST_GROUPS, columns=(*TEST_GROUPS.columns, Column("more", Kind.TEXT))),
                "test_groups.more: missing column (declared as {text})",
            ),
            (
                attrs.evolve(TEST_GROUPS, columns=(TEST_GROUPS.columns[0], Column("test_group", Kind.UINT32))),
                "test_groups.test_group: type (declared as {number}, is {text})",
            ),
            (
                attrs.evolve(TEST_GROUPS, key=("test_group",)),
                "test_groups: key (declared as test_group, is test_name)",
            ),
            (
                attrs.evolve(TEST_GROUPS, columns=TEST_GROUPS.columns[:1]),
                "test_groups.test_group: extra column (is {text}, not declared)",
            ),
        ],
    )
    def test_each_difference_from_the_declaration_is_named(self, engine, declared, text):
        kinds = {name: engine.dialect.column_type(Column("x", kind)) for name, kind in KINDS.items()}
        assert [difference.text for difference in differences(engine, [declared])] == [text.format(**kinds)]

    def test_added_column_is_there_for_old_and_new_rows(self, engine):
        engine.execute("DROP TABLE IF EXISTS growing")
        old = attrs.evolve(TEST_GROUPS, name="growing")
        colour = attrs.evolve(TEST_GROUPS.columns[1], name="colour", default="red")
        new = attrs.evolve(old, columns=(*old.columns, colour))
        try:
            for statement in engine.dialect.create(old):
                engine.execute(statement)
            engine.insert(old, [{"test_name": "before"}])
            assert [d.kind for d in differences(engine, [new])] == ["missing column"]
            for _ in range(2):
                for statement in engine.dialect.add_column(new, colour):
                    engine.execute(statement)
            assert differences(engine, [new]) == []
            engine.insert(new, [{"test_name": "after"}])
            found = engine.query("SELECT test_name, colour FROM growing ORDER BY test_name")
            assert found.tuples == [("after", "red"), ("before", "red")]
        finally:
            engine.execute("DROP TABLE IF EXISTS growing")


def test_cancelling_goes_on_until_the_query_ends_because_an_engine_may_not_have_begun_it():
    interrupts, cancellation = threading.Semaphore(0), Cancellation()
    with cancellation.stopping(interrupts.release):
        cancellation.cancel()
        assert all(interrupts.acquire(timeout=PATIENCE_SECONDS) for _ in range(3))


@contextmanager
def duckdb_loses_an_answer(engine):
    """The next COMMIT takes effect, and its caller never hears of it."""
    writer = engine._writer

    class Losing:
        def __getattr__(self, name):
            return getattr(writer, name)

        def execute(self, sql, *args):
            done = writer.execute(sql, *args)
            if sql == "COMMIT":
                raise duckdb.IOException("the answer is lost")
            return done

    engine._writer = Losing()
    try:
        yield
    finally:
        engine._writer = writer


@contextmanager
def clickhouse_loses_an_answer(engine):
    """The next insert takes effect, and its caller never hears of it."""

    def losing(client, *args, **options):
        inserting(client, *args, **options)
        raise OperationalError("the answer is lost")

    inserting = Client.insert_arrow
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Client, "insert_arrow", losing)
        yield


class TestDuckDbMemory(SqlEngineContract):
    @pytest.fixture
    def losing_an_answer(self):
        return duckdb_loses_an_answer

    @pytest.fixture
    def engine(self, duckdb_memory):
        return duckdb_memory

    def test_query_without_enough_memory_is_unavailable(self):
        small = DuckDbEngine(options={"memory_limit": "20MB", "threads": 1})
        with pytest.raises(Unavailable):
            small.query("SELECT length(string_agg(range, ',')) FROM range(20000000)")
        assert small.query("SELECT 1").scalar() == 1
        small.close()

    def test_stream_that_is_cancelled_or_fails_halfway_raises_an_error_of_ours(self, engine):
        cancellation = Cancellation()
        batches = engine.stream("SELECT range FROM range(100000000)", limits=Limits(cancellation=cancellation))
        next(batches)
        cancellation.cancel()
        with pytest.raises(QueryTimeout):
            list(batches)
        failing = "SELECT CASE WHEN range < 900000 THEN 1 ELSE error('no') END FROM range(1000000)"
        with pytest.raises(Unavailable, match="no"):
            list(engine.stream(failing))


class TestDuckDbFile(SqlEngineContract):
    @pytest.fixture
    def losing_an_answer(self):
        return duckdb_loses_an_answer

    @pytest.fixture
    def engine(self, duckdb_file):
        return duckdb_file


class TestEmbeddedClickHouse(SqlEngineContract):
    @pytest.fixture
    def losing_an_answer(self):
        return clickhouse_loses_an_answer

    @pytest.fixture
    def engine(self, chdb):
        return chdb


class TestClickHouseOverHttp(SqlEngineContract):
    @pytest.fixture
    def losing_an_answer(self):
        return clickhouse_loses_an_answer

    @pytest.fixture
    def engine(self, clickhouse):
        return clickhouse


@pytest.fixture(scope="module")
def faulty():
    """An engine over HTTP, and what its server does wrong."""
    faults = Faults()
    with serving_clickhouse(chdb_url("bridged"), faults) as address:
        engine = open_database(address)
        yield emptied(engine), faults
        engine.close()


def test_insert_whose_connection_was_cut_is_stored_once_by_the_retry(faulty):
    engine, faults = faulty
    faults.lost = 1
    with suppress(Unavailable):  # the client may send it again by itself
        engine.insert(COUNTERS_TEST_LIST, [counter(3)], batch_key="b1")
    assert faults.lost == 0
    engine.insert(COUNTERS_TEST_LIST, [counter(3)], batch_key="b1")
    assert engine.query("SELECT sum(msmt_cnt) FROM counters_test_list").scalar() == 3


def test_stream_that_ends_in_the_middle_is_never_taken_for_the_whole(faulty):
    engine, faults = faulty
    faults.cut = 1
    with pytest.raises(Unavailable):
        list(engine.stream("SELECT number FROM numbers(100000)"))
    assert len(pa.Table.from_batches(engine.stream("SELECT number FROM numbers(100000)"))) == 100_000


@pytest.mark.parametrize("engine", ["chdb", "clickhouse"])
def test_query_without_enough_memory_on_clickhouse_is_unavailable(engine, request):
    engine = request.getfixturevalue(engine)
    with pytest.raises(Unavailable, match=r"(?i)memory"):
        engine.query("SELECT groupArray(number) FROM numbers(10000000) SETTINGS max_memory_usage = 10000000")
    assert engine.query("SELECT 1").scalar() == 1
