"""What every VerdictStore and QuarantineStore promises, on every adapter."""

import math
from datetime import UTC, datetime, timedelta

import attrs
import pytest

from ooni_adapters.memory.corrections import MemoryCorrectionLog
from ooni_adapters.memory.verdicts import MemoryQuarantineStore, MemoryVerdictStore
from ooni_adapters.sql.corrections import SqlCorrectionLog
from ooni_adapters.sql.quarantine import SqlQuarantineStore
from ooni_adapters.sql.verdicts import SqlVerdictStore
from ooni_core.errors import Invalid
from ooni_core.scoring.model import UNREADABLE, Correction, FastpathRow, Provenance, Quarantined, Stored

NOW = datetime(2024, 5, 15, 12, tzinfo=UTC)
STARTED = datetime.fromisoformat("2024-05-15T11:59:58")
PROVENANCE = Provenance("head", "1.2.3", "ab" * 32)
FIRST = "20240515115959.123456_IT_webconnectivity_0123456789abcdef"
SECOND = "20240515115959.123457_IT_webconnectivity_0123456789abcdef"


class FixedClock:
    def now(self):
        return NOW


def verdict(uid=FIRST, **changes):
    row = FastpathRow(
        measurement_uid=uid,
        report_id="20240515T115900Z_webconnectivity_IT_30722_n1_aaaaaaaaaaaaaaaa",
        input="https://example.org/",
        probe_cc="IT",
        probe_asn=4_200_000_001,
        test_name="web_connectivity",
        test_start_time=STARTED - timedelta(minutes=1),
        measurement_start_time=STARTED,
        scores='{"blocking_general":1.0,"note":"it\'s \\u20ac \\\\ $x"}',
        platform="linux",
        anomaly=True,
        confirmed=False,
        msm_failure=False,
        blocking_type="dns",
        domain="example.org",
        software_name="ooniprobe-cli",
        software_version="3.20.0",
        test_version="0.4.3",
        test_runtime=1.5,
        architecture="amd64",
        engine_name="ooniprobe-engine",
        engine_version="3.20.0",
        test_helper_address="https://0.th.ooni.org",
        test_helper_type="https",
        ooni_run_link_id=10_001,
    )
    return Stored(attrs.evolve(row, **changes), {"blocking_general": 1.0}, PROVENANCE)


class VerdictStoreContract:
    """What every VerdictStore promises. Subclasses supply ``store``, and ``stored``: rows by uid."""

    def test_a_verdict_is_stored_field_by_field(self, store, stored):
        store.put([verdict()])
        assert stored() == {FIRST: verdict().row}

    def test_unknown_link_stays_unknown(self, store, stored):
        store.put([verdict(ooni_run_link_id=None)])
        assert stored()[FIRST].ooni_run_link_id is None

    @pytest.mark.parametrize("runtime", [math.nan, math.inf, 0.0])
    def test_a_runtime_that_is_no_number_is_kept_as_such(self, store, stored, runtime):
        store.put([verdict(test_runtime=runtime), verdict(SECOND)])
        assert repr(stored()[FIRST].test_runtime) == repr(runtime)
        assert stored()[SECOND].test_runtime == 1.5

    def test_last_put_wins(self, store, stored):
        store.put([verdict(anomaly=True)])
        store.put([verdict(anomaly=False, blocking_type="")])
        assert stored() == {FIRST: verdict(anomaly=False, blocking_type="").row}

    def test_last_put_wins_when_the_start_time_was_corrected(self, store, stored):
        store.put([verdict()])
        store.put([verdict(measurement_start_time=STARTED - timedelta(days=3), report_id="another")])
        assert len(stored()) == 1
        assert stored()[FIRST].report_id == "another"

    def test_last_wins_inside_one_call(self, store, stored):
        store.put([verdict(domain="old"), verdict(SECOND), verdict(domain="new")])
        assert stored()[FIRST].domain == "new"
        assert stored().keys() == {FIRST, SECOND}

    def test_retry_makes_no_duplicate(self, store, stored):
        store.put([verdict(), verdict(SECOND)])
        store.put([verdict(), verdict(SECOND)])
        assert len(stored()) == 2

    def test_two_measurements_with_equal_report_input_and_time_both_stay(self, store, stored):
        store.put([verdict(FIRST), verdict(SECOND)])
        assert stored().keys() == {FIRST, SECOND}

    def test_nothing_is_put_by_an_empty_call(self, store, stored):
        store.put([])
        assert stored() == {}

    def test_known_returns_those_that_have_a_verdict(self, store):
        store.put([verdict(FIRST)])
        assert store.known([FIRST, SECOND, "it's"]) == {FIRST}

    def test_known_of_nothing_is_nothing(self, store):
        assert store.known([]) == set()

    def test_known_of_many(self, store):
        store.put([verdict(FIRST)])
        assert store.known([f"m{n}" for n in range(2500)] + [FIRST]) == {FIRST}


