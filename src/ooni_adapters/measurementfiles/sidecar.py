"""Reads the index that is published beside a file of lines: the names of the measurements, by line."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import msgspec

from ooni_adapters.measurementfiles.decompression import decompressed
from ooni_adapters.measurementfiles.model import DamagedFileError
from ooni_core.publication.model import SIDECAR

_LINES = re.compile(r"\.jsonl(?:\.(?:gz|zst))?$")


class _IndexLine(msgspec.Struct):
    measurement_uid: str
    linenum: int


_INDEX_LINE = msgspec.json.Decoder(_IndexLine)


def index_name(path: str) -> str | None:
    """Return the name of the index that belongs to the file of lines at *path*, or None for other files."""
    match = _LINES.search(path)
    return path[: match.start()] + SIDECAR if match else None


def uids_beside(path: str) -> Mapping[int, str] | None:
    """Return the names of the measurements in the file at *path* by line, from 0, or None when no index is beside it.

    Raises:
        DamagedFileError: there is one and it is damaged. Scoring under wrong names is worse than not scoring.
    """
    name = index_name(path)
    if name is None or not Path(name).is_file():
        return None
    with Path(name).open("rb") as raw:
        return uids_in_index(raw, name)


def uids_in_index(raw: BinaryIO, name: str) -> dict[int, str]:
    """Return what an index says, by line number from 0.

    Raises:
        DamagedFileError: it is not an index.
    """
    uids = {}
    try:
        for line in decompressed(raw):
            entry = _INDEX_LINE.decode(line)
            uids[entry.linenum] = entry.measurement_uid
    except msgspec.DecodeError as exc:
        raise DamagedFileError(f"the index {name} is damaged: {exc}") from exc
    return uids
