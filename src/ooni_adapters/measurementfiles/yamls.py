"""Reads YAML reports of 2012 to 2018, which the core normalises."""

import io
import posixpath
import re
from collections.abc import Iterator

from ooni_adapters.measurementfiles.model import Entry, Record, Rejected

_PIECE = 2**20
_DAY = re.compile(r"20\d\d-\d\d-\d\d")
# A report that lies in no day folder: its bucket date is unknown, and nothing that is scored depends on it.
_NO_DAY = "2000-01-01"


def yaml_entries(stream: io.BufferedReader, source: str, path: str) -> Iterator[Entry]:
    """Yield the measurements of a YAML report, normalised.

    Args:
        stream: plain bytes.
        source: for the entries' ``source``, which adds the number of the entry, from 1.
        path: of the file; its folder is the day of the can where it is named ``YYYY-MM-DD``.

    Raises:
        DamagedFileError: the stream cannot be read on.
    """
    # Old reports are rare: most runs never need the YAML machinery.
    from ooni_core.measurement.legacy import LegacyMeasurement, iter_yaml_measurements

    folder = posixpath.basename(posixpath.dirname(path))
    day = folder if _DAY.fullmatch(folder) else _NO_DAY
    pieces = iter(lambda: stream.read1(_PIECE), b"")
    entries = iter_yaml_measurements(pieces, day, f"{day}/{posixpath.basename(path)}")
    for entry in entries:
        place = f"{source}#{entry.number}" if entry.number else source
        if isinstance(entry, LegacyMeasurement):
            yield Record(place, entry.raw, entry.measurement_uid, entry.measurement)
        else:
            rest = "; the rest of the report is left out" if entry.fatal else ""
            yield Rejected(place, entry.reason + rest, "bad_yaml")
