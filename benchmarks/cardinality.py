"""How many groups real rows have along sets of dimensions, and so what a rollup with these dimensions saves.

Rows: ``fastpath_rows.csv.gz`` of the shared data, whose folder ``OONI_SHARED_DATA`` names.
"""

import csv
import gzip
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks import Figure
from ooni_adapters.sql.tables.rollups import ROLLUPS

_FILE = "fastpath_rows.csv.gz"
_NOT_ROLLED_UP = (
    ("day", "probe_cc", "probe_asn", "test_name", "domain"),
    ("day", "probe_cc", "test_name", "input"),
)


def figures(*, quick: bool) -> Iterator[Figure]:
    rows = _rows()
    rolled_up = [tuple(name for name in table.key if name != "build") for table in ROLLUPS]
    for dimensions in [*rolled_up, *_NOT_ROLLED_UP]:
        per_group = len(rows) / groups(rows, dimensions)
        kind = "rolled up" if dimensions in rolled_up else "read from measurements"
        yield Figure(", ".join(dimensions), per_group, "measurements per group", f"{len(rows):,} real rows, {kind}")


def groups(rows: Sequence[Mapping[str, str]], dimensions: Sequence[str]) -> int:
    """Return how many combinations of values the *dimensions* of *rows* have."""
    return len({tuple(row[name] for name in dimensions) for row in rows})


def _rows() -> list[dict[str, str]]:
    folder = Path(os.environ.get("OONI_SHARED_DATA", "../shared/data"))
    with gzip.open(folder / _FILE, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [{**row, "day": row["measurement_start_time"][:10]} for row in rows]
