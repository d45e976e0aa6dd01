"""Writes verdicts: JSON lines, CSV or Parquet.

Encoding happens where the scoring happens, writing in one place: a worker hands over finished bytes.
"""

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import attrs
import orjson

from ooni_core.scoring import FastpathRow, Quarantined, Stored
from ooni_entrypoints.scoring_runs.judging import Judged

_ROW_COLUMNS = tuple(field.name for field in attrs.fields(FastpathRow))
_FLAGS = ("anomaly", "confirmed", "msm_failure")
_NUMBERS = ("probe_asn", "test_runtime", "ooni_run_link_id")
_TOO_LARGE = 2**63
_ROW_GROUP = 20_000
_PROVENANCE = ("ruleset", "engine", "fingerprints")
_TABLE_COLUMNS = ("source", "outcome", "reason", *_ROW_COLUMNS, *_PROVENANCE)


class Sink(Protocol):
    """Receives encoded verdicts in order."""

    def write(self, encoded: bytes) -> None:
        """Write what ``encode`` of the same format made."""

    def close(self) -> None:
        """Make the file complete. What was written until now is then valid, also after an interruption."""


def row_columns(row: FastpathRow) -> dict[str, Any]:
    """Return *row* by column as the ``fastpath`` table shows it: times as text, flags as ``t`` and ``f``."""
    columns = dict(vars(row))
    for name in _FLAGS:
        columns[name] = "t" if columns[name] else "f"
    for name in ("test_start_time", "measurement_start_time"):
        columns[name] = columns[name].isoformat(" ", "seconds")
    return columns


def json_object(item: Judged) -> dict[str, Any]:
    """Return the object that stands in the output for *item*; every object has the same first eight keys."""
    outcome = item.outcome
    if isinstance(outcome, Stored):
        row = outcome.row
        written: dict[str, Any] = {
            "source": item.source,
            "measurement_uid": row.measurement_uid,
            "outcome": "stored",
            "reason": None,
            "scores": orjson.Fragment(row.scores),
            "anomaly": row.anomaly,
            "confirmed": row.confirmed,
            "failure": row.msm_failure,
            "row": row_columns(row),
        } | vars(outcome.provenance)
        return written if outcome.obs_openvpn is None else written | {"obs_openvpn": outcome.obs_openvpn}
    written = {
        "source": item.source,
        "measurement_uid": outcome.measurement_uid,
        "outcome": "quarantined" if isinstance(outcome, Quarantined) else "discarded",
        "reason": outcome.reason,
        **dict.fromkeys(("scores", "anomaly", "confirmed", "failure", "row")),
    }
    return written | {"kind": outcome.kind} if isinstance(outcome, Quarantined) else written


def json_line(written: Mapping[str, Any]) -> bytes:
    """Encode one object. Text with lone surrogates and huge integers, which probes send, are kept as they are."""
    try:
        return orjson.dumps(written, option=orjson.OPT_APPEND_NEWLINE, default=_written)
    except TypeError:
        plain = _finite(written)
        return json.dumps(plain, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"


def _written(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _finite(value: Any) -> Any:
    """Copy *value* with everything that only the fast encoder understands replaced."""
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, orjson.Fragment):
        return _finite(orjson.loads(orjson.dumps(value)))
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.isoformat(" ", "seconds") if isinstance(value, datetime) else value


def table_columns(item: Judged) -> dict[str, Any]:
    """Return *item* as one flat row: the ``fastpath`` columns, and where they come from."""
    outcome = item.outcome
    flat: dict[str, Any] = {"source": item.source, "outcome": "stored", "reason": ""}
    if isinstance(outcome, Stored):
        return flat | row_columns(outcome.row) | vars(outcome.provenance)
    kind = "quarantined" if isinstance(outcome, Quarantined) else "discarded"
    return flat | {"outcome": kind, "reason": outcome.reason, "measurement_uid": outcome.measurement_uid}


@attrs.frozen
class JsonLines:
    """One object on each line."""

    suffix = ".jsonl"

    def encode(self, items: Iterable[Judged]) -> bytes:
        """Return the lines for *items*."""
        return b"".join(json_line(json_object(item)) for item in items)

    def last_source(self, line: bytes) -> str:
        """Return the source that a line of output speaks of."""
        source: str = json.loads(line)["source"]
        return source

    def open(self, file: BinaryIO, *, begun: bool) -> Sink:
        """Return a sink that writes to *file*; *begun* when it goes on behind earlier lines."""
        return PlainSink(file)


@attrs.frozen
class Csv:
    """One flat row for each measurement, with a header."""

    suffix = ".csv"

    def encode(self, items: Iterable[Judged]) -> bytes:
        """Return the rows for *items*."""
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, _TABLE_COLUMNS, lineterminator="\n")
        writer.writerows(map(table_columns, items))
        return text.getvalue().encode("utf-8", "backslashreplace")

    def open(self, file: BinaryIO, *, begun: bool) -> Sink:
        """Return a sink that writes to *file*, the header first."""
        if not begun:
            file.write((",".join(_TABLE_COLUMNS) + "\n").encode())
        return PlainSink(file)


