"""The files of a batch: the postcan, the JSON lines, their seekable sibling and the index beside them.

All are deterministic: the same measurements give the same bytes, whenever and wherever they are built. gzip headers
hold no time and no name.
"""

import hashlib
import struct
from collections.abc import Iterable, Iterator, Sequence

import attrs
import msgspec
import zstandard
from isal import isal_zlib

from ooni_core.errors import Invalid
from ooni_core.measurement import MeasurementUid, SpoolBucket
from ooni_core.publication.lines import EMPTY_LINE, Content, content_of
from ooni_core.publication.model import Line

_LEVEL = 2  # ISA-L: about 9 times as fast as zlib's level 6, files 17 % larger
_GZIP = 31  # window of 32 KiB, gzip header
_MEMBER_LINES = 10
_MEMBER_BYTES = 128 * 2**10
_FRAME_BYTES = 128 * 2**10
_BLOCK = 512
_PIECE = 2**20
_USTAR = struct.Struct("<100s8s8s8s12s12s8s1s100s8s32s32s8s8s155s12x")
_SEEK_FOOTER = struct.Struct("<IBI")
_SKIPPABLE, _SEEKABLE = 0x184D2A5E, 0x8F92EAB1


@attrs.frozen
class Lines:
    """A built ``.jsonl.gz`` and what stands in it."""

    content: bytes
    lines: tuple[Line, ...]


def postcan(bucket: SpoolBucket, bodies: Iterable[tuple[MeasurementUid, bytes]]) -> bytes:
    """Build the ``.tar.gz`` of bodies exactly as received, members named ``<bucket>/<uid>.post``."""
    stream = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, _GZIP)
    parts = []
    for uid, body in bodies:
        parts.append(stream.compress(_tar_header(bucket, uid, len(body))))
        parts.append(stream.compress(body))
        parts.append(stream.compress(bytes(-len(body) % _BLOCK)))
    parts.append(stream.compress(bytes(2 * _BLOCK)))
    parts.append(stream.flush())
    return b"".join(parts)


def _tar_header(bucket: SpoolBucket, uid: MeasurementUid, length: int) -> bytes:
    """Build a POSIX ustar header: owner 0, mode 0644, modified when received."""
    name, prefix = f"{bucket.name}/{uid.text}.post", ""
    if len(name) > 100:
        prefix, _, name = name.rpartition("/")
    received = int(uid.received.timestamp())
    fields = [name, "0000644", "0000000", "0000000", f"{length:011o}", f"{received:011o}", " " * 8, "0", ""]
    fields += ["ustar\0" + "00", "", "", "0000000", "0000000", prefix]
    texts = [field.encode("ascii") for field in fields]
    checksum = sum(_USTAR.pack(*texts))
    texts[6] = f"{checksum:06o}\0 ".encode("ascii")
    return _USTAR.pack(*texts)


def json_lines(bodies: Iterable[tuple[MeasurementUid, bytes]]) -> Lines:
    """Build the ``.jsonl.gz``: many gzip members, about ten lines each, that any reader sees as one stream."""
    parts: list[bytes] = []
    lines: list[Line] = []
    offset = 0
    for group in _groups(bodies):
        text = b"".join(content.text + b"\n" for _, content, _ in group)
        member = gzip_member(text)
        for place, (uid, content, problem) in enumerate(group):
            lines.append(_line(uid, content, problem, (len(lines), offset, len(member), place)))
        parts.append(member)
        offset += len(member)
    return Lines(b"".join(parts), tuple(lines))


def _groups(
    bodies: Iterable[tuple[MeasurementUid, bytes]],
) -> Iterator[list[tuple[MeasurementUid, Content, str]]]:
    group: list[tuple[MeasurementUid, Content, str]] = []
    size = 0
    for uid, body in bodies:
        content, problem = _publishable(body)
        group.append((uid, content, problem))
        size += len(content.text)
        if len(group) == _MEMBER_LINES or size >= _MEMBER_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _publishable(body: bytes) -> tuple[Content, str]:
    try:
        return content_of(body), ""
    except Invalid as exc:
        return Content(EMPTY_LINE, "", ""), str(exc)[:200]


