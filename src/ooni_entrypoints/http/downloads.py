"""Whole result sets as files: CSV, JSON lines, Parquet and Arrow, streamed with bounded memory."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any
from urllib.parse import urlencode

import pyarrow as pa
import pyarrow.parquet as pq
from litestar.response import Stream

from ooni_core.catalog.model import CatalogEntry
from ooni_entrypoints.http.responses import NO_CACHE, json_bytes

FORMATS = ("JSON", "CSV", "JSONL", "Parquet", "Arrow")

Batches = Iterable[Sequence[dict[str, Any]]]

_SCHEMA = pa.schema(
    [
        ("measurement_uid", pa.string()),
        ("measurement_start_time", pa.timestamp("s", tz="UTC")),
        ("test_start_time", pa.timestamp("s", tz="UTC")),
        ("report_id", pa.string()),
        ("input", pa.string()),
        ("probe_cc", pa.string()),
        ("probe_asn", pa.uint32()),
        ("test_name", pa.string()),
        ("anomaly", pa.bool_()),
        ("confirmed", pa.bool_()),
        ("failure", pa.bool_()),
        ("scores", pa.string()),
        ("measurement_url", pa.string()),
    ]
)


def download(batches: Iterator[Sequence[CatalogEntry]], form: str, base: str) -> Stream:
    """Answer with all measurements of *batches* as a file.

    The first batch is read before the answer begins, so that a refused query is answered as such.

    Args:
        batches: what to write, in order.
        form: one of `FORMATS`, in capitals.
        base: public URL of this API, for the links to bodies.
    """
    extension, media_type, write = _WRITERS[form]
    first = next(batches, ())
    rows = ([_flat(entry, base) for entry in batch] for batch in chain((first,), batches))
    headers = {
        "Content-Type": media_type,
        "Cache-Control": NO_CACHE,
        "Content-Disposition": f"attachment; filename=ooni-measurements.{extension}",
    }
    return Stream(write(rows), media_type=media_type, headers=headers)


def _flat(entry: CatalogEntry, base: str) -> dict[str, Any]:
    """Write one measurement as a row. Unlike in lists, networks are numbers and scores stay text."""
    row = {name: getattr(entry, name) for name in _SCHEMA.names if name != "measurement_url"}
    row["measurement_url"] = f"{base}/api/v1/raw_measurement?{urlencode({'measurement_uid': entry.measurement_uid})}"
    return row


def csv_text(names: Sequence[str], rows: Iterable[dict[str, Any]], *, header: bool = True) -> str:
    """Write rows as CSV with CRLF line ends. Times are written as in JSON, flags as ``true`` and ``false``."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    if header:
        writer.writerow(names)
    writer.writerows([_csv_value(row[name]) for name in names] for row in rows)
    return text.getvalue()


def _csv_value(value: Any) -> Any:
    return value if isinstance(value, str | int | float) and not isinstance(value, bool) else _as_json(value)


def _as_json(value: Any) -> str:
    return "" if value is None else json_bytes(value).decode().strip().strip('"')


def _csv(batches: Batches) -> Iterator[bytes]:
    for number, batch in enumerate(batches):
        yield csv_text(_SCHEMA.names, batch, header=number == 0).encode()


def _jsonl(batches: Batches) -> Iterator[bytes]:
    for batch in batches:
        yield b"".join(json_bytes(row) for row in batch)


class _Spout(io.RawIOBase):
    """A file that only remembers what was written since it was last emptied."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []
        self._position = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._pieces.append(piece)
        self._position += len(piece)
        return len(piece)

    def drain(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def _tables(open_writer: Callable[[_Spout], Any]) -> Callable[[Batches], Iterator[bytes]]:
    def write(batches: Batches) -> Iterator[bytes]:
        spout = _Spout()
        writer = open_writer(spout)
        try:
            for batch in batches:
                writer.write_table(pa.Table.from_pylist(list(batch), schema=_SCHEMA))
                yield spout.drain()
        finally:
            writer.close()
        yield spout.drain()

    return write


_WRITERS: dict[str, tuple[str, str, Callable[[Batches], Iterator[bytes]]]] = {
    "CSV": ("csv", "text/csv", _csv),
    "JSONL": ("jsonl", "application/jsonl", _jsonl),
    "PARQUET": (
        "parquet",
        "application/vnd.apache.parquet",
        _tables(lambda file: pq.ParquetWriter(file, _SCHEMA, compression="zstd")),
    ),
    "ARROW": ("arrow", "application/vnd.apache.arrow.stream", _tables(lambda file: pa.ipc.new_stream(file, _SCHEMA))),
}
