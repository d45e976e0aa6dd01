"""The bytes of exports: as ClickHouse itself writes them, and readable by tools no one here wrote."""

import io
import math
import random
import subprocess
import sys
from datetime import date, datetime

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from ooni_adapters.backup.encoding import Measured, conformed, csv_header, csv_rows, csv_zstd_parts, parquet_parts
from ooni_adapters.sql.batches import arrow_schema, complete_batch
from ooni_adapters.sql.schema import Column, Kind, Rule, Table
from ooni_core.errors import Unavailable

EVERYTHING = Table(
    name="everything",
    columns=(
        Column("text", Kind.TEXT),
        Column("label", Kind.LABEL),
        Column("flag", Kind.BOOL),
        Column("i8", Kind.INT8),
        Column("u8", Kind.UINT8),
        Column("i32", Kind.INT32),
        Column("u32", Kind.UINT32),
        Column("i64", Kind.INT64),
        Column("u64", Kind.UINT64, nullable=True),
        Column("f32", Kind.FLOAT32),
        Column("f64", Kind.FLOAT64),
        Column("day", Kind.DATE),
        Column("time", Kind.TIME),
        Column("time_ms", Kind.TIME_MS),
        Column("texts", Kind.TEXTS),
        Column("numbers", Kind.UINT32S),
    ),
    key=("text",),
    rule=Rule.APPEND,
)
_CLICKHOUSE = {
    Kind.BOOL: "Bool",
    Kind.INT8: "Int8",
    Kind.UINT8: "UInt8",
    Kind.INT32: "Int32",
    Kind.UINT32: "UInt32",
    Kind.INT64: "Int64",
    Kind.UINT64: "Nullable(UInt64)",
    Kind.FLOAT32: "Float32",
    Kind.FLOAT64: "Float64",
    Kind.DATE: "Date32",
    Kind.TIME: "DateTime('UTC')",
    Kind.TIME_MS: "DateTime64(3, 'UTC')",
    Kind.TEXTS: "Array(String)",
    Kind.UINT32S: "Array(UInt32)",
}
FLOATS = [0.0, 1.0, -2.0, 0.1, 1 / 3, 1e-7, 123456.789, 1e15, 12345678912345.0, 1e20, -3e18, 2.5e-10, 7e7, math.nan]
TEXTS = [
    "",
    "plain",
    'quo"te',
    '"',
    "new\nline",
    "crlf\r\n",
    "back\\slash",
    "a,b",
    "é漢字🙂",
    "\\N",
    "tab\t",
    "'",
    " x ",
]


def rows() -> pa.RecordBatch:
    made = [
        {
            "text": TEXTS[n % len(TEXTS)],
            "label": TEXTS[-n % len(TEXTS)],
            "flag": n % 2 == 0,
            "i8": n - 20,
            "u8": 255 - n,
            "i32": -(2**31) + n,
            "u32": 2**32 - 1 - n,
            "i64": -(2**63) + n,
            "u64": None if n % 3 == 0 else 2**64 - 1 - n,
            "f32": FLOATS[n % len(FLOATS)],
            "f64": FLOATS[-n % len(FLOATS)],
            "day": date(2012 + n, 1 + n % 12, 1 + n % 28),
            "time": datetime(2012 + n, 1, 2, 3, 4, n),
            "time_ms": datetime(2012 + n, 1, 2, 3, 4, n, n * 1000),
            "texts": TEXTS[: n % 14],
            "numbers": list(range(n % 4)),
        }
        for n in range(42)
    ]
    return complete_batch(EVERYTHING, made, datetime(2026, 1, 1)).to_batches()[0]


