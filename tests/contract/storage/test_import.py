"""``ooni import``: whole files by column name, and errors that name the line and column."""

import gzip
from datetime import date, datetime

import pyarrow as pa
import pyarrow.parquet
import pytest
from click.testing import CliRunner

from ooni_adapters.database import open_database
from ooni_adapters.sql.catalog import SqlCatalog
from ooni_adapters.sql.catalog_rollups import SqlRollups
from ooni_adapters.sql.importing import import_file
from ooni_adapters.sql.tables import CITIZENLAB, COUNTERS_TEST_LIST, FASTPATH, INCIDENTS, JSONL, URL_PRIORITIES
from ooni_adapters.system import SystemClock
from ooni_core.catalog.model import CountQuery, MeasurementFilter
from ooni_core.errors import Invalid, NotFound
from ooni_entrypoints.cli import cli

NOW = datetime.fromisoformat("2024-05-15T12:00:00")
FASTPATH_CSV = 'probe_asn,measurement_uid,test_start_time,scores\n1,a,2024-01-02 03:04:05,"{""x"": ""a\nb""}"\n,b,,\n'


class ImportContract:
    """Subclasses supply ``engine``."""

    @pytest.fixture
    def load(self, engine, tmp_path):
        def load(table, name, content, **options):
            path = tmp_path / name
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            return import_file(engine, table, path, NOW, **options)

        return load

    def test_csv_columns_go_by_name_and_absent_values_get_defaults(self, engine, load):
        assert load(FASTPATH, "rows.csv", FASTPATH_CSV) == 2
        found = engine.query("SELECT measurement_uid, probe_asn, test_start_time, scores FROM fastpath ORDER BY 1")
        assert found.tuples == [
            ("a", 1, datetime.fromisoformat("2024-01-02T03:04:05"), '{"x": "a\nb"}'),
            ("b", 0, datetime.fromisoformat("1970-01-01T00:00:00"), ""),
        ]

    def test_gzip_and_byte_order_mark_and_crlf_are_read(self, engine, load):
        content = b"\xef\xbb\xbf" + b"domain,url,cc,category_code\r\nd,https://d/,it,NEWS\r\n"
        assert load(CITIZENLAB, "list.csv.gz", gzip.compress(content)) == 1
        assert engine.query("SELECT domain, cc FROM citizenlab").tuples == [("d", "IT")]

    def test_jsonl_with_lists(self, engine, load):
        assert (
            load(INCIDENTS, "i.jsonl", '{"id": "1", "CCs": ["IT"], "ASNs": [1], "end_time": null}\n\n{"id": "2"}\n')
            == 2
        )
        assert engine.query("SELECT id, CCs, ASNs FROM incidents ORDER BY id").tuples == [
            ("1", ["IT"], [1]),
            ("2", [], []),
        ]

    def test_csv_with_lists_as_json(self, engine, load):
        load(INCIDENTS, "i.csv", 'id,CCs\n1,"[""IT""]"\n2,\n')
        assert engine.query("SELECT id, CCs FROM incidents ORDER BY id").tuples == [("1", ["IT"]), ("2", [])]

    def test_parquet(self, engine, load, tmp_path):
        rows = pa.table({"measurement_uid": ["a", "b"], "probe_asn": pa.array([1, None], pa.int64())})
        pyarrow.parquet.write_table(rows, tmp_path / "x")
        assert load(FASTPATH, "rows.parquet", (tmp_path / "x").read_bytes()) == 2
        assert engine.query("SELECT probe_asn FROM fastpath ORDER BY measurement_uid").tuples == [(1,), (0,)]

    def test_importing_again_changes_nothing(self, engine, load):
        for _ in range(2):
            load(FASTPATH, "rows.csv", FASTPATH_CSV)
        assert engine.query("SELECT count(*) FROM fastpath").scalar() == 2

    def test_sums_of_one_file_are_added_once(self, engine, load):
        content = "day,probe_cc,input,msmt_cnt\n2024-05-15,IT,u,3\n"
        assert load(COUNTERS_TEST_LIST, "c.csv", content) == 1
        assert load(COUNTERS_TEST_LIST, "c.csv", content) is None
        assert engine.query("SELECT day, msmt_cnt FROM counters_test_list").tuples == [(date(2024, 5, 15), 3)]

    def test_replace_puts_the_file_in_place_of_the_content(self, engine, load):
        load(CITIZENLAB, "a.csv", "domain,url,cc,category_code\na,a,ZZ,NEWS\nb,b,ZZ,NEWS\n")
        load(CITIZENLAB, "b.csv", "domain,url,cc,category_code\nc,c,ZZ,NEWS\n", replace=True)
        assert engine.query("SELECT url FROM citizenlab").tuples == [("c",)]
        assert engine.query("SELECT name, rows FROM dataset_versions").tuples == [("citizenlab", 1)]

    def test_signed_rows_collapse(self, engine, load):
        head = "sign,category_code,cc,domain,url,priority\n"
        load(URL_PRIORITIES, "a.csv", head + "1,NEWS,*,*,*,100\n1,POLR,*,*,*,50\n")
        load(URL_PRIORITIES, "b.csv", head + "-1,NEWS,*,*,*,100\n1,NEWS,*,*,*,90\n-1,POLR,*,*,*,50\n")
        assert engine.query("SELECT category_code, priority FROM url_priorities").tuples == [("NEWS", 90)]

    def test_index_entries_from_before_uids_are_all_kept(self, engine, load):
        load(JSONL, "j.csv", "report_id,input,s3path,linenum,measurement_uid\nr,,p,1,\nr,,p,2,\nr,,p,2,\n")
        assert engine.query("SELECT linenum FROM jsonl ORDER BY linenum").tuples == [(1,), (2,)]

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("r.csv", "measurement_uid,surprise\na,1\n", r"line 1: table fastpath has no column 'surprise'"),
            ("r.csv", "measurement_uid,probe_asn,probe_asn\na,1,1\n", r"line 1: column 'probe_asn' is there twice"),
            ("r.csv", "measurement_uid,probe_asn\na,1\nb,AS1\n", r"line 3, column probe_asn: 'AS1'"),
            ("r.csv", "measurement_uid,probe_asn\na,1\nb,-1\n", r"line 3, column probe_asn: '-1'"),
            ("r.csv", 'measurement_uid,scores,probe_asn\n"a","x\ny",1\nb,,4294967296\n', r"line 4, column probe_asn"),
            ("r.csv", "measurement_uid,test_start_time\na,yesterday\n", r"line 2, column test_start_time: 'yesterday'"),
            ("r.csv", "measurement_uid,probe_asn\na\n", r"line 2: has 1 values where the header names 2"),
            ("r.csv", b"measurement_uid\n\xff\n", r"line 2: not UTF-8"),
            ("r.csv", "", r"line 1: expected the column names"),
            ("r.csv", "measurement_uid,test_start_time\na,1960-01-01 00:00:00\n", r"test_start_time: 1960"),
            ("r.jsonl", '{"measurement_uid": "a"}\n{"measurement_uid": 5}\n', r"line 2, column measurement_uid: 5"),
            ("r.jsonl", '{"measurement_uid": "a"}\n{"x": 5}\n', r"line 2: table fastpath has no column 'x'"),
            ("r.jsonl", '{"measurement_uid": "a"}\n[]\n', r"line 2: expected a JSON object"),
            ("r.jsonl", '{"measurement_uid": "a"}\n{\n', r"line 2: not JSON"),
            ("r.parquet", b"PAR1", r"not a Parquet file"),
            ("r.csv.gz", b"\x1f\x8b\x08", r"not a whole gzip file"),
            ("r.txt", "", r"expected a file name ending in"),
        ],
    )
    def test_bad_file_is_refused_with_its_line_and_loads_nothing(self, engine, load, name, content, message):
        with pytest.raises(Invalid, match=message):
            load(FASTPATH, name, content)
        assert engine.query("SELECT count(*) FROM fastpath").scalar() == 0

    def test_missing_file_is_named(self, engine, tmp_path):
        with pytest.raises(NotFound, match=r"absent\.csv"):
            import_file(engine, FASTPATH, tmp_path / "absent.csv", NOW)


