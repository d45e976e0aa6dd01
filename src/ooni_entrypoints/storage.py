"""Opening the database that the settings name, and the stores in it. Part of the composition root."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import attrs

from ooni_adapters.database import open_database
from ooni_adapters.sql.bodies import SqlBodyIndex
from ooni_adapters.sql.engine import SqlEngine
from ooni_adapters.sql.fingerprints import SqlFingerprintStore
from ooni_adapters.sql.quarantine import SqlQuarantineStore
from ooni_adapters.sql.verdicts import SqlVerdictStore
from ooni_adapters.system import ReplayClock, SystemClock
from ooni_core.errors import Invalid
from ooni_core.ports import Clock
from ooni_core.scoring import FingerprintSet
from ooni_entrypoints.settings import Settings

_log = logging.getLogger(__name__)

_SERVERS = frozenset({"clickhouse", "clickhouses"})

SCORES_ITSELF = "let `ooni serve` score by itself, as it does without the setting scoring.daemon"


def clock_of(settings: Settings) -> Clock:
    """Return the clock that *settings* ask for."""
    return ReplayClock(settings.clock.start) if settings.clock.start else SystemClock()


def database_url(settings: Settings) -> str:
    """Return the URL of the database that *settings* name."""
    return settings.storage.database or f"duckdb://{(settings.storage.data_dir / 'ooni.duckdb').absolute()}"


def require_server(settings: Settings, reason: str, otherwise: str) -> None:
    """Refuse a database that only one process can write to.

    Args:
        settings: say which database it is.
        reason: why one process is not enough.
        otherwise: what to do without a server.

    Raises:
        Invalid: it is one; the message says why and what to do.
    """
    scheme = database_url(settings).partition(":")[0]
    if scheme not in _SERVERS:
        raise Invalid(
            f"{reason}, and only one process can write to {scheme}. Set storage.database to "
            f"clickhouse://user:password@host:8123/name, or {otherwise}"
        )


@attrs.frozen
class Storage:
    """The database, and the stores in it."""

    engine: SqlEngine
    clock: Clock

    @property
    def verdicts(self) -> SqlVerdictStore:
        """Verdicts of scored measurements."""
        return SqlVerdictStore(self.engine, self.clock)

    @property
    def past_verdicts(self) -> SqlVerdictStore:
        """The same for runs over the past: what they write is not counted as newly arrived."""
        return SqlVerdictStore(self.engine, self.clock, counting=False)

    @property
    def quarantine(self) -> SqlQuarantineStore:
        """Measurements that could not be scored."""
        return SqlQuarantineStore(self.engine)

    @property
    def bodies(self) -> SqlBodyIndex:
        """Where published bodies are."""
        return SqlBodyIndex(self.engine)

    @property
    def fingerprints(self) -> SqlFingerprintStore:
        """Fingerprints that scoring looks for."""
        return SqlFingerprintStore(self.engine)


@contextmanager
def open_storage(settings: Settings) -> Iterator[Storage]:
    """Open the database that *settings* name, for as long as the block runs.

    Raises:
        Conflict: another process holds it; the message says which one, and what to do.
        Unavailable: it does not answer.
    """
    storage = make_storage(settings, clock_of(settings))
    try:
        yield storage
    finally:
        storage.engine.close()


def make_storage(settings: Settings, clock: Clock) -> Storage:
    """Open the database that *settings* name; the caller closes it."""

    def now() -> datetime:
        return clock.now().astimezone(UTC).replace(tzinfo=None)

    return Storage(open_database(database_url(settings), now), clock)


def fingerprints_of(settings: Settings, storage: Storage) -> FingerprintSet:
    """Return the fingerprints that scoring uses: those of the configured folder, else those of the database.

    Raises:
        Invalid: a file is missing or wrong.
    """
    if settings.scoring.fingerprints:
        from ooni_entrypoints.scoring_runs.runs import read_fingerprints

        return read_fingerprints(Path(settings.scoring.fingerprints))
    found = storage.fingerprints.load()
    if not len(found):
        _log.warning(
            "there are no fingerprints: nothing can be confirmed. `ooni import fingerprints_http FILE` loads them"
        )
    return found
