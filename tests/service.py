"""The real service in a process of its own, for tests that speak HTTP to it or kill it."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import attrs
import httpx

_START_SECONDS = 60


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


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
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"ooni {self.command} ended with {self.process.returncode}: {self.log()}")
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{self.url}/health").status_code == 200:
                    return self
            time.sleep(0.02)
        self.kill()  # or it would go on beside all tests that follow
        raise AssertionError(f"ooni {self.command} does not answer: {self.log()}")

    def kill(self):
        """End it as a power cut would, as far as a process can tell."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)

    def run(self, *arguments, check=True, **environment):
        """Run another `ooni` command with the same settings."""
        done = subprocess.run(
            [sys.executable, "-m", "ooni_entrypoints.cli", "--config", str(self.config), *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            env=clean_environment(**self.environment, **environment),
        )
        if check and done.returncode:
            raise AssertionError(f"ooni {' '.join(arguments)} ended with {done.returncode}: {done.stderr}")
        return done

    def log(self):
        return (self.folder / "serve.log").read_text(errors="replace")[-4000:]


def eventually(question, seconds=30, pause=0.05):
    """Ask until the answer is truthy, and return it; the last answer when time is over."""
    deadline = time.monotonic() + seconds
    while not (answer := question()) and time.monotonic() < deadline:
        time.sleep(pause)
    return answer
