"""ClickHouse's HTTP interface over the embedded engine, as far as the client uses it. For tests only.

It lets ``clickhouse://`` run over a real socket where there is no server: statements, typed parameters, settings, inserted
data, compression of requests, error codes.
"""

import email
import gzip
import socket
import tempfile
import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import attrs
import chdb
import lz4.frame
import zstandard
from clickhouse_connect.driver._backend.chdb_backend import CHDB_TRANSPORT_SETTINGS

_DECODE = {"gzip": gzip.decompress, "lz4": lz4.frame.decompress, "zstd": zstandard.decompress}
_NOT_SETTINGS = CHDB_TRANSPORT_SETTINGS | {"query", "user", "password", "default_format", "session_id"}


@attrs.define
class Faults:
    """How many of the next answers go wrong.

    Attributes:
        lost: inserts that take effect, and whose connection is then cut.
        cut: answers to reads that end in the middle.
    """

    lost: int = 0
    cut: int = 0


def _statement(handler, arguments):
    length = int(handler.headers.get("Content-Length") or 0)
    if handler.headers.get("Transfer-Encoding") == "chunked":
        body = b"".join(_chunks(handler.rfile))
    else:
        body = handler.rfile.read(length)
    encoding = handler.headers.get("Content-Encoding")
    if encoding:
        body = _DECODE[encoding](body)
    kind = handler.headers.get("Content-Type") or ""
    if kind.startswith("multipart/form-data"):
        arguments |= _form(kind, body)
        return arguments.pop("query"), b""
    query = arguments.get("query", "")
    if not query:
        return body.decode(), b""
    return query, body


def _form(kind, body):
    parsed = email.message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
    return {
        part.get_param("name", header="content-disposition"): part.get_payload(decode=True).decode()
        for part in parsed.get_payload()
    }


def _chunks(stream):
    while size := int(stream.readline().split(b";")[0], 16):
        yield stream.read(size)
        stream.readline()
    stream.readline()


def _with_format(statement, default):
    words = statement.rstrip("; \n").split()
    if len(words) > 2 and words[-2].upper() == "FORMAT":
        return statement.rstrip("; \n")[: -len(words[-1])].rstrip()[: -len("FORMAT")], words[-1]
    return statement, default


def _run(connection, statement, data, params, default_format):
    if not data:
        bare, format = _with_format(statement, default_format)
        return connection.query(bare, format, params=params).bytes(), format
    head, _, rest = data.partition(b"\n") if b"FORMAT" not in statement.encode().upper() else (b"", b"", data)
    with tempfile.NamedTemporaryFile() as file:
        file.write(rest)
        file.flush()
        bare, format = _with_format((statement + head.decode()).strip(), "Native")
        settings = ""
        if " SETTINGS " in bare:
            bare, _, settings = bare.partition(" SETTINGS ")
            settings = " SETTINGS " + settings
        inserted = f"{bare} FROM INFILE '{file.name}'{settings} FORMAT {format}"
        return connection.query(inserted, "TabSeparated", params=params).bytes(), "TabSeparated"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self):
        self.server.connections.discard(self.connection)
        super().finish()

    def log_message(self, format, *args):
        """Keep test output quiet."""

    def do_GET(self):
        self._answer()

    def do_POST(self):
        self._answer()

    def _answer(self):
        parts = urlsplit(self.path)
        arguments = {k: v[-1] for k, v in parse_qs(parts.query, keep_blank_values=True).items()}
        statement, data = _statement(self, arguments)
        if parts.path == "/ping" or not statement:
            self._send(200, b"Ok.\n", "TabSeparated")
            return
        connection = chdb.connect(self.server.folder)
        try:
            if arguments.get("database"):
                connection.query(f"USE `{arguments['database']}`")
            for name, value in arguments.items():
                if name not in _NOT_SETTINGS and not name.startswith("param_"):
                    connection.query(f"SET {name} = '{value}'")
            params = {k.removeprefix("param_"): v for k, v in arguments.items() if k.startswith("param_")}
            result, format = _run(connection, statement, data, params, arguments.get("default_format", "TabSeparated"))
            self._deliver(result, format, inserted=bool(data))
        except RuntimeError as exc:
            text = str(exc)
            code = text.partition("Code: ")[2].partition(".")[0] or "1002"
            self._send(500, text.encode(), "TabSeparated", {"X-ClickHouse-Exception-Code": code})
        finally:
            connection.close()

    def _deliver(self, result, format, *, inserted):
        faults = self.server.faults
        if inserted and faults.lost:
            faults.lost -= 1
            self.close_connection = True
        elif format == "ArrowStream" and faults.cut:
            faults.cut -= 1
            self._send(200, result, format, sent=len(result) // 2)
            self.close_connection = True
        else:
            self._send(200, result, format)

    def _send(self, status, body, format, headers=None, sent=None):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-ClickHouse-Format", format)
        self.send_header("X-ClickHouse-Timezone", "UTC")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[:sent])


@contextmanager
def serving_clickhouse(embedded_url, faults=None):
    """Serve the embedded engine of that URL on a free port of this host; yields a ``clickhouse://`` URL."""
    parts = urlsplit(embedded_url)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.folder, server.faults, server.connections = parts.path, faults or Faults(), set()
    keeper = chdb.connect(parts.path)  # the engine stops with its last connection; requests come and go
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"clickhouse://127.0.0.1:{server.server_address[1]}/{parse_qs(parts.query)['database'][-1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        for connection in list(server.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        keeper.close()
