"""From Arrow batches to the bytes of an object: Parquet, and CSV as ClickHouse's ``CSVWithNames`` writes it.

Everything is a generator of parts, so that rows are encoded and compressed while they are uploaded and nothing waits in
a file or in memory.
"""

import hashlib
import io
from collections.abc import Iterable, Iterator

import attrs
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import zstandard

from ooni_adapters.sql.batches import arrow_schema, arrow_type
from ooni_adapters.sql.schema import Column, Kind, Table
from ooni_core.errors import Unavailable

_PART_BYTES = 4 << 20
_QUOTED = {Kind.TEXT, Kind.LABEL, Kind.DATE, Kind.TIME, Kind.TIME_MS}
_LISTS = {Kind.TEXTS, Kind.UINT32S}
_FLOATS = {Kind.FLOAT32, Kind.FLOAT64}
_NULL = "\\N"
_IN_LISTS = str.maketrans(
    {"\\": r"\\", "'": r"\'", "\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\0": r"\0"}
)


def conformed(table: Table, batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return *batch* with the columns and types that *table* declares, whichever engine it came from.

    Raises:
        Unavailable: the engine answered with something else.
    """
    try:
        arrays = [_conformed_column(column, batch) for column in table.columns]
        return pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(table))
    except (pa.ArrowException, KeyError) as exc:
        raise Unavailable(f"the database answered with unexpected types for {table.name}: {exc}") from exc


def _conformed_column(column: Column, batch: pa.RecordBatch) -> pa.Array:
    array, wanted = batch.column(column.name), arrow_type(column.kind)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_timestamp(array.type) and array.type.tz is not None:
        array = array.cast(pa.timestamp(array.type.unit))  # engines mean UTC
    # Engines keep some instants finer than declared; cutting them is what reading the column means.
    return array.cast(wanted, safe=not pa.types.is_timestamp(wanted))


def csv_header(columns: Iterable[Column]) -> bytes:
    """Return the first line of a CSV file."""
    return (",".join(f'"{column.name}"' for column in columns) + "\n").encode()


def csv_rows(columns: Iterable[Column], batch: pa.RecordBatch) -> bytes:
    """Return the rows of a conformed batch as CSV lines.

    Texts, days and instants are in double quotes with inner ones doubled, numbers are bare, unknown values are ``\\N``,
    lists are texts such as ``"['a','b']"``; lines end in LF.
    """
    parts: list[pa.Array | pa.Scalar] = []
    between = ""
    for column in columns:
        text, is_bare = _field(column, batch.column(column.name))
        quote = "" if is_bare else '"'
        parts += pa.scalar(between + quote, pa.large_string()), text
        between = f"{quote},"
    line_end = pa.scalar(between.removesuffix(",") + "\n", pa.large_string())
    lines = pc.binary_join_element_wise(*parts, line_end, pa.scalar("", pa.large_string()))
    # The values of a string array lie one behind the other: that is the text.
    return lines.buffers()[2].to_pybytes() if len(lines) else b""


def _field(column: Column, array: pa.Array) -> tuple[pa.Array, bool]:
    """Return the texts of a column, and whether they stand in the file as they are or still want quotes around."""
    if column.kind in _LISTS:
        text = pa.array(map(_list_text, array.to_pylist()), pa.large_string())
    else:
        text = array.cast(pa.large_string())
    if column.kind in _FLOATS:
        text = _plain_numbers(text)
    if column.kind not in _QUOTED | _LISTS:
        return text.fill_null(_NULL), True
    inner = pc.replace_substring(text, '"', '""')
    if not inner.null_count:
        return inner, False
    quote = pa.scalar('"', pa.large_string())
    quoted = pc.binary_join_element_wise(quote, inner, quote, pa.scalar("", pa.large_string()))
    return quoted.fill_null(_NULL), True


def _plain_numbers(text: pa.Array) -> pa.Array:
    """Write large numbers without an exponent, as ClickHouse does below 1e21."""
    if not pc.any(pc.match_substring(text, "e+")).as_py():
        return text
    plain = [number if number is None or "e+" not in number else _plain(number) for number in text.to_pylist()]
    return pa.array(plain, pa.large_string())


def _plain(number: str) -> str:
    return f"{float(number):.0f}" if abs(float(number)) < 1e21 else number.replace("e+", "e")


def _list_text(items: list[str] | list[int] | None) -> str | None:
    if items is None:
        return None
    texts = (str(item) if isinstance(item, int) else _quoted_item(item) for item in items)
    return "[" + ",".join(texts) + "]"


def _quoted_item(item: str) -> str:
    return f"'{item.translate(_IN_LISTS)}'"


@attrs.define
class Measured:
    """What went through: counted and hashed on the way.

    Attributes:
        rows: number of rows.
        content: hash over the rows as CSV lines in key order; equal for equal rows on every engine.
        length: number of bytes of the object.
        object: hash over the bytes of the object.
    """

    rows: int = 0
    length: int = 0
    content: "hashlib._Hash" = attrs.field(factory=hashlib.sha256)
    object: "hashlib._Hash" = attrs.field(factory=hashlib.sha256)

    def observed_rows(self, table: Table, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Hand batches on, conformed, and count them."""
        for batch in batches:
            fitting = conformed(table, batch)
            self.rows += fitting.num_rows
            self.content.update(csv_rows(table.columns, fitting))
            yield fitting

    def observed_parts(self, parts: Iterable[bytes]) -> Iterator[bytes]:
        """Hand the parts of the object on and count them."""
        for part in parts:
            self.length += len(part)
            self.object.update(part)
            yield part


class _Outbox(io.RawIOBase):
    """A file that is never anywhere: what is written waits until it is taken."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: list[bytes] = []
        self._position = 0

    def writable(self) -> bool:
        return True

    def write(self, data: "bytes | memoryview") -> int:  # type: ignore[override]
        self._waiting.append(bytes(data))
        self._position += len(data)
        return len(data)

    def tell(self) -> int:
        return self._position

    def taken(self) -> bytes:
        """Take what waits."""
        content, self._waiting = b"".join(self._waiting), []
        return content


def parquet_parts(schema: pa.Schema, batches: Iterable[pa.RecordBatch], group_rows: int = 100_000) -> Iterator[bytes]:
    """Encode conformed batches as one Parquet file, compressed with zstd."""
    outbox = _Outbox()
    with pq.ParquetWriter(outbox, schema, compression="zstd", compression_level=3) as writer:
        for group in _groups(batches, group_rows):
            writer.write_table(pa.Table.from_batches(group, schema))
            yield outbox.taken()
    yield outbox.taken()


def _groups(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[list[pa.RecordBatch]]:
    group: list[pa.RecordBatch] = []
    for batch in batches:
        group.append(batch)
        if sum(each.num_rows for each in group) >= rows:
            yield group
            group = []
    if group:
        yield group


def csv_zstd_parts(columns: tuple[Column, ...], batches: Iterable[pa.RecordBatch], level: int = 3) -> Iterator[bytes]:
    """Encode conformed batches as one CSV file, compressed with zstd."""
    compressor = zstandard.ZstdCompressor(level=level, write_checksum=True).compressobj()
    waiting = [compressor.compress(csv_header(columns))]
    size = 0
    for batch in batches:
        packed = compressor.compress(csv_rows(columns, batch))
        waiting.append(packed)
        size += len(packed)
        if size >= _PART_BYTES:
            yield b"".join(waiting)
            waiting, size = [], 0
    yield b"".join(waiting) + compressor.flush()
