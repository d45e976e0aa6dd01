"""Scoring by a daemon of another process or host, over its HTTP interface: ``POST /<measurement_uid>``."""

import contextlib
import http.client
import logging
import ssl
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from urllib.parse import urlsplit

import attrs

from ooni_core.scoring.ports import Handover

_log = logging.getLogger(__name__)

# Refusals that say "not now"; all others of the 4xx range say "never".
_LATER = {408, 429}
_TAKEN, _REFUSED, _NOT_ASKED = "took it", "refuses it", "was not asked"


@attrs.define(eq=False)
class RemoteScoring:
    """A ScoringDaemon at a URL. Every implementation of the historical interface will do: 200 means taken.

    Attributes:
        url: such as ``http://127.0.0.1:8472``.
        seconds: longest time to wait for the daemon at any one point of an exchange.
        at_once: most exchanges under way. More wait their turn.
    """

    url: str
    seconds: float = 10.0
    at_once: int = 16
    _threads: ThreadPoolExecutor = attrs.field(init=False)
    _local: threading.local = attrs.field(factory=threading.local, init=False)
    _open: set[http.client.HTTPConnection] = attrs.field(factory=set, init=False)

    def __attrs_post_init__(self) -> None:
        self._threads = ThreadPoolExecutor(self.at_once, thread_name_prefix="handover")

    def take(self, batch: Sequence[tuple[str, bytes]]) -> Handover:
        """Hand over *batch*, several at a time; see ScoringDaemon."""
        given_up = threading.Event()
        answers = dict(self._threads.map(partial(self._answered, given_up), batch))
        left = {uid: answer for uid, answer in answers.items() if answer not in {_TAKEN, _REFUSED}}
        return Handover(
            refused=frozenset(uid for uid, answer in answers.items() if answer == _REFUSED),
            left=frozenset(left),
            reason=next((f"the scoring daemon at {self.url} {why}" for why in left.values() if why != _NOT_ASKED), ""),
        )

    def close(self) -> None:
        """Finish what is under way and let go of threads and connections."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        for connection in self._open:
            connection.close()

    def _answered(self, given_up: threading.Event, pair: tuple[str, bytes]) -> tuple[str, str]:
        """Return the uid and what became of it: taken, refused, or why not now. After one "not now" others wait."""
        uid, body = pair
        answer = _NOT_ASKED if given_up.is_set() else self._answer(uid, body)
        if answer not in {_TAKEN, _REFUSED}:
            given_up.set()
        return uid, answer

    def _answer(self, uid: str, body: bytes) -> str:
        try:
            status = self._status(uid, body)
        except (OSError, http.client.HTTPException) as exc:
            return f"did not answer: {exc!r}"
        if status == 200:
            return _TAKEN
        if 400 <= status < 500 and status not in _LATER:
            _log.warning("the scoring daemon at %s refuses %s with status %d: scored here", self.url, uid, status)
            return _REFUSED
        return f"takes nothing now (status {status})"

    def _status(self, uid: str, body: bytes) -> int:
        """Exchange on this thread's connection. One that was open before may be closed by now: then on a new one."""
        kept: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if kept is not None:
            with contextlib.suppress(ConnectionError, http.client.BadStatusLine, http.client.CannotSendRequest):
                return self._exchange(kept, uid, body)
        fresh = self._local.connection = self._connection()
        self._open.add(fresh)
        return self._exchange(fresh, uid, body)

    def _exchange(self, connection: http.client.HTTPConnection, uid: str, body: bytes) -> int:
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # refused while it was being sent
                connection.request("POST", f"{urlsplit(self.url).path.rstrip('/')}/{uid}", body)
            answer = connection.getresponse()
            answer.read(2**16)
        except BaseException:
            connection.close()
            self._open.discard(connection)
            self._local.connection = None
            raise
        if not answer.isclosed():  # longer than any answer of a daemon
            connection.close()
        return answer.status

    def _connection(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        if parts.scheme == "https":
            return http.client.HTTPSConnection(parts.netloc, timeout=self.seconds, context=ssl.create_default_context())
        return http.client.HTTPConnection(parts.netloc, timeout=self.seconds)
