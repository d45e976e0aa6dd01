"""Schema as data: creation, comparison, migrations, start-up, and the commands."""

import json
import re
from pathlib import Path

import attrs
import pytest
from click.testing import CliRunner

from ooni_adapters.clickhouse.dialect import ClickHouseDialect
from ooni_adapters.database import open_database
from ooni_adapters.duckdb import DuckDbEngine
from ooni_adapters.sql.migrations import MIGRATIONS, Migration, migrate, pending, require_declared_schema
from ooni_adapters.sql.oonirun import SqlLinks
from ooni_adapters.sql.preparing import create_tables, differences
from ooni_adapters.sql.schema import Column, Kind, Table
from ooni_adapters.sql.tables import FASTPATH, INCIDENTS, OONIRUN, TABLES, TEST_GROUPS
from ooni_core.errors import Conflict, Invalid, Unavailable
from ooni_entrypoints.cli import cli
from tests.embedded_clickhouse import chdb_url
from tests.service import free_port


@pytest.fixture
def empty():
    engine = DuckDbEngine()
    yield engine
    engine.close()


@pytest.fixture
def prepared(empty):
    migrate(empty)
    return empty


def test_migrating_an_empty_database_gives_the_declared_schema(empty):
    assert [m.version for m in migrate(empty)] == [m.version for m in MIGRATIONS]
    assert differences(empty) == []
    require_declared_schema(empty)


def test_migrating_again_does_nothing(prepared):
    assert migrate(prepared) == []


def test_migrations_are_numbered_without_gaps():
    assert [migration.version for migration in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))


def test_later_migration_is_applied_once_and_keeps_rows(prepared):
    prepared.insert(TEST_GROUPS, [{"test_name": "ndt"}])
    column = attrs.evolve(TEST_GROUPS.columns[1], name="colour", default="red")

    def add(engine):
        for statement in engine.dialect.add_column(TEST_GROUPS, column):
            engine.execute(statement)

    later = (*MIGRATIONS, Migration(len(MIGRATIONS) + 1, "colour of groups", add))
    assert pending(prepared, later) == [later[-1]]
    assert migrate(prepared, later) == [later[-1]]
    assert migrate(prepared, later) == []
    assert prepared.query("SELECT test_name, colour FROM test_groups").tuples == [("ndt", "red")]
    recorded = prepared.query("SELECT version, name FROM schema_migrations ORDER BY version").tuples
    assert recorded == [(m.version, m.name) for m in later]


@pytest.fixture(params=["duckdb", "chdb"])
def former(request):
    """A database as the first release made it, with a row in each table that has changed since."""
    url = {"duckdb": "duckdb://:memory:", "chdb": chdb_url("former")}[request.param]
    engine = open_database(url, prepare=False)
    migrate(engine, MIGRATIONS[:1])
    for name in ("rollup_units", "rollup_places"):
        for statement in engine.dialect.drop(name):
            engine.execute(statement)
    create_tables(engine, [Table("rollup_days", (Column("day", Kind.DATE), Column("build", Kind.INT64)), key=("day",))])
    for table, later, row in (
        (OONIRUN, ["expiration_date"], {"ooni_run_link_id": 7, "descriptor": "{}"}),
        (INCIDENTS, ["slug", "themes"], {"id": "1", "title": "former"}),
        (TEST_GROUPS, [], {"test_name": "ndt", "test_group": "performance"}),
    ):
        for name in later:
            engine.execute(f"ALTER TABLE {table.name} DROP COLUMN {name}")
        engine.insert(attrs.evolve(table, columns=tuple(c for c in table.columns if c.name not in later)), [row])
    yield engine
    engine.close()


def test_database_of_the_first_release_becomes_the_declared_one_and_keeps_its_rows(former):
    with pytest.raises(Conflict, match=r"incidents\.slug: missing column"):
        require_declared_schema(former)
    assert [m.version for m in migrate(former)] == [m.version for m in MIGRATIONS[1:]]
    for turn in ("migrated", "and each migration once more, as after an interruption"):
        assert differences(former) == [], turn
        assert "rollup_days" not in former.existing()
        assert former.query("SELECT id, title, slug, themes FROM incidents").tuples == [("1", "former", "", [])]
        assert former.query("SELECT test_name, test_group FROM test_groups").tuples == [("ndt", "performance")]
        (version,) = SqlLinks(former).versions()
        assert (version.link_id, version.expires) == (7, None)
        for migration in MIGRATIONS:
            migration.apply(former)


def test_interrupted_migration_is_taken_up_again(prepared):
    calls = []

    def fails_once(engine):
        calls.append(engine)
        if len(calls) == 1:
            raise Unavailable("the disk is full")

    later = (*MIGRATIONS, Migration(len(MIGRATIONS) + 1, "fragile", fails_once))
    with pytest.raises(Unavailable):
        migrate(prepared, later)
    assert migrate(prepared, later) == [later[-1]]


def test_database_of_a_newer_program_is_refused(prepared):
    later = (*MIGRATIONS, Migration(len(MIGRATIONS) + 1, "from the future", lambda engine: None))
    migrate(prepared, later)
    with pytest.raises(Conflict, match="install the newer release"):
        migrate(prepared)


