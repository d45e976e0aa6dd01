"""Compressed answers: zstd for clients that read it, else gzip."""

from io import BytesIO

import zstandard
from litestar.config.compression import CompressionConfig
from litestar.datastructures import MutableScopeHeaders
from litestar.middleware.compression.facade import CompressionFacade
from litestar.types import ASGIApp, Message, Receive, Scope, Send

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


class EncodingMiddleware:
    """Tells caches that the answer depends on what the client can unpack; a compressed one keeps only a weak tag."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""

        async def labelled(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableScopeHeaders.from_message(message)
                if "accept-encoding" not in headers.get("vary", "").lower():
                    headers.add("vary", "Accept-Encoding")
                tag = headers.get("etag", "")
                if "content-encoding" in headers and tag.startswith('"'):
                    headers["etag"] = f"W/{tag}"
            await send(message)

        await self._app(scope, receive, labelled)


COMPRESSION = CompressionConfig(
    backend="zstd",
    compression_facade=ZstdCompression,
    gzip_fallback=True,
    exclude_opt_key=AS_IT_IS,
    minimum_size=_SMALLEST_BYTES,
    gzip_compress_level=_GZIP_LEVEL,
)
