"""The cans in which measurements were published until October 2020: all that one holds, or a single measurement."""

import io
from collections.abc import Iterator
from typing import Any

import attrs
import msgspec

from ooni_adapters.measurementfiles.model import Entry, Record, Rejected
from ooni_adapters.measurementfiles.reader import read_stream
from ooni_core.errors import Invalid, NotFound, Unavailable
from ooni_core.measurement import trivial_uid
from ooni_core.publication.lines import identity_of
from ooni_core.publication.ports import ObjectStore

_PIECE = 4 * 2**20


class _Start(msgspec.Struct):
    measurement_start_time: Any = None


_START = msgspec.json.Decoder(_Start)


def read_can(objects: ObjectStore, key: str) -> Iterator[tuple[str, bytes]]:
    """Yield uid and JSON text of every measurement in a can, in its order; lines that hold none are passed over.

    Raises:
        Unavailable: the store failed, or the can breaks off: what it held cannot be made again from it.
    """
    for entry in _entries(objects, key, objects.size(key) or 0):
        if isinstance(entry, Rejected):
            if entry.kind == "bad_file":
                raise Unavailable(f"{entry.source}: {entry.reason}")
        elif text := _text(entry):
            try:
                yield _uid(entry, text), text
            except (msgspec.DecodeError, RecursionError):
                continue


@attrs.frozen
class ObjectCans:
    """LegacyCans in an object store. A can has no index: it is read from its beginning, in pieces."""

    objects: ObjectStore

    def find(self, key: str, measurement_uid: str, report_id: str, input: str) -> bytes | None:
        """Return one measurement of the can; see LegacyCans."""
        size = self.objects.size(key)
        if size is None:
            return None
        damage = ""
        for entry in _entries(self.objects, key, size):
            if isinstance(entry, Rejected):
                damage = entry.reason if entry.kind == "bad_file" else damage
            elif (text := _text(entry)) and _is_meant(entry, text, measurement_uid, report_id, input):
                return text
        if damage:
            raise Unavailable(f"{key}: {damage}")
        return None


def _entries(objects: ObjectStore, key: str, size: int) -> Iterator[Entry]:
    with io.BufferedReader(_Pieces(objects, key, size), _PIECE) as raw:
        yield from read_stream(raw, key)  # type: ignore[arg-type]


def _text(record: Record) -> bytes:
    return record.body.rstrip(b"\r\n") if record.document is None else msgspec.json.encode(record.document)


def _is_meant(record: Record, text: bytes, measurement_uid: str, report_id: str, input: str) -> bool:
    try:
        if identity_of(text) != (report_id, input):
            return False
        return not measurement_uid or measurement_uid == _uid(record, text)
    except (Invalid, msgspec.DecodeError, RecursionError):
        return False


def _uid(record: Record, text: bytes) -> str:
    """Return the name that the can gives, or the one that the content does."""
    return record.measurement_uid or trivial_uid(record.body, _START.decode(text).measurement_start_time)


class _Pieces(io.RawIOBase):
    """The bytes of an object, asked for as they are read."""

    def __init__(self, objects: ObjectStore, key: str, size: int) -> None:
        super().__init__()
        self._objects, self._key, self._size, self._at = objects, key, size, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview[int]") -> int:  # type: ignore[override]
        wanted = min(len(buffer), self._size - self._at)
        try:
            piece = self._objects.get_range(self._key, self._at, wanted) if wanted else b""
        except NotFound as exc:
            raise Unavailable(f"{self._key} went away while it was read") from exc
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)
