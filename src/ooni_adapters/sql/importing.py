"""Reading CSV, JSON lines and Parquet files into batches that fit a table, with errors that name line and column."""

import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from ooni_adapters.sql.batches import arrow_type, complete_rows
from ooni_adapters.sql.datasets import activate
from ooni_adapters.sql.engine import SqlEngine
from ooni_adapters.sql.file_values import LISTS, expected, read_text, read_value
from ooni_adapters.sql.schema import Column, Rule, Table
from ooni_adapters.sql.signed import apply_signed
from ooni_core.errors import Invalid, NotFound, Unavailable

_BLOCK = 16 * 2**20
_SUFFIXES = ("csv", "jsonl", "parquet")


def import_file(engine: SqlEngine, table: Table, path: Path, now: datetime, *, replace: bool = False) -> int | None:
    """Load a file into *table*: all of it or, when anything is wrong with it, nothing.

    Args:
        engine: the database.
        table: where the rows go.
        path: a ``.csv``, ``.jsonl`` or ``.parquet`` file, also with ``.gz``; its columns go by their names.
        now: naive UTC, for stamped columns that the file lacks.
        replace: put the file's rows in place of the table's content instead of adding them.

    Returns:
        How many rows the file has; None when the same file was added before to a table of sums, where adding it again
        would count everything twice.

    Raises:
        Invalid: a column is unknown, or a value does not fit; the message names file, line and column.
        NotFound: there is no such file.
        Unavailable: the file or the database cannot be read or written; nothing was loaded.
    """
    content = _content(path)
    rows = _adapted(table, _parsed(table, path, content, now))
    if replace:
        activate(engine, {table: rows})
        return rows.num_rows
    if "sign" in rows.column_names and pc.any(pc.less(rows["sign"], 0)).as_py():
        apply_signed(engine, table, complete_rows(table, rows, now).to_pylist())
        return rows.num_rows
    key = None if table.rule is Rule.LATEST else "import " + hashlib.sha256(content).hexdigest()
    return rows.num_rows if engine.insert(table, rows, key) else None


def _content(path: Path) -> bytes:
    try:
        raw = path.read_bytes()
        return gzip.decompress(raw) if path.suffix == ".gz" else raw
    except FileNotFoundError as exc:
        raise NotFound(f"there is no file {path}") from exc
    except (EOFError, zlib.error, gzip.BadGzipFile) as exc:
        raise Invalid(f"{path} is not a whole gzip file: {exc}") from exc
    except OSError as exc:
        raise Unavailable(f"cannot read {path}: {exc.strerror}") from exc


def _parsed(table: Table, path: Path, content: bytes, now: datetime) -> pa.Table:
    parsers: dict[str, Callable[[Table, str, bytes, datetime], pa.Table]] = {
        "csv": _from_csv,
        "jsonl": _from_jsonl,
        "parquet": _from_parquet,
    }
    format = path.name.removesuffix(".gz").rpartition(".")[2].lower()
    if format not in parsers:
        raise Invalid(f"{path}: expected a file name ending in {', '.join('.' + s for s in _SUFFIXES)}, also with .gz")
    return parsers[format](table, str(path), content, now)


def _adapted(table: Table, rows: pa.Table) -> pa.Table:
    if table.name == "citizenlab" and "cc" in rows.column_names:
        # List files are named in lower case; readers compare with the upper case of a probe's country.
        return rows.set_column(rows.column_names.index("cc"), "cc", pc.utf8_upper(rows["cc"]))
    if table.name == "jsonl" and "legacy_place" not in rows.column_names:
        return rows.append_column("legacy_place", _legacy_places(rows))
    return rows


def _legacy_places(rows: pa.Table) -> pa.Array:
    absent = [""] * rows.num_rows
    columns = [
        rows[n].to_pylist() if n in rows.column_names else absent for n in ("measurement_uid", "s3path", "linenum")
    ]
    return pa.array(
        ["" if uid else f"{s3path}#{line}" for uid, s3path, line in zip(*columns, strict=True)], pa.string()
    )


def _from_csv(table: Table, name: str, content: bytes, now: datetime) -> pa.Table:
    header = _header(table, name, content)
    columns = [table.column(column) for column in header]
    if not any(column.kind in LISTS for column in columns):
        try:
            return _fast_csv(columns, content, now)
        except pa.ArrowException:
            pass  # the plain way below either finds the line to blame, or can read what Arrow cannot
    return _plain(name, columns, _csv_rows(name, content, len(header)), now)


def _header(table: Table, name: str, content: bytes) -> list[str]:
    try:
        first = content.split(b"\n", 1)[0].decode("utf-8-sig")
        header = next(csv.reader([first.rstrip("\r")], strict=True), [])
    except (UnicodeDecodeError, csv.Error) as exc:
        raise Invalid(f"{name}, line 1: not a CSV header: {exc}") from exc
    if not header:
        raise Invalid(f"{name}, line 1: expected the column names of table {table.name}")
    for column in header:
        if column not in table.column_names:
            raise Invalid(_unknown(table, name, 1, column))
        if header.count(column) > 1:
            raise Invalid(f"{name}, line 1: column {column!r} is there twice")
    return header


