"""A question that takes too long is cancelled, and its client is told so: on every read route, and in the middle of a file."""

import threading

import attrs
import httpx
import pytest
import uvicorn

from ooni_adapters.sql.catalog import SqlCatalog
from ooni_adapters.sql.engine import UNLIMITED, cancellable
from ooni_core.errors import QueryTimeout
from tests.contract.readapi.application import application, client
from tests.contract.readapi.stores import ENGINES, fill
from tests.contract.readapi.test_caching import CACHE, CONSTANT
from tests.contract.storage.test_sql_engine import ENDLESS
from tests.service import eventually
from tests.unit.catalog.rows import row

ALL = "/api/v1/measurements?since=2026-10-31&until=2026-11-30&order=asc"
ROWS = [row(n) for n in range(50)]
PAGE = 10
# These ask the database nothing.
ANSWERED = (*CONSTANT, "/api/_/test_names")
ASKING = [path for path in CACHE if not path.startswith(ANSWERED)]


@attrs.define
class Slow:
    """An engine that answers some questions and has no end of the next ones."""

    engine: object
    answered: int = 0
    unlimited: bool = False
    asked: int = 0
    ended: threading.Event = attrs.field(factory=threading.Event)

    @property
    def dialect(self):
        return self.engine.dialect

    def query(self, sql, params=None, limits=UNLIMITED):
        return self._ask(self.engine.query, sql, params, limits)

    def columns(self, sql, params=None, limits=UNLIMITED):
        return self._ask(self.engine.columns, sql, params, limits)

    def _ask(self, ask, sql, params, limits):
        if "rollup_units ORDER BY" in sql:  # what the rollups know is a row that says so
            return ask(sql, params, limits)
        self.asked += 1
        if self.asked <= self.answered:
            return ask(sql, params, limits)
        try:
            return ask(ENDLESS[self.dialect.name], {}, UNLIMITED if self.unlimited else limits)
        except QueryTimeout:
            self.ended.set()
            raise


@pytest.fixture(scope="module", params=ENGINES)
def engine(request, engines):
    engine = engines(request.param)
    fill(engine, ROWS)
    return engine


@pytest.fixture(scope="module")
def too_slow(engine):
    with client(SqlCatalog(Slow(engine), seconds=0.05)) as http:
        yield http


@pytest.mark.parametrize("path", ASKING)
def test_every_route_says_that_its_query_took_too_long(too_slow, path):
    answer = too_slow.get(path)
    assert (answer.status_code, answer.headers["cache-control"]) == (504, "no-store")
    assert "too long" in answer.json()["error"]


@pytest.mark.parametrize("form", ["CSV", "JSONL", "Parquet", "Arrow"])
def test_file_that_cannot_begin_is_an_error(too_slow, form):
    assert too_slow.get(f"{ALL}&format={form}").status_code == 504


@pytest.fixture
def serve(monkeypatch):
    """Return a function that serves a catalog over a socket and returns its address."""
    monkeypatch.setattr("ooni_core.catalog.service._BATCH", PAGE)
    running = []

    def start(catalog):
        app = application(catalog, cancellable=cancellable)
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None))
        thread = threading.Thread(target=server.run)
        thread.start()
        running.append((server, thread))
        assert eventually(lambda: server.started)
        host, port = server.servers[0].sockets[0].getsockname()
        return f"http://{host}:{port}"

    yield start
    for server, thread in running:
        server.should_exit = True
        thread.join()


@pytest.mark.parametrize(
    ("form", "encoding"),
    [("CSV", "identity"), ("CSV", "zstd"), ("JSONL", "gzip"), ("Parquet", "identity"), ("Arrow", "zstd")],
)
def test_file_that_ends_in_the_middle_is_never_taken_for_the_whole(engine, serve, form, encoding):
    address = serve(SqlCatalog(Slow(engine, answered=2), seconds=0.2))
    url = f"{address}{ALL}&format={form}"
    with httpx.stream("GET", url, headers={"Accept-Encoding": encoding}, timeout=60) as answer:
        assert answer.status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            list(answer.iter_raw())


def test_reader_that_leaves_in_the_middle_of_a_file_ends_its_query(engine, serve):
    slow = Slow(engine, answered=1, unlimited=True)
    address = serve(SqlCatalog(slow))
    with httpx.stream("GET", f"{address}{ALL}&format=CSV", timeout=60) as answer:
        assert ROWS[0].measurement_uid in next(answer.iter_text())
        assert eventually(lambda: slow.asked == 2)
    assert eventually(slow.ended.is_set), "it has no limit of its own"
    assert slow.asked == 2
