"""What a measurement file gives: records, and a word about everything that is not one."""

from collections.abc import Mapping
from typing import Any

import attrs

# As much as the service accepts after decompression by default: whatever was published can be read again.
MAX_RECORD_BYTES = 128 * 2**20


@attrs.frozen
class Record:
    """One measurement as it stands in a file.

    Attributes:
        source: where it stands: the path, ``#`` and the archive member or the line (the first line is 1) where the
            file holds more than one measurement.
        body: the bytes as they stand there; a line includes its newline.
        measurement_uid: the name that the file gives it, or None.
        document: the measurement itself where *body* is not JSON: a normalised entry of a YAML report. It always has
            a name.
    """

    source: str
    body: bytes
    measurement_uid: str | None = None
    document: Mapping[str, Any] | None = None


@attrs.frozen
class Rejected:
    """A place in a file where no measurement could be read.

    Attributes:
        source: as in Record; the bare path when the file as a whole is meant.
        reason: a sentence for a person.
        kind: ``bad_file`` (missing, unreadable or damaged), ``too_large``, ``bad_yaml`` or ``not_a_measurement``
            (an archive member of another sort).
    """

    source: str
    reason: str
    kind: str


Entry = Record | Rejected


class DamagedFileError(Exception):
    """A file cannot be read on from here. Never leaves this package: the reader turns it into a Rejected."""
