"""A client that goes away takes its query with it, over a real socket and on both engines."""

import socket
import threading
import time

import pytest
import uvicorn
from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from ooni_adapters.sql.engine import UNLIMITED, Limits, cancellable
from ooni_core.errors import QueryTimeout
from ooni_entrypoints.http.app import create_app
from tests.contract.storage.test_sql_engine import ENDLESS
from tests.service import PATIENCE_SECONDS, eventually

WRITE_SECONDS = 1.5


class Asked:
    """Asks something endless and remembers after how many seconds that ended."""

    def __init__(self, engine):
        self.engine = engine
        self.began = threading.Event()
        self.ended = []

    def wait(self, limits):
        started = time.monotonic()
        self.began.set()
        try:
            self.engine.query(ENDLESS[self.engine.dialect.name], limits=limits)
        except QueryTimeout:
            self.ended.append(time.monotonic() - started)


@get("/read", sync_to_thread=True)
def read(request: Request, asked: NamedDependency[SkipValidation[Asked]]) -> str:
    asked.wait(UNLIMITED)
    return "read"


@post("/write", sync_to_thread=True)
def write(asked: NamedDependency[SkipValidation[Asked]]) -> str:
    asked.wait(Limits(seconds=WRITE_SECONDS))
    return "written"


@get("/length")
async def length(request: Request) -> str:
    return str(len(await request.body()))


@pytest.fixture(params=["duckdb_memory", "chdb"])
def asked(request):
    return Asked(request.getfixturevalue(request.param))


@pytest.fixture
def address(asked):
    app = create_app([read, write, length], {"asked": asked}, "0", 2**20, cancellable=cancellable)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    assert eventually(lambda: server.started)
    yield server.servers[0].sockets[0].getsockname()
    server.should_exit = True
    thread.join()


def leave_after_asking(address, request, began):
    with socket.create_connection(address) as client:
        client.sendall(request + b"Host: here\r\nContent-Length: 0\r\n\r\n")
        assert began.wait(PATIENCE_SECONDS)
        time.sleep(0.2)  # so that the engine is at work


def test_reader_that_leaves_ends_its_query(address, asked):
    leave_after_asking(address, b"GET /read HTTP/1.1\r\n", asked.began)
    assert eventually(lambda: asked.ended), "it has no limit of its own"
    assert asked.engine.query("SELECT 1").scalar() == 1


def test_what_a_writer_began_goes_on_without_it(address, asked):
    leave_after_asking(address, b"POST /write HTTP/1.1\r\n", asked.began)
    assert eventually(lambda: asked.ended)
    assert asked.ended[0] > WRITE_SECONDS - 0.1, "it ended by its own limit"


def test_reads_with_a_body_and_reads_on_one_connection_are_answered(address):
    with socket.create_connection(address) as client:
        for body in (b"", b"x" * 70_000, b""):
            head = b"GET /length HTTP/1.1\r\nHost: here\r\nContent-Length: %d\r\n\r\n" % len(body)
            client.sendall(head + body)
            answer = b""
            while not answer.endswith(b"\r\n\r\n%d" % len(body)):
                piece = client.recv(4096)
                assert piece, answer
                answer += piece