def _line(uid: MeasurementUid, content: Content, problem: str, place: tuple[int, int, int, int]) -> Line:
    linenum, member_offset, member_length, line_in_member = place
    return Line(
        measurement_uid=uid.text,
        linenum=linenum,
        member_offset=member_offset,
        member_length=member_length,
        line_in_member=line_in_member,
        report_id=content.report_id,
        input=content.input,
        sha256=hashlib.sha256(content.text).hexdigest(),
        length=len(content.text),
        problem=problem,
    )


def gzip_member(text: bytes) -> bytes:
    """Compress *text* as one gzip member without time and name."""
    return bytes(isal_zlib.compress(text, _LEVEL, _GZIP))


def gunzip(content: bytes) -> bytes:
    """Decompress a gzip file of any number of members.

    Raises:
        Invalid: it is damaged or cut short.
    """
    return b"".join(_inflated(content))


def gunzip_line(content: bytes, number: int) -> bytes | None:
    """Return one line (zero-based, without its newline) of a gzip file, or None when it has fewer.

    Nothing after that line is decompressed, and no more than a part of the file is in memory at a time.

    Raises:
        Invalid: the file is damaged or cut short before the end of that line.
    """
    passed, parts = 0, []
    for piece in _inflated(content):
        rest = piece
        while passed < number and (end := rest.find(b"\n")) >= 0:
            passed, rest = passed + 1, rest[end + 1 :]
        if passed < number:
            continue
        end = rest.find(b"\n")
        parts.append(rest if end < 0 else rest[:end])
        if end >= 0:
            return b"".join(parts)
    return b"".join(parts) or None


def _inflated(content: bytes) -> Iterator[bytes]:
    """Yield the decompressed content in pieces of bounded length."""
    left = content
    while left:
        stream = isal_zlib.decompressobj(wbits=_GZIP)
        while not stream.eof:
            try:
                piece = stream.decompress(left, _PIECE)
            except isal_zlib.error as exc:  # type: ignore[misc]  # its stub calls it a value
                raise Invalid(f"damaged gzip data: {exc}") from exc
            left = stream.unconsumed_tail
            if not piece and not left and not stream.eof:
                raise Invalid("damaged gzip data: cut short")
            yield piece
        left = stream.unused_data


def seekable_zstd(text: bytes) -> bytes:
    """Build the ``.jsonl.zst``: independent frames cut at line ends, then the standard seek table.

    Source: "Zstandard Seekable Format", version 0.1.0. Any zstd tool decompresses the file.
    """
    compressor = zstandard.ZstdCompressor(level=3, write_content_size=True, write_checksum=True)
    parts, table = [], []
    for frame in _frames(text):
        packed = compressor.compress(frame)
        parts.append(packed)
        table.append(struct.pack("<II", len(packed), len(frame)))
    entries = b"".join(table)
    footer = _SEEK_FOOTER.pack(len(table), 0, _SEEKABLE)
    head = struct.pack("<II", _SKIPPABLE, len(entries) + len(footer))
    return b"".join([*parts, head, entries, footer])


def _frames(text: bytes) -> Iterator[bytes]:
    begin = 0
    while begin < len(text):
        end = text.find(b"\n", begin + _FRAME_BYTES)
        end = len(text) if end < 0 else end + 1
        yield text[begin:end]
        begin = end


def write_sidecar(lines: Sequence[Line]) -> bytes:
    """Build the index published beside the lines: one JSON object per line, uid first."""
    encoder = msgspec.json.Encoder()
    return gzip_member(b"".join(encoder.encode(line) + b"\n" for line in lines))


def read_sidecar(content: bytes) -> tuple[Line, ...]:
    """Read what write_sidecar built.

    Raises:
        Invalid: it is something else.
    """
    decoder = msgspec.json.Decoder(Line)
    try:
        return tuple(decoder.decode(text) for text in gunzip(content).splitlines())
    except msgspec.DecodeError as exc:
        raise Invalid(f"not an index of published lines: {exc}") from exc
