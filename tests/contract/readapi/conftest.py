"""Engines are started once per test run: what they hold is replaced by each test."""

from contextlib import ExitStack, closing

import pytest

from ooni_adapters.database import open_database
from tests.contract.readapi.stores import URLS
from tests.contract.storage.clickhouse_bridge import serving_clickhouse
from tests.embedded_clickhouse import chdb_url


@pytest.fixture(scope="session")
def engines():
    """Return a function that opens the engine of that name, once."""
    opened = {}

    with ExitStack() as running:

        def engine(name):
            if name not in opened:
                over_http = name == "clickhouse"
                url = running.enter_context(serving_clickhouse(chdb_url("readapi_http"))) if over_http else URLS[name]()
                opened[name] = running.enter_context(closing(open_database(url)))
            return opened[name]

        yield engine