def _unknown(table: Table, name: str, line: int, column: str) -> str:
    known = ", ".join(table.column_names)
    return f"{name}, line {line}: table {table.name} has no column {column!r}; it has {known}"


def _fast_csv(columns: list[Column], content: bytes, now: datetime) -> pa.Table:
    names = [column.name for column in columns]
    parsed = pyarrow.csv.read_csv(
        pa.BufferReader(content),
        read_options=pyarrow.csv.ReadOptions(column_names=names, skip_rows=1, block_size=_BLOCK),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types={column.name: arrow_type(column.kind) for column in columns},
            null_values=[""],
            strings_can_be_null=False,
            true_values=["true", "1"],
            false_values=["false", "0"],
        ),
    )
    filled = [
        parsed[column.name]
        if column.nullable
        else pc.fill_null(parsed[column.name], pa.scalar(column.fill(now), arrow_type(column.kind)))
        for column in columns
    ]
    return pa.Table.from_arrays(filled, names=names)


def _csv_rows(name: str, content: bytes, width: int) -> Iterator[tuple[int, list[str]]]:
    try:
        reader = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        next(reader)
        line = reader.line_num + 1
        for row in reader:
            if row and len(row) != width:
                raise Invalid(f"{name}, line {line}: has {len(row)} values where the header names {width} columns")
            if row:
                yield line, row
            line = reader.line_num + 1
    except UnicodeDecodeError as exc:
        line = content.count(b"\n", 0, exc.start) + 1
        raise Invalid(f"{name}, line {line}: not UTF-8 text: {exc.reason} at byte {exc.start}") from exc
    except csv.Error as exc:
        raise Invalid(f"{name}, line {reader.line_num}: {exc}") from exc


def _plain(name: str, columns: list[Column], rows: Iterable[tuple[int, list[str]]], now: datetime) -> pa.Table:
    values: list[list[Any]] = [[] for _ in columns]
    for line, row in rows:
        for column, collected, text in zip(columns, values, row, strict=True):
            try:
                collected.append(read_text(column, text, now))
            except ValueError as exc:
                raise Invalid(
                    f"{name}, line {line}, column {column.name}: {text[:80]!r} is not {expected(column)}"
                ) from exc
    arrays = [pa.array(collected, arrow_type(c.kind)) for c, collected in zip(columns, values, strict=True)]
    return pa.Table.from_arrays(arrays, names=[column.name for column in columns])


def _from_jsonl(table: Table, name: str, content: bytes, now: datetime) -> pa.Table:
    rows = [
        _json_row(table, name, line, text, now) for line, text in enumerate(content.split(b"\n"), 1) if text.strip()
    ]
    named = [column for column in table.columns if any(column.name in row for row in rows)]
    arrays = [pa.array([row.get(c.name, c.fill(now)) for row in rows], arrow_type(c.kind)) for c in named]
    return pa.Table.from_arrays(arrays, names=[column.name for column in named])


def _json_row(table: Table, name: str, line: int, text: bytes, now: datetime) -> dict[str, Any]:
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as exc:
        raise Invalid(f"{name}, line {line}: not JSON: {exc}") from exc
    if not isinstance(document, Mapping):
        raise Invalid(f"{name}, line {line}: expected a JSON object, one per line")
    row = {}
    for key, value in document.items():
        if key not in table.column_names:
            raise Invalid(_unknown(table, name, line, key))
        column = table.column(key)
        try:
            row[key] = column.fill(now) if value is None else read_value(column, value)
        except ValueError as exc:
            shown = orjson.dumps(value).decode()[:80]
            raise Invalid(f"{name}, line {line}, column {key}: {shown} is not {expected(column)}") from exc
    return row


def _from_parquet(table: Table, name: str, content: bytes, now: datetime) -> pa.Table:
    try:
        rows = pyarrow.parquet.read_table(pa.BufferReader(content))
    except pa.ArrowException as exc:
        raise Invalid(f"{name}: not a Parquet file: {exc}") from exc
    for column in rows.column_names:
        if column not in table.column_names:
            raise Invalid(_unknown(table, name, 1, column))
    return pa.Table.from_arrays(
        [_parquet_column(name, table.column(column), rows[column], now) for column in rows.column_names],
        names=rows.column_names,
    )


def _parquet_column(name: str, column: Column, values: pa.ChunkedArray, now: datetime) -> pa.ChunkedArray:
    wanted = arrow_type(column.kind)
    try:
        cast = values.cast(wanted)
    except pa.ArrowException as exc:
        raise Invalid(f"{name}, column {column.name}: not {expected(column)}: {exc}") from exc
    return cast if column.nullable or not cast.null_count else pc.fill_null(cast, pa.scalar(column.fill(now), wanted))
