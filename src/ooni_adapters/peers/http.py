"""The spool of another API host, over HTTP."""

import contextlib
import hashlib
import http.client
import socket
import ssl
import threading
import time
from urllib.parse import urlsplit

import attrs

from ooni_core.archive.hops import HOP_HEADER, hop_path, sign_hop
from ooni_core.errors import Unavailable
from ooni_core.measurement import MeasurementUid
from ooni_core.ports import Clock

_MOST_BYTES = 128 * 2**20  # as much as a host accepts
_PIECE = 2**16


@attrs.frozen
class HttpPeer:
    """A PeerSpool that asks one host.

    Attributes:
        url: of the host, such as ``https://ams-pg.ooni.org``.
        key: shared with that host.
        clock: tells the time that the request is signed with.
        seconds: longest time that the whole exchange may take.
    """

    url: str
    key: str
    clock: Clock
    seconds: float = 1.5

    def get(self, uid: MeasurementUid) -> bytes | None:
        """Return the body as that host received it, or None when it does not have it."""
        deadline = time.monotonic() + self.seconds
        try:
            body = self._asked(hop_path(uid), deadline)
        except (OSError, http.client.HTTPException, ValueError) as exc:
            raise Unavailable(f"{self.url} did not answer: {exc!r}") from exc
        if body is not None and hashlib.sha512(body).hexdigest()[:16] != uid.text[-16:]:
            raise Unavailable(f"{self.url} answered with a body that is not {uid.text}")
        return body

    def _asked(self, path: str, deadline: float) -> bytes | None:
        connection = self._connection()
        hang_up = threading.Timer(self.seconds, _hang_up, [connection])
        try:
            connection.connect()
            hang_up.start()
            hop = sign_hop(self.key, path, self.clock.now())
            connection.request("GET", path, headers={HOP_HEADER: hop, "Accept-Encoding": "identity"})
            answer = connection.getresponse()
            if answer.status == 404:
                return None
            if answer.status != 200:
                raise http.client.HTTPException(f"status {answer.status}")
            return _read(connection, answer, deadline)
        finally:
            hang_up.cancel()
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        if parts.scheme == "https":
            return http.client.HTTPSConnection(parts.netloc, timeout=self.seconds, context=ssl.create_default_context())
        return http.client.HTTPConnection(parts.netloc, timeout=self.seconds)


def _hang_up(connection: http.client.HTTPConnection) -> None:
    """End an exchange that goes on byte by byte: each wait has a limit of its own, all of them together have none."""
    if connection.sock is not None:
        with contextlib.suppress(OSError):
            connection.sock.shutdown(socket.SHUT_RDWR)


def _read(connection: http.client.HTTPConnection, answer: http.client.HTTPResponse, deadline: float) -> bytes:
    parts, size = [], 0
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer takes too long")
        if connection.sock is not None:
            connection.sock.settimeout(left)
        piece = answer.read1(_PIECE)
        if not piece:
            break
        parts.append(piece)
        size += len(piece)
        if size > _MOST_BYTES:
            raise http.client.HTTPException("the answer is larger than any body")
    if answer.length:
        raise http.client.IncompleteRead(b"", answer.length)
    return b"".join(parts)
