"""A Geolocator over MMDB files that notices when these are replaced."""

import logging
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import maxminddb

from ooni_core.probes.address import Address
from ooni_core.probes.location import NOWHERE, Location

_log = logging.getLogger(__name__)

COMBINED, COUNTRIES, NETWORKS = "asn_cc.mmdb", "cc.mmdb", "asn.mmdb"
"""Names of the files: either one with countries and networks, or one of each."""

_LOOK_SECONDS = 2.0


class MmdbGeolocator:
    """Looks addresses up in a folder: ``asn_cc.mmdb``, or else ``cc.mmdb`` and ``asn.mmdb``.

    Files may be replaced while it works; new ones are noticed within two seconds. Without any it knows nothing.
    """

    def __init__(self, folder: Path, look_seconds: float = _LOOK_SECONDS) -> None:
        self._folder, self._look_seconds = folder, look_seconds
        self._lock = threading.Lock()
        self._stamps: tuple[tuple[str, int, int, int], ...] | None = None
        self._readers: tuple[maxminddb.Reader, ...] = ()
        self._looked = float("-inf")
        self._refresh()

    def locate(self, address: Address) -> Location:
        """Return what is known about *address*."""
        if time.monotonic() - self._looked >= self._look_seconds:
            self._refresh()
        found = NOWHERE
        for reader in self._readers:
            found = _merged(found, _record(reader, address))
        return found

    def warnings(self) -> list[str]:
        """Return what an operator should know: that there is no database."""
        if self._readers:
            return []
        return [f"no GeoIP database in {self._folder}: every probe looks as if it were nowhere (ZZ, AS0)"]

    def _refresh(self) -> None:
        with self._lock:
            self._looked = time.monotonic()
            files = [self._folder / COMBINED]
            if not files[0].is_file():
                files = [self._folder / COUNTRIES, self._folder / NETWORKS]
            stamps = tuple(stamp for file in files if (stamp := _stamp(file)))
            if stamps == self._stamps:
                return
            readers = [reader for file in files if (reader := _opened(file))]
            # Requests may still hold the old readers: they are closed by the last one that lets go.
            self._readers, self._stamps = tuple(readers), stamps


def _stamp(file: Path) -> tuple[str, int, int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return file.name, status.st_mtime_ns, status.st_size, status.st_ino


def _opened(file: Path) -> maxminddb.Reader | None:
    try:
        return maxminddb.open_database(file, maxminddb.MODE_MEMORY)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as exc:
        _log.warning("the GeoIP database %s cannot be read: %s", file, exc)
        return None


def _record(reader: maxminddb.Reader, address: Address) -> Mapping[str, Any]:
    try:
        found = reader.get(address)
    except (ValueError, maxminddb.InvalidDatabaseError) as exc:
        _log.warning("a GeoIP look-up failed: %s", exc)
        return {}
    return found if isinstance(found, Mapping) else {}


def _merged(known: Location, record: Mapping[str, Any]) -> Location:
    country = record.get("country")
    cc = country.get("iso_code") if isinstance(country, Mapping) else None
    asn, name = record.get("autonomous_system_number"), record.get("autonomous_system_organization")
    return Location(
        known.cc or (cc if isinstance(cc, str) and len(cc) == 2 else None),
        known.asn or (asn if isinstance(asn, int) and asn > 0 else None),
        known.network_name or (name if isinstance(name, str) and name else None),
    )
