"""What every BlockingRecord, FaultLog and ExitCheckLog promises, on every adapter."""

import threading
from datetime import UTC, datetime, timedelta

import attrs
import pytest

from ooni_adapters.memory.detection import MemoryBlockingRecord, MemoryExitCheckLog, MemoryFaultLog
from ooni_adapters.sql.detection import SqlBlockingRecord, SqlExitCheckLog, SqlFaultLog
from ooni_core.detection.model import (
    BlockingEvent,
    BlockingState,
    BlockingStatus,
    ExitCheck,
    Fault,
    FaultKind,
    Subject,
)
from ooni_core.errors import Invalid

ENGINES = ("duckdb_memory", "chdb", "clickhouse")
NOW = datetime(2024, 5, 15, 12, 0, 0, 250_000, tzinfo=UTC)
LONG_AGO = datetime(1969, 1, 1, tzinfo=UTC)
SOON = timedelta(milliseconds=1)
IT, RU = Subject("web_connectivity", "https://it's/", "IT", 30722), Subject("web_connectivity", "", "RU", 4_294_967_295)
STATUS = BlockingStatus(IT, 12.5, 50.0, 37.5, 8.25, BlockingState.BLOCKED, BlockingState.OK, -62.5, 0.75)
EVENT = BlockingEvent(IT, NOW, BlockingState.BLOCKED)


def store_on(memory, sql):
    """Return a fixture that gives the store of each adapter in turn."""

    @pytest.fixture(params=["memory", *ENGINES])
    def store(self, request):
        return memory() if request.param == "memory" else sql(request.getfixturevalue(request.param))

    return store


class TestBlockingRecord:
    record = store_on(MemoryBlockingRecord, SqlBlockingRecord)

    def test_statuses_come_back_as_they_went_sorted_by_subject(self, record):
        other = attrs.evolve(STATUS, subject=RU, state=BlockingState.UNKNOWN, former=BlockingState.UNKNOWN)
        assert record.statuses() == record.events() == []
        record.record([STATUS, other], [])
        assert record.statuses() == [other, STATUS]

    def test_status_takes_the_place_of_that_of_the_same_subject(self, record):
        record.record([STATUS], [])
        record.record([attrs.evolve(STATUS, stability=0.5), attrs.evolve(STATUS, stability=0.25)], [])
        assert record.statuses() == [attrs.evolve(STATUS, stability=0.25)]

    def test_events_come_oldest_first_then_by_subject(self, record):
        later, other = attrs.evolve(EVENT, at=NOW + SOON), attrs.evolve(EVENT, subject=RU)
        record.record([], [later, EVENT, other])
        assert record.events() == [other, EVENT, later]
        assert record.events(NOW + SOON) == [later]

    def test_recording_again_changes_nothing_and_of_equal_events_the_last_stays(self, record):
        for _ in range(2):
            record.record([STATUS], [EVENT])
        assert (record.statuses(), record.events()) == ([STATUS], [EVENT])
        record.record([], [attrs.evolve(EVENT, state=BlockingState.OK)])
        assert record.events() == [attrs.evolve(EVENT, state=BlockingState.OK)]

    def test_rebuilt_history_takes_the_place_of_everything(self, record):
        record.record([STATUS], [EVENT])
        record.rebuild([attrs.evolve(STATUS, subject=RU)], [attrs.evolve(EVENT, at=NOW + SOON)])
        assert [status.subject for status in record.statuses()] == [RU]
        assert record.events() == [attrs.evolve(EVENT, at=NOW + SOON)]
        record.record([STATUS], [EVENT])
        assert (len(record.statuses()), len(record.events())) == (2, 2)

    def test_reader_sees_the_old_or_the_new_history_and_never_less(self, record):
        events = [attrs.evolve(EVENT, at=NOW + n * SOON) for n in range(50)]
        record.rebuild([], events)
        seen, stop = set(), threading.Event()

        def read():
            while not stop.is_set():
                seen.add(len(record.events()))

        reader = threading.Thread(target=read)
        reader.start()
        for length in (30, 50, 30):
            record.rebuild([], events[:length])
        stop.set()
        reader.join()
        assert seen <= {30, 50}


