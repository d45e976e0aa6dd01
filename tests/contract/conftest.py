"""One engine of each kind per test process, for whoever empties it first: making all tables takes a second."""

import os

import pytest

from ooni_adapters.database import open_database
from ooni_adapters.sql.tables import TABLES
from tests.contract.storage.clickhouse_bridge import serving_clickhouse
from tests.embedded_clickhouse import chdb_url


@pytest.fixture(scope="session")
def _duckdb_memory():
    engine = open_database("duckdb://:memory:")
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def _duckdb_file(tmp_path_factory):
    engine = open_database(f"duckdb://{tmp_path_factory.mktemp('duckdb')}/ooni.duckdb")
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def _chdb():
    engine = open_database(chdb_url("storage"))
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def clickhouse_url():
    """The URL of a ClickHouse server: a real one when named, else the bridge to the embedded engine."""
    real = os.environ.get("OONI_TEST_CLICKHOUSE_URL")
    if real:
        yield real
        return
    with serving_clickhouse(chdb_url("bridged")) as url:
        yield url


@pytest.fixture(scope="session")
def _clickhouse(clickhouse_url):
    engine = open_database(clickhouse_url)
    yield engine
    engine.close()


# What has held rows since it was made, or since it was emptied.
USED = {
    "duckdb": "SELECT table_name FROM duckdb_tables() WHERE estimated_size > 0",
    "clickhouse": "SELECT name FROM system.tables WHERE database = currentDatabase() AND total_rows > 0",
}


def emptied(engine):
    """Return *engine* with empty tables."""
    for (name,) in engine.query(USED[engine.dialect.name]).tuples:
        if name in TABLES:
            engine.execute(f"TRUNCATE TABLE {name}")
    return engine


@pytest.fixture
def duckdb_memory(_duckdb_memory):
    return emptied(_duckdb_memory)


@pytest.fixture
def duckdb_file(_duckdb_file):
    return emptied(_duckdb_file)


@pytest.fixture
def chdb(_chdb):
    return emptied(_chdb)


@pytest.fixture
def clickhouse(_clickhouse):
    return emptied(_clickhouse)
