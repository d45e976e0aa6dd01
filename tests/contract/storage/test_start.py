"""`ooni serve` refuses a database that it cannot rely on, and says why and what to do."""

import os

import pytest

from ooni_adapters.database import open_database
from ooni_adapters.sql.migrations import MIGRATIONS
from ooni_adapters.sql.tables import SCHEMA_MIGRATIONS
from tests.contract.storage.clickhouse_bridge import serving_clickhouse
from tests.embedded_clickhouse import chdb_url
from tests.service import RunningService


@pytest.fixture
def duckdb_url(tmp_path):
    return f"duckdb://{tmp_path}/ooni.duckdb"


@pytest.fixture
def clickhouse_url():
    with serving_clickhouse(chdb_url("start")) as url:
        yield url


def start(tmp_path, url):
    return RunningService(tmp_path, f'database = "{url}"\n').run("serve", check=False)


def changed(url, change):
    engine = open_database(url)
    change(engine)
    engine.close()


def test_schema_of_a_newer_program(tmp_path, clickhouse_url):
    newer = {"version": len(MIGRATIONS) + 1, "name": "later"}
    changed(clickhouse_url, lambda engine: engine.insert(SCHEMA_MIGRATIONS, [newer]))
    refused = start(tmp_path, clickhouse_url)
    assert refused.returncode == 1
    assert f"the database has schema version {len(MIGRATIONS) + 1}" in refused.stderr
    assert "install the newer release" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_schema_that_is_not_as_declared(tmp_path, duckdb_url):
    changed(duckdb_url, lambda engine: engine.execute("ALTER TABLE test_groups DROP COLUMN test_group"))
    refused = start(tmp_path, duckdb_url)
    assert refused.returncode == 1
    assert "test_groups.test_group: missing column" in refused.stderr
    assert "ooni schema check" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_file_that_another_process_writes_to(tmp_path, duckdb_url):
    engine = open_database(duckdb_url)
    try:
        refused = start(tmp_path, duckdb_url)
    finally:
        engine.close()
    assert refused.returncode == 1
    for part in (f"in use by process {os.getpid()}", "DuckDB lets one process write", "clickhouse://"):
        assert part in refused.stderr
    assert "Traceback" not in refused.stderr


def test_several_workers_on_a_database_of_one_process(tmp_path, duckdb_url):
    service = RunningService(tmp_path, f'database = "{duckdb_url}"\n')
    refused = service.run("serve", "--workers", "2", check=False)
    assert refused.returncode == 1
    for part in ("only one process can write to duckdb", "clickhouse://user:password@host:8123/name"):
        assert part in refused.stderr
