"""The files of a batch, read back by readers that are not ours."""

import gzip
import hashlib
import io
import json
import tarfile
import zlib
from datetime import UTC, datetime, timedelta

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from ooni_core.errors import Invalid
from ooni_core.measurement import MeasurementUid
from ooni_core.publication.files import (
    Built,
    build,
    gunzip,
    gunzip_line,
    gzip_member,
    postcan,
    read_sidecar,
    seekable_zstd,
    write_sidecar,
)

NOON = datetime(2026, 3, 4, 12, 0, 0, 123456, tzinfo=UTC)


def measured(body: bytes, number: int = 0, test_name: str = "webconnectivity") -> tuple[MeasurementUid, bytes]:
    return MeasurementUid.mint(NOON + timedelta(seconds=number), "IT", test_name, body), body


def envelope(**content: object) -> bytes:
    return json.dumps({"format": "json", "content": content}).encode()


def built_of(named: list[tuple[MeasurementUid, bytes]]) -> Built:
    return build(measured(b"")[0].bucket, named)


@given(
    st.lists(st.binary(max_size=2000), max_size=20),
    st.sampled_from(["ndt", "webconnectivity", "w" * 29]),
    st.sampled_from([postcan, lambda bucket, named: build(bucket, named).postcan]),
)
def test_a_postcan_holds_each_body_as_received(bodies, test_name, write):
    named = [measured(body, number, test_name) for number, body in enumerate(bodies)]
    bucket = measured(b"", 0, test_name)[0].bucket
    with tarfile.open(fileobj=io.BytesIO(write(bucket, named)), mode="r:gz") as can:
        members = can.getmembers()
        assert [member.name for member in members] == [f"{bucket.name}/{uid.text}.post" for uid, _ in named]
        assert [can.extractfile(member).read() for member in members] == bodies
        assert all((member.uid, member.gid, member.mode) == (0, 0, 0o644) for member in members)
        assert [member.mtime for member in members] == [int(uid.received.timestamp()) for uid, _ in named]


def test_lines_are_in_order_and_each_is_in_the_member_that_the_index_says():
    named = [measured(envelope(report_id=f"r{i}", input=f"i{i}", pad="x" * (i * 700)), i) for i in range(45)]
    named[7] = measured(b"nonsense", 7)
    built = built_of(named)
    lines = gzip.decompress(built.jsonl).split(b"\n")
    assert lines.pop() == b""
    for number, ((uid, _), line) in enumerate(zip(named, built.lines, strict=True)):
        member = built.jsonl[line.member_offset : line.member_offset + line.member_length]
        text = gzip.decompress(member).split(b"\n")[line.line_in_member]
        assert text == lines[number]
        assert (line.measurement_uid, line.linenum) == (uid.text, number)
        assert (line.sha256, line.length) == (hashlib.sha256(text).hexdigest(), len(text))
    assert lines[7] == b"{}"
    assert "not a measurement" in built.lines[7].problem
    assert (built.lines[8].report_id, built.lines[8].input, built.lines[8].problem) == ("r8", "i8", "")


def test_bodies_are_read_once_and_counted():
    named = [measured(envelope(i=i), i) for i in range(25)]
    built = build(named[0][0].bucket, iter(named))
    assert built == built_of(named)
    assert built.uids == tuple(uid for uid, _ in named)
    assert built.body_bytes == sum(len(body) for _, body in named)


def test_members_are_short():
    built = built_of([measured(envelope(pad="x" * 30_000, i=i), i) for i in range(40)])
    by_member = {}
    for line in built.lines:
        by_member.setdefault(line.member_offset, []).append(line.length)
    assert max(map(len, by_member.values())) <= 10
    assert max(map(sum, by_member.values())) < 128 * 1024 + 31_000


def test_no_measurements_give_an_empty_file():
    assert built_of([]).jsonl == b""
    assert gunzip(b"") == b""


@given(st.lists(st.binary(max_size=5000), max_size=6))
def test_gunzip_reads_any_number_of_members_of_any_writer(parts):
    assert gunzip(b"".join(gzip.compress(part) for part in parts)) == b"".join(parts)
    assert gzip.decompress(b"".join(map(gzip_member, parts))) == b"".join(parts)


