"""``ooni fastpath``: the scoring daemon."""

import logging

import click

from ooni_entrypoints.cli import Invocation


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
    from ooni_entrypoints.daemon_process import run_daemon

    logging.basicConfig(level=log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    invocation.override("fastpath.host", host)
    invocation.override("fastpath.port", port)
    invocation.override("fastpath.workers", workers)
    invocation.override("fastpath.queue_size", queue_size)
    invocation.override("storage.database", clickhouse_url)
    run_daemon(invocation.settings, lambda line: click.echo(line, err=True))
