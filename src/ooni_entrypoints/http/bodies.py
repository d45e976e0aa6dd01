"""Request bodies as bytes: decompression with a bound, so that a small body cannot become a large one."""

import zlib
from collections.abc import Iterator

import zstandard

from ooni_core.errors import Invalid, TooLarge

_CHUNK = 256 * 1024
# Four bytes of zstd can stand for a block of 128 KiB: small steps keep what one step yields below 16 MiB.
_ZSTD_STEP = 512
# zstd frames may demand a window of any size before the first byte comes out.
_MAX_ZSTD_WINDOW = 128 * 2**20


def decoded(body: bytes, content_encoding: str, limit: int) -> bytes:
    """Undo ``Content-Encoding``.

    Args:
        body: as it came over the wire.
        content_encoding: value of the header, ``""`` when absent: gzip, zstd or identity, in any case.
        limit: most bytes that may come out.

    Raises:
        Invalid: an unknown encoding, or the body is not what it says.
        TooLarge: more than *limit* bytes would come out; memory never holds much more than that.
    """
    encoding = content_encoding.strip().lower()
    if encoding in {"", "identity"}:
        if len(body) > limit:
            raise _too_large(limit)
        return body
    if encoding == "zstd":
        return _bounded(_zstd_pieces(body), limit)
    if encoding in {"gzip", "x-gzip"}:
        return _bounded(_gzip_pieces(body), limit)
    raise Invalid("Incorrect format", f"Content-Encoding {encoding[:40]!r}: expected gzip, zstd or identity")


def _bounded(pieces: Iterator[bytes], limit: int) -> bytes:
    collected = bytearray()
    for piece in pieces:
        collected += piece
        if len(collected) > limit:
            raise _too_large(limit)
    return bytes(collected)


def _zstd_pieces(body: bytes) -> Iterator[bytes]:
    view, position = memoryview(body), 0
    try:
        while position < len(view):
            frame = zstandard.ZstdDecompressor(max_window_size=_MAX_ZSTD_WINDOW).decompressobj()
            while not frame.eof:
                if position >= len(view):
                    raise Invalid("Incorrect format", "the zstd body ends too early")
                yield frame.decompress(view[position : position + _ZSTD_STEP])
                position += _ZSTD_STEP
            position = min(position, len(view)) - len(frame.unused_data)
    except zstandard.ZstdError as exc:
        raise Invalid("Incorrect format", f"the body is not zstd: {exc}") from exc


def _gzip_pieces(body: bytes) -> Iterator[bytes]:
    rest = body
    try:
        while rest:
            member = zlib.decompressobj(wbits=31)
            while not member.eof:
                if not rest:
                    raise Invalid("Incorrect format", "the gzip body ends too early")
                yield member.decompress(rest, _CHUNK)
                rest = member.unused_data if member.eof else member.unconsumed_tail
    except zlib.error as exc:
        raise Invalid("Incorrect format", f"the body is not gzip: {exc}") from exc


def _too_large(limit: int) -> TooLarge:
    return TooLarge("Payload too large", f"expected at most {limit} bytes after decompression")
