"""Calls as ooniprobe makes them: the headers that it sends, the answers that it can read, and nothing more."""

import gzip
import http.client
import json
import re
from urllib.parse import urlsplit

import attrs

LIMIT = 16 * 2**20
TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})")
REGISTRATION = {
    "password": "x" * 64,
    "platform": "miniooni",
    "probe_asn": "AS0",
    "probe_cc": "ZZ",
    "software_name": "miniooni",
    "software_version": "0.1.0-dev",
    "supported_tests": ["web_connectivity"],
}
ENGINE = "ooniprobe-cli/3.31.0 ooniprobe-engine/3.31.0"


class Time:
    """RFC 3339, which Go reads as a time."""


class Missing(Exception):
    """The answer is one that the client cannot use."""


@attrs.define
class GoClient:
    """Sends the exact headers of a client generation and decodes as Go does.

    Attributes:
        user_agent: None sends what Go's library sends by itself.
        accepts_gzip: older clients accept it for check-in only.
    """

    url: str
    user_agent: str | None = ENGINE
    accepts_gzip: bool = True
    host: str = "api.ooni.io"

    def exchange(self, method, path, content=None, *, content_type="application/json", token=None, more=()):
        """Make a call and return status, headers and body as they came over the wire."""
        headers = {"Host": self.host, "User-Agent": self.user_agent or "Go-http-client/1.1"}
        body = content if content is None or isinstance(content, bytes) else json.dumps(content).encode()
        if body is not None:
            headers |= {"Content-Length": str(len(body))} | ({"Content-Type": content_type} if content_type else {})
        if self.accepts_gzip:
            headers["Accept-Encoding"] = "gzip"
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=60)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in [*headers.items(), *more]:
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def call(self, method, path, content=None, **more):
        """Make a call and return what the client would decode.

        Raises:
            Missing: the client would report a failure.
        """
        status, headers, body = self.exchange(method, path, content, **more)
        if status != 200:
            raise Missing(f"status {status}: {body[:200]}")
        if headers["Content-Encoding"] == "gzip":
            body = gzip.decompress(body)
        elif headers["Content-Encoding"] is not None:
            raise Missing(f"nobody undoes {headers['Content-Encoding']}")
        if len(body) > LIMIT or body.strip() in {b"", b"null"}:
            raise Missing(f"{len(body)} bytes: {body[:20]}")
        return json.loads(body)


def decode(kind, value, where="answer"):
    """Check that Go can decode *value* into *kind*, and return it: a wrong type in any field fails the whole answer.

    ``None`` in a scalar leaves it empty, unknown keys are ignored. A kind is a type, ``[kind]``, ``{"key": kind}``, or
    ``(kind,)`` for a map from texts.
    """
    if isinstance(kind, dict):
        expect(isinstance(value, dict), where, value)
        return {key: decode(each, value[key], f"{where}.{key}") for key, each in kind.items() if key in value}
    if isinstance(kind, tuple):
        expect(isinstance(value, dict), where, value)
        return {key: decode(kind[0], each, f"{where}.{key}") for key, each in value.items()}
    if isinstance(kind, list):
        expect(value is None or isinstance(value, list), where, value)
        return [decode(kind[0], each, f"{where}[]") for each in value or ()]
    if kind is Time:
        expect(isinstance(value, str) and TIME.fullmatch(value), where, value)
    elif value is not None:
        expect(isinstance(value, kind) and not (kind is int and isinstance(value, bool)), where, value)
    return value


def expect(condition, where, value):
    if not condition:
        raise Missing(f"{where} is {value!r:.100}")