class TestImportIntoDuckDb(ImportContract):
    @pytest.fixture
    def engine(self, duckdb_memory):
        return duckdb_memory


class TestImportIntoEmbeddedClickHouse(ImportContract):
    @pytest.fixture
    def engine(self, chdb):
        return chdb


def invoke(tmp_path, *arguments):
    return CliRunner().invoke(cli, ["--set", f"storage.data_dir={tmp_path}/data", *arguments])


def test_command_says_how_many_rows_it_loaded(tmp_path):
    (tmp_path / "g.csv").write_text("test_name,test_group\nndt,performance\n")
    result = invoke(tmp_path, "import", "test_groups", str(tmp_path / "g.csv"))
    assert result.exit_code == 0
    assert "loaded 1 rows into test_groups" in result.output


def test_command_names_the_tables_there_are(tmp_path):
    result = invoke(tmp_path, "import", "fastpat", "rows.csv")
    assert result.exit_code == 2
    assert "fastpath" in result.output
    assert "geoip" in result.output


@pytest.mark.shared_data
def test_recorded_tables_can_all_be_loaded(tmp_path, shared_data, duckdb_memory):
    from ooni_adapters.sql.tables import TABLES

    for table, file in [
        ("fastpath", "fastpath_20k.csv.gz"),
        ("citizenlab", "citizenlab.csv"),
        ("url_priorities", "url_priorities.csv"),
        ("counters_asn_test_list", "counters_asn_test_list.csv.gz"),
        ("asnmeta", "asnmeta.csv.gz"),
        ("test_groups", "test_groups.csv"),
        ("jsonl", "jsonl.csv"),
    ]:
        loaded = import_file(duckdb_memory, TABLES[table], shared_data / "golden_api" / "data" / file, NOW)
        assert loaded == duckdb_memory.query(f"SELECT count(*) FROM {table}").scalar() > 0


def test_measurements_imported_with_old_times_of_update_are_in_charts_that_were_rolled_up(tmp_path):
    url = f"duckdb://{tmp_path}/ooni.duckdb"
    header = "measurement_uid,probe_cc,measurement_start_time,update_time\n"
    for number in (1, 2):
        (tmp_path / "m.csv").write_text(
            f"{header}2024010203000{number}.000000_IT_ndt_0000000000000000,IT,2024-01-02 03:00:00,2024-01-02 03:04:05\n"
        )
        result = invoke(tmp_path, "--set", f"storage.database={url}", "import", "fastpath", str(tmp_path / "m.csv"))
        assert result.exit_code == 0, result.output
        engine = open_database(url)
        assert SqlCatalog(engine).count(CountQuery(MeasurementFilter())).counts.measurements == [number]
        SqlRollups(engine, SystemClock()).refresh()
        assert SqlCatalog(engine).count(CountQuery(MeasurementFilter())).counts.measurements == [number]
        engine.close()
