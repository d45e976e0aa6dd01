"""Reads tar archives as a stream, with bounded memory and a plain word about damage.

The standard library's reader remembers every member and ends silently at a damaged header; a reader of evidence must
do neither. Headers are decoded by the standard library all the same.
"""

import io
import tarfile
from collections.abc import Iterator

import attrs

from ooni_adapters.measurementfiles.model import DamagedFileError

_BLOCK = 512
# Path names longer than this are nobody's.
_MAX_NAME_BYTES = 2**16
_PIECE = 2**20


@attrs.define
class Member:
    """One file of an archive. Read it before asking for the next member, or not at all."""

    name: str
    size: int
    is_file: bool
    _stream: io.BufferedReader
    _left: int

    def read(self, count: int = -1) -> bytes:
        """Return the next *count* bytes of the file, or all that is left."""
        wanted = self._left if count < 0 else min(count, self._left)
        content = self._stream.read(wanted)
        if len(content) < wanted:
            raise DamagedFileError(f"cut short inside member {self.name!r}")
        self._left -= wanted
        return content

    def skip(self) -> None:
        """Move on to the end of the file, padding included."""
        while self._left:
            self.read(_PIECE)
        _exactly(self._stream, -self.size % _BLOCK)


def members(stream: io.BufferedReader) -> Iterator[Member]:
    """Yield the members of an uncompressed tar archive in their order, without the folders.

    Raises:
        DamagedFileError: a header is damaged or the archive is cut short; the members before were good.
    """
    overrides: dict[str, str] = {}
    while True:
        block = stream.read(_BLOCK)
        if len(block) < _BLOCK:
            raise DamagedFileError("the archive has no end mark: members may be missing")
        if not block.strip(b"\0"):
            return
        header = _header(block)
        if header.type in (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE):
            overrides |= _pax_fields(_extension(stream, header.size))
        elif header.type == tarfile.XGLTYPE:
            _extension(stream, header.size)
        elif header.type == tarfile.GNUTYPE_LONGNAME:
            overrides["path"] = _extension(stream, header.size).split(b"\0")[0].decode("utf-8", "surrogateescape")
        elif header.type == tarfile.GNUTYPE_LONGLINK:
            _extension(stream, header.size)
        else:
            member = _member(header, overrides, stream)
            overrides = {}
            if not header.isdir():
                yield member
            member.skip()


def _header(block: bytes) -> tarfile.TarInfo:
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError as exc:
        raise DamagedFileError(f"a tar header is damaged: {exc}") from exc


def _member(header: tarfile.TarInfo, overrides: dict[str, str], stream: io.BufferedReader) -> Member:
    size = int(overrides["size"]) if overrides.get("size", "").isdecimal() else header.size
    if size < 0:
        raise DamagedFileError("a tar header is damaged: negative size")
    size = size if header.isreg() else 0
    return Member(overrides.get("path", header.name), size, header.isreg(), stream, size)


def _extension(stream: io.BufferedReader, size: int) -> bytes:
    if not 0 <= size <= _MAX_NAME_BYTES:
        raise DamagedFileError(f"a tar extension header of {size} bytes is not plausible")
    content = _exactly(stream, size)
    _exactly(stream, -size % _BLOCK)
    return content


def _pax_fields(content: bytes) -> dict[str, str]:
    fields = {}
    while content:
        length, _, _ = content.partition(b" ")
        if not length.isdigit() or not len(length) < int(length) <= len(content):
            raise DamagedFileError("a tar extension header is damaged")
        key, _, value = content[len(length) + 1 : int(length)].rstrip(b"\n").partition(b"=")
        fields[key.decode("utf-8", "replace")] = value.decode("utf-8", "surrogateescape")
        content = content[int(length) :]
    return fields


def _exactly(stream: io.BufferedReader, count: int) -> bytes:
    content = stream.read(count)
    if len(content) < count:
        raise DamagedFileError("cut short")
    return content
