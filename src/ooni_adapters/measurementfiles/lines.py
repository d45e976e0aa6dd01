"""Reads files of one measurement a line."""

import io
from collections.abc import Iterator, Mapping

import msgspec

from ooni_adapters.measurementfiles.model import MAX_RECORD_BYTES, Entry, Record, Rejected

_PIECE = 2**20


class _Named(msgspec.Struct):
    """The one field of a line that names the measurement."""

    measurement_uid: str | None = None


_NAMED = msgspec.json.Decoder(_Named)


def line_entries(
    stream: io.BufferedReader, source: str, uids: Mapping[int, str] | None = None, first: int = 1
) -> Iterator[Entry]:
    """Yield the measurements of a file with one on each line; empty lines are passed over.

    Args:
        stream: plain bytes.
        source: path of the file, for the entries' ``source``.
        uids: names of the lines that do not name themselves, by line number from 0, as in the index of a published
            file.
        first: number of the first line of *stream*, when it begins in the middle of the file.

    Raises:
        DamagedFileError: the stream cannot be read on.
    """
    number = first - 1
    while line := stream.readline(MAX_RECORD_BYTES + 1):
        number += 1
        if len(line) > MAX_RECORD_BYTES:
            _skip_rest_of_line(stream, line)
            yield Rejected(f"{source}#{number}", f"the line is longer than {MAX_RECORD_BYTES} bytes", "too_large")
        elif not line.isspace():
            uid = uid_of_line(line) or (uids.get(number - 1) if uids else None)
            yield Record(f"{source}#{number}", line, uid)


def uid_of_line(line: bytes) -> str | None:
    """Return the ``measurement_uid`` that *line* carries, or None.

    A line that is no JSON object, or carries something else under that name, has none; scoring will say more.
    """
    if b'"measurement_uid"' not in line:
        return None
    try:
        return _NAMED.decode(line).measurement_uid or None
    except (msgspec.DecodeError, RecursionError):
        return None


def _skip_rest_of_line(stream: io.BufferedReader, line: bytes) -> None:
    while line and not line.endswith(b"\n"):
        line = stream.readline(_PIECE)
