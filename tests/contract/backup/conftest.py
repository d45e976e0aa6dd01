"""Databases, object stores and a clock for backups."""

from datetime import UTC, date, datetime, timedelta

import attrs
import pytest

from ooni_adapters.backup import BackupCatalog, BackupMaker
from ooni_adapters.database import open_database
from ooni_adapters.objectstore.memory import MemoryObjects
from ooni_adapters.sql.tables import COUNTERS_TEST_LIST, FASTPATH, INCIDENTS, JSONL, MSMT_FEEDBACK, TABLES
from tests.embedded_clickhouse import chdb_url

EARLY = datetime(2026, 11, 1, 12)


@attrs.define
class SetClock:
    """A Clock that goes on by a minute each time it is asked."""

    instant: datetime = datetime(2026, 11, 24, 12, 0, 0, 500, tzinfo=UTC)

    def now(self):
        self.instant += timedelta(minutes=1)
        return self.instant


def uid(month: str, number: int) -> str:
    return f"{month}15{number // 3600 % 24:02d}{number // 60 % 60:02d}{number % 60:02d}.{number:06d}_IT_webconnectivity_{number:016x}"


def measurement(month: str, number: int, **more) -> dict:
    awkward = ["plain", 'quo"te', "new\nline", "back\\slash", "comma,", "é漢字", "", "\\N", "tab\t"]
    return {
        "measurement_uid": uid(month, number),
        "report_id": f"report {number}",
        "input": awkward[number % len(awkward)],
        "probe_cc": "IT",
        "probe_asn": 4_294_967_295 - number,
        "test_name": "web_connectivity",
        "measurement_start_time": datetime(int(month[:4]), int(month[4:]), 1 + number % 28, 23, 59, 59),
        "scores": '{"a":["b"]}',
        "blocking_general": number / 7,
        "page_len": -number,
        "test_runtime": 1.5,
        "ooni_run_link_id": None if number % 2 else 18_446_744_073_709_551_615 - number,
        "update_time": EARLY,
        **more,
    }


def fill(engine) -> None:
    """Rows of every kind of table: cut by uid, summed, with lists, private."""
    engine.insert(
        FASTPATH, [measurement(month, number) for month in ("202601", "202602", "202603") for number in range(40)]
    )
    engine.insert(
        FASTPATH, [measurement("202602", 1, measurement_uid=text) for text in ("", "x", "01202401aa", "a/b c")]
    )
    engine.insert(
        JSONL,
        [
            {"measurement_uid": uid("202601", n), "s3path": "raw/x", "linenum": n, "member_offset": None}
            for n in range(5)
        ],
    )
    engine.insert(
        COUNTERS_TEST_LIST, [{"day": date(2026, 1, n), "probe_cc": "IT", "input": "x", "msmt_cnt": n} for n in (1, 2)]
    )
    engine.insert(
        INCIDENTS, [{"id": "1", "CCs": ["IT", "it's", 'a"b', "c\\d"], "ASNs": [1, 2], "published": 1}, {"id": "2"}]
    )
    engine.insert(MSMT_FEEDBACK, [{"measurement_uid": uid("202601", 1), "account_id": "me", "comment": "ok"}])


TABLES_FILLED = (FASTPATH, JSONL, COUNTERS_TEST_LIST, INCIDENTS, MSMT_FEEDBACK)


def rows_of(engine) -> dict:
    found = {}
    for table in TABLES_FILLED:
        order = ", ".join(f'"{name}"' for name in table.key)
        columns = ", ".join(f'"{name}"' for name in table.column_names if name != "update_time")
        found[table.name] = [
            tuple(tuple(value) if isinstance(value, list) else value for value in row)
            for row in engine.query(f"SELECT {columns} FROM {table.name} ORDER BY {order}").tuples
        ]
    return found


@pytest.fixture
def open_engine():
    """Open an empty database of a kind; asking twice for the embedded ClickHouse gives two databases."""
    opened = []

    def open(kind: str):
        url = "duckdb://:memory:" if kind == "duckdb" else chdb_url(f"backup{len(opened)}")
        engine = open_database(url)
        opened.append(engine)
        if kind != "duckdb":
            for table in TABLES:
                engine.execute(f"TRUNCATE TABLE {table}")
        return engine

    yield open
    for engine in opened:
        engine.close()


@pytest.fixture
def engine(open_engine):
    engine = open_engine("duckdb")
    fill(engine)
    return engine


@pytest.fixture
def objects():
    return MemoryObjects()


@pytest.fixture
def catalog(objects):
    return BackupCatalog(objects, "private")


@pytest.fixture
def clock():
    return SetClock()


@pytest.fixture
def maker(engine, catalog, clock):
    return BackupMaker(engine, catalog, clock, "1.2.3")
