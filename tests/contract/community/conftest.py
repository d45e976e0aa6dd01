"""What people contribute, as an application over one database of each kind, with a clock that is set by hand."""

from types import SimpleNamespace

import pytest
from litestar.testing import TestClient

from ooni_adapters.database import open_database
from ooni_adapters.sql.tables import INCIDENTS, OONIRUN
from ooni_adapters.system import SystemEntropy
from ooni_core.accounts.sessions import SessionGuard
from ooni_entrypoints.community import make_community
from ooni_entrypoints.http.app import create_app
from ooni_entrypoints.prioritization import make_refresher
from ooni_entrypoints.settings import load
from tests.contract.accounts.conftest import KEY, KEYS, NOW, HandClock, empty
from tests.embedded_clickhouse import chdb_url


class NobodyExpunged:
    """ExpungedSessions without any."""

    def threshold(self, account_id):
        return None


@pytest.fixture(scope="package", params=["duckdb", "chdb"])
def running(request, tmp_path_factory):
    engine = open_database({"duckdb": "duckdb://:memory:", "chdb": chdb_url("community")}[request.param])
    keys = {"accounts.jwt_keys": KEY, "accounts.account_id_hashing_keys": KEY, "service.collector_id": "X"}
    settings = load(None, {}, {**keys, "storage.data_dir": str(tmp_path_factory.mktemp("data"))}).settings
    clock = HandClock()
    prioritization = make_refresher(settings, engine, clock).prioritization
    parts = make_community(settings, engine, clock, SystemEntropy(), prioritization)
    use_cases = {
        **parts.use_cases,
        "session_guard": SessionGuard(KEYS, NobodyExpunged(), clock),
        "service_settings": settings.service,
    }
    with TestClient(create_app(parts.handlers, use_cases, "1", 2**22), raise_server_exceptions=False) as client:
        yield SimpleNamespace(client=client, clock=clock, engine=engine, prioritization=prioritization)
    engine.close()


@pytest.fixture
def service(running):
    running.clock.instant = NOW
    empty(running.engine, INCIDENTS, OONIRUN)
    return running


@pytest.fixture
def client(service):
    return service.client