class TestSqlBlockingRecord:
    @pytest.mark.parametrize("engine", ENGINES)
    def test_what_cannot_be_stored_is_refused_whole(self, engine, request):
        record = SqlBlockingRecord(request.getfixturevalue(engine))
        record.record([STATUS], [EVENT])
        for change in (record.record, record.rebuild):
            with pytest.raises(Invalid):
                change([attrs.evolve(STATUS, subject=RU)], [EVENT, attrs.evolve(EVENT, at=LONG_AGO)])
            assert (record.statuses(), record.events()) == ([STATUS], [EVENT])


FAULT = Fault("u1", FaultKind.GEOIP, NOW, "IT", 4_294_967_295, {"submission_cc": "ZZ", "n": [1, 2.5, None]})


class TestFaultLog:
    log = store_on(MemoryFaultLog, SqlFaultLog)

    def test_faults_come_newest_first_then_by_uid(self, log):
        later, other = (
            attrs.evolve(FAULT, uid="u0", at=NOW + SOON, kind=FaultKind.VOLUME),
            attrs.evolve(FAULT, uid="u0"),
        )
        other = attrs.evolve(other, uid="u00")
        log.note([FAULT, later, other])
        assert log.faults(NOW, 10) == [later, other, FAULT]
        assert log.faults(NOW, 2) == [later, other]
        assert log.faults(NOW + SOON, 10) == [later]

    def test_noting_again_changes_nothing(self, log):
        log.note([])
        for _ in range(2):
            log.note([FAULT, FAULT])
        assert log.faults(NOW, 10) == [FAULT]


CHECK = ExitCheck(NOW.replace(microsecond=0), "192.0.2.1", "AB" * 20, "DE", "https://ooni.org", 200, 1.5)


class TestExitCheckLog:
    log = store_on(MemoryExitCheckLog, SqlExitCheckLog)

    def test_checks_come_newest_first_then_by_exit_and_site(self, log):
        second, site = attrs.evolve(CHECK, exit_address="192.0.2.2"), attrs.evolve(CHECK, url="https://a.example")
        later = attrs.evolve(CHECK, at=CHECK.at + timedelta(seconds=1), status_code=900)
        log.note([second, CHECK, site, later])
        assert log.checks(CHECK.at, 10) == [later, site, CHECK, second]
        assert log.checks(CHECK.at, 1) == log.checks(later.at, 10) == [later]

    def test_last_of_equal_ones_stays(self, log):
        log.note([CHECK, attrs.evolve(CHECK, status_code=403)])
        log.note([attrs.evolve(CHECK, status_code=503)])
        assert log.checks(CHECK.at, 10) == [attrs.evolve(CHECK, status_code=503)]


@pytest.mark.parametrize("log", [SqlFaultLog, SqlExitCheckLog])
@pytest.mark.parametrize("engine", ENGINES)
def test_list_with_one_thing_that_cannot_be_stored_is_refused_whole(log, engine, request):
    store, one = log(request.getfixturevalue(engine)), {SqlFaultLog: FAULT, SqlExitCheckLog: CHECK}[log]
    with pytest.raises(Invalid):
        store.note([one, attrs.evolve(one, at=LONG_AGO)])
    read = store.faults if log is SqlFaultLog else store.checks
    assert read(datetime(1970, 1, 1, tzinfo=UTC), 10) == []


@pytest.mark.parametrize("percent", [-0.1, 100.1, float("nan")])
def test_share_that_is_none_cannot_exist(percent):
    with pytest.raises(Invalid, match="0 to 100"):
        attrs.evolve(STATUS, accessible_percent=percent)


@pytest.mark.parametrize(
    "at", [NOW.replace(tzinfo=None), NOW.astimezone(datetime.fromisoformat("2024-01-01T00:00+02:00").tzinfo)]
)
def test_instant_of_another_zone_cannot_exist(at):
    for one in (EVENT, FAULT, CHECK):
        with pytest.raises(Invalid, match="UTC"):
            attrs.evolve(one, at=at)