def test_database_with_another_history_is_refused(prepared):
    with pytest.raises(Conflict, match="'something else'"):
        pending(prepared, (attrs.evolve(MIGRATIONS[0], name="something else"), *MIGRATIONS[1:]))


@pytest.mark.parametrize(
    ("change", "kind", "place"),
    [
        ("DROP TABLE test_groups", "missing table", "test_groups"),
        ("ALTER TABLE test_groups DROP COLUMN test_group", "missing column", "test_groups.test_group"),
        ("ALTER TABLE test_groups ALTER test_group TYPE INTEGER USING 1", "type", "test_groups.test_group"),
        (
            "DROP TABLE test_groups; CREATE TABLE test_groups (test_name VARCHAR, test_group VARCHAR)",
            "key",
            "test_groups",
        ),
    ],
)
def test_what_differs_is_named_and_start_is_refused(prepared, change, kind, place):
    prepared.execute(change)
    assert [(d.kind, d.text.startswith(place)) for d in differences(prepared)] == [(kind, True)]
    with pytest.raises(Conflict, match=place):
        require_declared_schema(prepared)


def test_additional_column_is_reported_and_does_no_harm(prepared):
    prepared.execute("ALTER TABLE test_groups ADD COLUMN mine VARCHAR")
    assert [d.kind for d in differences(prepared)] == ["extra column"]
    require_declared_schema(prepared)


def test_opening_refuses_a_broken_schema_and_lets_the_file_go(tmp_path):
    url = f"duckdb://{tmp_path}/x.duckdb"
    engine = open_database(url)
    engine.execute("DROP TABLE fastpath")
    engine.close()
    with pytest.raises(Conflict, match="fastpath: missing table"):
        open_database(url)
    repaired = open_database(url, prepare=False)
    create_tables(repaired)
    repaired.close()
    open_database(url).close()


@pytest.mark.parametrize(
    "url", ["mysql://x/y", "duckdb:relative", "duckdb://relative/file", "chdb://", "", "/var/lib/x"]
)
def test_url_that_names_no_database_is_refused(url):
    with pytest.raises(Invalid, match=r"storage\.database"):
        open_database(url)


def test_server_that_does_not_answer_is_unavailable():
    with pytest.raises(Unavailable):
        open_database(f"clickhouse://127.0.0.1:{free_port()}/ooni")


def test_declared_types_mend_the_known_defects():
    types = {name: ClickHouseDialect().column_type(FASTPATH.column(name)) for name in ("probe_asn", "server_asn")}
    assert types == {"probe_asn": "UInt32", "server_asn": "UInt32"}
    assert FASTPATH.key == ("measurement_uid",)


@pytest.mark.parametrize("cluster", [None, "ooni"])
def test_clickhouse_accepts_every_statement(chdb, cluster):
    for table in TABLES.values():
        for statement in ClickHouseDialect(cluster).create(table):
            assert chdb.query("SELECT formatQuery($sql)", {"sql": statement}).scalar().startswith("CREATE TABLE")


def test_page_for_contributors_says_which_port_each_table_is_behind():
    page = (Path(__file__).parents[3] / "docs" / "contributors" / "storage.md").read_text()
    lines = [line for line in page.splitlines() if line.startswith("| `")]
    named = [name for line in lines for name in re.findall(r"`([^`]+)`", line.split("|")[1])]
    assert sorted(named) == sorted(TABLES)


CLUSTER_SNAPSHOT = [
    (
        "CREATE TABLE IF NOT EXISTS `counters_test_list` ON CLUSTER 'ooni' (`day` Date, `probe_cc` LowCardinality(String),"
        " `input` String, `msmt_cnt` Int64) ENGINE = ReplicatedSummingMergeTree("
        "'/clickhouse/tables/all/{database}/counters_test_list/{uuid}', '{replica}') ORDER BY (`day`, `probe_cc`, `input`)"
    ),
    (
        "CREATE TABLE IF NOT EXISTS `fastpath_quarantine` ON CLUSTER 'ooni' (`measurement_uid` String, `reason` String,"
        " `kind` LowCardinality(String), `update_time` DateTime64(3, 'UTC'), `row_version` UInt64, `row_deleted` UInt8)"
        " ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/all/{database}/fastpath_quarantine/{uuid}', '{replica}',"
        " row_version, row_deleted) ORDER BY (`measurement_uid`)"
    ),
    (
        "CREATE TABLE IF NOT EXISTS `jsonl_local` ON CLUSTER 'ooni' (`report_id` String, `input` String,"
        " `measurement_uid` String, `s3path` String, `linenum` Int32, `date` Date, `source` String,"
        " `update_time` DateTime64(3, 'UTC'), `member_offset` Nullable(UInt64), `member_length` Nullable(UInt64),"
        " `line_in_member` Nullable(UInt32), `legacy_place` String, `row_version` UInt64, `row_deleted` UInt8,"
        " INDEX by_report_id `report_id` TYPE bloom_filter(0.01) GRANULARITY 1) ENGINE = ReplicatedReplacingMergeTree("
        "'/clickhouse/tables/{shard}/{database}/jsonl_local/{uuid}', '{replica}', row_version, row_deleted)"
        " ORDER BY (`measurement_uid`, `legacy_place`)"
    ),
    (
        "CREATE TABLE IF NOT EXISTS `jsonl` ON CLUSTER 'ooni' AS `jsonl_local` ENGINE = Distributed('ooni',"
        " currentDatabase(), `jsonl_local`, cityHash64(`measurement_uid`))"
    ),
]


