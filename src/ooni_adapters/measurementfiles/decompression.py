"""Opens files whatever they are compressed with: the first bytes decide, not the name.

Some published files are named ``.tar.gz`` and are not compressed at all. Every reader here gives bounded pieces, reads
files of several members or frames as one, and tells a file that ends too early from one that ends.
"""

import io
from collections.abc import Callable
from typing import BinaryIO, Protocol

import lz4.frame
import zstandard
from isal import igzip, isal_zlib

from ooni_adapters.measurementfiles.model import DamagedFileError

_GZIP = b"\x1f\x8b"
_LZ4 = b"\x04\x22\x4d\x18"
_ZSTD = b"\x28\xb5\x2f\xfd"
_SKIPPABLE = b"\x2a\x4d\x18"  # second to fourth byte; the first is 0x50 to 0x5f
_PIECE = 2**20
# One piece of a zstd frame can grow to 32 thousand times its size, so only little is given to the decoder at once.
_ZSTD_PIECE = 1024


def decompressed(raw: BinaryIO) -> io.BufferedReader:
    """Return a stream of the plain bytes of *raw*.

    Reading from it raises DamagedFileError when the compressed bytes are damaged or end too early, or *raw* fails.
    """
    peekable = io.BufferedReader(_Guarded(raw.read), _PIECE)
    head = peekable.peek(4)[:4]
    if head.startswith(_GZIP):
        # The library's own reader decodes every member of the file.
        return io.BufferedReader(_Guarded(igzip.IGzipFile(fileobj=peekable, mode="rb").read), _PIECE)
    if head == _LZ4:
        return io.BufferedReader(_Frames(peekable, _lz4_decoder, _PIECE), _PIECE)
    if head == _ZSTD or _is_skippable(head):
        return io.BufferedReader(_Frames(peekable, _ZstdFrame, _ZSTD_PIECE), _PIECE)
    return peekable


def is_compressed(head: bytes) -> bool:
    """Say whether a file that begins with *head* (4 bytes) is compressed."""
    return head.startswith(_GZIP) or head[:4] in (_LZ4, _ZSTD) or _is_skippable(head)


def _is_skippable(head: bytes) -> bool:
    return head[1:4] == _SKIPPABLE and head[0] >> 4 == 5


class _Guarded(io.RawIOBase):
    """Reads through a function and turns its failures into DamagedFileError."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview[int]") -> int:  # type: ignore[override]
        try:
            piece = self._read(len(buffer))
        except (EOFError, isal_zlib.IsalError) as exc:
            raise DamagedFileError(f"damaged or cut short: {exc}") from exc
        except OSError as exc:
            raise DamagedFileError(f"cannot be read: {exc}") from exc
        buffer[: len(piece)] = piece
        return len(piece)


class _Decoder(Protocol):
    """Decodes one frame."""

    eof: bool
    needs_input: bool
    unused_data: bytes | None

    def decompress(self, piece: bytes, max_length: int) -> bytes: ...


class _ZstdFrame:
    """Gives zstandard's decoder the same face as lz4's."""

    needs_input = True

    def __init__(self) -> None:
        self._decoder = zstandard.ZstdDecompressor().decompressobj()

    @property
    def eof(self) -> bool:
        return self._decoder.eof

    @property
    def unused_data(self) -> bytes:
        return self._decoder.unused_data

    def decompress(self, piece: bytes, _max_length: int) -> bytes:
        return self._decoder.decompress(piece)


def _lz4_decoder() -> _Decoder:
    decoder: _Decoder = lz4.frame.LZ4FrameDecompressor()
    return decoder


class _Frames(io.RawIOBase):
    """Decodes frame after frame."""

    def __init__(self, packed: io.BufferedReader, new_frame: Callable[[], _Decoder], piece: int) -> None:
        self._packed = packed
        self._new_frame = new_frame
        self._piece = piece
        self._frame: _Decoder | None = None
        self._pending = b""  # compressed bytes that the last frame left over
        self._plain = b""
        self._start = 0  # how much of _plain was handed out

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview[int]") -> int:  # type: ignore[override]
        while self._start == len(self._plain):
            plain = self._next_piece()
            if plain is None:
                return 0
            self._plain, self._start = plain, 0
        piece = self._plain[self._start : self._start + len(buffer)]
        self._start += len(piece)
        buffer[: len(piece)] = piece
        return len(piece)

    def _next_piece(self) -> bytes | None:
        if self._frame is not None and not self._frame.needs_input:
            return self._decoded(self._frame, b"")
        packed = self._pending or self._packed.read(self._piece)
        self._pending = b""
        if not packed:
            if self._frame is not None:
                raise DamagedFileError("damaged or cut short: the last compressed frame is not complete")
            return None
        self._frame = self._frame or self._new_frame()
        # A pending rest can be as large as a whole piece of the other format: hand it over in small pieces too.
        self._pending = packed[self._piece :]
        return self._decoded(self._frame, packed[: self._piece])

    def _decoded(self, frame: _Decoder, packed: bytes) -> bytes:
        try:
            plain = frame.decompress(packed, _PIECE)
        except (zstandard.ZstdError, RuntimeError, EOFError) as exc:  # lz4 raises bare RuntimeError
            raise DamagedFileError(f"damaged: {exc}") from exc
        if frame.eof:
            self._pending = (frame.unused_data or b"") + self._pending
            self._frame = None
        return plain
