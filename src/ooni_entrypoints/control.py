"""How a second ``ooni`` process asks the one that holds the embedded database: a socket file in the data folder.

DuckDB lets one process write. While ``ooni serve`` runs, commands such as ``ooni publish`` hand their work over to it.
Only the user who started the service can open the file.
"""

import contextlib
import json
import logging
import os
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs

from ooni_core.errors import Invalid, OoniError, Unavailable

_log = logging.getLogger(__name__)

Command = Callable[..., Any]
_LONGEST_LINE = 64 * 1024
# Socket paths longer than about 100 characters cannot be bound; such installations do without.
_LONGEST_PATH = 100


def socket_path(data_dir: Path) -> Path:
    """Return where the service that works in *data_dir* listens."""
    return data_dir.absolute() / "control.sock"


@attrs.define(eq=False)
class ControlServer:
    """Answers commands of other processes, one at a time, in its own thread.

    Attributes:
        commands: what can be asked, by name; keyword arguments and the answer are JSON values.
    """

    path: Path
    commands: Mapping[str, Command]
    _listener: socket.socket | None = attrs.field(default=None, init=False)

    def start(self) -> None:
        """Begin to listen; a socket file that a dead process left behind is replaced."""
        if len(str(self.path)) > _LONGEST_PATH:
            _log.warning("%s is too long for a socket: other processes cannot hand work over", self.path)
            return
        self.path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        previous = os.umask(0o177)
        try:
            self._listener.bind(str(self.path))
        finally:
            os.umask(previous)
        self._listener.listen()
        threading.Thread(target=self._serve, args=(self._listener,), name="control", daemon=True).start()

    def stop(self) -> None:
        """Stop listening."""
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
            self.path.unlink(missing_ok=True)

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return  # stopped
            with connection, connection.makefile("rwb") as stream:
                try:
                    stream.write(json.dumps(self._answer(stream.readline(_LONGEST_LINE))).encode() + b"\n")
                    stream.flush()
                except OSError as exc:
                    _log.info("a command was not answered: %s", exc)

    def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
            command = self.commands[request.pop("command")]
            return {"answer": command(**request)}
        except OoniError as exc:
            return {"error": str(exc)}
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            return {"error": f"not a command of this service: {exc!r}"}
        except Exception as exc:  # noqa: BLE001 - whoever asked must be answered
            _log.exception("a command failed")
            return {"error": f"the service failed: {type(exc).__name__}"}


def ask(data_dir: Path, command: str, **arguments: Any) -> Any:
    """Have the service that works in *data_dir* carry out *command*.

    Returns:
        Its answer, or `NOBODY` when no service listens there.

    Raises:
        Invalid: the service refused or failed; its words.
        Unavailable: it went away before it answered.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.connect(str(socket_path(data_dir)))
        except OSError:
            return NOBODY
        with connection.makefile("rwb") as stream:
            stream.write(json.dumps({"command": command, **arguments}).encode() + b"\n")
            stream.flush()
            line = stream.readline()
    if not line:
        raise Unavailable("the service went away before it answered")
    reply = json.loads(line)
    if "error" in reply:
        raise Invalid(reply["error"])
    return reply["answer"]


class _Nobody:
    """The type of NOBODY."""


NOBODY = _Nobody()
"""What `ask` returns when no service listens."""
