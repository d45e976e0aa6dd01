"""Fetches credentials and gateways of VPN providers for probes."""

import json
import os
import ssl
import time
import urllib.request
from collections.abc import Callable
from datetime import datetime, timedelta
from http.client import HTTPException
from pathlib import Path
from typing import Any

import attrs

from ooni_core.errors import Invalid, Unavailable
from ooni_core.ports import Clock
from ooni_core.probes.inputs import check_vpn_config
from ooni_core.probes.vpn import vpn_document

__all__ = ["PARTS", "VpnUpdater"]

PARTS = ("ca", "identity", "gateways")
"""What a provider publishes: its authority, a certificate with its key for everybody, and its gateways."""

_FRESH = timedelta(hours=24)
_TIMEOUT_SECONDS = 30
_MOST_BYTES = 16 * 2**20
_ATTEMPTS = 3


@attrs.frozen
class VpnUpdater:
    """Keeps ``PROVIDER.json`` in a folder up to date; the former one stays beside it as ``PROVIDER.json.previous``.

    Attributes:
        sources: URL (https, http or file) of each of ``PARTS``. The authority's own URL is read with the machine's
            trust, the others also with that authority's: such providers sign their own API.
    """

    folder: Path
    provider: str
    sources: dict[str, str]
    clock: Clock
    pause: Callable[[float], None] = time.sleep

    def __attrs_post_init__(self) -> None:
        if set(self.sources) != set(PARTS):
            raise Invalid(f"sources of {self.provider} are for {', '.join(PARTS)}, not {sorted(self.sources)}")

    def update(self, *, force: bool = False) -> str:
        """Fetch what is older than a day.

        Args:
            force: fetch in any case.

        Returns:
            What was done, in words.

        Raises:
            Invalid: what was fetched cannot be right; nothing was replaced.
            Unavailable: the provider or the disk failed; nothing was replaced.
        """
        now = self.clock.now()
        if not force and now - self._updated() < _FRESH:
            return f"the configuration of {self.provider} is of today"
        ca = self._fetched("ca", ssl.create_default_context())
        trust = _trusting(ca)
        identity, gateways = self._fetched("identity", trust), self._fetched("gateways", trust)
        document = vpn_document(self.provider, ca, identity, _object(gateways), now)
        check_vpn_config(document)
        self._replace(json.dumps(document, indent=1))
        return f"installed {len(document['endpoints'])} endpoints of {self.provider}"

    @property
    def _file(self) -> Path:
        return self.folder / f"{self.provider}.json"

    def _updated(self) -> datetime:
        try:
            return datetime.fromisoformat(json.loads(self._file.read_bytes())["date_updated"])
        except (OSError, ValueError, KeyError, TypeError):
            return datetime.min.replace(tzinfo=self.clock.now().tzinfo)

    def _fetched(self, part: str, trust: ssl.SSLContext) -> str:
        url, failure = self.sources[part], ""
        for attempt in range(_ATTEMPTS):
            if attempt:
                self.pause(attempt)
            try:
                with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS, context=trust) as answer:  # noqa: S310
                    content = answer.read(_MOST_BYTES)
                return str(content, "utf-8")
            except (OSError, ValueError, HTTPException) as exc:
                failure = str(exc) or type(exc).__name__
        raise Unavailable(f"{url} does not answer as it should: {failure}")

    def _replace(self, text: str) -> None:
        partial = self._file.with_name(f".{self._file.name}.{os.getpid()}.tmp")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            if self._file.exists():
                previous = self._file.with_name(f"{self._file.name}.previous")
                previous.unlink(missing_ok=True)
                os.link(self._file, previous)
            partial.replace(self._file)
        except OSError as exc:
            raise Unavailable(f"{self._file} cannot be written: {exc.strerror}") from exc


def _trusting(ca: str) -> ssl.SSLContext:
    trust = ssl.create_default_context()
    try:
        trust.load_verify_locations(cadata=ca)
    except (ssl.SSLError, ValueError) as exc:
        raise Invalid(f"the authority's file is not a certificate: {exc}") from exc
    return trust


def _object(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError as exc:
        raise Invalid(f"the list of gateways is not JSON: {exc}") from exc
    if not isinstance(document, dict):
        raise Invalid("the list of gateways is not an object")
    return document
