"""The process of the scoring daemon: its socket, and how it ends."""

import os
import signal
from collections.abc import Callable
from types import FrameType

import uvicorn

from ooni_entrypoints.scoring_daemon import compose_daemon
from ooni_entrypoints.settings import Settings

_GRACE_SECONDS = 10


class _Server(uvicorn.Server):
    """Ends in good order at the first signal, and at once at the second."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Note a signal."""
        if self.should_exit:
            _end_at_once(sig, frame)
        self.should_exit = True


def run_daemon(settings: Settings, say: Callable[[str], object]) -> None:
    """Take measurements in and score them until a signal says to end, then score what waits.

    Args:
        settings: the effective settings.
        say: tells the operator, in one line, how things stand.

    Raises:
        Invalid: the settings cannot work.
        Unavailable: the database does not answer.
    """
    daemon = compose_daemon(settings)
    listener = uvicorn.Config(
        "", host=settings.fastpath.host, port=settings.fastpath.port, log_config=None
    ).bind_socket()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end_at_once)  # holds before and after the server's own time
    signal.signal(signal.SIGHUP, lambda *_: daemon.watch.look())
    daemon.start()
    host, port = listener.getsockname()[:2]
    say(f"scoring daemon on http://{f'[{host}]' if ':' in host else host}:{port}")
    config = uvicorn.Config(
        daemon.asgi,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        lifespan="off",
        log_config=None,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        backlog=2048,
    )
    _Server(config).run(sockets=[listener])
    say("finishing what waits")
    daemon.drain()


def _end_at_once(number: int, _: FrameType | None) -> None:
    # Nothing is lost: what was taken is on disk. Worker processes leave when this one is gone.
    os._exit(128 + number)
