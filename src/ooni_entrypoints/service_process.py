"""The processes of `ooni serve`: one, or several that share a socket."""

import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from ooni_core.errors import OoniError, Unavailable
from ooni_core.ports import Clock
from ooni_entrypoints.opening import open_service
from ooni_entrypoints.settings import Settings
from ooni_entrypoints.storage import clock_of, open_storage, require_server

if TYPE_CHECKING:
    from litestar.types import ASGIApp

    from ooni_entrypoints.composition import Application

_log = logging.getLogger(__name__)

_GRACE_SECONDS = 10
# A worker that says nothing for so long is hung. On a busy host its start alone can take a while.
_SILENT_SECONDS = 60


def run_service(settings: Settings, listener: socket.socket, begun: Callable[[Clock], object], *, demo: bool) -> int:
    """Answer on *listener* until a signal says to end.

    Args:
        settings: the effective settings.
        listener: a bound TCP socket.
        begun: called when the service is wired and about to answer.
        demo: score with the invented fingerprints of the samples.

    Returns:
        The exit code: 0, or another when no process could begin.

    Raises:
        OoniError: something that the service cannot do without is missing or held by another process.
    """
    if settings.service.workers == 1:
        application = compose_service(settings, demo=demo)
        begun(application.clock)
        uvicorn.Server(_configured(application.asgi)).run(sockets=[listener])
        return 0
    require_server(settings, "several processes of `ooni serve` write what they score", "start it with --workers 1")
    settings.storage.data_dir.mkdir(parents=True, exist_ok=True)
    with open_storage(settings):  # makes or migrates tables once, before all workers look at them
        begun(clock_of(settings))
    level = logging.getLogger().level
    config = _configured(
        partial(_composed, settings, level),
        factory=True,
        workers=settings.service.workers,
        timeout_worker_healthcheck=_SILENT_SECONDS,
    )
    supervisor = _Supervisor(config, [listener])
    supervisor.run()
    could_not_begin = any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes)
    return STARTUP_FAILURE if could_not_begin else 0


class _Supervisor(Multiprocess):
    """Notices at once when a worker dies that it waits for: while it holds their end of the pipe, it would not."""

    def keep_subprocess_alive(self) -> None:
        """Replace workers that died or are hung."""
        for process in self.processes:
            process.child_conn.close()
        super().keep_subprocess_alive()


def compose_service(settings: Settings, *, demo: bool = False) -> "Application":
    """Open the database, and wire the service over it.

    Raises:
        OoniError: something that the service cannot do without is missing or held by another process.
    """
    opened = open_service(settings)
    try:
        # Imported only now: what is read takes about as long.
        from ooni_entrypoints.composition import compose

        return compose(settings, opened, demo=demo)
    except BaseException:
        opened.close()
        raise


def _composed(settings: Settings, level: int) -> "ASGIApp":
    """Wire the service in a worker process."""
    logging.basicConfig(level=level, format="%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s")
    threading.Thread(target=_leave_with_the_first_process, daemon=True).start()
    try:
        return compose_service(settings).asgi
    except Unavailable as exc:  # what comes back by itself: the first process tries again
        _log.error("this worker cannot begin: %s", exc)
        sys.exit(1)
    except Exception as exc:  # noqa: BLE001 - the log has it, and the exit code says that trying again is of no use
        _log.critical("no worker can begin: %s", exc, exc_info=not isinstance(exc, OoniError))
        sys.exit(STARTUP_FAILURE)


def _leave_with_the_first_process() -> None:
    """End in good order when the process that started this one is gone: nobody else would end it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def _configured(app: Any, **more: Any) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        log_config=None,
        ws="none",  # there are none here, and what would speak it takes its time to import
        timeout_graceful_shutdown=_GRACE_SECONDS,
        backlog=2048,
        **more,
    )