def test_csv_is_byte_for_byte_what_clickhouse_writes(tmp_path):
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.Table.from_batches([rows()]), path)
    columns = ", ".join(
        f"CAST({c.name} AS {_CLICKHOUSE[c.kind]}) AS {c.name}"
        if c.kind in _CLICKHOUSE
        else f"assumeNotNull({c.name}) AS {c.name}"
        for c in EVERYTHING.columns
    )
    query = f"SELECT {columns} FROM file('{path}', Parquet)"
    # In a process of its own: the embedded engine of this one may be at work in another folder.
    code = f"import chdb, sys; sys.stdout.buffer.write(chdb.query({query!r}, 'CSVWithNames').bytes())"
    written = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    ours = csv_header(EVERYTHING.columns) + csv_rows(EVERYTHING.columns, rows())
    assert ours.decode().split("\n") == written.decode().split("\n")


def test_no_rows_are_no_lines():
    assert csv_rows(EVERYTHING.columns, rows().slice(0, 0)) == b""
    assert csv_rows(EVERYTHING.columns, rows().slice(5, 0)) == b""


def test_slice_of_a_batch_is_only_that_slice():
    whole = csv_rows(EVERYTHING.columns, rows())
    parts = [csv_rows(EVERYTHING.columns, rows().slice(at, 5)) for at in range(0, 42, 5)]
    assert b"".join(parts) == whole


def test_compressed_csv_is_read_by_zstd_and_duckdb(tmp_path):
    path = tmp_path / "rows.csv.zstd"
    path.write_bytes(b"".join(csv_zstd_parts(EVERYTHING.columns, [rows(), rows()])))
    plain = subprocess.run(["zstd", "-dc", path], capture_output=True, check=True).stdout
    assert plain == csv_header(EVERYTHING.columns) + 2 * csv_rows(EVERYTHING.columns, rows())
    found = duckdb.sql(
        f"SELECT text, u64 FROM read_csv('{path}', compression='zstd', header=true, nullstr='\\N', quote='\"', escape='\"')"
    ).fetchall()
    assert [text or "" for text, _ in found] == [
        text if text != "\\N" else "" for text in rows()["text"].to_pylist()
    ] * 2


def test_parts_come_while_rows_are_still_being_read():
    taken = []

    def batches():
        for number in range(40):
            taken.append(number)
            yield pa.RecordBatch.from_pydict({"text": [random.randbytes(32).hex() for _ in range(20_000)]})

    column = (Column("text", Kind.TEXT),)
    parts = csv_zstd_parts(column, batches())
    first = next(parts)
    assert first
    assert len(taken) < 40
    taken.clear()
    parts = parquet_parts(pa.schema([("text", pa.string())]), batches(), group_rows=50_000)
    next(parts)
    assert len(taken) == 3


def test_parquet_gives_the_rows_back():
    content = b"".join(parquet_parts(arrow_schema(EVERYTHING), [rows(), rows()]))
    back = [conformed(EVERYTHING, batch) for batch in pq.read_table(io.BytesIO(content)).to_batches()]
    assert b"".join(csv_rows(EVERYTHING.columns, batch) for batch in back) == 2 * csv_rows(EVERYTHING.columns, rows())


def test_rows_are_counted_and_hashed_whatever_the_engine_calls_their_types():
    plain, odd = Measured(), Measured()
    as_engine = pa.RecordBatch.from_arrays(
        [
            column.dictionary_encode()
            if field.name == "label"
            else column.cast(pa.timestamp("us", "UTC"))
            if field.name == "time"
            else column
            for field, column in zip(rows().schema, rows().columns, strict=True)
        ],
        names=rows().schema.names,
    )
    list(plain.observed_rows(EVERYTHING, [rows()]))
    list(odd.observed_rows(EVERYTHING, [as_engine.slice(0, 7), as_engine.slice(7)]))
    assert (plain.rows, plain.content.hexdigest()) == (odd.rows, odd.content.hexdigest())


def test_answer_without_a_column_is_refused():
    with pytest.raises(Unavailable, match="unexpected types"):
        conformed(EVERYTHING, rows().select(["text"]))


def test_frames_carry_a_checksum():
    content = bytearray(b"".join(csv_zstd_parts(EVERYTHING.columns, [rows()])))
    content[-1] ^= 1
    with pytest.raises(zstandard.ZstdError):
        zstandard.ZstdDecompressor().decompressobj().decompress(bytes(content))
