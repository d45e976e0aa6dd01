"""``ooni serve``: the whole service."""

import logging
import sys
import tempfile
import threading
import urllib.error
import urllib.request

import click

from ooni_core.ports import Clock
from ooni_entrypoints.cli import Invocation
from ooni_entrypoints.interpreter import answer_first

_log = logging.getLogger(__name__)


@click.command("serve")
@click.option("--host", help="Address to listen on (service.host).")
@click.option("--port", type=int, help="Port to listen on (service.port).")
@click.option(
    "--scoring", metavar="URL", help="Have the scoring daemon at URL score, see `ooni fastpath` (scoring.daemon)."
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    metavar="N",
    help="Processes that answer, with ClickHouse (service.workers).",
)
@click.option("--demo", is_flag=True, help="Work in a temporary folder, with invented measurements already submitted.")
@click.option("--log-level", default="warning", show_default=True, type=click.Choice(["debug", "info", "warning"]))
@click.pass_obj
def command(
    invocation: Invocation,
    host: str | None,
    port: int | None,
    scoring: str | None,
    workers: int | None,
    demo: bool,  # noqa: FBT001
    log_level: str,
) -> None:
    """Receive, score, publish and answer questions about measurements: HTTP, scoring and timers.

    One process does everything. With a ClickHouse server, several can: each takes requests and scores what it received,
    and one of them publishes.

    Without any settings everything is kept in the folder ./data, and the API answers on http://127.0.0.1:8080.

    \b
    Example:  ooni serve --demo
    """
    logging.basicConfig(level=log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    invocation.override("service.host", host)
    invocation.override("service.port", port)
    invocation.override("scoring.daemon", scoring)
    invocation.override("service.workers", workers)
    if not demo:
        _serve(invocation, demo=False)
        return
    with tempfile.TemporaryDirectory(prefix="ooni-demo-") as folder:
        invocation.override("storage.data_dir", folder)
        invocation.override("storage.database", "")
        invocation.override("storage.objects", "")
        invocation.override("scoring.daemon", "")
        invocation.override("service.workers", 1)
        _serve(invocation, demo=True)


def _serve(invocation: Invocation, *, demo: bool) -> None:
    answer_first()  # once more when everything is there; the start itself is a tenth shorter with it
    import uvicorn

    from ooni_entrypoints.service_process import run_service

    service = invocation.settings.service
    listener = uvicorn.Config("", host=service.host, port=service.port, log_config=None).bind_socket()
    host, port = listener.getsockname()[:2]
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    if not service.base_url:
        invocation.override("service.base_url", url)
    settings = invocation.settings

    def begun(clock: Clock) -> None:
        click.echo(f"OONI API on {url}, documentation at {url}/apidocs/, data in {settings.storage.data_dir}", err=True)
        if demo:
            threading.Thread(target=_submit_samples, args=(url, clock), daemon=True).start()

    try:
        sys.exit(run_service(settings, listener, begun, demo=demo))
    except KeyboardInterrupt:
        sys.exit(130)


def _submit_samples(url: str, clock: Clock) -> None:
    from ooni_entrypoints import demo
    from ooni_entrypoints.cli.submit import ProbeClient

    _wait_for(url)
    client = ProbeClient(url)
    uids = [client.submit(document) for document in demo.measurements(clock.now())]
    client.close()
    click.echo(f"{len(uids)} invented measurements submitted; look at {url}/api/v1/measurements", err=True)


def _wait_for(url: str) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(f"{url}/health", timeout=1).close()  # noqa: S310 - our own address
        except (urllib.error.URLError, OSError):
            threading.Event().wait(0.1)
        else:
            return