def test_gunzip_goes_beyond_one_piece():
    text = b"0123456789abcdef" * 300_000
    assert gunzip(gzip.compress(text)) == text


@pytest.mark.parametrize("keep", [1, 5, 10, 30, -1, -8, -9])
def test_a_file_that_is_cut_short_is_refused(keep):
    content = gzip.compress(b"some text that is long enough to be compressed" * 10)
    with pytest.raises(Invalid):
        gunzip(content[:keep])


def test_a_damaged_file_is_refused():
    content = bytearray(gzip.compress(b"some text" * 100))
    content[15] ^= 255
    with pytest.raises(Invalid):
        gunzip(bytes(content))


@given(
    st.lists(st.binary(max_size=40).map(lambda text: text.replace(b"\n", b"")), max_size=8),
    st.integers(0, 9),
    st.booleans(),
)
def test_one_line_of_a_file(lines, number, ends):
    text = b"\n".join(lines) + (b"\n" if ends and lines else b"")
    expected = (text.split(b"\n") + [b""] * 10)[number] if number < len(lines) else None
    assert (gunzip_line(gzip.compress(text), number) or None) == (expected or None)


def test_one_line_across_pieces():
    lines = [b"x" * 700_000, b"y" * 1_500_000, b"z"]
    content = gzip.compress(b"\n".join(lines))
    assert [gunzip_line(content, number) for number in range(4)] == [*lines, None]


def test_nothing_after_the_line_is_decompressed():
    content = gzip_member(b"first\n") + b"damaged"
    assert gunzip_line(content, 0) == b"first"


@given(st.lists(st.binary(max_size=60_000), max_size=12))
def test_the_seekable_file_is_one_stream_for_any_zstd_reader(lines):
    text = b"".join(line.replace(b"\n", b" ") + b"\n" for line in lines)
    reader = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(seekable_zstd(text)), read_across_frames=True)
    assert reader.read() == text


def test_the_seek_table_finds_each_frame():
    text = b"".join(b"%06d" % number + b"x" * 1000 + b"\n" for number in range(1000))
    content = seekable_zstd(text)
    assert content[-4:] == (0x8F92EAB1).to_bytes(4, "little")
    assert content[-5] == 0
    count = int.from_bytes(content[-9:-5], "little")
    table = content[-9 - 8 * count : -9]
    head = content[-9 - 8 * count - 8 : -9 - 8 * count]
    assert head == (0x184D2A5E).to_bytes(4, "little") + (8 * count + 9).to_bytes(4, "little")
    assert count > 5
    at, seen = 0, b""
    for entry in range(count):
        packed, plain = (int.from_bytes(table[8 * entry + i : 8 * entry + i + 4], "little") for i in (0, 4))
        frame = zstandard.ZstdDecompressor().decompress(content[at : at + packed])
        assert len(frame) == plain
        assert frame.endswith(b"\n")
        at, seen = at + packed, seen + frame
    assert seen == text
    assert at == len(content) - len(head) - len(table) - 9


def test_the_index_is_read_back_as_written():
    built = built_of([measured(envelope(i=i, input="\n\u2028'\""), i) for i in range(25)])
    assert read_sidecar(write_sidecar(built.lines)) == built.lines
    first = json.loads(gzip.decompress(write_sidecar(built.lines)).splitlines()[0])
    assert {"measurement_uid", "linenum", "member_offset", "member_length", "sha256", "length"} <= set(first)


@pytest.mark.parametrize("content", [b"no gzip", gzip_member(b"{}\n"), gzip_member(b"text\n")])
def test_what_is_no_index_is_refused(content):
    with pytest.raises(Invalid):
        read_sidecar(content)


def test_files_are_the_same_whenever_they_are_built():
    named = [measured(envelope(i=i), i) for i in range(20)]
    bucket = named[0][0].bucket
    assert postcan(bucket, named) == postcan(bucket, named)
    assert built_of(named) == built_of(named)
    for content in (postcan(bucket, named), built_of(named).postcan, built_of(named).jsonl):
        assert content[:4] == b"\x1f\x8b\x08\x00"  # no file name
        assert content[4:8] == bytes(4)  # no time
        assert zlib.decompressobj(31).decompress(content)
