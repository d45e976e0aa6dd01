"""Hosts find each other's fresh bodies: signed, in bounded time, and never in circles."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import attrs
import pytest
from litestar.testing import TestClient

from ooni_adapters.peers import HttpPeer, PeersTogether
from ooni_adapters.spool import MemorySpool
from ooni_core.archive.hops import HOP_HEADER, SpoolWindow, hop_path, sign_hop
from ooni_core.errors import Forbidden, Invalid, NotFound, OoniError, Unavailable
from ooni_core.measurement import MeasurementUid
from ooni_entrypoints.http import measurement_spool
from ooni_entrypoints.http.app import create_app
from ooni_entrypoints.peers import make_peers
from ooni_entrypoints.settings import PeerSettings, Settings
from tests.service import PATIENCE_SECONDS, RunningService, get, post

NOW = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)
BODY = b'{"format":"json","content":{}}'
UID = MeasurementUid.mint(NOW, "IT", "webconnectivity", BODY)
ABSENT = MeasurementUid.mint(NOW, "IT", "webconnectivity", b"absent")
KEY = "a shared secret"


@attrs.define
class SetClock:
    instant: datetime = NOW

    def now(self) -> datetime:
        return self.instant


@pytest.fixture
def window() -> SpoolWindow:
    spool = MemorySpool()
    spool.put(UID, BODY)
    return SpoolWindow(spool, ["a newer secret", KEY], SetClock())


def look(window: SpoolWindow, path: str, hop: str) -> bytes:
    _, _, bucket, name = path.split("/")
    return window.look(bucket, name, hop)


class TestWindow:
    def test_a_signed_request_is_answered(self, window: SpoolWindow) -> None:
        path = hop_path(UID)
        assert path == f"/measurement_spool/2026030412_IT_webconnectivity/{UID.text}.post"
        assert look(window, path, sign_hop(KEY, path, NOW)) == BODY

    def test_what_is_not_here_is_not_found(self, window: SpoolWindow) -> None:
        with pytest.raises(NotFound):
            look(window, hop_path(ABSENT), sign_hop(KEY, hop_path(ABSENT), NOW))

    @pytest.mark.parametrize("hop", ["", "x", "1 2", "-5 " + "0" * 64, "1772627400 " + "0" * 64])
    def test_others_are_refused(self, window: SpoolWindow, hop: str) -> None:
        with pytest.raises(Forbidden):
            look(window, hop_path(UID), hop)

    def test_a_signature_is_for_one_path_one_time_and_a_known_key(self, window: SpoolWindow) -> None:
        path = hop_path(UID)
        for wrong in (
            sign_hop("another key", path, NOW),
            sign_hop(KEY, hop_path(ABSENT), NOW),
            sign_hop(KEY, path, NOW - timedelta(minutes=6)),
            sign_hop(KEY, path, NOW + timedelta(minutes=6)),
            sign_hop(KEY, path, NOW).replace("1", "2", 1),
        ):
            with pytest.raises(Forbidden):
                look(window, path, wrong)

    def test_without_keys_nobody_is_answered(self, window: SpoolWindow) -> None:
        closed = SpoolWindow(window.spool, [], SetClock())
        with pytest.raises(Forbidden):
            look(closed, hop_path(UID), sign_hop("", hop_path(UID), NOW))

    @pytest.mark.parametrize("name", ["../x.post", f"{UID.text}", f"{UID.text}.post.tmp", "..", ""])
    def test_odd_names_are_not_found(self, window: SpoolWindow, name: str) -> None:
        path = f"/measurement_spool/{UID.bucket.name}/{name}"
        with pytest.raises(NotFound):
            window.look(UID.bucket.name, name, sign_hop(KEY, path, NOW))

    def test_another_folder_is_not_found(self, window: SpoolWindow) -> None:
        path = hop_path(UID).replace("_IT_", "_FR_", 1)
        with pytest.raises(NotFound):
            look(window, path, sign_hop(KEY, path, NOW))


def test_the_route_answers_signed_requests_and_nobody_else(window: SpoolWindow) -> None:
    app = create_app(measurement_spool.handlers, {"spool_window": window}, "0", 2**20)
    with TestClient(app, raise_server_exceptions=False) as client:
        path = hop_path(UID)
        answer = client.get(path, headers={HOP_HEADER: sign_hop(KEY, path, NOW)})
        assert (answer.status_code, answer.content) == (200, BODY)
        assert answer.headers["cache-control"] == "no-store"
        for hop in ({}, {HOP_HEADER: sign_hop("wrong", path, NOW)}):
            assert client.get(path, headers=hop).status_code == 403


class _Host(BaseHTTPRequestHandler):
    window: SpoolWindow

    def do_GET(self) -> None:
        _, _, bucket, name = self.path.split("/")
        try:
            status, body = 200, self.window.look(bucket, name, self.headers.get(HOP_HEADER, ""))
        except OoniError as exc:
            status, body = (404 if isinstance(exc, NotFound) else 403), b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def host(window: SpoolWindow) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Host", (_Host,), {"window": window}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def silent_host() -> Iterator[str]:
    """Takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def dripping_host() -> Iterator[str]:
    """Sends headers without end, one byte at a time: there is always something to wait for."""

    def drip() -> None:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            while True:
                connection.sendall(b"x")
                time.sleep(0.01)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


