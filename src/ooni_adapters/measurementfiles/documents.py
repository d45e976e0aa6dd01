"""Reads ``.json`` files, which hold one document over many lines or, in old reports, one measurement on each line."""

import io
from collections.abc import Iterator

import msgspec

from ooni_adapters.measurementfiles.lines import line_entries, uid_of_line
from ooni_adapters.measurementfiles.model import MAX_RECORD_BYTES, Entry, Record, Rejected

_VALID = msgspec.json.Decoder(msgspec.Raw)


def json_entries(stream: io.BufferedReader, source: str) -> Iterator[Entry]:
    """Yield the measurements of a ``.json`` file.

    A file whose first line is a whole JSON document has one on each line. Any other file is one document.

    Raises:
        DamagedFileError: the stream cannot be read on.
    """
    first = stream.readline(MAX_RECORD_BYTES + 1)
    if len(first) <= MAX_RECORD_BYTES and _is_json(first):
        second = stream.peek(1)
        if not second:
            yield Record(source, first, uid_of_line(first))
            return
        yield Record(f"{source}#1", first, uid_of_line(first))
        yield from line_entries(stream, source, first=2)
        return
    body = first + stream.read(MAX_RECORD_BYTES + 1 - len(first))
    if len(body) > MAX_RECORD_BYTES:
        yield Rejected(source, f"the document is longer than {MAX_RECORD_BYTES} bytes", "too_large")
    elif _is_json(body) or b"\n" not in body.rstrip():
        yield Record(source, body, uid_of_line(body))
    else:
        # Not one document either: lines, of which the first is broken.
        yield from line_entries(io.BufferedReader(io.BytesIO(body)), source)  # type: ignore[arg-type]


def _is_json(text: bytes) -> bool:
    try:
        _VALID.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