class SqlVerdictStoreContract(VerdictStoreContract):
    """What databases promise beyond that. Subclasses supply ``engine``."""

    @pytest.fixture
    def store(self, engine):
        return SqlVerdictStore(engine, FixedClock())

    @pytest.fixture
    def stored(self, engine):
        names = [field.name for field in attrs.fields(FastpathRow)]

        def read():
            found = engine.query(f"SELECT {', '.join(names)} FROM fastpath").dicts()
            flags = ("anomaly", "confirmed", "msm_failure")
            rows = [FastpathRow(**{k: v == "t" if k in flags else v for k, v in row.items()}) for row in found]
            assert len({row.measurement_uid for row in rows}) == len(rows)
            return {row.measurement_uid: row for row in rows}

        return read

    @pytest.mark.parametrize("impossible", ["1969-12-31", "2106-02-07T07:00:00", "9999-01-01"])
    def test_a_time_that_fits_no_column_is_refused_and_nothing_stored(self, store, stored, impossible):
        with pytest.raises(Invalid, match="measurement_start_time"):
            store.put([verdict(SECOND), verdict(FIRST, measurement_start_time=datetime.fromisoformat(impossible))])
        assert stored() == {}

    def test_a_text_that_is_no_unicode_is_refused_and_nothing_stored(self, store, stored):
        with pytest.raises(Invalid, match="domain"):
            store.put([verdict(SECOND), verdict(FIRST, domain="\ud800")])
        assert stored() == {}

    @pytest.mark.parametrize(
        "text", ["", "'", '"', "\\", "\\N", "NULL", "a\tb\nc", "é😀", "$x", "{x:String}", "a\x00b"]
    )
    def test_any_text_comes_back_as_it_went(self, store, stored, text):
        store.put([verdict(input=text)])
        assert stored()[FIRST].input == text

    def test_row_says_who_made_the_verdict_and_when(self, store, engine):
        store.put([verdict()])
        found = engine.query(
            "SELECT ruleset, scoring_engine, fingerprints, update_time, blocking_general FROM fastpath"
        )
        assert found.tuples == [("head", "1.2.3", "ab" * 32, NOW.replace(tzinfo=None), 1.0)]

    def test_openvpn_measurements_have_their_second_row(self, store, engine):
        openvpn = {"measurement_uid": FIRST, "success": True, "bootstrap_time": 1.5, "resolver_asn": 30722}
        stored = attrs.evolve(verdict(test_name="openvpn"), obs_openvpn=openvpn)
        store.put([stored])
        store.put([stored])
        found = engine.query("SELECT measurement_uid, success, bootstrap_time, resolver_asn, provider FROM obs_openvpn")
        assert found.tuples == [(FIRST, 1, 1.5, 30722, "")]


class TestMemoryVerdictStore(VerdictStoreContract):
    @pytest.fixture
    def store(self):
        return MemoryVerdictStore()

    @pytest.fixture
    def stored(self, store):
        return lambda: {uid: verdict.row for uid, verdict in store.verdicts.items()}


class TestDuckDbVerdictStore(SqlVerdictStoreContract):
    @pytest.fixture
    def engine(self, duckdb_file):
        return duckdb_file


class TestChdbVerdictStore(SqlVerdictStoreContract):
    @pytest.fixture
    def engine(self, chdb):
        return chdb


class TestClickHouseVerdictStore(SqlVerdictStoreContract):
    @pytest.fixture
    def engine(self, clickhouse):
        return clickhouse