def test_cluster_statements_are_those_that_were_reviewed():
    dialect = ClickHouseDialect("ooni")
    made = [s for name in ("counters_test_list", "fastpath_quarantine", "jsonl") for s in dialect.create(TABLES[name])]
    assert made == CLUSTER_SNAPSHOT


@pytest.mark.parametrize(
    ("table", "names"), [("jsonl", ["jsonl_local", "jsonl"]), ("test_groups", ["test_groups"])], ids=str
)
def test_column_is_added_on_all_hosts_first_where_the_rows_are(table, names):
    column = attrs.evolve(TEST_GROUPS.columns[1], name="colour", default="it's")
    assert ClickHouseDialect("ooni").add_column(TABLES[table], column) == [
        f"ALTER TABLE `{name}` ON CLUSTER 'ooni' ADD COLUMN IF NOT EXISTS `colour` String DEFAULT 'it\\'s'"
        for name in names
    ]


def test_comparison_looks_at_the_rows_of_a_sharded_table_as_well(chdb, monkeypatch):
    jsonl, [statement] = TABLES["jsonl"], ClickHouseDialect().create(TABLES["jsonl"], "jsonl_local")
    monkeypatch.setattr(chdb, "dialect", ClickHouseDialect("ooni"))
    assert [(d.table, d.kind) for d in differences(chdb, [jsonl])] == [("jsonl_local", "missing table")]
    chdb.execute(statement)
    try:
        assert differences(chdb, [jsonl]) == []
        chdb.execute("ALTER TABLE jsonl_local DROP COLUMN member_offset")
        assert [(d.table, d.column, d.kind) for d in differences(chdb, [jsonl])] == [
            ("jsonl_local", "member_offset", "missing column")
        ]
    finally:
        chdb.execute("DROP TABLE jsonl_local")


def test_large_tables_are_sharded_and_all_others_whole_on_every_host():
    made = {name: ClickHouseDialect("ooni").create(table) for name, table in TABLES.items()}
    assert {name for name, statements in made.items() if len(statements) == 2} == {"fastpath", "jsonl", "obs_openvpn"}
    for statement in (one for statements in made.values() for one in statements):
        assert " ON CLUSTER 'ooni' " in statement
        assert "ENGINE = Replicated" in statement or "ENGINE = Distributed(" in statement


def invoke(tmp_path, *arguments):
    return CliRunner().invoke(cli, ["--set", f"storage.data_dir={tmp_path}", *arguments])


def test_commands_plan_create_and_check(tmp_path):
    assert "1  create the tables" in invoke(tmp_path, "schema", "migrate", "--plan").output
    assert invoke(tmp_path, "schema", "check").exit_code == 1
    assert invoke(tmp_path, "schema", "create").exit_code == 0
    checked = invoke(tmp_path, "schema", "check", "--json")
    assert checked.exit_code == 0
    assert json.loads(checked.stdout) == []
    assert "up to date" in invoke(tmp_path, "schema", "migrate").output


def test_check_prints_what_differs(tmp_path):
    assert invoke(tmp_path, "schema", "create").exit_code == 0
    engine = open_database(f"duckdb://{tmp_path}/ooni.duckdb")
    engine.execute("ALTER TABLE test_groups DROP COLUMN test_group")
    engine.execute("DROP TABLE oonirun")
    engine.close()
    checked = invoke(tmp_path, "schema", "check")
    assert checked.exit_code == 1
    lines = checked.stdout.splitlines()
    assert lines[0].startswith("oonirun: missing table (")
    assert lines[1] == "test_groups.test_group: missing column (declared as VARCHAR)"
    assert "2 differences" in checked.stderr
    found = json.loads(invoke(tmp_path, "schema", "check", "--json").stdout)
    assert [(each["table"], each["column"], each["kind"]) for each in found] == [
        ("oonirun", "", "missing table"),
        ("test_groups", "test_group", "missing column"),
    ]


def test_show_prints_the_statements_of_either_engine(tmp_path):
    assert "PRIMARY KEY" in invoke(tmp_path, "schema", "show", "fastpath").output
    assert "ReplacingMergeTree" in invoke(tmp_path, "schema", "show", "--engine", "clickhouse", "fastpath").output
    assert "ReplicatedReplacingMergeTree" in invoke(tmp_path, "schema", "show", "--cluster", "ooni").output
    assert invoke(tmp_path, "schema", "show", "nonsense").exit_code == 1


def test_cluster_is_refused_for_an_embedded_database(tmp_path):
    result = invoke(tmp_path, "schema", "create", "--cluster", "ooni")
    assert result.exit_code == 1
    assert "clickhouse://" in result.output
