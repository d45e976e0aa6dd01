"""Compressed answers: zstd for clients that read it, else gzip."""

from io import BytesIO

import zstandard
from litestar.config.compression import CompressionConfig
from litestar.middleware.compression.facade import CompressionFacade

AS_IT_IS = "sent_as_it_is"
"""Option of routes whose answers are compressed files already."""

_SMALLEST_BYTES = 1024
_GZIP_LEVEL = 5
_ZSTD_LEVEL = 3


class ZstdCompression(CompressionFacade):
    """Compresses one answer as a zstd frame (RFC 8878); each piece can be read as soon as it arrives."""

    encoding = "zstd"

    def __init__(self, buffer: BytesIO, compression_encoding: str, config: CompressionConfig) -> None:
        self._stream = zstandard.ZstdCompressor(level=_ZSTD_LEVEL).stream_writer(buffer, closefd=False)

    def write(self, body: bytes) -> None:
        """Compress a piece."""
        self._stream.write(body)
        self._stream.flush(zstandard.FLUSH_BLOCK)

    def close(self) -> None:
        """End the frame."""
        self._stream.close()


COMPRESSION = CompressionConfig(
    backend="zstd",
    compression_facade=ZstdCompression,
    gzip_fallback=True,
    exclude_opt_key=AS_IT_IS,
    minimum_size=_SMALLEST_BYTES,
    gzip_compress_level=_GZIP_LEVEL,
)
