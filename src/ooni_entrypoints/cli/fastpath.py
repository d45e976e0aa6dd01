"""``ooni fastpath``: the scoring daemon."""

import logging
import os
import signal
from types import FrameType

import click

from ooni_entrypoints.cli import Invocation

_GRACE_SECONDS = 10


@click.command("fastpath")
@click.option("--host", help="Address to listen on (fastpath.host).")
@click.option("--port", type=int, envvar="FASTPATH_API_PORT", help="Port to listen on (fastpath.port).")
@click.option(
    "--workers",
    type=int,
    envvar="FASTPATH_NUM_WORKERS",
    help="Processes to score with, 0 for one per processor (fastpath.workers).",
)
@click.option(
    "--queue-size",
    type=int,
    envvar="FASTPATH_QUEUE_SIZE",
    help="Most measurements that wait (fastpath.queue_size).",
)
@click.option(
    "--clickhouse-url", metavar="URL", help="Database to read fingerprints from and write to (storage.database)."
)
@click.option("--log-level", default="info", show_default=True, type=click.Choice(["debug", "info", "warning"]))
@click.pass_obj
def command(
    invocation: Invocation,
    host: str | None,
    port: int | None,
    workers: int | None,
    queue_size: int | None,
    clickhouse_url: str | None,
    log_level: str,
) -> None:
    """Score measurements that other processes receive, and write their verdicts to ClickHouse.

    Takes POST /<measurement_uid> on http://127.0.0.1:8472 and answers 200 once the body is on disk, or 503 with
    Retry-After while too many wait. GET /health says how it fares. `ooni serve --scoring URL` sends to it.

    SIGTERM and Ctrl-C score what waits and end with status 0; a second one ends at once, and the next start goes on.
    SIGHUP reads the fingerprints again.

    \b
    Example:  ooni fastpath --clickhouse-url clickhouse://user:password@db:8123/ooni --workers 8
    """
    import uvicorn

    from ooni_entrypoints.scoring_daemon import compose_daemon

    logging.basicConfig(level=log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    invocation.override("fastpath.host", host)
    invocation.override("fastpath.port", port)
    invocation.override("fastpath.workers", workers)
    invocation.override("fastpath.queue_size", queue_size)
    invocation.override("storage.database", clickhouse_url)
    settings = invocation.settings
    daemon = compose_daemon(settings)
    listener = uvicorn.Config(
        "", host=settings.fastpath.host, port=settings.fastpath.port, log_config=None
    ).bind_socket()
    config = uvicorn.Config(
        daemon.asgi,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        lifespan="off",
        log_config=None,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end_at_once)  # holds outside of the server's own time
    signal.signal(signal.SIGHUP, lambda *_: daemon.watch.look())
    daemon.start()
    name, number = listener.getsockname()[:2]
    click.echo(f"scoring daemon on http://{f'[{name}]' if ':' in name else name}:{number}", err=True)
    _server_class()(config).run(sockets=[listener])
    click.echo("finishing what waits", err=True)
    daemon.drain()


def _end_at_once(number: int, _: FrameType | None) -> None:
    # Nothing is lost: what was taken is on disk. Worker processes leave when this one is gone.
    os._exit(128 + number)


def _server_class() -> "type":
    import uvicorn

    class Server(uvicorn.Server):
        """Ends in good order at the first signal, and at once at the second."""

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            if self.should_exit:
                _end_at_once(sig, frame)
            self.should_exit = True

    return Server
