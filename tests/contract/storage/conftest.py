"""One engine of each kind per test run; every test begins with empty tables."""

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


def _emptied(engine):
    counts = " UNION ALL ".join(f"SELECT '{name}' AS name, count(*) AS held FROM {name}" for name in TABLES)
    for name, held in engine.query(counts).tuples:
        if held:
            engine.execute(f"TRUNCATE TABLE {name}")
    return engine


@pytest.fixture
def duckdb_memory(_duckdb_memory):
    return _emptied(_duckdb_memory)


@pytest.fixture
def duckdb_file(_duckdb_file):
    return _emptied(_duckdb_file)


@pytest.fixture
def chdb(_chdb):
    return _emptied(_chdb)


@pytest.fixture
def clickhouse(_clickhouse):
    return _emptied(_clickhouse)
