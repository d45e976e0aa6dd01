"""The one embedded ClickHouse of a test process: the engine allows one folder per process, so suites share it."""

import atexit
import shutil
import tempfile

_FOLDER = []


def chdb_url(database):
    """The URL of an own database in the shared folder, which goes away with the process."""
    if not _FOLDER:
        _FOLDER.append(tempfile.mkdtemp(prefix="ooni-chdb-"))
        atexit.register(shutil.rmtree, _FOLDER[0], ignore_errors=True)
    return f"chdb://{_FOLDER[0]}?database={database}"
