"""Published verdicts in a file."""

import csv
import gzip
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from ooni_core.errors import Invalid

# The scores of one measurement can be longer than the csv module's careful default.
_LONGEST_FIELD = 2**31 - 1


@attrs.frozen
class FileVerdicts:
    """Rows of a file, all in memory."""

    by_uid: Mapping[str, Mapping[str, Any]]

    @classmethod
    def read(cls, path: Path) -> "FileVerdicts":
        """Read rows of the ``fastpath`` table, or the output of ``ooni score``: .csv, .jsonl (both also .gz), .parquet.

        Raises:
            Invalid: the file is missing, or holds no rows with a ``measurement_uid``.
        """
        try:
            rows = list(_rows(path))
        except (OSError, ValueError, EOFError, csv.Error) as exc:
            raise Invalid(f"{path} cannot be read as published verdicts: {exc}") from exc
        if not all(isinstance(row.get("measurement_uid"), str) for row in rows):
            raise Invalid(f"{path} has rows without a measurement_uid")
        return cls({row["measurement_uid"]: row for row in rows})

    def rows(self, uids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """Return the rows of *uids*."""
        return {uid: self.by_uid[uid] for uid in uids if uid in self.by_uid}

    def close(self) -> None:
        """Nothing is held."""


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    name = path.name.removesuffix(".gz")
    if name.endswith(".parquet"):
        import pyarrow.parquet as pq

        yield from _with_a_verdict(pq.read_table(path).to_pylist())
        return
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.name.endswith(".gz") else content).decode("utf-8")
    if name.endswith(".csv"):
        csv.field_size_limit(_LONGEST_FIELD)
        yield from _with_a_verdict(csv.DictReader(io.StringIO(text, newline="")))
    else:
        yield from _with_a_verdict(json.loads(line) for line in text.split("\n") if line)


def _with_a_verdict(rows: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Pass on rows; in the output of ``ooni score`` they stand inside, and not everything has one."""
    for row in rows:
        if row.get("outcome", "stored") == "stored":
            inside = row.get("row")
            yield {**inside, "ruleset": row.get("ruleset")} if isinstance(inside, dict) else row
