"""Answers travel compressed as the client wants, whole and in pieces."""

import gzip

import pytest
import zstandard
from litestar import get
from litestar.response import Stream
from litestar.testing import TestClient

from ooni_entrypoints.http.app import create_app

UNPACK = {
    "zstd": lambda body: zstandard.ZstdDecompressor().stream_reader(body, read_across_frames=True).read(),
    "gzip": gzip.decompress,
}


def raw(client, path, accept):
    with client.stream("GET", path, headers={"Accept-Encoding": accept}) as answer:
        return answer, b"".join(answer.iter_raw())


@pytest.mark.parametrize(
    ("accept", "encoding"),
    [("zstd", "zstd"), ("gzip, deflate, br, zstd", "zstd"), ("gzip", "gzip"), ("gzip, deflate", "gzip"), ("br", None)],
)
def test_long_answer_is_compressed_as_the_client_wants(http, accept, encoding):
    plain = http.get("/openapi.json", headers={"Accept-Encoding": "identity"})
    answer, body = raw(http, "/openapi.json", accept)
    assert answer.headers.get("content-encoding") == encoding
    if encoding is None:
        assert body == plain.content
        return
    assert "Accept-Encoding" in answer.headers["vary"]
    assert len(body) < len(plain.content) / 2
    assert UNPACK[encoding](body) == plain.content


def test_short_answer_is_not_compressed(http):
    answer, body = raw(http, "/health", "zstd, gzip")
    assert "content-encoding" not in answer.headers
    assert body == b"UP"


@get("/pieces", sync_to_thread=False)
def pieces() -> Stream:
    return Stream(iter([b"a" * 10_000, b"b", b"", b"c" * 100_000]), media_type="text/plain")


@pytest.mark.parametrize("encoding", ["zstd", "gzip"])
def test_answer_in_pieces_is_one_stream(encoding):
    with TestClient(create_app([pieces], {}, "0", 2**20)) as client:
        answer, body = raw(client, "/pieces", encoding)
        assert answer.headers["content-encoding"] == encoding
        assert UNPACK[encoding](body) == b"a" * 10_000 + b"b" + b"c" * 100_000