class TestHttpPeer:
    def test_a_body_is_fetched(self, host: str) -> None:
        assert HttpPeer(host, KEY, SetClock(), PATIENCE_SECONDS).get(UID) == BODY

    def test_what_the_host_does_not_have_is_none(self, host: str) -> None:
        assert HttpPeer(host, KEY, SetClock(), PATIENCE_SECONDS).get(ABSENT) is None

    def test_a_host_with_another_key_is_unavailable(self, host: str) -> None:
        with pytest.raises(Unavailable, match="status 403"):
            HttpPeer(host, "wrong", SetClock()).get(UID)

    def test_a_host_that_is_down_is_unavailable(self) -> None:
        with pytest.raises(Unavailable, match="did not answer"):
            HttpPeer("http://127.0.0.1:1", KEY, SetClock()).get(UID)

    @pytest.mark.timeout(60)  # without a bound of their own, both would go on for ever
    @pytest.mark.parametrize("kind", ["silent_host", "dripping_host"])
    def test_a_host_that_never_comes_to_an_end_is_unavailable(self, kind: str, request: pytest.FixtureRequest) -> None:
        with pytest.raises(Unavailable, match="did not answer"):
            HttpPeer(request.getfixturevalue(kind), KEY, SetClock(), seconds=0.2).get(UID)

    def test_a_body_that_is_not_the_one_asked_for_is_not_believed(self, host: str, window: SpoolWindow) -> None:
        window.spool.put(ABSENT, b"something else")
        with pytest.raises(Unavailable, match="is not"):
            HttpPeer(host, KEY, SetClock(), PATIENCE_SECONDS).get(ABSENT)


class TestPeersTogether:
    @pytest.fixture
    def together(self, host: str, silent_host: str) -> Iterator[PeersTogether]:
        asked = [(silent_host, 0.5), ("http://127.0.0.1:1", 0.5), (host, PATIENCE_SECONDS)]
        peers = PeersTogether([HttpPeer(url, KEY, SetClock(), seconds) for url, seconds in asked])
        yield peers
        peers.close()

    def test_a_slow_or_dead_host_hides_no_other(self, together: PeersTogether) -> None:
        assert together.get(UID) == BODY

    def test_not_found_is_said_only_when_all_said_so(self, together: PeersTogether, host: str) -> None:
        with pytest.raises(Unavailable):
            together.get(ABSENT)
        alone = PeersTogether([HttpPeer(host, KEY, SetClock(), PATIENCE_SECONDS)] * 2)
        assert alone.get(ABSENT) is None
        alone.close()


def test_hosts_find_what_the_other_received_and_never_ask_in_circles(tmp_path: Path) -> None:
    """Two services that name each other."""
    first, second = (RunningService(tmp_path / name) for name in ("first", "second"))
    for one, other in ((first, second), (second, first)):
        one.folder.mkdir()
        one.settings = (
            f'[publication]\nenabled = false\n[peers]\nurls = ["{other.url}"]\nkeys = ["{KEY}"]\nseconds = 60\n'
        )
    try:
        first.start()
        second.start()
        report = "20261120T100000Z_webconnectivity_IT_64496_n1_ExampleExample00"
        body = json.dumps({"format": "json", "content": {"report_id": report, "input": "https://a.example/"}})
        uid = post(f"{first.url}/report/{report}", content=body).json()["measurement_uid"]
        for service in (first, second):
            found = get(f"{service.url}/api/v1/raw_measurement?measurement_uid={uid}")
            assert found.json() == {"report_id": report, "input": "https://a.example/"}
        nowhere = uid[:-16] + "0" * 16
        assert get(f"{second.url}/api/v1/raw_measurement?measurement_uid={nowhere}").json() == {}
    finally:
        first.stop()
        second.stop()


class TestSettings:
    def test_without_hosts_nobody_is_asked(self) -> None:
        assert make_peers(Settings(), SetClock()) == ()

    def test_hosts_without_a_key_are_a_mistake(self) -> None:
        with pytest.raises(Invalid, match=r"peers\.keys"):
            make_peers(Settings(peers=PeerSettings(urls=("http://127.0.0.1:1",))), SetClock())

    def test_the_named_hosts_are_asked(self, host: str) -> None:
        settings = PeerSettings(urls=(host,), keys=(KEY, "older"), seconds=60)
        (peers,) = make_peers(Settings(peers=settings), SetClock())
        assert peers.get(UID) == BODY
        peers.close()
