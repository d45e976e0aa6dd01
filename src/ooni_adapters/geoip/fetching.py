"""Fetches new MMDB files: download, verify, swap, keep the previous one."""

import gzip
import logging
import shutil
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable
from datetime import datetime, timedelta
from http.client import HTTPException
from pathlib import Path

import attrs
import maxminddb

from ooni_adapters.geoip.reading import COMBINED, COUNTRIES, NETWORKS
from ooni_core.errors import Invalid, NotFound, Unavailable
from ooni_core.ports import Clock

_log = logging.getLogger(__name__)

_USER_AGENT = "ooni-downloader"
_TIMEOUT_SECONDS = 30
_MOST_BYTES = 512 * 2**20
_ATTEMPTS = 3
_CHUNK = 1 << 20
_STAMP = "geoipdbts"
# A database that lost half its networks since the last one is more likely broken than right.
_LEAST_SHARE, _MOST_SHARE = 0.5, 2.0

# Each of these has been on the air for decades: a database that does not know them is not one.
_KNOWN_ADDRESSES = ("8.8.8.8",)


@attrs.frozen
class GeoipUpdater:
    """Keeps the MMDB files of a folder up to date.

    Attributes:
        folder: where the files are; the former ones stay beside them as ``*.previous``.
        sources: file name -> URL, in which ``{month}`` stands for ``2026-11`` and ``{release}`` for ``20261101``.
            URLs are https, http or file, of a file compressed with gzip.
        check_addresses: addresses that a good database must know.
    """

    folder: Path
    sources: dict[str, str]
    clock: Clock
    check_addresses: tuple[str, ...] = _KNOWN_ADDRESSES
    pause: Callable[[float], None] = time.sleep

    def __attrs_post_init__(self) -> None:
        unknown = set(self.sources) - {COMBINED, COUNTRIES, NETWORKS}
        if unknown or not self.sources:
            raise Invalid(f"GeoIP sources are for {COMBINED}, {COUNTRIES} and {NETWORKS}, not {sorted(unknown)}")

    def update(self, *, force: bool = False) -> str:
        """Fetch this month's files unless they are there already.

        Args:
            force: fetch in any case, and accept a database of a very different size.

        This month's files may appear some days late; where there are none at all, last month's are taken until then.

        Returns:
            What was done, in words.

        Raises:
            Invalid: a file that was fetched is not a good database; nothing was replaced, the next run tries again.
            Unavailable: the source or the disk failed; nothing was replaced.
        """
        now = self.clock.now()
        month = f"{now:%Y-%m}"
        complete = all((self.folder / name).is_file() for name in self.sources)
        if complete and self._stamped() == month and not force:
            return f"GeoIP databases of {month} are in place"
        months = [now] if complete else [now, now.replace(day=1) - timedelta(days=1)]
        for each in months:
            if self._update_to(each, force=force):
                return f"installed GeoIP databases of {each:%Y-%m}: {', '.join(sorted(self.sources))}"
        return f"GeoIP databases of {month} are not published yet"

    def _update_to(self, when: datetime, *, force: bool) -> bool:
        """Install the files of a month, and say whether they are published."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            fetched = {name: self._fetched(name, url, when) for name, url in self.sources.items()}
            for name, file in fetched.items():
                self._check(name, file, force=force)
            for name, file in fetched.items():
                self._install(name, file)
            (self.folder / _STAMP).write_text(f"{when:%Y-%m}")
        except NotFound as exc:
            _log.info("%s is not published yet", exc)
            return False
        except (OSError, EOFError, zlib.error) as exc:
            raise Unavailable(f"cannot update the GeoIP databases: {exc}") from exc
        finally:
            for leftover in self.folder.glob("*.mmdb*.tmp"):
                leftover.unlink(missing_ok=True)
        return True

    def _stamped(self) -> str:
        stamp = self.folder / _STAMP
        return stamp.read_text().strip() if stamp.is_file() else ""

    def _fetched(self, name: str, template: str, when: datetime) -> Path:
        url = template.replace("{month}", f"{when:%Y-%m}").replace("{release}", f"{when:%Y%m}01")
        compressed, plain = self.folder / f"{name}.gz.tmp", self.folder / f"{name}.tmp"
        _download(url, compressed, self.pause)
        with gzip.open(compressed) as source, plain.open("wb") as target:
            _copy(source.read, target.write, url)
        return plain

    def _check(self, name: str, file: Path, *, force: bool) -> None:
        try:
            with maxminddb.open_database(file, maxminddb.MODE_MEMORY) as reader:
                unknown = [each for each in self.check_addresses if not reader.get(each)]
                nodes, built = reader.metadata().node_count, reader.metadata().build_epoch
        except (maxminddb.InvalidDatabaseError, ValueError) as exc:
            raise Invalid(f"what was fetched as {name} is not a GeoIP database: {exc}") from exc
        if unknown:
            raise Invalid(f"what was fetched as {name} does not know {', '.join(unknown)}")
        self._compare(name, nodes, built, force=force)

    def _compare(self, name: str, nodes: int, built: int, *, force: bool) -> None:
        former = self.folder / name
        if force or not former.is_file():
            return
        try:
            with maxminddb.open_database(former, maxminddb.MODE_MEMORY) as reader:
                before = reader.metadata()
        except (maxminddb.InvalidDatabaseError, ValueError) as exc:
            _log.warning("the former %s is broken and will be replaced: %s", name, exc)
            return
        if built < before.build_epoch:
            raise Invalid(f"what was fetched as {name} is older than the one in place; --force installs it")
        if not _LEAST_SHARE <= nodes / max(1, before.node_count) <= _MOST_SHARE:
            raise Invalid(
                f"what was fetched as {name} has {nodes} nodes, the one in place {before.node_count}; "
                "--force installs it"
            )

    def _install(self, name: str, file: Path) -> None:
        current = self.folder / name
        if current.is_file():
            kept = self.folder / f"{name}.previous.tmp"
            shutil.copyfile(current, kept)
            kept.replace(self.folder / f"{name}.previous")
        file.replace(current)


def _download(url: str, target: Path, pause: Callable[[float], None]) -> None:
    request = urllib.request.Request(url, headers={"User-Agent": _USER_AGENT})  # noqa: S310 - the operator's own URL
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer, target.open("wb") as file:  # noqa: S310
                _copy(answer.read, file.write, url)
        except urllib.error.HTTPError as exc:
            exc.close()
            if exc.code == 404:
                raise NotFound(url) from exc
            failure: OSError = exc
        except (OSError, ValueError, HTTPException) as exc:
            failure = OSError(f"{url}: {exc}")
        else:
            return
        if attempt < _ATTEMPTS:
            pause(attempt)
    raise failure


def _copy(read: Callable[[int], bytes], write: Callable[[bytes], int], what: str) -> None:
    copied = 0
    while piece := read(_CHUNK):
        copied += len(piece)
        if copied > _MOST_BYTES:
            raise Invalid(f"{what} is longer than {_MOST_BYTES} bytes")
        write(piece)
