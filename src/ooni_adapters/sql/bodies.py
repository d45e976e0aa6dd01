"""The body index (``jsonl`` table): where each published body is."""

from collections.abc import Mapping, Sequence
from datetime import date
from operator import attrgetter
from typing import Any

import attrs
import pyarrow as pa

from ooni_adapters.sql.batches import arrow_type
from ooni_adapters.sql.engine import SqlEngine
from ooni_adapters.sql.tables import JSONL
from ooni_core.publication.model import IndexEntry

_COLUMNS = (
    "report_id, input, measurement_uid, s3path, linenum, member_offset, member_length, line_in_member, date, source"
)
_FIELDS = _COLUMNS.split(", ")
_NO_DATE = date(1970, 1, 1)


@attrs.frozen
class SqlBodyIndex:
    """A BodyIndex in the ``jsonl`` table."""

    engine: SqlEngine

    def put(self, entries: Sequence[IndexEntry]) -> None:
        """Upsert by uid."""
        self.engine.insert(JSONL, _columns(entries))

    def by_uid(self, measurement_uid: str) -> IndexEntry | None:
        """Look one uid up."""
        found = self.engine.query(
            f"SELECT {_COLUMNS} FROM jsonl WHERE measurement_uid = $uid",  # noqa: S608
            {"uid": measurement_uid},
        )
        return next((_entry(row) for row in found.dicts()), None)

    def by_report(self, report_id: str, input: str) -> Sequence[IndexEntry]:
        """Look a report up."""
        found = self.engine.query(
            f"SELECT {_COLUMNS} FROM jsonl WHERE report_id = $report_id AND input = $input"  # noqa: S608
            " ORDER BY measurement_uid DESC",
            {"report_id": report_id, "input": input},
        )
        return [_entry(row) for row in found.dicts()]


def _columns(entries: Sequence[IndexEntry]) -> pa.Table:
    """Return the rows of *entries*, column by column: twice as fast as one by one."""
    columns: dict[str, Sequence[Any]] = {name: list(map(attrgetter(name), entries)) for name in _FIELDS}
    columns["date"] = [date.fromisoformat(day) if day else _NO_DATE for day in columns["date"]]
    columns["legacy_place"] = ["" if entry.measurement_uid else f"{entry.s3path}#{entry.linenum}" for entry in entries]
    types = {column.name: arrow_type(column.kind) for column in JSONL.columns}
    return pa.table({name: pa.array(values, types[name]) for name, values in columns.items()})


def _entry(row: Mapping[str, Any]) -> IndexEntry:
    return IndexEntry(**{**row, "date": "" if row["date"] == _NO_DATE else row["date"].isoformat()})
