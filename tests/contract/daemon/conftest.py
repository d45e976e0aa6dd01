"""One ClickHouse for the tests of the daemon; each test begins with empty tables and ends its processes."""

import contextlib
import socket
import socketserver
import threading
from urllib.parse import urlsplit

import attrs
import pytest

from ooni_adapters.database import open_database
from ooni_adapters.sql.fingerprints import SqlFingerprintStore
from tests.contract.daemon.measurements import FINGERPRINTS
from tests.contract.storage.clickhouse_bridge import serving_clickhouse
from tests.embedded_clickhouse import chdb_url
from tests.service import PATIENCE_SECONDS, RunningService, eventually, free_port, get, post

WRITTEN = ("fastpath", "fastpath_quarantine", "counters_test_list", "counters_asn_test_list")


@attrs.define
class Stored:
    """What the database holds."""

    engine: object

    @property
    def verdicts(self):
        return {row["measurement_uid"]: row for row in self.engine.query("SELECT * FROM fastpath").dicts()}

    @property
    def quarantine(self):
        found = self.engine.query("SELECT measurement_uid, kind FROM fastpath_quarantine").tuples
        return dict(found)

    def complete(self, uids):
        """Wait until all of *uids* have a verdict, and say whether they do."""
        return eventually(lambda: set(uids) <= self.uids())

    def uids(self):
        return {uid for (uid,) in self.engine.query("SELECT measurement_uid FROM fastpath").tuples}


@attrs.define
class Daemon(RunningService):
    """`ooni fastpath` with a client that speaks to it."""

    command: str = "fastpath"

    def start(self, *arguments):
        return super().start("--port", str(self.port), *arguments)

    def health(self):
        return get(f"{self.url}/health").json()

    def send(self, uid, body, client=None):
        send = client.post if client else post
        return send(f"{self.url}/{uid}", content=body, timeout=PATIENCE_SECONDS)


@pytest.fixture(scope="session")
def _bridge():
    with serving_clickhouse(chdb_url("bridged")) as url:
        engine = open_database(url)
        yield url, engine
        engine.close()


@pytest.fixture
def database(_bridge):
    """The URL of the database, emptied but for fingerprints."""
    url, engine = _bridge
    for table in WRITTEN:
        engine.execute(f"TRUNCATE TABLE {table}")
    SqlFingerprintStore(engine).replace([], FINGERPRINTS)
    return url


@pytest.fixture
def stored(_bridge, database):
    return Stored(_bridge[1])


@pytest.fixture
def make_daemon(tmp_path, database):
    """Start a daemon with these settings, in TOML, for sections scoring and fastpath."""
    made = []

    def make(scoring="", fastpath="workers = 1", folder="daemon", database=database):
        settings = f'database = "{database}"\nfsync = false\n[scoring]\n{scoring}\n[fastpath]\n{fastpath}\n'
        (tmp_path / folder).mkdir(exist_ok=True)
        made.append(Daemon(tmp_path / folder, settings=settings))
        return made[-1]

    yield make
    for daemon in made:
        if daemon.is_running:
            daemon.kill()


class Gate(socketserver.ThreadingTCPServer):
    """A way to the database that can be shut, as if its server were down."""

    daemon_threads = True
    shut = False

    def __init__(self, url):
        self.target = urlsplit(url)
        super().__init__(("127.0.0.1", 0), _Passage)

    @property
    def url(self):
        return f"clickhouse://127.0.0.1:{self.server_address[1]}{self.target.path}"

    def verify_request(self, request, client_address):
        return not self.shut


class _Passage(socketserver.BaseRequestHandler):
    def handle(self):
        with socket.create_connection((self.server.target.hostname, self.server.target.port)) as inner:
            back = threading.Thread(target=self._carry, args=(inner, self.request), daemon=True)
            back.start()
            self._carry(self.request, inner)
            back.join()

    def _carry(self, source, sink):
        with contextlib.suppress(OSError):
            while (piece := source.recv(2**16)) and not self.server.shut:
                sink.sendall(piece)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def gate(database):
    """A gate before the database, open to begin with."""
    with Gate(database) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def make_service(tmp_path, database):
    """Prepare an `ooni serve` that hands over to the daemon at *url*."""
    made = []

    def make(url, scoring=""):
        settings = f'database = "{database}"\nfsync = false\n[scoring]\ndaemon = "{url}"\n{scoring}\n[publication]\nenabled = false\n'
        (tmp_path / "service").mkdir(exist_ok=True)
        made.append(RunningService(tmp_path / "service", settings=settings))
        return made[-1]

    yield make
    for service in made:
        if service.is_running:
            service.kill()


@pytest.fixture
def unused_url():
    return f"http://127.0.0.1:{free_port()}"
