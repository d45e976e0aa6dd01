"""What a service begins with: its database, out of which lists and counters are read while all else is imported."""

import attrs

from ooni_entrypoints.prioritization import Refresher, make_refresher
from ooni_entrypoints.settings import Settings
from ooni_entrypoints.storage import SCORES_ITSELF, Storage, clock_of, make_storage, require_server


@attrs.frozen
class Opened:
    """An open database.

    Attributes:
        refresher: has begun; to be waited for before the first answer, and stopped with the service.
    """

    storage: Storage
    refresher: Refresher

    def close(self) -> None:
        """Let go of everything: there will be no service."""
        self.refresher.stop()
        self.storage.engine.close()


def open_service(settings: Settings) -> Opened:
    """Open the database and begin to read.

    Raises:
        OoniError: the database is held by another process, does not answer, or is not one that the settings allow.
    """
    if settings.scoring.daemon:
        require_server(settings, "a scoring daemon writes verdicts where `ooni serve` reads them", SCORES_ITSELF)
    settings.storage.data_dir.mkdir(parents=True, exist_ok=True)
    clock = clock_of(settings)
    storage = make_storage(settings, clock)
    refresher = make_refresher(settings, storage.engine, clock)
    refresher.begin()
    return Opened(storage, refresher)
