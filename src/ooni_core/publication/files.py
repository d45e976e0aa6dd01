"""The files of a batch: the postcan, the JSON lines, their seekable sibling and the index beside them.

All are deterministic: the same measurements give the same bytes, whenever and wherever they are built. gzip headers
hold no time and no name.
"""

import hashlib
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

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
_TAR_END = bytes(2 * _BLOCK)
# What is the same in every header of a postcan: mode and owner; type, link, magic and device.
_OWNER = b"0000644\0" + 2 * b"0000000\0"
_USTAR = b"0" + bytes(100) + b"ustar\0" + b"00" + bytes(64) + 2 * b"0000000\0"
_SUM_OF_THE_SAME = sum(_OWNER) + sum(_USTAR) + sum(b" " * 8)  # the checksum counts itself as spaces
_SEEK_FOOTER = struct.Struct("<IBI")
_SKIPPABLE, _SEEKABLE = 0x184D2A5E, 0x8F92EAB1


Beside = Callable[[Iterable[Callable[[], object]]], None]


def one_by_one(works: Iterable[Callable[[], object]]) -> None:
    """Do each of *works*, in order: all that a Beside promises. It may go on to ask for the next ones meanwhile."""
    for work in works:
        work()


@attrs.frozen
class Built:
    """The files of a batch and what stands in them.

    Attributes:
        uids: in the order of the lines.
        postcan: the ``.tar.gz``.
        jsonl: the ``.jsonl.gz``.
        lines: one for each uid.
        body_bytes: length of the bodies as received.
    """

    uids: tuple[MeasurementUid, ...]
    postcan: bytes
    jsonl: bytes
    lines: tuple[Line, ...]
    body_bytes: int


def postcan(bucket: SpoolBucket, bodies: Iterable[tuple[MeasurementUid, bytes]]) -> bytes:
    """Build the ``.tar.gz`` of bodies exactly as received, members named ``<bucket>/<uid>.post``."""
    stream = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, _GZIP)
    parts = [stream.compress(_tar_member(bucket, uid, body)) for uid, body in bodies]
    return b"".join([*parts, stream.compress(_TAR_END), stream.flush()])


def _tar_member(bucket: SpoolBucket, uid: MeasurementUid, body: bytes) -> bytes:
    return b"".join(_tar_parts(bucket.name, uid, body))


def _tar_parts(folder: str, uid: MeasurementUid, body: bytes) -> tuple[bytes, bytes, bytes]:
    name = f"{folder}/{uid.text}.post".encode("ascii")
    received = int(uid.received.timestamp())
    return _tar_header(name, len(body), received), body, bytes(-len(body) % _BLOCK)


def _tar_header(name: bytes, length: int, modified: int) -> bytes:
    """Build a POSIX ustar header: owner 0, mode 0644, modified at that Unix time."""
    prefix = b""
    if len(name) > 100:
        prefix, _, name = name.rpartition(b"/")
    numbers = b"%011o\0%011o\0" % (length, modified)
    checksum = sum(name) + sum(numbers) + sum(prefix) + _SUM_OF_THE_SAME
    return b"".join((name.ljust(100, b"\0"), _OWNER, numbers, b"%06o\0 " % checksum, _USTAR, prefix.ljust(167, b"\0")))


def build(bucket: SpoolBucket, bodies: Iterable[tuple[MeasurementUid, bytes]], beside: Beside = one_by_one) -> Built:
    """Build the postcan and the JSON lines of *bodies*, which are taken one by one and not kept.

    The ``.jsonl.gz`` is many gzip members, about ten lines each, that any reader sees as one stream.

    Args:
        bucket: what all of them belong to.
        bodies: in the order of the lines.
        beside: does the compressing; it may do so while the next bodies are read.
    """
    stream = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, _GZIP)
    can, members = list[bytes](), list[bytes]()
    groups: list[_Group] = []

    def compress(group: _Group) -> None:
        can.append(stream.compress(b"".join(group.tar)))
        members.append(gzip_member(b"\n".join([*group.texts, b""])))
        group.sha256 = [hashlib.sha256(text).hexdigest() for text in group.texts]
        group.tar, group.texts = [], []

    def works() -> Iterator[Callable[[], None]]:
        for group in _groups(bucket, bodies):
            groups.append(group)
            yield partial(compress, group)

    beside(works())
    can += stream.compress(_TAR_END), stream.flush()
    return Built(
        uids=tuple(uid for group in groups for uid in group.uids),
        postcan=b"".join(can),
        jsonl=b"".join(members),
        lines=tuple(_placed(groups, members)),
        body_bytes=sum(group.size for group in groups),
    )


@attrs.define(eq=False)
class _Group:
    """The lines of one member on their way."""

    uids: list[MeasurementUid] = attrs.field(factory=list)
    identities: list[tuple[str, str, int, str]] = attrs.field(factory=list)  # report id, input, length, problem
    tar: list[bytes] = attrs.field(factory=list)
    texts: list[bytes] = attrs.field(factory=list)
    sha256: list[str] = attrs.field(factory=list)  # of each text
    size: int = 0

    def add(self, folder: str, uid: MeasurementUid, body: bytes) -> None:
        content, problem = _publishable(body)
        self.uids.append(uid)
        self.identities.append((content.report_id, content.input, len(content.text), problem))
        self.tar += _tar_parts(folder, uid, body)
        self.texts.append(content.text)
        self.size += len(body)

    @property
    def is_full(self) -> bool:
        return len(self.uids) == _MEMBER_LINES or self.size >= _MEMBER_BYTES


def _groups(bucket: SpoolBucket, bodies: Iterable[tuple[MeasurementUid, bytes]]) -> Iterator[_Group]:
    group, folder = _Group(), bucket.name
    for uid, body in bodies:
        group.add(folder, uid, body)
        if group.is_full:
            yield group
            group = _Group()
    if group.uids:
        yield group


def _publishable(body: bytes) -> tuple[Content, str]:
    try:
        return content_of(body), ""
    except Invalid as exc:
        return Content(EMPTY_LINE, "", ""), str(exc)[:200]


def _placed(groups: Iterable[_Group], members: Iterable[bytes]) -> Iterator[Line]:
    linenum = offset = 0
    for group, member in zip(groups, members, strict=True):
        of_each = zip(group.uids, group.sha256, group.identities, strict=True)
        for place, (uid, sha256, (report_id, input, length, problem)) in enumerate(of_each):
            where = linenum, offset, len(member), place
            yield Line(uid.text, *where, report_id, input, sha256, length, problem)
            linenum += 1
        offset += len(member)


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
