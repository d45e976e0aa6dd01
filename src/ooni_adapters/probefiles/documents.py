"""Documents in files: reread when they change, the last good version stays in force."""

import json
import logging
import threading
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

from ooni_core.errors import Invalid, Unavailable
from ooni_core.probes.services import DEFAULT_SERVICES, ProbeServices

_log = logging.getLogger(__name__)

T = TypeVar("T")


class _Watched(Generic[T]):
    """Something made from a file. Making it again is tried once for each change of the file."""

    def __init__(self, file: Path, make: Callable[[bytes], T]) -> None:
        self._file, self._make = file, make
        self._lock = threading.Lock()
        self._stamp: tuple[int, int, int] | None = None
        self._good: T | None = None
        self._problem = f"{file} is not there"

    def current(self) -> T | None:
        """Return what the last good version of the file made, None when there was none."""
        try:
            status = self._file.stat()
        except OSError:
            return self._good
        stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        if stamp != self._stamp:
            with self._lock:
                self._reread(stamp)
        return self._good

    @property
    def problem(self) -> str:
        """Say what is wrong with the file as it is now; ``""`` when nothing is."""
        self.current()
        return self._problem

    def _reread(self, stamp: tuple[int, int, int]) -> None:
        try:
            self._good, self._problem = self._make(self._file.read_bytes()), ""
        except (OSError, ValueError, Invalid) as exc:
            # The content may hold bridges and keys: only what is wrong is logged, never the text.
            self._problem = f"{self._file} is not used: {exc}"
            _log.warning("%s", self._problem)
        self._stamp = stamp


class JsonDocument:
    """A JSON object in a file, handed out as it stands: Tor targets, the Psiphon configuration.

    Beside ``name.json``, a file ``name.IT.json`` takes its place for probes in that country.
    """

    def __init__(self, file: Path, check: Callable[[Any], None]) -> None:
        """Watch *file*; *check* raises Invalid for documents that probes could not use."""
        self._file, self._check = file, check
        self._main = _Watched(file, self._checked)
        self._by_country: dict[str, _Watched[bytes]] = {}

    def content(self, country_code: str = "") -> bytes:
        """Return the document's text.

        Args:
            country_code: two capital letters, ``""`` when unknown.

        Raises:
            Unavailable: there never was a good one.
        """
        content = (self._for_country(country_code) if country_code else None) or self._main.current()
        if content is None:
            raise Unavailable(f"{self._file.name} is not configured on this host")
        return content

    def problem(self) -> str:
        """Say what is wrong with the file as it is now; ``""`` when nothing is."""
        return self._main.problem

    def _for_country(self, country_code: str) -> bytes | None:
        file = self._file.with_suffix(f".{country_code}{self._file.suffix}")
        if country_code not in self._by_country:
            if not file.is_file():
                return None
            self._by_country[country_code] = _Watched(file, self._checked)
        return self._by_country[country_code].current() if file.is_file() else None

    def _checked(self, content: bytes) -> bytes:
        document = json.loads(content)
        if not isinstance(document, dict):
            raise Invalid("expected a JSON object")
        self._check(document)
        return content


class ServicesDocument:
    """A ServiceDirectory in a TOML or JSON file; without a file, the addresses that installed probes know."""

    def __init__(self, file: Path | None = None) -> None:
        self._default = ProbeServices.from_document(DEFAULT_SERVICES)
        self._watched = _Watched(file, lambda content: _services(file, content)) if file else None

    def services(self) -> ProbeServices:
        """Return what probes are told right now."""
        return (self._watched.current() if self._watched else None) or self._default

    def warnings(self) -> list[str]:
        """Return what is wrong with the file, if anything."""
        problem = self._watched.problem if self._watched else ""
        return [problem] if problem else []


def _services(file: Path, content: bytes) -> ProbeServices:
    text = content.decode("utf-8")
    document = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
    # A deployment names only what differs from the addresses that probes know.
    return ProbeServices.from_document({**DEFAULT_SERVICES, **document})
