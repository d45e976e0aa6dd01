"""Handing measurements over to a scoring daemon: what it took, refused and left, whatever it does."""

import contextlib
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ooni_adapters.scorers import RemoteScoring
from ooni_core.scoring.ports import Handover

BATCH = [(f"20260203040506.{number:06}_IT_ndt_0123456789abcdef", b"\0body %d" % number) for number in range(40)]
UIDS = frozenset(uid for uid, _ in BATCH)


class ScriptedDaemon(ThreadingHTTPServer):
    """Answers each path with the status that the script names, else 200, and remembers what it got."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self):
        self.script, self.received, self.connections, self.hangs_up = {}, {}, 0, False
        super().__init__(("127.0.0.1", 0), _Handler)

    def finish_request(self, request, client_address):
        self.connections += 1
        super().finish_request(request, client_address)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Keep test output quiet."""

    def do_POST(self):
        status = self.server.script.get(self.path.rpartition("/")[2], 200)
        if status == 413:  # before the body is read, as servers do
            self._answer(status)
            self.close_connection = True
            return
        self.server.received[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        if status is None:
            self.close_connection = True
            return
        self._answer(status)
        self.close_connection = self.server.hangs_up

    def _answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


@pytest.fixture
def daemon():
    with ScriptedDaemon() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def remote():
    """Make clients, and close them."""
    with contextlib.ExitStack() as stack:

        def make(url, **more):
            return stack.enter_context(contextlib.closing(RemoteScoring(url, **more)))

        yield make


def test_daemon_gets_every_body_as_it_is_under_its_uid(daemon, remote):
    scoring = remote(f"{daemon.url}/prefix/")
    assert scoring.take(BATCH) == Handover()
    assert daemon.received == {f"/prefix/{uid}": body for uid, body in BATCH}
    assert scoring.take([]) == Handover()


def test_empty_body_is_handed_over_too(daemon, remote):
    assert remote(daemon.url).take([(BATCH[0][0], b"")]) == Handover()
    assert daemon.received == {f"/{BATCH[0][0]}": b""}


def test_connections_are_kept(daemon, remote):
    scoring = remote(daemon.url, at_once=2)
    scoring.take(BATCH)
    scoring.take(BATCH)
    assert daemon.connections <= 2


def test_connection_that_the_daemon_closed_meanwhile_is_replaced(daemon, remote):
    daemon.hangs_up = True
    scoring = remote(daemon.url, at_once=2)
    assert scoring.take(BATCH) == scoring.take(BATCH) == Handover()


@pytest.mark.parametrize("status", [400, 404, 405, 409, 413, 422])
def test_what_it_will_never_take_is_refused_and_the_others_are_taken(daemon, remote, status):
    daemon.script = {BATCH[3][0]: status, BATCH[7][0]: status}
    answer = remote(daemon.url).take(BATCH)
    assert (answer.refused, answer.left) == ({BATCH[3][0], BATCH[7][0]}, frozenset())
    assert len(daemon.received) >= len(BATCH) - 2


@pytest.mark.parametrize("status", [503, 500, 429, 408, 302, None])
def test_what_it_does_not_take_now_is_left_with_the_reason(daemon, remote, status):
    daemon.script = {BATCH[-1][0]: status}
    answer = remote(daemon.url).take(BATCH)
    assert (answer.refused, answer.left) == (frozenset(), {BATCH[-1][0]})
    assert daemon.url in answer.reason
    assert str(status) in answer.reason or "did not answer" in answer.reason
    daemon.script = {}
    assert remote(daemon.url).take([BATCH[-1]]) == Handover(), "later"


def test_full_daemon_is_not_asked_for_the_rest(daemon, remote):
    daemon.script = dict.fromkeys(UIDS, 503)
    answer = remote(daemon.url, at_once=2).take(BATCH)
    assert answer.left == UIDS
    assert "status 503" in answer.reason
    assert len(daemon.received) <= 2


def test_daemon_that_is_away_leaves_everything(remote, daemon):
    daemon.shutdown()
    daemon.server_close()
    answer = remote(daemon.url).take(BATCH)
    assert answer.left == UIDS
    assert "did not answer" in answer.reason


def test_silent_daemon_costs_one_wait_for_the_whole_batch(remote):
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        scoring = remote(f"http://127.0.0.1:{listener.getsockname()[1]}", seconds=0.2, at_once=2)
        answer = scoring.take(BATCH)
        assert answer.left == UIDS
        assert "timed out" in answer.reason
        listener.settimeout(0)
        assert sum(1 for _ in iter(lambda: _accepted(listener), None)) <= 2


def _accepted(listener):
    try:
        connection, _ = listener.accept()
    except BlockingIOError:
        return None
    connection.close()
    return True