def entry(uid, reason="not JSON", kind="bad_json"):
    return Quarantined(measurement_uid=uid, reason=reason, kind=kind)


class QuarantineStoreContract:
    """What every QuarantineStore promises. Subclasses supply ``store``."""

    def test_entries_come_newest_uid_first(self, store):
        store.put([entry("a"), entry("c"), entry("b")])
        assert list(store.entries(10)) == [entry("c"), entry("b"), entry("a")]

    def test_entries_are_limited(self, store):
        store.put([entry("a"), entry("c"), entry("b")])
        assert list(store.entries(2)) == [entry("c"), entry("b")]

    def test_later_entry_for_same_uid_replaces_earlier_one(self, store):
        store.put([entry("a", "first"), entry("a", "second")])
        assert list(store.entries(10)) == [entry("a", "second")]
        store.put([entry("a", "third")])
        assert list(store.entries(10)) == [entry("a", "third")]

    def test_known_returns_those_in_quarantine(self, store):
        store.put([entry("a")])
        assert store.known(["a", "b"]) == {"a"}
        assert store.known([]) == set()

    def test_what_could_only_not_be_read_is_told_apart(self, store):
        store.put([entry("a"), entry("b", "EIO", UNREADABLE)])
        assert store.known(["a", "b", "c"]) == {"a"}
        assert store.unreadable(["a", "b", "c"]) == {"b"}
        assert store.unreadable([]) == set()
        store.put([entry("b")])
        assert store.unreadable(["b"]) == set()
        store.put([entry("b", "EIO", UNREADABLE)])
        store.release(["b"])
        assert list(store.entries(10)) == [entry("a")]

    def test_release_forgets_and_ignores_unknown(self, store):
        store.put([entry("a"), entry("b")])
        store.release(["a", "never seen"])
        assert list(store.entries(10)) == [entry("b")]
        assert store.known(["a", "b"]) == {"b"}

    def test_released_measurement_can_be_quarantined_again(self, store):
        store.put([entry("a", "first")])
        store.release(["a"])
        store.put([entry("a", "again")])
        assert list(store.entries(10)) == [entry("a", "again")]


class TestMemoryQuarantineStore(QuarantineStoreContract):
    @pytest.fixture
    def store(self):
        return MemoryQuarantineStore()


class TestDuckDbQuarantineStore(QuarantineStoreContract):
    @pytest.fixture
    def store(self, duckdb_memory):
        return SqlQuarantineStore(duckdb_memory)


class TestChdbQuarantineStore(QuarantineStoreContract):
    @pytest.fixture
    def store(self, chdb):
        return SqlQuarantineStore(chdb)


class TestClickHouseQuarantineStore(QuarantineStoreContract):
    @pytest.fixture
    def store(self, clickhouse):
        return SqlQuarantineStore(clickhouse)


MENDED = Correction(NOW, "ada", "ALTER TABLE fastpath UPDATE confirmed = 'f'", "false positive", 3)


class TestCorrectionLog:
    @pytest.fixture(params=["memory", "duckdb_memory", "chdb", "clickhouse"])
    def log(self, request):
        return (
            MemoryCorrectionLog()
            if request.param == "memory"
            else SqlCorrectionLog(request.getfixturevalue(request.param))
        )

    def test_corrections_come_newest_first_then_by_operator(self, log):
        later, other = (
            attrs.evolve(MENDED, at=NOW + timedelta(milliseconds=1)),
            attrs.evolve(MENDED, operator="bo"),
        )
        for one in (other, later, MENDED):
            log.note(one)
        assert log.corrections(5) == [later, MENDED, other]
        assert log.corrections(1) == [later]

    def test_noting_again_changes_nothing(self, log):
        assert log.corrections(5) == []
        log.note(MENDED)
        log.note(MENDED)
        assert log.corrections(5) == [MENDED]


@pytest.mark.parametrize("engine", ["duckdb_memory", "chdb", "clickhouse"])
def test_correction_that_cannot_be_stored_is_refused(engine, request):
    log = SqlCorrectionLog(request.getfixturevalue(engine))
    with pytest.raises(Invalid):
        log.note(attrs.evolve(MENDED, at=datetime(1969, 1, 1, tzinfo=UTC)))
    assert log.corrections(5) == []
