"""Reads measurement files of every kind the platform ever published, as a stream with bounded memory."""

import io
import posixpath
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import attrs

from ooni_adapters.measurementfiles.decompression import decompressed
from ooni_adapters.measurementfiles.documents import json_entries
from ooni_adapters.measurementfiles.lines import line_entries
from ooni_adapters.measurementfiles.model import MAX_RECORD_BYTES, DamagedFileError, Entry, Record, Rejected
from ooni_adapters.measurementfiles.sidecar import uids_beside
from ooni_adapters.measurementfiles.tars import Member, members
from ooni_adapters.measurementfiles.yamls import yaml_entries

_SUFFIX = re.compile(r"\.(post|jsonl|json|yaml|tar)(?:\.(?:gz|zst|lz4))?$")
_TAR_MAGIC = slice(257, 262)


def kind_of_file(name: str) -> str | None:
    """Return what the name of a measurement file says: ``post``, ``jsonl``, ``json``, ``yaml``, ``tar`` or None."""
    match = _SUFFIX.search(name)
    return match[1] if match else None


@attrs.define
class MeasurementFile:
    """The file at *path*, or standard input for ``-``.

    Attributes:
        position: how many bytes of the file, as it is stored, were read so far.
    """

    path: str
    position: int = 0

    def entries(self) -> Iterator[Entry]:
        """Yield what the file holds, in its order.

        A file that cannot be opened, or breaks off, ends in a Rejected that says so. Lines of a published file that do
        not name themselves get their names from the index beside it (``….index.ndjson.gz``).
        """
        if self.path == "-":
            yield from self._counted(sys.stdin.buffer, None)
            return
        try:
            with Path(self.path).open("rb", buffering=0) as raw:
                yield from self._counted(raw, uids_beside(self.path))  # type: ignore[arg-type]
        except OSError as exc:
            yield Rejected(self.path, f"cannot be opened: {exc.strerror or exc}", "bad_file")
        except DamagedFileError as exc:
            yield Rejected(self.path, str(exc), "bad_file")

    def _counted(self, raw: BinaryIO, uids: Mapping[int, str] | None) -> Iterator[Entry]:
        return read_stream(_Counted(raw, self), self.path, uids)  # type: ignore[arg-type]


@attrs.define
class _Counted:
    """Tells a MeasurementFile how far it was read."""

    raw: BinaryIO
    file: MeasurementFile

    def read(self, count: int) -> bytes:
        piece = self.raw.read(count)
        self.file.position += len(piece)
        return piece


def read_file(path: str) -> Iterator[Entry]:
    """Yield what the file at *path* holds, in its order; see MeasurementFile."""
    return MeasurementFile(path).entries()


def read_stream(raw: BinaryIO, name: str, uids: Mapping[int, str] | None = None) -> Iterator[Entry]:
    """Yield the measurements of *raw*, whose kind *name* tells; where it does not, the content is asked.

    Args:
        raw: the bytes of the file, compressed or not; need not be seekable.
        name: path or key, used as ``source``.
        uids: see ``line_entries``.
    """
    stream = decompressed(raw)
    try:
        kind = kind_of_file(name) or _kind_of_content(stream)
        if kind == "post":
            yield _post(stream, name, posixpath.basename(name))
        elif kind == "tar":
            yield from _tar_entries(stream, name)
        elif kind == "yaml":
            yield from yaml_entries(stream, name, name)
        elif kind == "jsonl":
            yield from line_entries(stream, name, uids)
        else:
            yield from json_entries(stream, name)
    except DamagedFileError as exc:
        yield Rejected(name, str(exc), "bad_file")


def _kind_of_content(stream: io.BufferedReader) -> str:
    head = stream.peek(512)
    if head[_TAR_MAGIC] == b"ustar":
        return "tar"
    return "yaml" if head.startswith((b"---\n", b"#")) else "json"


def _post(stream: io.BufferedReader, source: str, name: str) -> Entry:
    body = stream.read(MAX_RECORD_BYTES + 1)
    if len(body) > MAX_RECORD_BYTES:
        return Rejected(source, f"the measurement is larger than {MAX_RECORD_BYTES} bytes", "too_large")
    return Record(source, body, _uid_in_name(name))


def _uid_in_name(name: str) -> str | None:
    return name[: name.rindex(".post")] or None


def _tar_entries(stream: io.BufferedReader, name: str) -> Iterator[Entry]:
    last = None
    try:
        for member in members(stream):
            last = member.name
            yield from _member_entries(member, name)
    except DamagedFileError as exc:
        after = f" after member {last!r}" if last else ""
        yield Rejected(name, f"{exc}{after}", "bad_file")


def _member_entries(member: Member, archive: str) -> Iterator[Entry]:
    source = f"{archive}#{member.name}"
    base = posixpath.basename(member.name)
    if not member.is_file:
        yield Rejected(source, "not a plain file", "not_a_measurement")
    elif base.endswith(".post"):
        if member.size > MAX_RECORD_BYTES:
            yield Rejected(source, f"the measurement is larger than {MAX_RECORD_BYTES} bytes", "too_large")
        else:
            yield Record(source, member.read(), _uid_in_name(base))
    elif base.endswith(".json"):
        yield from line_entries(_stream_of(member), source)
    elif base.endswith(".yaml"):
        yield from yaml_entries(_stream_of(member), source, archive)
    else:
        yield Rejected(source, "the member is neither .post, .json nor .yaml", "not_a_measurement")


def _stream_of(member: Member) -> io.BufferedReader:
    return io.BufferedReader(_MemberStream(member), 2**20)


class _MemberStream(io.RawIOBase):
    """Lets line readers read a member."""

    def __init__(self, member: Member) -> None:
        self._member = member

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview[int]") -> int:  # type: ignore[override]
        piece = self._member.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)
