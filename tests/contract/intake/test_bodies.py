"""Request bodies: what each Content-Encoding gives back, and what a bomb gives."""

import gzip
import tracemalloc
import zlib

import pytest
import zstandard

from ooni_core.errors import Invalid, TooLarge
from ooni_entrypoints.http.bodies import decoded

TEXT = b'{"format": "json", "content": {}}' * 100
LIMIT = 1_000_000


def str_only(value):
    """Name a case by its texts: gzip puts the time into its bytes, and names must be the same in every process."""
    return value if isinstance(value, str) else "body"


@pytest.mark.parametrize(
    ("encoding", "wire"),
    [
        ("", TEXT),
        ("identity", TEXT),
        ("gzip", gzip.compress(TEXT)),
        ("GZIP", gzip.compress(TEXT[:50]) + gzip.compress(TEXT[50:])),
        ("zstd", zstandard.compress(TEXT)),
        ("zstd", zstandard.ZstdCompressor(write_content_size=False).compress(TEXT)),
        ("zstd", zstandard.compress(TEXT[:50]) + zstandard.compress(TEXT[50:])),
    ],
    ids=str_only,
)
def test_body_comes_out_as_it_went_in(encoding, wire):
    assert decoded(wire, encoding, LIMIT) == TEXT


@pytest.mark.parametrize(
    ("encoding", "wire"),
    [
        ("gzip", TEXT),
        ("gzip", gzip.compress(TEXT)[:-9]),
        ("gzip", zlib.compress(TEXT)),
        ("zstd", TEXT),
        ("zstd", zstandard.compress(TEXT)[:-3]),
        ("zstd", zstandard.compress(TEXT) + b"tail"),
        ("br", TEXT),
    ],
    ids=str_only,
)
def test_body_that_is_not_what_it_says_is_refused(encoding, wire):
    with pytest.raises(Invalid, match="Incorrect format"):
        decoded(wire, encoding, LIMIT)


@pytest.mark.parametrize(
    ("encoding", "make"),
    [
        ("", lambda: b"x" * (LIMIT + 1)),
        ("gzip", lambda: gzip.compress(bytes(300_000_000), 1)),
        ("zstd", lambda: zstandard.compress(bytes(1_000_000_000))),
    ],
    ids=str_only,
)
def test_bomb_is_refused_while_memory_stays_small(encoding, make):
    wire = make()
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge, match="Payload too large"):
            decoded(wire, encoding, LIMIT)
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
    finally:
        tracemalloc.stop()
