"""The real service in a process of its own, for tests that speak HTTP to it or kill it."""

import contextlib
import http.client
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import attrs
import httpx

# How long to wait for what comes soon unless something is broken: a busy machine is no failure.
PATIENCE_SECONDS = 120

# Requests on a connection of their own each, as `httpx.get` and `httpx.post` make them. Those read all certificates of this
# machine each time, for 40 ms, although tests speak plain HTTP; and give up after 5 s.
get, post = (
    partial(httpx.request, method, timeout=PATIENCE_SECONDS, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    for method in ("GET", "POST")
)

_HELD_PORTS = []


def free_port():
    """Return a port of 127.0.0.1 that nobody listens on, and that nobody is given until these tests end.

    A socket that does not listen holds it: a server can bind it all the same, as servers do that start again.
    """
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    _HELD_PORTS.append(holder)
    return holder.getsockname()[1]


def clean_environment(**more):
    """The environment without settings of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OONI_")}
    return kept | {name: str(value) for name, value in more.items()}


@attrs.define
class RunningService:
    """`ooni serve`, or another command that answers /health, below *folder*. Starting again continues with its data."""

    folder: Path
    settings: str = ""
    command: str = "serve"
    environment: dict = attrs.field(factory=dict)
    port: int = attrs.field(factory=free_port)
    process: subprocess.Popen | None = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def data_dir(self):
        return self.folder / "data"

    @property
    def config(self):
        path = self.folder / "ooni.toml"
        path.write_text(
            f'[service]\nport = {self.port}\nbase_url = "{self.url}"\ncollector_id = "1"\n'
            f'[storage]\ndata_dir = "{self.data_dir}"\n{self.settings}'
        )
        return path

    def launch(self, *arguments):
        """Start the process and return at once."""
        log = (self.folder / "serve.log").open("ab")
        with log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ooni_entrypoints.cli", "--config", str(self.config), self.command, *arguments],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=clean_environment(**self.environment),
            )

    def start(self, *arguments):
        self.launch(*arguments)
        eventually(lambda: self._is_up() or self.process.poll() is not None)
        if self.process.poll() is not None:
            raise AssertionError(f"ooni {self.command} ended with {self.process.returncode}: {self.log()}")
        if not self._is_up():
            self.kill()  # or it would go on beside all tests that follow
            raise AssertionError(f"ooni {self.command} does not answer: {self.log()}")
        return self

    def _is_up(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        return False

    @property
    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """End it as a power cut would, as far as a process can tell."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.is_running:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
                raise

    def run(self, *arguments, check=True, **environment):
        """Run another `ooni` command with the same settings."""
        done = subprocess.run(
            [sys.executable, "-m", "ooni_entrypoints.cli", "--config", str(self.config), *arguments],
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            env=clean_environment(**self.environment, **environment),
        )
        if check and done.returncode:
            raise AssertionError(f"ooni {' '.join(arguments)} ended with {done.returncode}: {done.stderr}")
        return done

    def log(self):
        return (self.folder / "serve.log").read_text(errors="replace")[-4000:]


def eventually(question, seconds=PATIENCE_SECONDS):
    """Ask until the answer is truthy, and return it; the last answer when time is over.

    It asks often at first and less often later: what is asked takes the time of those who work on the answer.
    """
    begin = time.monotonic()
    while not (answer := question()) and (waited := time.monotonic() - begin) < seconds:
        time.sleep(min(max(waited / 20, 0.005), 0.2))
    return answer


def is_alive(pid):
    """Say whether a process goes on: one that ended and was not yet waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except GONE:
        return False


# A process that ends between opening and reading its file in /proc gives the second.
GONE = (FileNotFoundError, ProcessLookupError)
