"""A proxy before an S3 server that misbehaves as told: for what real object stores do on a bad day."""

import http.client
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_SLOW_DOWN = b"""<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"""


class Faults:
    """What goes wrong with the next requests.

    Names out of ``slow`` (503), ``error`` (500), ``lost`` (it took effect, the connection ends), ``silent`` (it took
    effect, and nobody answers for a second), ``truncated``; and how many of the next listings of one unit do not
    show yet what is there.
    """

    def __init__(self) -> None:
        self.coming: list[str] = []
        self.stale_listings = 0
        self.seen: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.lock = threading.Lock()

    def next(self, method: str, headers: dict[str, str]) -> str:
        with self.lock:
            self.headers.append(headers)
            fault = self.coming.pop(0) if self.coming else ""
            self.seen.append(f"{method} {fault}".strip())
        return fault


class _Proxy(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    upstream = ""
    faults = Faults()

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.faults.next(self.command, {name.lower(): value for name, value in self.headers.items()})
        if fault == "slow":
            self._answer(503, {"Content-Type": "application/xml"}, _SLOW_DOWN)
            return
        if fault == "error":
            self._answer(500, {}, b"")
            return
        status, headers, content = self._upstream(body)
        if fault == "silent":
            time.sleep(1)
        if fault in {"lost", "silent"}:
            self.close_connection = True  # it took effect, and nobody hears of it
            return
        if "list-type=" in self.path and "webconnectivity" in self.path and self.faults.stale_listings:
            self.faults.stale_listings -= 1
            content = re.sub(rb"<Contents>.*</Contents>", b"", content, flags=re.DOTALL)
        if fault == "truncated":
            self._answer(status, headers, content, sent=len(content) // 2)
            self.close_connection = True
            return
        self._answer(status, headers, content)

    def _upstream(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(urlsplit(self.upstream).netloc, timeout=20)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        dropped = {"connection", "transfer-encoding", "date", "server"}
        return answer.status, {k: v for k, v in answer.getheaders() if k.lower() not in dropped}, content

    def _answer(self, status: int, headers: dict[str, str], content: bytes, sent: int | None = None) -> None:
        self.send_response(status)
        length = str(len(content))
        for name, value in headers.items():
            if name.lower() == "content-length":
                length = value if self.command == "HEAD" else length
            else:
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[:sent])

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _pass_on  # noqa: N815 - names of the standard library

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@contextmanager
def faulty_proxy(upstream: str) -> Iterator[tuple[str, Faults]]:
    """Run the proxy; yield its URL and the faults to come."""
    faults = Faults()
    handler = type("Proxy", (_Proxy,), {"upstream": upstream, "faults": faults})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", faults
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