@attrs.frozen
class PlainSink:
    """Writes encoded verdicts one after the other."""

    file: BinaryIO

    def write(self, encoded: bytes) -> None:
        """Write at once, so that a file that is looked at is up to date."""
        self.file.write(encoded)
        self.file.flush()

    def close(self) -> None:
        """Nothing is missing at any time."""


@attrs.frozen
class Parquet:
    """One flat row for each measurement, typed. Needs pyarrow."""

    suffix = ".parquet"

    def encode(self, items: Iterable[Judged]) -> bytes:
        """Return the rows for *items* as an Arrow stream."""
        import pyarrow as pa

        rows = [_clean(table_columns(item)) for item in items]
        batch = pa.RecordBatch.from_pylist(rows, schema=_arrow_schema())
        out = pa.BufferOutputStream()
        with pa.ipc.new_stream(out, batch.schema) as stream:
            stream.write_batch(batch)
        encoded: bytes = out.getvalue().to_pybytes()
        return encoded

    def open(self, file: BinaryIO, *, begun: bool) -> Sink:
        """Return a sink that writes to *file*."""
        import pyarrow.parquet as pq

        return _ParquetSink(pq.ParquetWriter(file, _arrow_schema(), compression="zstd"))


def _clean(columns: dict[str, Any]) -> dict[str, Any]:
    """Make every value fit its column; rows hold what the probe sent, whatever its type."""
    clean: dict[str, Any] = {}
    for name, value in columns.items():
        if name in _FLAGS:
            clean[name] = value == "t"
        elif name in _NUMBERS:
            clean[name] = value if isinstance(value, int | float) and 0 <= value < _TOO_LARGE else None
        else:
            clean[name] = None if value is None else str(value).encode("utf-8", "backslashreplace").decode()
    return clean


def _arrow_schema() -> Any:
    import pyarrow as pa

    kinds = dict.fromkeys(_FLAGS, pa.bool_()) | {
        "probe_asn": pa.int64(),
        "test_runtime": pa.float64(),
        "ooni_run_link_id": pa.uint64(),
    }
    return pa.schema([(name, kinds.get(name, pa.string())) for name in _TABLE_COLUMNS])


@attrs.define
class _ParquetSink:
    """Collects small pieces into row groups of a useful size."""

    writer: Any
    _waiting: list[Any] = attrs.field(factory=list)
    _rows: int = 0

    def write(self, encoded: bytes) -> None:
        import pyarrow as pa

        table = pa.ipc.open_stream(encoded).read_all()
        self._waiting.append(table)
        self._rows += table.num_rows
        if self._rows >= _ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa

        if self._waiting:
            self.writer.write_table(pa.concat_tables(self._waiting))
        self._waiting, self._rows = [], 0

    def close(self) -> None:
        self._flush()
        self.writer.close()


Format = JsonLines | Csv | Parquet
FORMATS: Mapping[str, Format] = {"jsonl": JsonLines(), "csv": Csv(), "parquet": Parquet()}


def format_for(name: str | None, path: Path | None) -> Format:
    """Return the format called *name*, or else the one that the name of the output file asks for."""
    if name is not None:
        return FORMATS[name]
    suffix = path.suffix if path else ""
    return next((format for format in FORMATS.values() if format.suffix == suffix), FORMATS["jsonl"])
